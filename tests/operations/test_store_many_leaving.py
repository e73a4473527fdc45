"""C-STORE of many files that somebody leaves, cancels or breaks: nothing is left behind."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.talking import is_silent
from tests.operations.storing import (
    answer_all,
    ct_file,
    ct_files,
    data_set,
    data_sets,
    expect,
    numbers,
    storing,
    take,
)
from trio_dicom import Association, ConnectionEnded, StoreResult, StoreResults
from trio_dicom._operations import read_ahead
from trio_dicom.testing import ScriptedPeer


@asynccontextmanager
async def usable_afterwards() -> AsyncGenerator[tuple[Association, ScriptedPeer], None]:
    """An association that is still good for something when the block was left."""
    async with storing() as (association, peer):
        yield association, peer
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.serve_until_closed)
            assert (await association.c_echo()).status.is_success
            nursery.cancel_scope.cancel()


async def test_leaving_early_sends_no_more_and_waits_for_nothing(
    autojump_clock: MockClock,
) -> None:
    async with usable_afterwards() as (association, peer):
        async with association.c_store_many(data_sets(100)) as results:
            await answer_all(peer, 1)
            async for result in results:
                assert result.is_stored
                break
            request = await expect(peer)
            await wait_all_tasks_blocked()
        assert trio.current_time() == 0
        assert await is_silent(peer)
        with pytest.raises(trio.ClosedResourceError):
            await results.receive()
        await peer.reply(request, 0x0000)  # finished in the background


async def test_leaving_at_once_sends_nothing(tmp_path: Path) -> None:
    async with usable_afterwards() as (association, peer):
        async with association.c_store_many(ct_files(tmp_path, 100)):
            pass
        assert await is_silent(peer)


async def test_closing_the_channel_is_leaving(tmp_path: Path) -> None:
    async with (
        usable_afterwards() as (association, peer),
        association.c_store_many(ct_files(tmp_path, 100)) as results,
    ):
        await answer_all(peer, 2)
        await wait_all_tasks_blocked()
        await results.aclose()
        await results.aclose()
        assert await is_silent(peer)
        with pytest.raises(trio.ClosedResourceError):
            await results.receive()


@pytest.mark.parametrize("taken", [0, 1, 5])
@pytest.mark.parametrize("error", [ValueError, trio.TooSlowError, KeyboardInterrupt])
async def test_an_exception_of_the_block_comes_out_alone(
    error: type[BaseException], taken: int, tmp_path: Path
) -> None:
    raised = error("mine")
    async with usable_afterwards() as (association, peer):
        with pytest.raises(error) as caught:  # noqa: PT012 - one block, and how it ends
            async with association.c_store_many(ct_files(tmp_path, 100)) as results:
                await answer_all(peer, taken and 1)
                for _ in range(taken):
                    await results.receive()
                    await answer_all(peer, 1)
                raise raised
        assert caught.value is raised
        assert caught.value.__context__ is None


async def test_also_when_the_block_is_cancelled_meanwhile(tmp_path: Path) -> None:
    """The tasks that store are not cancelled on their own, or there would be a group."""

    async def fail(results: StoreResults) -> None:
        try:
            await results.receive()
        except trio.Cancelled:
            raise ValueError("mine") from None

    async with usable_afterwards() as (association, peer):
        with trio.CancelScope() as scope, pytest.raises(ValueError, match="mine"):  # noqa: PT012
            async with association.c_store_many(ct_files(tmp_path, 100)) as results:
                request = await expect(peer)
                await wait_all_tasks_blocked()
                scope.cancel()
                await fail(results)
        await peer.reply(request, 0x0000)


@pytest.mark.parametrize("answered", range(4))
async def test_who_is_cancelled_from_outside_leaves(answered: int, tmp_path: Path) -> None:
    seen: list[StoreResult] = []
    async with usable_afterwards() as (association, peer):
        with trio.CancelScope() as scope:
            async with (
                association.c_store_many(ct_files(tmp_path, 100)) as results,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(take, results, seen)
                await answer_all(peer, answered)
                request = await expect(peer)
                await wait_all_tasks_blocked()
                scope.cancel()
        assert scope.cancelled_caught
        assert await is_silent(peer)
        await peer.reply(request, 0x0000)
    assert numbers(seen) == list(range(1, answered + 1))


async def test_cancelled_before_it_begins_it_does_nothing(tmp_path: Path) -> None:
    async with usable_afterwards() as (association, peer):
        with trio.CancelScope() as scope:
            scope.cancel()
            async with association.c_store_many(ct_files(tmp_path, 3)):
                raise AssertionError
        assert await is_silent(peer)


@pytest.mark.parametrize("step", range(12))
async def test_cancelled_at_any_step_nothing_is_left(step: int, tmp_path: Path) -> None:
    async with usable_afterwards() as (association, peer), trio.open_nursery() as nursery:
        nursery.start_soon(peer.serve_until_closed)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as beside:

                async def cancel() -> None:
                    for _ in range(step):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()

                beside.start_soon(cancel)
                async with association.c_store_many(ct_files(tmp_path, 50)) as results:
                    await take(results, [])
                    await trio.sleep_forever()
        assert scope.cancelled_caught
        nursery.cancel_scope.cancel()


def broken(paths: list[Path]) -> Iterator[Path]:
    yield from paths
    raise LookupError("no more of these")


@pytest.mark.parametrize("count", [0, 1, 40])
async def test_what_iterating_raises_comes_in_the_loop_behind_the_results(
    count: int, tmp_path: Path
) -> None:
    taken: list[StoreResult] = []
    async with (
        usable_afterwards() as (association, peer),
        association.c_store_many(broken(ct_files(tmp_path, count))) as results,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer_all, peer, count)
            with pytest.raises(LookupError, match="no more of these"):
                await take(results, taken)
        with pytest.raises(trio.EndOfChannel):
            await results.receive()
    assert numbers(taken) == list(range(1, count + 1))


async def test_what_is_no_source_is_raised_there_too(tmp_path: Path) -> None:
    sources = [ct_file(tmp_path), 5]
    async with (
        usable_afterwards() as (association, peer),
        association.c_store_many(sources) as results,  # type: ignore[arg-type]  # on purpose
    ):
        await answer_all(peer, 1)
        assert (await results.receive()).is_stored
        with pytest.raises(TypeError):
            await results.receive()


async def test_the_end_of_the_association_comes_before_what_was_not_reached(
    tmp_path: Path,
) -> None:
    async with (
        storing() as (association, peer),
        association.c_store_many(broken(ct_files(tmp_path, 5))) as results,
    ):
        await expect(peer)
        await wait_all_tasks_blocked()
        await peer.abort()
        assert isinstance((await results.receive()).error, ConnectionEnded)
        with pytest.raises(ConnectionEnded):
            await results.receive()


async def test_a_bug_of_ours_comes_out_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(read_ahead, "request_of", fail)
    async with usable_afterwards() as (association, _peer):
        with pytest.raises(ZeroDivisionError):
            async with association.c_store_many([data_set()]) as results:
                await results.receive()
