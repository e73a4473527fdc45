"""What we refuse of the peer, and handlers with bugs."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio
from pydicom.uid import ImplicitVRLittleEndian

from tests.io.recording import Recorder
from tests.io.talking import (
    COMMITMENT,
    COMMITMENT_ID,
    CT_ID,
    Call,
    answer_to,
    patient,
    store_request,
    talking,
)
from trio_dicom import (
    CEchoRequest,
    CEchoResponse,
    CStoreRequest,
    CStoreResponse,
    EncodedDataSet,
    NActionRequest,
    NDeleteRequest,
    NEventReportRequest,
    NGetRequest,
)

EVENT = NEventReportRequest(
    sop_class_uid=COMMITMENT,
    sop_instance_uid="1.2.840.10008.1.20.1.1",
    event_type_id=1,
    message_id=77,
    data_set=patient("committed"),
)


@pytest.mark.scenario("B45")
async def test_without_a_handler_instances_and_events_are_refused() -> None:
    async with talking() as (_, peer):
        for request, context_id in (
            (store_request(message_id=1), CT_ID),
            (EVENT, COMMITMENT_ID),
        ):
            assert (await answer_to(peer, request, context_id)).status.code == 0x0122


@pytest.mark.scenario("B45")
async def test_an_echo_succeeds_and_what_the_class_does_not_have_is_refused() -> None:
    async with talking(handler=Recorder()) as (_, peer):
        echo = await answer_to(peer, CEchoRequest(message_id=9), 1)
        assert isinstance(echo, CEchoResponse)
        assert echo.status.code == 0x0000
        fields: dict[str, Any] = {"sop_class_uid": COMMITMENT, "sop_instance_uid": "1.2"}
        for request in (
            NGetRequest(message_id=1, **fields),
            NDeleteRequest(message_id=2, **fields),
            NActionRequest(message_id=3, action_type_id=1, **fields),
        ):
            assert (await answer_to(peer, request, COMMITMENT_ID)).status.code == 0x0211


class Buggy(Recorder):
    """Fails in every way that one can think of, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        unsendable = EncodedDataSet(b"\x10\x00\x10\x00\x02\x00\x00\x00A", ImplicitVRLittleEndian)
        self.answers: list[Any] = [
            RuntimeError("PATIENT"),
            ExceptionGroup("", [ValueError()]),
            None,
            CEchoResponse(status=0x0000),
            CStoreResponse(status=0x0000, error_id=None, data_set=unsendable),
        ]

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]  # which is the point


@pytest.mark.scenario("B45")
async def test_a_bug_in_a_handler_is_logged_and_costs_one_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handler = Buggy()
    async with talking(handler=handler) as (connection, peer), trio.open_nursery() as nursery:
        for number in range(1, 6):
            caplog.clear()
            answer = await answer_to(peer, store_request(message_id=number), CT_ID)
            assert answer.status.code == 0x0110
            [record] = caplog.records
            assert (record.levelno, record.exc_info is not None) == (logging.ERROR, True)
        echo = await Call.begin(nursery, connection, CEchoRequest())
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        assert await echo.status() == 0x0000
    assert handler.answers == []
