"""Callbacks run one after the other, and only those that somebody overrides."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.recording import Recorder
from trio_dicom import BaseHandler
from trio_dicom._io.dispatcher import Dispatcher
from trio_dicom._io.flow import Flow


def dispatcher(handler: Any, nursery: trio.Nursery, limit: int = 100) -> Dispatcher:
    flow = Flow(limit, lambda: None, lambda: None, lambda _: None)
    return Dispatcher.create(handler, flow, nursery.start_soon)


class Gated(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.gate = trio.Event()

    async def on_receive_abort(self, source: Any, reason: Any) -> None:
        await self.gate.wait()
        await super().on_receive_abort(source, reason)


async def test_callbacks_run_one_at_a_time_in_the_order_of_the_calls() -> None:
    handler = Gated()
    async with trio.open_nursery() as nursery:
        it = dispatcher(handler, nursery)
        it.call("on_receive_abort", 1, 2)
        it.call("on_request_timed_out", "request", 3.0)
        await wait_all_tasks_blocked()
        assert handler.calls == []
        handler.gate.set()
        await it.caught_up()
        assert handler.calls == [("receive_abort", 1, 2), ("request_timed_out", "request", 3.0)]
        it.finish("on_connection_closed", None, seconds=5)
        await it.ended.wait()


async def test_what_is_not_overridden_is_not_even_queued(nursery: trio.Nursery) -> None:
    class One(BaseHandler):
        async def on_connection_closed(self, exception: Exception | None) -> None: ...

    it = dispatcher(One(), nursery)
    it.call("on_request_pending", "request", "response", size=1000)
    assert len(it._queue) == 0
    it.call("on_connection_closed", None)
    assert len(it._queue) == 1


async def test_the_task_starts_with_the_first_that_there_is_to_run(nursery: trio.Nursery) -> None:
    handler = Gated()
    it = dispatcher(handler, nursery)
    await wait_all_tasks_blocked()
    assert not nursery.child_tasks
    it.call("on_receive_abort", 1, 2)
    it.call("on_receive_abort", 3, 4)
    assert len(nursery.child_tasks) == 1
    handler.gate.set()
    await it.caught_up()
    assert handler.calls == [("receive_abort", 1, 2), ("receive_abort", 3, 4)]
    it.finish("on_connection_closed", None, seconds=5)
    await it.run_out()
    assert handler.names == ["receive_abort", "receive_abort", "connection_closed"]


async def test_a_handler_need_not_be_a_base_handler(nursery: trio.Nursery) -> None:
    class Own:
        def __init__(self) -> None:
            self.told: list[Any] = []

        async def on_connection_closed(self, exception: Exception | None) -> None:
            self.told.append(exception)

    handler = Own()
    it = dispatcher(handler, nursery)
    it.finish("on_connection_closed", None, seconds=5)
    await it.run_out()
    assert handler.told == [None]


async def test_unread_responses_count_until_their_callback_begins(nursery: trio.Nursery) -> None:
    handler = Recorder()
    it = dispatcher(handler, nursery, limit=10)
    flow = it._queue.backlog._flow
    it.call("on_request_pending", "request", "response", size=11)
    assert flow.stopped
    it.finish("on_connection_closed", None, seconds=5)
    await it.run_out()
    assert not flow.stopped
    assert handler.names == ["request_pending", "connection_closed"]


@pytest.mark.scenario("B45")
async def test_a_failing_callback_is_logged_with_its_traceback(
    nursery: trio.Nursery,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing(Recorder):
        async def on_receive_abort(self, source: Any, reason: Any) -> None:
            raise KeyError(source)

    handler = Failing()
    it = dispatcher(handler, nursery)
    it.call("on_receive_abort", 1, 2)
    it.finish("on_connection_closed", None, seconds=5)
    await it.run_out()
    [record] = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError
    assert handler.names == ["connection_closed"]


async def test_catching_up_with_nothing_returns_at_once_and_inside_a_callback_too(
    nursery: trio.Nursery,
) -> None:
    class Asking(Recorder):
        async def on_receive_abort(self, source: Any, reason: Any) -> None:
            await it.caught_up()
            await super().on_receive_abort(source, reason)

    handler = Asking()
    it = dispatcher(handler, nursery)
    await it.caught_up()
    it.call("on_receive_abort", 1, 2)
    it.finish("on_connection_closed", None, seconds=5)
    await it.run_out()
    assert handler.names == ["receive_abort", "connection_closed"]


async def test_a_callback_that_is_stuck_does_not_keep_the_end_from_the_handler(
    nursery: trio.Nursery, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Gated()
    it = dispatcher(handler, nursery)
    it.call("on_receive_abort", 1, 2)
    it.call("on_request_timed_out", "request", 3.0)
    it.finish("on_connection_closed", None, seconds=5)
    await it.run_out()
    assert trio.current_time() == 5
    assert handler.names == ["connection_closed"]
    assert "longer than 5 s" in caplog.text


async def test_the_last_callback_is_not_waited_for_for_ever(
    nursery: trio.Nursery, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    class NeverClosing(BaseHandler):
        async def on_connection_closed(self, exception: Exception | None) -> None:
            await trio.sleep_forever()

    it = dispatcher(NeverClosing(), nursery)
    it.finish("on_connection_closed", None, seconds=5)
    await it.run_out()
    assert trio.current_time() == 5
    assert "longer than 5 s" in caplog.text


async def test_nobody_waits_for_a_dispatcher_that_was_cancelled() -> None:
    handler = Gated()
    async with trio.open_nursery() as nursery:
        it = dispatcher(handler, nursery)
        it.call("on_receive_abort", 1, 2)
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as waiting:
            waiting.start_soon(it.caught_up)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await it.ended.wait()
    assert handler.calls == []
