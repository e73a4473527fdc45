"""Those who answer the peer's requests ask it something themselves, and it says nothing."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.io.talking import COMMITMENT, COMMITMENT_ID, CT_ID, Call, quick, store_request, talking
from tests.operations.getting import pdus_of
from trio_dicom import (
    BaseHandler,
    CEchoRequest,
    ClientConnection,
    CStoreRequest,
    CStoreResponse,
    NEventReportRequest,
    NEventReportResponse,
    Request,
    Response,
    ResponseTimeout,
    response_to,
)
from trio_dicom.testing import ScriptedPeer

pytestmark = pytest.mark.scenario("B69")

IDLE = 10.0


class Asking(BaseHandler):
    """Asks before it answers, and sleeps as long as the request says.

    Attributes:
        connection: Where it asks.
        timeouts: When its questions timed out.
    """

    connection: ClientConnection

    def __init__(self) -> None:
        self.timeouts: list[float] = []

    async def ask(self) -> None:
        try:
            await self.connection.ask(CEchoRequest())
        except ResponseTimeout:
            self.timeouts.append(trio.current_time())

    async def on_n_event_report_request(self, request: NEventReportRequest) -> NEventReportResponse:
        await self.ask()
        await trio.sleep(request.event_type_id - 1)
        return response_to(request, 0x0000)

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        await trio.sleep(1000)
        return response_to(request, 0x0000)


def event(number: int = 1, *, takes: int = 0) -> NEventReportRequest:
    return NEventReportRequest(
        sop_class_uid=COMMITMENT,
        sop_instance_uid="1.2.840.10008.1.20.1.1",
        event_type_id=1 + takes,
        message_id=number,
    )


async def tell(peer: ScriptedPeer, *requests: Request) -> None:
    for it in requests:
        context_id = CT_ID if isinstance(it, CStoreRequest) else COMMITMENT_ID
        await peer.send_message(it, context_id=context_id)
    await wait_all_tasks_blocked()


async def answered(peer: ScriptedPeer, kind: type[Response]) -> float:
    """When the peer gets its answer, whatever it is asked before."""
    while not isinstance(await peer.receive_message(), kind):
        pass
    return trio.current_time()


def link(**arguments: Any) -> Any:
    return talking(options=quick(idle=IDLE), **arguments)


async def test_what_a_handler_asks_times_out(autojump_clock: object) -> None:
    handler = Asking()
    async with link(handler=handler) as (handler.connection, peer):
        await tell(peer, event())
        assert await answered(peer, NEventReportResponse) == IDLE
        assert handler.timeouts == [IDLE]


async def test_so_does_what_others_ask_beside_it(autojump_clock: object) -> None:
    handler = Asking()
    async with (
        link(handler=handler, window=2) as (handler.connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, handler.connection, CEchoRequest())
        await trio.sleep(4)
        await tell(peer, event(takes=1000))
        assert isinstance(await call.failure(), ResponseTimeout)
        assert call.at == IDLE
        assert await answered(peer, NEventReportResponse) == 4 + IDLE + 1000


async def test_a_handler_that_works_after_it_has_asked_makes_the_silence_ours(
    autojump_clock: object,
) -> None:
    handler = Asking()
    async with (
        link(handler=handler, window=2) as (handler.connection, peer),
        trio.open_nursery() as nursery,
    ):
        await tell(peer, event(takes=1000))
        await trio.sleep(4)
        call = await Call.begin(nursery, handler.connection, CEchoRequest())
        assert await answered(peer, NEventReportResponse) == IDLE + 1000
        assert isinstance(await call.failure(), ResponseTimeout)
        assert call.at == 4 + IDLE + 1000


@pytest.mark.parametrize("at_a_time", [1, 2, 3])
async def test_several_handlers_ask_and_more_requests_wait_behind_them(
    at_a_time: int, autojump_clock: object
) -> None:
    handler = Asking()
    async with link(handler=handler, performed=at_a_time, window=8) as (handler.connection, peer):
        await tell(peer, *(event(number) for number in range(1, 7)))
        times = [await answered(peer, NEventReportResponse) for _ in range(6)]
        assert times[-1] == IDLE * 6 / at_a_time
        assert len(handler.timeouts) == 6


async def test_while_another_handler_works_the_silence_is_ours(autojump_clock: object) -> None:
    handler = Asking()
    async with link(handler=handler, performed=2) as (handler.connection, peer):
        await tell(peer, event(1), store_request(message_id=2))
        assert await answered(peer, CStoreResponse) == 1000
        assert await answered(peer, NEventReportResponse) == 1000 + IDLE


@pytest.mark.parametrize("at_a_time", [1, 2])
async def test_a_peer_that_stops_in_the_middle_of_an_instance_is_silent_towards_a_handler(
    at_a_time: int, autojump_clock: object
) -> None:
    handler = Asking()
    async with link(handler=handler, performed=at_a_time) as (handler.connection, peer):
        await tell(peer, event())
        *begin, _ = pdus_of(store_request(message_id=2), 64, context_id=CT_ID)
        await peer.send_bytes(b"".join(begin))
        assert await answered(peer, NEventReportResponse) == IDLE
        await peer.aclose()


async def test_a_callback_asks_and_an_event_waits_for_it(autojump_clock: object) -> None:
    class Calling(Asking):
        async def on_request_completed(self, request: Request, response: Response) -> None:
            if not self.timeouts:
                await self.ask()

        async def on_n_event_report_request(
            self, request: NEventReportRequest
        ) -> NEventReportResponse:
            return response_to(request, 0x0000)

    handler = Calling()
    async with (
        link(handler=handler) as (handler.connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, handler.connection, CEchoRequest())
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        await tell(peer, event())
        assert await call.status() == 0x0000
        assert await answered(peer, NEventReportResponse) == IDLE
        assert handler.timeouts == [IDLE]
