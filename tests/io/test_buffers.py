"""Responses that nobody takes: reading stops, and who would wait for ever is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from attrs import evolve
from pydicom import Dataset
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.recording import FIND, Recorder
from tests.io.talking import (
    CT_ID,
    Call,
    ask,
    find_request,
    get_request,
    store_request,
    talking,
)
from trio_dicom import (
    AssociationAborted,
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    ClientConnection,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    Limits,
    Timeouts,
    WouldDeadlock,
    response_to,
)
from trio_dicom.lowlevel import DataTransfer
from trio_dicom.testing import ScriptedPeer

LIMIT = 10_000
FIND_ID = 5
Wait = Callable[[ClientConnection], Awaitable[object]]
OPTIONS = ConnectionOptions(
    limits=Limits(buffered_responses=LIMIT), timeouts=Timeouts(idle=10, release=5)
)
MATCH = Dataset()
MATCH.ImageComments = "x" * 1000
COUNT = 2 * LIMIT // 1000  # so many of them are too many


async def overfill(peer: ScriptedPeer) -> CFindRequest:
    """Send more pending responses than the buffer takes, and wait until reading stops."""
    request = await peer.expect_message(CFindRequest)
    for _ in range(COUNT):
        await peer.reply(request, 0xFF00, data_set=MATCH)
    await wait_all_tasks_blocked()
    return request


def is_reading(connection: ClientConnection) -> bool:
    return not connection._link.flow.stopped


@pytest.mark.scenario("B68")
async def test_the_peer_is_held_up_by_a_full_link_while_nobody_reads() -> None:
    async with (
        talking(options=OPTIONS, capacity=2000) as (connection, peer),
        connection.open_request(find_request()) as responses,
    ):
        request = await peer.expect_message(CFindRequest)
        sent = 0

        async def send() -> None:
            nonlocal sent
            for _ in range(100):
                await peer.reply(request, 0xFF00, data_set=MATCH)
                sent += 1
            await peer.reply(request, 0x0000)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            await wait_all_tasks_blocked()
            # The buffer, what is in the link, and one chunk between.
            assert LIMIT // 1200 <= sent <= (LIMIT + 3 * 2000) // 1000
            assert len([match async for match in responses]) == 100
        assert (await responses.final()).status.code == 0x0000


@pytest.mark.scenario("B68")
@pytest.mark.parametrize(
    "wait",
    [
        lambda connection: ask(connection, CEchoRequest()),
        lambda connection: connection.send_request(CEchoRequest()),
        ClientConnection.wait_send_queue_empty,
    ],
    ids=["answer", "sent", "empty"],
)
async def test_the_task_that_must_read_first_is_told(wait: Wait) -> None:
    async with talking(options=OPTIONS, window=2) as (connection, peer):
        async with connection.open_request(find_request()) as responses:
            request = await overfill(peer)
            with pytest.raises(WouldDeadlock, match="reading has stopped"):
                await wait(connection)
            # It can go on: what it waited for was not lost, and its responses are all there.
            await peer.reply(request, 0x0000)
            assert len([match async for match in responses]) == COUNT
            assert (await responses.final()).status.code == 0x0000
        async with trio.open_nursery() as nursery:
            call = await Call.begin(nursery, connection, CEchoRequest())
            await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
            assert await call.status() == 0x0000


@pytest.mark.scenario("B68")
@pytest.mark.parametrize(
    "wait, window",
    [
        (lambda connection: ask(connection, CEchoRequest()), 1),
        (lambda connection: ask(connection, CEchoRequest()), 2),
        (ClientConnection.wait_send_queue_empty, 1),
    ],
    ids=["slot", "answer", "empty"],
)
async def test_whoever_waits_already_is_told_when_the_reading_stops(
    wait: Wait, window: int
) -> None:
    async with (
        talking(options=OPTIONS, window=window) as (connection, peer),
        trio.open_nursery() as nursery,
    ):

        async def consume(found: trio.Event) -> None:
            async with connection.open_request(find_request()) as responses:
                with pytest.raises(WouldDeadlock):
                    await wait(connection)
                found.set()
                assert len([match async for match in responses]) == COUNT

        told = trio.Event()
        nursery.start_soon(consume, told)
        request = await overfill(peer)
        assert told.is_set()
        await peer.reply(request, 0x0000)


async def test_what_need_not_be_waited_for_is_no_deadlock() -> None:
    async with (
        talking(options=OPTIONS, window=2) as (connection, peer),
        connection.open_request(find_request()),
    ):
        request = await overfill(peer)
        await connection.send_next_message()  # everything is sent
        await peer.reply(request, 0x0000)


@pytest.mark.scenario("B68")
async def test_other_callers_just_wait(autojump_clock: MockClock) -> None:
    async with (
        talking(options=OPTIONS, window=2) as (connection, peer),
        trio.open_nursery() as nursery,
        connection.open_request(find_request()) as responses,
    ):
        request = await overfill(peer)
        echo = await Call.begin(nursery, connection, CEchoRequest())
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        await trio.sleep(1000)  # B69: that nothing is read is our own fault
        assert echo.response is echo.error is None
        async for _ in responses:
            if echo.response is not None:
                break
            await wait_all_tasks_blocked()
        assert await echo.status() == 0x0000
        await peer.reply(request, 0x0000)


@pytest.mark.scenario("B69")
async def test_while_reading_has_stopped_no_clock_runs(autojump_clock: MockClock) -> None:
    async with (
        talking(options=OPTIONS) as (connection, peer),
        connection.open_request(find_request()) as responses,
    ):
        request = await overfill(peer)
        await trio.sleep(1000)
        for _ in range(COUNT):
            await responses.receive()
        await trio.sleep(9)
        await peer.reply(request, 0x0000)
        assert (await responses.final()).status.code == 0x0000


@pytest.mark.scenario("B68")
async def test_buffers_that_suffice_raise_nothing() -> None:
    async with (
        talking(window=2) as (connection, peer),
        trio.open_nursery() as nursery,
        connection.open_request(find_request()) as responses,
    ):
        request = await overfill(peer)
        nursery.start_soon(_serve_one_echo, peer)
        assert (await ask(connection, CEchoRequest())).status.is_success
        await peer.reply(request, 0x0000)
        assert len([match async for match in responses]) == COUNT


async def _serve_one_echo(peer: ScriptedPeer) -> None:
    await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)


@pytest.mark.pitfall(29)
@pytest.mark.parametrize("how", ["final", "send_request", "left"])
async def test_nobody_has_to_take_what_he_does_not_want(how: str) -> None:
    async with talking(options=OPTIONS) as (connection, peer), trio.open_nursery() as nursery:
        match how:
            case "final":
                call = await Call.begin(nursery, connection, find_request())
            case "send_request":
                nursery.start_soon(connection.send_request, find_request())
            case _:
                call = await Call.begin(nursery, connection, find_request())
                await call.cancel()
        request = await overfill(peer)
        assert is_reading(connection)
        await peer.reply(request, 0x0000)
        await connection.wait_send_queue_empty()


async def test_leaving_forgets_what_was_not_taken() -> None:
    async with talking(options=OPTIONS, window=2) as (connection, peer):
        async with connection.open_request(find_request()):
            request = await overfill(peer)
            assert not is_reading(connection)
        await wait_all_tasks_blocked()
        assert is_reading(connection)
        await peer.reply(request, 0xFE00)


async def test_the_final_response_can_be_asked_for_while_reading_has_stopped() -> None:
    async with (
        talking(options=OPTIONS) as (connection, peer),
        connection.open_request(find_request()) as responses,
    ):
        request = await overfill(peer)
        await peer.reply(request, 0xA700)
        assert (await responses.final()).status.code == 0xA700


@pytest.mark.scenario("B68")
async def test_a_callback_whose_own_queue_is_full_cannot_wait_for_an_answer() -> None:
    class Asking(Recorder):
        connection: ClientConnection

        def __init__(self) -> None:
            super().__init__()
            self.started = trio.Event()

        async def on_request_pending(self, request: Any, response: Any) -> None:
            if not self.started.is_set():
                self.started.set()
                with pytest.raises(WouldDeadlock, match="callbacks"):
                    await ask(self.connection, CEchoRequest())
                self.calls.append(("would_deadlock",))
            await super().on_request_pending(request, response)

    handler = Asking()
    async with (
        talking(handler=handler, options=OPTIONS, window=2) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        handler.connection = connection
        nursery.start_soon(connection.send_request, find_request())
        request = await overfill(peer)
        await peer.reply(request, 0x0000)
        await wait_all_tasks_blocked()
    assert handler.names.count("would_deadlock") == 1
    assert handler.names.count("request_pending") == COUNT


@pytest.mark.scenario("B68", "B69")
async def test_requests_of_the_peer_stop_the_reading_too(autojump_clock: MockClock) -> None:
    class Slow(Recorder):
        gate = trio.Event()

        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            await self.gate.wait()
            return response_to(request, 0x0000)

    handler = Slow()
    async with (
        talking(handler=handler, options=OPTIONS) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, get_request())
        request = await peer.expect_message(CGetRequest)
        for number in range(1, 10):
            await peer.send_message(store_request(3000, message_id=number), context_id=CT_ID)
        await wait_all_tasks_blocked()
        assert not is_reading(connection)
        await trio.sleep(1000)
        handler.gate.set()
        for _ in range(9):
            assert (await peer.expect_message(CStoreResponse)).status.code == 0x0000
        assert is_reading(connection)
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000


async def test_the_end_comes_through_although_reading_had_stopped() -> None:
    async with talking(options=OPTIONS) as (connection, peer), trio.open_nursery() as nursery:

        async def hold() -> None:
            async with connection.open_request(find_request()) as responses:
                await connection.listener.ended.wait()
                with pytest.raises(AssociationAborted):
                    [_ async for _ in responses]

        nursery.start_soon(hold)
        await overfill(peer)
        assert not is_reading(connection)
        await peer.abort()
        nursery.start_soon(connection.send_abort)
        await wait_all_tasks_blocked()
        await peer.aclose()


async def test_the_end_comes_at_once_although_callbacks_wait(autojump_clock: MockClock) -> None:
    class Stuck(Recorder):
        gate = trio.Event()

        async def on_request_pending(self, request: Any, response: Any) -> None:
            await self.gate.wait()

    handler = Stuck()
    async with (
        talking(handler=handler, options=OPTIONS) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        await connection.send_request(find_request())
        request = await overfill(peer)
        # It waits for the window, and its error for the callbacks.
        await Call.begin(nursery, connection, CEchoRequest())
        nursery.start_soon(connection.send_abort)
        await wait_all_tasks_blocked()
        await peer.reply(request, 0xFF00)
        await wait_all_tasks_blocked()
        await peer.aclose()
        await connection.listener.ended.wait()
        assert trio.current_time() == 0
        handler.gate.set()


async def test_responses_that_came_too_early_do_not_stop_the_reading_for_ever() -> None:
    """They fill the buffer before the request is sent whole, so nobody can take them."""
    query = Dataset()
    query.ImageComments = "x" * 5000
    request = CFindRequest(message_id=1, sop_class_uid=FIND, data_set=query)
    options = evolve(OPTIONS, max_fragment_pdu=1024)
    async with (
        talking(options=options, capacity=2000) as (connection, peer),
        trio.open_nursery() as nursery,
    ):

        async def answer_early() -> None:
            await peer.receive_pdu()
            for _ in range(COUNT):
                early = response_to(request, 0xFF00, data_set=MATCH)
                await peer.send_message(early, context_id=FIND_ID)
            pdu = await peer.receive_pdu()
            while not (isinstance(pdu, DataTransfer) and pdu.pdvs[-1].is_last):
                pdu = await peer.receive_pdu()
            await peer.send_message(response_to(request, 0xFE00), context_id=FIND_ID)

        nursery.start_soon(answer_early)
        with pytest.raises(WouldDeadlock):
            async with connection.open_request(request):
                raise AssertionError("never here")
        assert is_reading(connection)
        await connection.wait_send_queue_empty()
