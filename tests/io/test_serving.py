"""Requests of the peer: instances of a C-GET and events."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.io.recording import CT, Recorder
from tests.io.talking import (
    COMMITMENT,
    COMMITMENT_ID,
    CT_ID,
    Call,
    Sent,
    answer_to,
    get_request,
    patient,
    quick,
    store_request,
    talking,
)
from trio_dicom import (
    CEchoRequest,
    CGetRequest,
    ClientConnection,
    CStoreRequest,
    CStoreResponse,
    NActionRequest,
    NEventReportRequest,
    NEventReportResponse,
    Priority,
    response_to,
)

EVENT = NEventReportRequest(
    sop_class_uid=COMMITMENT,
    sop_instance_uid="1.2.840.10008.1.20.1.1",
    event_type_id=1,
    message_id=77,
    data_set=patient("committed"),
)


class Serving(Recorder):
    """Serves what the test says, and keeps what came."""

    def __init__(self) -> None:
        super().__init__()
        self.instances: list[CStoreRequest] = []
        self.events: list[NEventReportRequest] = []
        self.gate = trio.Event()
        self.at_work = 0
        self.most_at_work = 0

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        self.instances.append(request)
        self.at_work += 1
        self.most_at_work = max(self.at_work, self.most_at_work)
        await self.gate.wait()
        self.at_work -= 1
        return CStoreResponse(status=0xB000, error_comment="kept")

    async def on_n_event_report_request(self, request: NEventReportRequest) -> NEventReportResponse:
        self.calls.append(("event", request))
        self.events.append(request)
        return NEventReportResponse(status=0x0000)


@pytest.mark.scenario("B50")
@pytest.mark.pitfall(8)
async def test_instances_of_a_c_get_are_handed_over_and_answered_on_their_context() -> None:
    handler = Serving()
    handler.gate.set()
    async with talking(handler=handler) as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, get_request())
        request = await peer.expect_message(CGetRequest)
        for number in (5, 6):
            answer = await answer_to(peer, store_request(message_id=number), CT_ID)
            assert isinstance(answer, CStoreResponse)
            assert (answer.status.code, answer.error_comment) == (0xB000, "kept")
            assert (answer.sop_class_uid, answer.sop_instance_uid) == (CT, "1.2.3")
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000
    assert [it.message_id for it in handler.instances] == [5, 6]
    assert len(handler.instances[0].dataset().PixelData) == 500


@pytest.mark.scenario("B62")
async def test_priority_and_move_originator_of_what_comes_are_visible() -> None:
    handler = Serving()
    handler.gate.set()
    async with talking(handler=handler) as (_, peer):
        fields = {"priority": 2, "move_originator_ae": "MOVER", "move_originator_message_id": 9}
        await answer_to(peer, store_request(message_id=5, **fields), CT_ID)
    [request] = handler.instances
    assert request.priority is Priority.LOW
    assert (request.move_originator_ae, request.move_originator_message_id) == ("MOVER", 9)


@pytest.mark.scenario("B50")
async def test_a_slow_handler_stops_no_responses() -> None:
    handler = Serving()
    async with (
        talking(handler=handler, window=2) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        await Call.begin(nursery, connection, get_request())
        request = await peer.expect_message(CGetRequest)
        await peer.send_message(store_request(message_id=1), context_id=CT_ID)
        await wait_all_tasks_blocked()
        assert handler.at_work == 1
        echo = await Call.begin(nursery, connection, CEchoRequest())
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        assert await echo.status() == 0x0000
        await peer.reply(request, 0xFF00)
        await wait_all_tasks_blocked()
        assert "request_pending" in handler.names
        handler.gate.set()
        await peer.expect_message(CStoreResponse)
        await peer.reply(request, 0x0000)


@pytest.mark.scenario("B69")
async def test_our_own_slowness_is_not_the_silence_of_the_peer(autojump_clock: object) -> None:
    handler = Serving()
    async with (
        talking(handler=handler, options=quick(idle=10)) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, get_request())
        request = await peer.expect_message(CGetRequest)
        await trio.sleep(9)
        await peer.send_message(store_request(message_id=1), context_id=CT_ID)
        await trio.sleep(1000)
        handler.gate.set()
        await peer.expect_message(CStoreResponse)
        await trio.sleep(9)
        assert call.error is None
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000


@pytest.mark.parametrize(("performed", "at_a_time"), [(1, 1), (2, 2), (0, 5)])
@pytest.mark.scenario("B24")
async def test_as_many_are_served_at_a_time_as_was_agreed(performed: int, at_a_time: int) -> None:
    handler = Serving()
    async with talking(handler=handler, performed=performed) as (_, peer):
        for number in range(1, 6):  # more than agreed, which is tolerated
            await peer.send_message(store_request(message_id=number), context_id=CT_ID)
        await wait_all_tasks_blocked()
        assert handler.at_work == at_a_time
        handler.gate.set()
        answers = [await peer.expect_message(CStoreResponse) for _ in range(5)]
    assert sorted(it.message_id_being_responded_to or 0 for it in answers) == [1, 2, 3, 4, 5]
    assert handler.most_at_work == at_a_time
    assert [it.message_id for it in handler.instances][:at_a_time] == list(range(1, at_a_time + 1))


@pytest.mark.scenario("B50", "B57")
async def test_an_event_waits_for_the_callbacks_before_it_and_an_instance_does_not() -> None:
    class Slow(Serving):
        def __init__(self) -> None:
            super().__init__()
            self.callback_gate = trio.Event()

        async def on_request_completed(self, request: Any, response: Any) -> None:
            await self.callback_gate.wait()
            await super().on_request_completed(request, response)

    handler = Slow()
    handler.gate.set()
    async with (
        talking(handler=handler, performed=2) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        action = NActionRequest(
            sop_class_uid=COMMITMENT, sop_instance_uid="1.2.840.10008.1.20.1.1", action_type_id=1
        )
        call = await Call.begin(nursery, connection, action)
        await peer.reply(await peer.expect_message(NActionRequest), 0x0000)
        assert await call.status() == 0x0000
        await peer.send_message(EVENT, context_id=COMMITMENT_ID)
        await wait_all_tasks_blocked()
        assert handler.events == []
        await answer_to(peer, store_request(message_id=1), CT_ID)
        handler.callback_gate.set()
        answer = await peer.expect_message(NEventReportResponse)
        assert (answer.event_type_id, answer.sop_instance_uid) == (1, "1.2.840.10008.1.20.1.1")
    assert handler.names[1:3] == ["request_completed", "event"]
    information = handler.events[0].event_information
    assert information is not None
    assert information.PatientName == "committed"


@pytest.mark.scenario("B67")
async def test_a_handler_may_use_the_connection_while_it_serves() -> None:
    class Asking(Recorder):
        connection: ClientConnection

        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            async with self.connection.open_request(CEchoRequest()) as responses:
                final = await responses.final()
            return response_to(request, final.status.code)

    handler = Asking()
    async with (
        talking(handler=handler, window=2) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        handler.connection = connection
        await Call.begin(nursery, connection, get_request())
        request = await peer.expect_message(CGetRequest)
        await peer.send_message(store_request(message_id=1), context_id=CT_ID)
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        assert (await peer.expect_message(CStoreResponse)).status.code == 0x0000
        await peer.reply(request, 0x0000)


async def test_the_answer_to_an_instance_is_written_before_what_waits_for_the_window() -> None:
    sent = Sent()
    handler = Serving()
    handler.gate.set()
    async with (
        talking(handler=handler, instrument=sent) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        await Call.begin(nursery, connection, get_request())
        await Call.begin(nursery, connection, CEchoRequest())
        request = await peer.expect_message(CGetRequest)
        await answer_to(peer, store_request(message_id=1), CT_ID)
        await peer.reply(request, 0x0000)
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
    assert [name for name, _ in sent.messages] == ["CGetRequest", "CStoreResponse", "CEchoRequest"]
