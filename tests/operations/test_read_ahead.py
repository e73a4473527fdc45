"""Files that are read ahead: how far, in how large groups, and what holds nobody up."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, evolve, field
from pydicom import Dataset
from pydicom.uid import MRImageStorage
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.operations.storing import (
    answer_all,
    ct_file,
    ct_files,
    data_set,
    expect,
    numbers,
    storing,
    take,
)
from trio_dicom import CStoreRequest, NoAcceptedContext, StoreResult
from trio_dicom._operations import read_ahead

really_made = read_ahead.request_of


@define(eq=False)
class Disk:
    """Notes what is read of it, and hangs at one of its files.

    Attributes:
        hangs_at: The name of that file, or "".
        seconds: What each file takes, by the clock that the reading looks at.
        read: The names of those that were read, in order.
        groups: How many were read in each hop.
        reached: Set when a thread hangs.
        let_go: Set to let it go on.
    """

    hangs_at: str = ""
    seconds: float = 0.0
    read: list[str] = field(factory=list[str])
    groups: list[int] = field(factory=list[int])
    reached: trio.Event = field(factory=trio.Event)
    let_go: threading.Event = field(factory=threading.Event)
    _now: float = 0.0
    _token: trio.lowlevel.TrioToken = field(factory=trio.lowlevel.current_trio_token)

    def request_of(self, source: str | Dataset, **fields: Any) -> CStoreRequest:
        if isinstance(source, str):
            name = Path(source).name
            self.read.append(name)
            if name == self.hangs_at:
                trio.from_thread.run_sync(self.reached.set, trio_token=self._token)
                self.let_go.wait()
        self._now += self.seconds
        return really_made(source, **fields)

    def group(self, read: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        def counting(*args: Any) -> list[Any]:
            made = read(*args)
            self.groups.append(len(made))
            return made

        return counting

    def monotonic(self) -> float:
        return self._now


@pytest.fixture
async def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk that hangs nowhere, unless it is told where."""
    disk = Disk()
    monkeypatch.setattr(read_ahead, "request_of", disk.request_of)
    monkeypatch.setattr(read_ahead, "_read", disk.group(read_ahead._read))
    monkeypatch.setattr(read_ahead, "time", disk)
    return disk


async def until(condition: Callable[[], object]) -> None:
    """Return when ``condition`` holds."""
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - threads make it hold
            await trio.sleep(0.001)


async def test_the_next_files_are_read_while_one_is_on_the_wire(disk: Disk, tmp_path: Path) -> None:
    paths = ct_files(tmp_path, 100)
    async with storing() as (association, peer), association.c_store_many(paths) as results:
        request = await expect(peer)
        # One group is being sent, the next one waits, and that is all.
        await until(lambda: len(disk.read) >= 64)
        await wait_all_tasks_blocked(0.05)
        assert disk.groups == [32, 32]
        assert disk.read == [path.name for path in paths[:64]]
        await peer.reply(request, 0x0000)
        for number in range(1, 33):
            await results.receive()
            await answer_all(peer, 1)
            if number < 30:
                assert disk.groups == [32, 32]
        await until(lambda: disk.groups == [32, 32, 32])


async def test_a_file_that_hangs_holds_up_nobody_before_it_and_nobody_who_leaves(
    disk: Disk, tmp_path: Path
) -> None:
    paths = ct_files(tmp_path, 70)
    disk.hangs_at = paths[40].name
    taken: list[StoreResult] = []
    async with storing() as (association, peer):
        async with (
            association.c_store_many(paths) as results,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(take, results, taken)
            await answer_all(peer, 32)
            await disk.reached.wait()
            await wait_all_tasks_blocked()
            assert numbers(taken) == list(range(1, 33))
            nursery.cancel_scope.cancel()
        # The thread is still there, and the association does not mind.
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer_all, peer, 1)
            assert (await association.c_store(paths[0])).status.is_success
        disk.let_go.set()


@pytest.mark.parametrize("size, group", [(100, 32), (300_000, 14), (1_000_000, 5), (2_000_000, 32)])
async def test_a_group_ends_at_four_mebibytes_in_memory(
    size: int, group: int, disk: Disk, tmp_path: Path
) -> None:
    """Longer files stay where they are: nothing of them is in memory."""
    paths = [ct_file(tmp_path, size=size)] * 40
    async with storing() as (association, peer), association.c_store_many(paths):
        request = await expect(peer)
        await until(lambda: len(disk.groups) == 2)
        assert disk.groups[0] == group
        await peer.reply(request, 0x0000)


async def test_on_a_slow_disk_a_group_ends_when_its_time_is_over(
    disk: Disk, tmp_path: Path
) -> None:
    disk.seconds = 0.015
    async with (
        storing() as (association, peer),
        association.c_store_many(ct_files(tmp_path, 9)) as results,
    ):
        for _ in range(9):
            await answer_all(peer, 1)
            await results.receive()
    assert disk.groups == [2, 2, 2, 2, 1]


async def test_a_slow_generator_does_not_wait_for_a_whole_group(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    drawn = 0

    def slowly() -> Iterator[Dataset | Path]:
        nonlocal drawn
        for path in paths:
            mock_clock.jump(1)
            drawn += 1
            yield path

    paths = ct_files(tmp_path, 40)
    async with storing() as (association, peer), association.c_store_many(slowly()):
        request = await expect(peer)
        # One is on the wire, one in line, one waits, and one may be read.
        assert drawn <= 4
        await peer.reply(request, 0x0000)


async def test_data_sets_are_drawn_one_by_one(disk: Disk, tmp_path: Path) -> None:
    made: list[weakref.ref[Dataset]] = []
    kept: list[StoreResult] = []

    def generated() -> Iterator[Dataset | Path]:
        for number in range(1, 21):
            instance = data_set(number)
            made.append(weakref.ref(instance))
            yield instance
            del instance

    async with storing() as (association, peer), association.c_store_many(generated()) as results:
        for _ in range(20):
            request = await expect(peer)
            await wait_all_tasks_blocked()
            # One is on the wire, one in line, and one waits; the last result has one, too.
            gc.collect()
            assert len([it for it in made if it() is not None]) <= 4
            await peer.reply(request, 0x0000)
            kept[:] = [await results.receive()]
    assert numbers(kept) == [20]


async def test_files_between_data_sets_are_a_group(disk: Disk, tmp_path: Path) -> None:
    files = ct_files(tmp_path, 5)
    sources = [files[0], files[1], data_set(6), files[2], data_set(7), data_set(8), *files[3:]]
    taken: list[StoreResult] = []
    async with (
        storing() as (association, peer),
        association.c_store_many(sources) as results,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(answer_all, peer, 8)
        await take(results, taken)
    assert numbers(taken) == [1, 2, 6, 3, 7, 8, 4, 5]
    assert [it.source for it in taken] == sources
    assert disk.groups == [2, 1, 2]


@pytest.mark.parametrize("status", [0x0000, 0xA700, None])
async def test_results_do_not_hold_what_was_sent(
    status: int | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held: list[weakref.ref[Any]] = []

    def noting(source: str | Dataset, **fields: Any) -> CStoreRequest:
        request = really_made(source, **fields)
        held.append(weakref.ref(request.data_set))
        return evolve(request, sop_class_uid=MRImageStorage) if status is None else request

    monkeypatch.setattr(read_ahead, "request_of", noting)
    taken: list[StoreResult] = []
    async with (
        storing() as (association, peer),
        association.c_store_many(ct_files(tmp_path, 3)) as results,
        trio.open_nursery() as nursery,
    ):
        if status is not None:
            nursery.start_soon(answer_all, peer, 3, [status] * 3)
        await take(results, taken)
    gc.collect()
    assert len(taken) == 3
    assert [isinstance(it.error, NoAcceptedContext) for it in taken] == [status is None] * 3
    assert [it() for it in held] == [None] * 3


async def test_nor_does_a_result_that_waits_to_be_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held: list[weakref.ref[Any]] = []

    def noting(source: str | Dataset, **fields: Any) -> CStoreRequest:
        request = really_made(source, **fields)
        held.append(weakref.ref(request.data_set))
        return request

    monkeypatch.setattr(read_ahead, "request_of", noting)
    async with (
        storing() as (association, peer),
        association.c_store_many(ct_files(tmp_path, 2)) as results,
    ):
        await answer_all(peer, 2)
        await wait_all_tasks_blocked()
        gc.collect()
        assert [it() for it in held] == [None] * 2
        assert numbers([it async for it in results]) == [1, 2]
