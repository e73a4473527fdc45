"""A clock of a test that waits for threads."""

from __future__ import annotations

import threading

import pytest
import trio
from trio.testing import MockClock

from trio_dicom.testing import patient_clock

RUN_SYNC, START_THREAD_SOON = trio.to_thread.run_sync, trio.lowlevel.start_thread_soon


def unpatched() -> bool:
    return (trio.to_thread.run_sync, trio.lowlevel.start_thread_soon) == (
        RUN_SYNC,
        START_THREAD_SOON,
    )


async def test_without_it_the_clock_jumps_while_a_thread_works(autojump_clock: MockClock) -> None:
    may_end = threading.Event()
    with trio.move_on_after(60) as scope:
        await trio.to_thread.run_sync(may_end.wait, 10, abandon_on_cancel=True)
    may_end.set()
    assert scope.cancelled_caught


async def test_with_it_the_clock_stands_still_while_threads_work(
    autojump_clock: MockClock,
) -> None:
    with patient_clock(), trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(trio.to_thread.run_sync, threading.Event().wait, 0.01)
    assert trio.current_time() == 0
    assert unpatched()


async def test_it_stands_still_for_threads_without_a_task(autojump_clock: MockClock) -> None:
    token, done = trio.lowlevel.current_trio_token(), trio.Event()
    with patient_clock(), trio.fail_after(60):
        trio.lowlevel.start_thread_soon(
            lambda: threading.Event().wait(0.01), lambda _: token.run_sync_soon(done.set)
        )
        await done.wait()
        assert trio.current_time() == 0
        await trio.sleep(59)
    assert trio.current_time() == 59


async def test_it_jumps_when_they_are_done(autojump_clock: MockClock) -> None:
    with patient_clock():
        with pytest.raises(ZeroDivisionError):
            await trio.to_thread.run_sync(lambda: 1 / 0)
        await trio.sleep(60)
        assert trio.current_time() == 60


async def test_an_abandoned_thread_holds_nobody_up(autojump_clock: MockClock) -> None:
    may_end = threading.Event()
    with patient_clock():
        with trio.CancelScope() as scope:
            scope.cancel()
            await trio.to_thread.run_sync(may_end.wait, 10, abandon_on_cancel=True)
        await trio.sleep(60)
    may_end.set()
    assert trio.current_time() == 60


async def test_other_clocks_are_left_alone() -> None:
    with patient_clock():
        assert unpatched()
