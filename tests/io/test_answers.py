"""What comes back: pending and final responses, on the channel and at the handler."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio
from pydicom import Dataset
from trio.testing import wait_all_tasks_blocked

from tests.io.recording import CT, Recorder
from tests.io.talking import (
    COMMITMENT,
    Call,
    find_request,
    get_request,
    is_silent,
    move_request,
    patient,
    store_request,
    talking,
)
from trio_dicom import (
    AbortSource,
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CGetResponse,
    ClientConnection,
    CStoreRequest,
    CStoreResponse,
    NActionRequest,
    NEventReportRequest,
    NEventReportResponse,
    NoAcceptedContext,
    PresentationContext,
    Priority,
    RemoteProtocolError,
    Request,
    StatusKind,
)
from trio_dicom.lowlevel import Abort
from trio_dicom.testing import ScriptedPeer


@pytest.mark.scenario("B26")
async def test_pending_responses_come_in_the_order_of_the_wire_then_one_final() -> None:
    recorder = Recorder()
    async with talking(handler=recorder) as (connection, peer):
        async with connection.open_request(find_request()) as responses:
            request = await peer.expect_message(CFindRequest)
            for number, status in enumerate([0xFF00, 0xFF01, 0xFF00]):
                await peer.reply(request, status, data_set=patient(str(number)))
            await peer.reply(request, 0x0000)
            names = [match.decoded_data_set() async for match in responses]
            assert [data.PatientName for data in names if data is not None] == ["0", "1", "2"]
            final = await responses.final()
            assert final.status.kind is StatusKind.SUCCESS
            assert await responses.final() is final  # as often as you like
            with pytest.raises(trio.EndOfChannel):
                await responses.receive()
        await wait_all_tasks_blocked()
    name, asked, response = recorder.calls[1]
    assert (name, asked.message_id) == ("request_pending", request.message_id)
    assert response.identifier.PatientName == "0"
    assert recorder.names[1:5] == [*["request_pending"] * 3, "request_completed"]
    assert recorder.calls[4] == ("request_completed", asked, final)
    assert recorder.told_of_the_end is None


@pytest.mark.scenario("B26")
@pytest.mark.parametrize("build", [find_request, get_request, move_request])
@pytest.mark.parametrize("pending", [0xFF00, 0xFF01])
async def test_two_codes_are_pending_for_find_get_and_move(
    build: Callable[[], Request], pending: int
) -> None:
    async with talking() as (connection, peer), connection.open_request(build()) as responses:
        request = await peer.receive_message()
        assert isinstance(request, Request)
        await peer.reply(request, pending)
        assert (await responses.receive()).status.code == pending
        await peer.reply(request, 0xFF02)  # any other one is final, whatever it looks like
        assert (await responses.final()).status.code == 0xFF02


@pytest.mark.scenario("B26")
async def test_pending_is_final_where_there_is_nothing_to_wait_for() -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, store_request())
        await peer.reply(await peer.expect_message(CStoreRequest), 0xFF00)
        assert await call.status() == 0xFF00
        assert call.response is not None
        assert call.response.status.is_failure


@pytest.mark.scenario("B26", "B62")
async def test_a_final_response_may_carry_a_data_set_and_counts() -> None:
    failed = Dataset()
    failed.FailedSOPInstanceUIDList = ["1.2.3", "1.2.4"]
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, get_request())
        await peer.reply(
            await peer.expect_message(CGetRequest), 0xB000, failed=2, completed=5, data_set=failed
        )
        assert await call.status() == 0xB000
        response = call.response
        assert isinstance(response, CGetResponse)
        assert response.failed_sop_instance_uids == ("1.2.3", "1.2.4")
        assert (response.remaining, response.completed, response.failed) == (None, 5, 2)


@pytest.mark.scenario("B62", "B59")
async def test_what_the_peer_says_about_a_failure_is_visible() -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, store_request())
        await peer.reply(
            await peer.expect_message(CStoreRequest),
            0xA900,
            offending_elements=["PatientID"],
            error_comment="no such patient",
            error_id=17,
        )
        assert await call.status() == 0xA900  # an answer, and no exception
        assert isinstance(call.response, CStoreResponse)
        assert call.response.offending_elements == (0x00100020,)
        assert call.response.error_comment == "no such patient"
        assert call.response.error_id == 17


@pytest.mark.scenario("B62")
async def test_priority_and_move_originator_reach_the_peer() -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        await Call.begin(
            nursery,
            connection,
            store_request(
                priority=Priority.HIGH, move_originator_ae="MOVER", move_originator_message_id=9
            ),
        )
        request = await peer.expect_message(CStoreRequest)
        assert request.priority is Priority.HIGH
        assert (request.move_originator_ae, request.move_originator_message_id) == ("MOVER", 9)
        await peer.reply(request, 0x0000)


@pytest.mark.pitfall(11)
@pytest.mark.parametrize("code", [0x0105, 0x0124, 0xA8FE, 0xB123, 0xC0DE, 0x7777])
async def test_unknown_status_codes_keep_their_value(code: int) -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, store_request())
        await peer.reply(await peer.expect_message(CStoreRequest), code)
        assert await call.status() == code
        assert call.response is not None
        assert isinstance(call.response.status.kind, StatusKind)


@pytest.mark.scenario("B27")
@pytest.mark.pitfall(1, 27)
@pytest.mark.parametrize("message_id", [0, 2, 999, 65_535])
async def test_an_answer_to_a_message_that_nobody_sent_is_dropped_and_logged(
    message_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    async with (
        talking(handler=recorder, window=2) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, CEchoRequest())
        request = await peer.expect_message(CEchoRequest)
        with caplog.at_level(logging.WARNING, "trio_dicom"):
            await peer.reply(CEchoRequest(message_id=message_id), 0x0110)
            await wait_all_tasks_blocked()
        assert f"to message {message_id}" in caplog.text
        assert call.response is None
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000
        await peer.reply(request, 0x0110)  # again, after the final one
        assert await echo(nursery, connection, peer) == 0x0000
    assert recorder.names.count("request_completed") == 2


async def echo(nursery: trio.Nursery, connection: ClientConnection, peer: ScriptedPeer) -> int:
    call = await Call.begin(nursery, connection, CEchoRequest())
    await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
    return await call.status()


@pytest.mark.pitfall(27)
async def test_the_answer_of_another_service_is_the_end() -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, store_request(uid="1.2.77"))
        request = await peer.expect_message(CStoreRequest)
        await peer.reply(CFindRequest(sop_class_uid=CT, message_id=request.message_id), 0x0000)
        assert isinstance(await call.failure(), RemoteProtocolError)
        assert await peer.expect(Abort) == Abort(AbortSource.USER)
        assert peer.received.endswith(bytes.fromhex("07 00 00000004 00 00 00 00"))
        await peer.aclose()


async def test_a_request_that_no_context_takes_costs_only_itself() -> None:
    contexts = [PresentationContext(uid) for uid in ("1.2.840.10008.1.1", CT)]
    async with (
        talking(contexts=contexts, accept={"refuse": (CT,)}) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        with pytest.raises(NoAcceptedContext, match="CT Image Storage") as refused:
            await connection.send_request(store_request())
        assert len(refused.value.proposed) == len(refused.value.accepted) == 1
        with pytest.raises(NoAcceptedContext, match="proposed none for it") as never_proposed:
            await connection.send_request(find_request())
        assert never_proposed.value.proposed == ()
        assert await is_silent(peer)
        assert await echo(nursery, connection, peer) == 0x0000


async def test_the_caller_can_name_the_context() -> None:
    twice = [PresentationContext(CT, [uid]) for uid in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")]
    async with talking(contexts=twice) as (connection, peer), trio.open_nursery() as nursery:
        association = connection.association
        assert association is not None
        implicit, explicit = association.contexts
        for context in (implicit, explicit):
            request = CStoreRequest(
                sop_class_uid=CT, sop_instance_uid="1.2", data_set=patient("A^B")
            )
            nursery.start_soon(partial(connection.send_request, request, context=context))
            message = await peer.expect_message(CStoreRequest)
            assert peer.last_context_id == context.context_id
            await peer.reply(message, 0x0000)
            await wait_all_tasks_blocked()


@pytest.mark.pitfall(4)
async def test_an_answer_while_the_message_is_still_on_its_way_is_heard_at_once() -> None:
    async with talking(capacity=1024) as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, store_request(8000))
        await peer.reply(store_request(message_id=1), 0xA700)
        assert await call.status() == 0xA700
        # The message is finished all the same, and the next one comes after it.
        echo = await Call.begin(nursery, connection, CEchoRequest())
        assert len(peer.received) < 1500
        await peer.expect_message(CStoreRequest)
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        assert await echo.status() == 0x0000


async def test_n_action_is_answered_like_everything_else() -> None:
    action = NActionRequest(
        sop_class_uid=COMMITMENT,
        sop_instance_uid="1.2.840.10008.1.20.1.1",
        action_type_id=1,
        data_set=patient(),
    )
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, action)
        await peer.reply(await peer.expect_message(NActionRequest), 0x0112)
        assert await call.status() == 0x0112


@pytest.mark.scenario("B57")
@pytest.mark.parametrize("fields", [{}, {"event_type_id": 1}])
async def test_an_answer_to_an_event_may_leave_everything_out(fields: dict[str, Any]) -> None:
    event = NEventReportRequest(
        sop_class_uid=COMMITMENT, sop_instance_uid="1.2", event_type_id=3, data_set=Dataset()
    )
    contexts = [PresentationContext(COMMITMENT, scu_role=True, scp_role=True)]
    async with talking(contexts=contexts) as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, event)
        request = await peer.expect_message(NEventReportRequest)
        assert request.data_set is None  # an empty one goes as none
        answer = NEventReportResponse(
            status=0x0000, message_id_being_responded_to=request.message_id, **fields
        )
        await peer.send_message(answer)
        assert await call.status() == 0x0000
        assert isinstance(call.response, NEventReportResponse)
        assert call.response.event_type_id == fields.get("event_type_id")
        assert call.response.sop_instance_uid is None
