"""C-GETs that are left early: what still comes is read and answered, and nothing is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.io.arriving import Getting, Keeper, arrival, data_set, getting, is_clean, limited
from tests.io.talking import get_request
from tests.io.writing import eventually, slow_writes, small_blocks
from trio_dicom import CCancelRequest, CGetRequest

pytestmark = pytest.mark.scenario("B48")

OPTIONS = limited(in_memory=150)


def keeper_for(where: str, folder: Path) -> Keeper:
    """Somebody who takes instances on disk, in memory or in a temporary file."""
    return Keeper(folder / "a.dcm" if where == "disk" else None)


def instance_for(where: str) -> bytes:
    return data_set(100 if where == "memory" else 1000)


async def leave(get: Getting) -> None:
    get.leave.cancel()
    await get.ended.wait()
    await get.peer.expect_message(CCancelRequest)


async def reuse(get: Getting, folder: Path) -> None:
    """The association is as good as new: the next C-GET gets its instance."""
    assert get.request is not None
    await get.peer.reply(get.request, 0xFE00)
    again = Getting(get.connection, get.peer)
    keeper = Keeper(folder / "next.dcm")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(again.run, keeper)
        again.request = await get.peer.expect_message(CGetRequest)
        assert (await again.store(message_id=99)).status.code == 0x0000
        await again.finish()
    assert len(keeper.arrived) == 1
    assert is_clean(folder, "next.dcm")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.mark.parametrize("where", ["disk", "memory", "temporary"])
async def test_an_instance_that_begins_after_it_was_left_goes_nowhere(
    tmp_path: Path, where: str
) -> None:
    keeper = keeper_for(where, tmp_path)
    async with getting(keeper, handler=keeper, options=OPTIONS, is_finished=False) as get:
        await leave(get)
        assert (await get.store(instance_for(where))).status.code == 0xA700
        assert (keeper.announced, keeper.arrived) == ([], [])
        await reuse(get, tmp_path)


@pytest.mark.parametrize("where", ["disk", "memory", "temporary"])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
async def test_an_instance_in_the_middle_of_which_it_was_left_goes_nowhere(
    tmp_path: Path, where: str, part: float
) -> None:
    keeper = keeper_for(where, tmp_path)
    data = instance_for(where)
    cut = int(len(data) * part)
    async with getting(keeper, handler=keeper, options=OPTIONS, is_finished=False) as get:
        with small_blocks(100):
            coming = await arrival(get.peer)
            await coming.more(data[:cut])
            await wait_all_tasks_blocked()
            assert len(keeper.announced) == 1
            await leave(get)
            await coming.more(data[cut:-2])
            answer = await coming.whole(data[-2:])
        assert answer.status.code == 0xA700
        assert keeper.arrived == []
        assert is_clean(tmp_path)
        await reuse(get, tmp_path)


@pytest.mark.parametrize("hangs_at", [1, 2])
async def test_what_is_being_written_when_it_is_left_is_removed_before_the_end(
    tmp_path: Path, hangs_at: int
) -> None:
    keeper = Keeper(tmp_path / "a.dcm")
    data = data_set(1000)
    async with getting(keeper, is_finished=False) as get:
        with small_blocks(100), slow_writes(hangs_at=hangs_at) as disk:
            coming = await arrival(get.peer)
            await coming.more(data[:500])
            await disk.reached.wait()
            await leave(get)
            disk.let_go.set()
            await coming.more(data[500:700])
            await eventually(lambda: is_clean(tmp_path))
            assert (await coming.whole(data[700:])).status.code == 0xA700
            assert len(disk.sizes) == 2
        await reuse(get, tmp_path)


async def test_what_has_come_whole_when_it_is_left_is_not_kept_either(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "a.dcm")
    async with getting(keeper, is_finished=False) as get:
        with slow_writes(hangs_at=2) as disk:
            coming = await arrival(get.peer)
            await coming.more(data_set(), is_last=True)
            await disk.reached.wait()
            await leave(get)
        assert (await coming.answer()).status.code == 0xA700
        await eventually(lambda: is_clean(tmp_path))
        assert get.request is not None
        await get.peer.reply(get.request, 0xFE00)


async def test_the_sink_of_one_that_was_left_is_waited_for_and_not_used(tmp_path: Path) -> None:
    gate = trio.Event()

    class Slow(Keeper):
        async def c_store_sink(self, request: object) -> Path:
            await gate.wait()
            return tmp_path / "a.dcm"

    async with getting(Slow(), is_finished=False) as get:
        coming = await arrival(get.peer)
        await coming.more(data_set(), is_last=True)
        await wait_all_tasks_blocked()
        await leave(get)
        gate.set()
        assert (await coming.answer()).status.code == 0xA700
        await reuse(get, tmp_path)


async def test_the_next_one_waits_until_the_peer_has_ended_the_first(tmp_path: Path) -> None:
    first, second = Keeper(tmp_path / "first.dcm"), Keeper(tmp_path / "second.dcm")
    async with getting(first, is_finished=False, window=2) as get:
        await leave(get)
        again = Getting(get.connection, get.peer)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(again.run, second)
            await wait_all_tasks_blocked()
            assert (await get.store()).status.code == 0xA700
            assert get.request is not None
            await get.peer.reply(get.request, 0xFE00)
            again.request = await get.peer.expect_message(type(get_request()))
            assert (await again.store(message_id=6)).status.code == 0x0000
            await again.finish()
    assert is_clean(tmp_path, "second.dcm")
