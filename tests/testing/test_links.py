"""The links in memory behave like a socket pair."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest
import trio
from trio.testing import assert_checkpoints, check_half_closeable_stream, wait_all_tasks_blocked

from trio_dicom.testing import LinkEnd, memory_link


async def test_a_link_is_a_stream_as_trio_defines_it() -> None:
    async def unbounded() -> tuple[LinkEnd, LinkEnd]:
        return memory_link()

    async def clogged() -> tuple[LinkEnd, LinkEnd]:
        left, right = memory_link(capacity=1)
        for end in (left, right):
            await end.send_all(b"x")
        return left, right

    await check_half_closeable_stream(unbounded, clogged)


async def test_a_full_link_blocks_until_the_other_end_reads(nursery: trio.Nursery) -> None:
    left, right = memory_link(capacity=4)
    nursery.start_soon(left.send_all, b"123456")
    await wait_all_tasks_blocked()
    assert await right.receive_some() == b"1234"
    await wait_all_tasks_blocked()
    assert await right.receive_some() == b"56"


async def test_in_lockstep_a_write_ends_when_all_of_it_was_received(
    nursery: trio.Nursery,
) -> None:
    async def ends() -> tuple[LinkEnd, LinkEnd]:
        return memory_link(lockstep=True)

    await check_half_closeable_stream(ends, None)
    left, right = await ends()
    assert left.send_nowait(b"12") == 0
    written = trio.Event()

    async def write() -> None:
        await left.send_all(b"12")
        written.set()

    nursery.start_soon(write)
    assert await right.receive_some(1) == b"1"
    await wait_all_tasks_blocked()
    assert not written.is_set()
    assert await right.receive_some(1) == b"2"
    await written.wait()


@pytest.mark.parametrize("end", [LinkEnd.close, LinkEnd.reset])
@pytest.mark.parametrize(("taken", "error"), [(2, None), (1, trio.BrokenResourceError)])
async def test_in_lockstep_an_end_that_follows_at_once_is_told_if_something_is_lost(
    end: Callable[[LinkEnd], None], taken: int, error: type[Exception] | None
) -> None:
    left, right = memory_link(lockstep=True)

    async def receive_and_end() -> None:
        assert await right.receive_some(taken) == b"12"[:taken]
        end(right)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive_and_end)
        with pytest.raises(error) if error else nullcontext():
            await left.send_all(b"12")
    with pytest.raises(trio.BrokenResourceError):
        await left.send_all(b"3")


async def test_what_was_sent_before_closing_arrives() -> None:
    left, right = memory_link()
    await left.send_all(b"last words")
    await left.aclose()
    assert await right.receive_some(4) == b"last"
    assert await right.receive_some() == b" words"
    assert await right.receive_some() == b""


async def test_a_reset_breaks_both_directions_and_loses_what_is_on_its_way() -> None:
    left, right = memory_link()
    await left.send_all(b"lost")
    left.reset()
    for end in (left, right):
        with pytest.raises(trio.BrokenResourceError):
            await end.receive_some()
        with pytest.raises(trio.BrokenResourceError):
            await end.send_all(b"x")
        with assert_checkpoints():
            await end.wait_send_all_might_not_block()


async def test_a_reset_wakes_whoever_waits() -> None:
    left, right = memory_link(capacity=1)
    with pytest.RaisesGroup(trio.BrokenResourceError, trio.BrokenResourceError):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(left.send_all, b"12")
            nursery.start_soon(left.receive_some)
            await wait_all_tasks_blocked()
            right.reset()


def test_a_link_without_room_for_a_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity"):
        memory_link(capacity=0)


async def test_a_closed_end_does_nothing_more() -> None:
    left, _right = memory_link()
    await left.aclose()
    await left.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await left.send_eof()


@pytest.mark.parametrize("end", [LinkEnd.close, LinkEnd.reset])
@pytest.mark.parametrize("which", [0, 1])
async def test_an_end_hears_that_it_is_heard_no_more(
    which: int, end: Callable[[LinkEnd], None], nursery: trio.Nursery
) -> None:
    ends = memory_link()
    heard = trio.Event()

    async def wait() -> None:
        await ends[0].wait_abandoned()
        heard.set()

    nursery.start_soon(wait)
    await ends[1].send_all(b"1")
    await ends[1].send_eof()  # which is only what the other end says
    await wait_all_tasks_blocked()
    assert not heard.is_set()
    end(ends[which])
    with trio.fail_after(5), assert_checkpoints():
        await heard.wait()
        await ends[0].wait_abandoned()
