"""Queues that stop the reading, and the waits that they make hopeless."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_dicom import WouldDeadlock
from trio_dicom._io.flow import Backlog, ByteQueue, Flow


class Switch:
    """Counts how often the reading stopped and went on."""

    def __init__(self) -> None:
        self.stops = self.resumes = 0

    def stop(self) -> None:
        self.stops += 1

    def resume(self) -> None:
        self.resumes += 1


def flow_and_switch(limit: int = 10) -> tuple[Flow, Switch]:
    switch = Switch()
    return Flow(limit, switch.stop, switch.resume, lambda _: None), switch


def queue(flow: Flow, drainer: trio.lowlevel.Task | None = None) -> ByteQueue[str]:
    return ByteQueue(Backlog("the things", flow, drainer))


def nobody() -> None:
    pytest.fail("nobody waits who could be woken")


def test_a_queue_gives_what_came_in_order() -> None:
    flow, _ = flow_and_switch()
    things = queue(flow)
    things.put("a", 1)
    things.put("b", 2)
    assert len(things) == 2
    assert (things.take(), things.take()) == ("a", "b")
    assert things.backlog.size == 0


def test_reading_stops_above_the_limit_and_goes_on_at_it() -> None:
    flow, switch = flow_and_switch(limit=10)
    things = queue(flow)
    things.put("a", 4)
    things.put("b", 6)
    assert not flow.stopped
    things.put("c", 1)
    assert flow.stopped
    things.put("d", 100)
    assert (switch.stops, switch.resumes) == (1, 0)
    for _ in range(3):
        assert flow.stopped
        things.take()
    things.take()
    assert not flow.stopped
    assert (switch.stops, switch.resumes) == (1, 1)


def test_reading_goes_on_when_the_last_full_queue_has_room() -> None:
    flow, switch = flow_and_switch()
    one, two = queue(flow), queue(flow)
    one.put("a", 11)
    two.put("b", 11)
    one.take()
    assert flow.stopped
    two.clear()
    assert not flow.stopped
    assert (switch.stops, switch.resumes) == (1, 1)
    two.clear()
    assert switch.resumes == 1


async def test_the_reader_waits_while_a_queue_is_full() -> None:
    flow, _ = flow_and_switch()
    things = queue(flow)
    await flow.reading_allowed()
    things.put("a", 11)
    went_on = trio.Event()

    async def read() -> None:
        await flow.reading_allowed()
        went_on.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        assert not went_on.is_set()
        things.take()
        things.put("b", 11)  # full again before the reader has run
        await wait_all_tasks_blocked()
        assert not went_on.is_set()
        flow.release_all()
        await wait_all_tasks_blocked()
        assert went_on.is_set()


async def test_whoever_would_drain_a_full_queue_cannot_wait() -> None:
    flow, _ = flow_and_switch()
    things = queue(flow, trio.lowlevel.current_task())
    things.put("a", 11)
    never = "waiting for Godot would never end: the things"
    with pytest.raises(WouldDeadlock, match=never), flow.waiting("Godot", nobody):
        pytest.fail("it waits")
    things.take()
    with flow.waiting("Godot", nobody):
        await trio.lowlevel.checkpoint()


async def test_whoever_waits_is_woken_when_his_own_queue_fills() -> None:
    flow, _ = flow_and_switch()
    mine = queue(flow, trio.lowlevel.current_task())
    other = queue(flow)

    async def fill() -> None:
        other.put("a", 11)
        await wait_all_tasks_blocked()
        mine.put("a", 11)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fill)
        woken = trio.Event()
        with flow.waiting("Godot", woken.set) as wait:
            await woken.wait()
        with pytest.raises(WouldDeadlock, match="Godot would never end: the things"):
            wait.check()
    # Each wait is over when it is over: filling the queue once more disturbs nobody.
    mine.take()
    mine.put("b", 11)
    await trio.lowlevel.checkpoint()


async def test_a_cancellation_from_outside_stays_one() -> None:
    flow, _ = flow_and_switch()
    with trio.move_on_after(0) as scope, flow.waiting("Godot", nobody):
        await trio.sleep_forever()
    assert scope.cancelled_caught
    with pytest.raises(ValueError, match="mine"), flow.waiting("Godot", nobody):
        raise ValueError("mine")
    assert flow._waits == {}


async def test_a_wait_inside_of_another_leaves_the_outer_one_as_it_was() -> None:
    flow, _ = flow_and_switch()
    mine = queue(flow, trio.lowlevel.current_task())
    woken: list[str] = []
    with flow.waiting("outer", lambda: woken.append("outer")) as outer:
        with flow.waiting("inner", nobody):
            await trio.lowlevel.checkpoint()
        mine.put("a", 11)
    assert woken == ["outer"]
    assert outer.blocker == "the things"
    assert flow._waits == {}
