"""Callbacks may do what they like with the connection, and the end comes last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.recording import CONTEXTS, CT, REQUEST, Recorder, connected, serve
from trio_dicom import (
    AbortSource,
    CEchoRequest,
    CEchoResponse,
    ClientConnection,
    ConnectionEnded,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    PresentationContext,
    Timeouts,
    WouldDeadlock,
    propose,
    response_to,
)
from trio_dicom.lowlevel import Abort, ReleaseRequest
from trio_dicom.testing import ScriptedPeer

Act = Callable[[ClientConnection], Awaitable[Any]]


class Acting(Recorder):
    """Does something with the connection inside one of its callbacks."""

    def __init__(self, callback: str, act: Act) -> None:
        super().__init__()
        self.connection: ClientConnection
        self._callback, self._act = callback, act
        self.result: Any = None
        self.returned = False

    async def _acted(self, callback: str) -> None:
        if callback == self._callback:
            self.result = await self._act(self.connection)
            self.returned = True

    async def on_receive_association_accept(self, association: Any) -> None:
        await super().on_receive_association_accept(association)
        await self._acted("accept")

    async def on_request_completed(self, request: Any, response: Any) -> None:
        await super().on_request_completed(request, response)
        await self._acted("completed")
        self._callback = ""

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        await self._acted("store")
        return response_to(request, 0x0000)

    async def on_connection_closed(self, exception: Exception | None) -> None:
        await super().on_connection_closed(exception)
        await self._acted("closed")


async def send_echo_and_wait(connection: ClientConnection) -> Any:
    async with connection.open_request(CEchoRequest()) as responses:
        return await responses.final()


ENDS: dict[str, Act] = {
    "aclose": ClientConnection.aclose,
    "abort": ClientConnection.send_abort,
    "release": ClientConnection.send_association_release_request,
}


async def converse(handler: Acting, callback: str) -> ScriptedPeer:
    """Let the peer do what leads to the callback, and wait for the end."""
    request = propose(contexts=[*CONTEXTS, PresentationContext(CT, scu_role=True, scp_role=True)])
    async with connected(handler=handler) as (connection, peer, nursery):
        handler.connection = connection
        nursery.start_soon(serve, peer)
        with suppress(ConnectionEnded):  # the callback that hears of it may be quicker
            await connection.send_association_request(request)
        if callback == "completed":
            await connection.send_request(CEchoRequest())
        elif callback == "store":
            instance = CStoreRequest(message_id=7, sop_class_uid=CT, sop_instance_uid="1.2")
            await peer.send_message(instance, context_id=3)
        await wait_all_tasks_blocked()
    return peer


@pytest.mark.scenario("B67")
@pytest.mark.parametrize("callback", ["accept", "completed", "store", "closed"])
@pytest.mark.parametrize("end", ENDS)
async def test_a_callback_that_ends_the_connection_does_not_hang(
    callback: str, end: str, autojump_clock: MockClock
) -> None:
    handler = Acting(callback, ENDS[end])
    peer = await converse(handler, callback)
    assert handler.returned
    assert trio.current_time() == 0
    ended = handler.told_of_the_end
    if end == "abort" and callback != "closed":
        assert not ended.by_peer
        assert peer.pdus[-1] == Abort(AbortSource.USER)
    else:
        assert ended is None
        assert peer.pdus[-1] == ReleaseRequest()


@pytest.mark.scenario("B67")
@pytest.mark.parametrize("callback", ["accept", "completed", "store"])
async def test_a_callback_may_send_a_request_and_await_its_answer(
    callback: str, autojump_clock: MockClock
) -> None:
    handler = Acting(callback, send_echo_and_wait)
    peer = await converse(handler, callback)
    assert isinstance(handler.result, CEchoResponse)
    assert trio.current_time() == 0
    assert handler.told_of_the_end is None
    assert handler.names[0] == "receive_association_accept"
    assert peer.pdus[-1] == ReleaseRequest()


@pytest.mark.scenario("B67")
@pytest.mark.parametrize("callback", ["accept", "completed", "store"])
async def test_a_callback_cannot_wait_for_the_whole_queue(callback: str) -> None:
    async def wait(connection: ClientConnection) -> Exception:
        with pytest.raises(WouldDeadlock) as caught:
            await connection.wait_send_queue_empty()
        return caught.value

    handler = Acting(callback, wait)
    await converse(handler, callback)
    assert isinstance(handler.result, WouldDeadlock)
    assert handler.told_of_the_end is None


async def test_a_callback_that_fails_is_logged_and_the_rest_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(_: ClientConnection) -> None:
        raise RuntimeError("a bug of the handler")

    handler = Acting("accept", fail)
    peer = await converse(handler, "completed")
    assert "a bug of the handler" in caplog.text
    assert handler.names[1:] == [
        "request_completed",
        "receive_association_release_response",
        "connection_closed",
    ]
    assert peer.pdus[-1] == ReleaseRequest()


async def test_the_end_waits_for_the_callbacks_before_it(autojump_clock: MockClock) -> None:
    async def dawdle(_: ClientConnection) -> None:
        await trio.sleep(3)

    handler = Acting("completed", dawdle)
    await converse(handler, "completed")
    assert trio.current_time() == 3
    assert handler.names[1:] == [
        "request_completed",
        "receive_association_release_response",
        "connection_closed",
    ]


@pytest.mark.parametrize("callback", ["completed", "closed"])
async def test_a_callback_that_never_returns_is_cancelled_in_the_end_and_logged(
    callback: str, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def hang(_: ClientConnection) -> None:
        await trio.sleep_forever()

    handler = Acting(callback, hang)
    await converse(handler, callback)
    assert not handler.returned
    assert trio.current_time() == Timeouts().callbacks
    assert "took longer than 5 s" in caplog.text


@pytest.mark.parametrize("seconds", [0, 7])
async def test_a_serving_task_is_cancelled_and_joined_before_the_end_is_told(
    seconds: float, autojump_clock: MockClock
) -> None:
    """However long it takes to clean up, also longer than ``Timeouts.callbacks``."""
    told_when_joined: list[str] = []

    async def hang(_: ClientConnection) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(seconds)
            told_when_joined.extend(handler.names)

    handler = Acting("store", hang)
    async with connected(handler=handler) as (connection, peer, nursery):
        handler.connection = connection
        nursery.start_soon(peer.accept)
        await connection.send_association_request(REQUEST)
        instance = CStoreRequest(message_id=7, sop_class_uid=CT, sop_instance_uid="1.2")
        await peer.send_message(instance, context_id=3)
        await wait_all_tasks_blocked()
        await peer.aclose()
    assert told_when_joined == ["receive_association_accept"]
    assert handler.names == ["receive_association_accept", "connection_closed"]
    assert trio.current_time() == seconds


async def test_the_handler_hears_of_an_error_before_the_caller_does(
    autojump_clock: MockClock,
) -> None:
    order: list[str] = []

    class Slow(Recorder):
        async def on_receive_association_reject(self, *_: Any) -> None:
            await trio.sleep(1)
            order.append("handler")

    async with connected(handler=Slow()) as (connection, peer, nursery):
        nursery.start_soon(peer.reject)
        with pytest.raises(Exception, match="rejected"):
            await connection.send_association_request(REQUEST)
        order.append("caller")
    assert order == ["handler", "caller"]


async def test_the_caller_does_not_wait_for_ever_for_a_handler_that_is_stuck(
    autojump_clock: MockClock,
) -> None:
    class Stuck(Recorder):
        async def on_receive_association_reject(self, *_: Any) -> None:
            await trio.sleep_forever()

    options = ConnectionOptions(timeouts=Timeouts(callbacks=2))
    async with connected(handler=Stuck(), options=options) as (connection, peer, nursery):
        nursery.start_soon(peer.reject)
        with pytest.raises(Exception, match="rejected"):
            await connection.send_association_request(REQUEST)
    assert trio.current_time() <= 4


@pytest.mark.scenario("B67")
@pytest.mark.parametrize("callback", ["accept", "completed", "store", "closed"])
@pytest.mark.parametrize("end", ENDS)
async def test_a_task_that_a_callback_waits_for_may_end_the_connection(
    callback: str, end: str, autojump_clock: MockClock
) -> None:
    async def in_a_nursery(connection: ClientConnection) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ENDS[end], connection)

    handler = Acting(callback, in_a_nursery)
    await converse(handler, callback)
    assert handler.returned
    assert trio.current_time() == 0
    _ = handler.told_of_the_end


async def test_a_task_that_a_callback_waits_for_hears_of_an_error_at_once(
    autojump_clock: MockClock,
) -> None:
    async def ask_and_abort(connection: ClientConnection) -> None:
        async def ask() -> None:
            with pytest.raises(ConnectionEnded):
                await send_echo_and_wait(connection)

        async with trio.open_nursery() as nursery:
            for _ in range(2):  # one of them waits for the window
                nursery.start_soon(ask)
            nursery.start_soon(connection.send_abort)

    handler = Acting("completed", ask_and_abort)
    await converse(handler, "completed")
    assert handler.returned
    assert trio.current_time() == 0


@pytest.mark.parametrize("callback", ["completed", "store"])
async def test_what_fails_in_a_callback_that_is_cancelled_is_logged(
    callback: str, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A nursery makes a group of it in which the cancellation is, too."""

    async def fail_on_the_way_out(_: ClientConnection) -> None:
        async def fail() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise RuntimeError("a bug of the handler")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            nursery.start_soon(trio.sleep_forever)

    handler = Acting(callback, fail_on_the_way_out)
    async with connected(handler=handler) as (connection, peer, nursery):
        handler.connection = connection
        contexts = [*CONTEXTS, PresentationContext(CT, scu_role=True, scp_role=True)]
        nursery.start_soon(peer.accept)
        await connection.send_association_request(propose(contexts=contexts))
        if callback == "store":
            instance = CStoreRequest(message_id=7, sop_class_uid=CT, sop_instance_uid="1.2")
            await peer.send_message(instance, context_id=3)
        else:
            await connection.send_request(CEchoRequest())
            await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        await wait_all_tasks_blocked()
        await peer.aclose()
    assert "a bug of the handler" in caplog.text
    assert not handler.returned
