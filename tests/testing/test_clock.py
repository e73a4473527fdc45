"""A clock of a test that waits for threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio
from outcome import Outcome, Value
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_dicom.testing import patient_clock


def functions_of_trio() -> list[object]:
    return [trio.to_thread.run_sync, trio.lowlevel.start_thread_soon, trio.from_thread.run]


UNPATCHED = functions_of_trio()


def unpatched() -> bool:
    return functions_of_trio() == UNPATCHED


async def give_up(work: Callable[[], object]) -> None:
    """Begin some work in a thread, and do not wait for it."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(trio.to_thread.run_sync, work, abandon_on_cancel=True))
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


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
        await give_up(lambda: may_end.wait(10))
        await trio.sleep(60)
    may_end.set()
    assert trio.current_time() == 60


async def test_other_clocks_are_left_alone() -> None:
    with patient_clock():
        assert unpatched()


async def test_blocks_within_one_another_while_a_thread_works(autojump_clock: MockClock) -> None:
    may_end = threading.Event()
    with patient_clock():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, may_end.wait, 10)
            await wait_all_tasks_blocked()
            with patient_clock():
                may_end.set()
                await trio.to_thread.run_sync(threading.Event().wait, 0.01)
                await wait_all_tasks_blocked()
                assert autojump_clock.autojump_threshold == 0
                await trio.sleep(60)
    assert autojump_clock.autojump_threshold == 0
    assert unpatched()


async def test_blocks_that_end_in_the_order_they_began(autojump_clock: MockClock) -> None:
    first, second = patient_clock(), patient_clock()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    with trio.fail_after(60):
        await trio.to_thread.run_sync(threading.Event().wait, 0.01)
    second.__exit__(None, None, None)
    assert unpatched()


async def test_at_its_end_the_clock_is_as_it_was_whoever_works(autojump_clock: MockClock) -> None:
    may_end, ended = threading.Event(), threading.Event()
    with patient_clock():
        trio.lowlevel.start_thread_soon(may_end.wait, lambda _: ended.set())
        assert autojump_clock.autojump_threshold == float("inf")
    assert autojump_clock.autojump_threshold == 0
    autojump_clock.autojump_threshold = 5  # which is not touched when the thread ends
    may_end.set()
    assert ended.wait(10)
    await wait_all_tasks_blocked()
    with patient_clock():
        await trio.to_thread.run_sync(lambda: None)
    assert autojump_clock.autojump_threshold == 5


def test_work_that_outlasts_the_run_is_of_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    delivering: list[Callable[[Outcome[None]], object]] = []
    delivered: list[Outcome[None]] = []

    def never_start(_work: object, deliver: Callable[[Outcome[None]], object], _: object) -> None:
        delivering.append(deliver)

    async def begin() -> None:
        with patient_clock():
            trio.lowlevel.start_thread_soon(lambda: None, delivered.append)
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(trio.lowlevel, "start_thread_soon", never_start)
    trio.run(begin, clock=MockClock(autojump_threshold=0))
    [deliver] = delivering
    deliver(Value(None))
    assert delivered == [Value(None)]


def test_runs_in_two_threads_are_patient_each_for_itself() -> None:
    second_is_open, first_has_ended = threading.Event(), threading.Event()
    first_is_open = threading.Event()
    times: list[float] = []

    async def first() -> None:
        with patient_clock():
            first_is_open.set()
            assert second_is_open.wait(10)

    async def second() -> None:
        assert first_is_open.wait(10)
        with patient_clock(), trio.fail_after(60):
            second_is_open.set()
            assert first_has_ended.wait(10)
            await trio.to_thread.run_sync(threading.Event().wait, 0.01)
            times.append(trio.current_time())

    def run_first() -> None:
        trio.run(first, clock=MockClock(autojump_threshold=0))
        first_has_ended.set()

    thread = threading.Thread(target=run_first)
    thread.start()
    trio.run(second, clock=MockClock(autojump_threshold=0))
    thread.join()
    assert times == [0]
    assert unpatched()


async def test_threads_that_start_threads_are_left_alone(autojump_clock: MockClock) -> None:
    done = threading.Event()
    with patient_clock():
        await trio.to_thread.run_sync(
            lambda: trio.lowlevel.start_thread_soon(lambda: None, lambda _: done.set())
        )
        assert done.wait(10)


async def test_it_stands_still_while_files_are_read_whatever_reads_them(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    path = trio.Path(tmp_path / "file")
    with patient_clock(), trio.fail_after(0.01):
        for _ in range(10):
            await path.write_bytes(bytes(1_000_000))
            async with await trio.open_file(path, "rb") as file:
                assert len(await file.read()) == len(await path.read_bytes())
    assert trio.current_time() == 0


async def test_a_threshold_that_is_set_meanwhile_stays(autojump_clock: MockClock) -> None:
    may_end = threading.Event()
    with patient_clock():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, may_end.wait, 10)
            await wait_all_tasks_blocked()
            autojump_clock.autojump_threshold = 5
            may_end.set()
        await trio.lowlevel.checkpoint()
        assert autojump_clock.autojump_threshold == 5
    assert autojump_clock.autojump_threshold == 5


@pytest.mark.parametrize("abandon", [False, True])
@pytest.mark.parametrize("with_token", [False, True])
async def test_it_jumps_while_a_thread_waits_for_trio(
    with_token: bool, abandon: bool, autojump_clock: MockClock
) -> None:
    token = trio.lowlevel.current_trio_token() if with_token else None
    times: list[float] = []

    async def answer(seconds: float) -> float:
        await trio.sleep(seconds)
        # A thread that works for the answer is waited for like any other.
        await trio.to_thread.run_sync(threading.Event().wait, 0.01)
        return trio.current_time()

    def ask() -> None:
        for seconds in (3, 4):
            times.append(trio.from_thread.run(answer, seconds, trio_token=token))
            assert not threading.Event().wait(0.01)

    with patient_clock(), trio.fail_after(7.5):
        await trio.to_thread.run_sync(ask, abandon_on_cancel=abandon)
        assert trio.current_time() == 7
    assert times == [3, 7]
    assert unpatched()


async def test_it_jumps_while_a_thread_without_a_task_waits_for_trio(
    autojump_clock: MockClock,
) -> None:
    token, done = trio.lowlevel.current_trio_token(), trio.Event()

    def ask() -> None:
        trio.from_thread.run(trio.sleep, 3, trio_token=token)
        assert not threading.Event().wait(0.01)

    with patient_clock(), trio.fail_after(60):
        trio.lowlevel.start_thread_soon(ask, lambda _: token.run_sync_soon(done.set))
        await done.wait()
        assert trio.current_time() == 3


class Working:
    """A thread that goes on working for a while when Trio was asked."""

    def __init__(self) -> None:
        self._may_end = threading.Event()

    async def answer(self) -> None:
        self._may_end.set()
        await trio.sleep(3)

    def work(self) -> None:
        assert self._may_end.wait(10)
        assert not threading.Event().wait(0.02)


async def test_it_waits_for_a_thread_while_another_one_waits_for_trio(
    autojump_clock: MockClock,
) -> None:
    working = Working()
    with patient_clock():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, trio.from_thread.run, working.answer)
            await trio.to_thread.run_sync(working.work)
            assert trio.current_time() == 0
        assert trio.current_time() == 3


@pytest.mark.parametrize("who", ["somebody else's", "given up", "given up, and used before"])
async def test_a_thread_for_which_it_does_not_wait_may_ask_as_well(
    who: str, autojump_clock: MockClock
) -> None:
    token, may_ask, working = trio.lowlevel.current_trio_token(), threading.Event(), Working()

    def ask() -> None:
        assert may_ask.wait(10)
        trio.from_thread.run(working.answer, trio_token=token)

    with patient_clock(), trio.fail_after(60):
        if who == "somebody else's":
            threading.Thread(target=ask).start()
        else:
            if who == "given up, and used before":  # for work for which it does wait
                done = trio.Event()
                trio.lowlevel.start_thread_soon(
                    lambda: None, lambda _: token.run_sync_soon(done.set)
                )
                await done.wait()
            await give_up(ask)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, working.work)
            may_ask.set()
        assert trio.current_time() == 0
        await trio.sleep(5)
