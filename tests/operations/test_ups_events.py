"""Events about unified procedure steps: what each says, and how it is answered."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
import trio
from pydicom import Dataset
from trio.testing import wait_all_tasks_blocked

from tests.operations.speaking import speaking
from trio_dicom import (
    CodedEntry,
    NEventReportRequest,
    NEventReportResponse,
    UPSAssigned,
    UPSCancelRequested,
    UPSEvent,
    UPSProgress,
    UPSProviderStatus,
    UPSState,
    UPSStateReport,
    ups_event,
    ups_events,
)
from trio_dicom.sop_classes import MPPS, UPS_EVENT
from trio_dicom.testing import ScriptedPeer

UPS = "1.2.840.10008.5.1.4.34.6.1"
REASON = CodedEntry("110500", "DCM", "Doctor canceled procedure")


def data(**values: Any) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


def report(
    event_type_id: int, message_id: int = 7, sop_class_uid: str = UPS, **values: Any
) -> NEventReportRequest:
    return NEventReportRequest(
        sop_class_uid=sop_class_uid,
        sop_instance_uid="1.2.3",
        event_type_id=event_type_id,
        message_id=message_id,
        data_set=data(**values) if values else None,
    )


EVENTS: list[tuple[NEventReportRequest, UPSEvent]] = [
    (
        report(
            1,
            ProcedureStepState="CANCELED",
            InputReadinessState="READY",
            ReasonForCancellation="ill",
            ProcedureStepDiscontinuationReasonCodeSequence=[REASON.data_set()],
        ),
        UPSStateReport(
            sop_instance_uid="1.2.3",
            state=UPSState.CANCELED,
            input_readiness="READY",
            reason="ill",
            discontinuation_reasons=(REASON,),
        ),
    ),
    (
        report(
            2,
            RequestingAE="WARD",
            ReasonForCancellation="ill",
            ProcedureStepDiscontinuationReasonCodeSequence=[REASON.data_set()],
            ContactURI="tel:1",
            ContactDisplayName="Desk",
        ),
        UPSCancelRequested(
            sop_instance_uid="1.2.3",
            requesting_ae="WARD",
            reason="ill",
            discontinuation_reasons=(REASON,),
            contact_name="Desk",
            contact_uri="tel:1",
        ),
    ),
    (
        report(
            3,
            ProcedureStepProgressInformationSequence=[
                data(ProcedureStepProgress="50", ProcedureStepProgressDescription="half")
            ],
        ),
        UPSProgress(sop_instance_uid="1.2.3", progress="50", description="half"),
    ),
    (
        report(
            4,
            SCPStatus="RESTARTED",
            SubscriptionListStatus="COLD START",
            UnifiedProcedureStepListStatus="WARM START",
        ),
        UPSProviderStatus(
            sop_instance_uid="1.2.3",
            status="RESTARTED",
            subscription_list="COLD START",
            step_list="WARM START",
        ),
    ),
    (
        report(
            5,
            ScheduledStationNameCodeSequence=[REASON.data_set()],
            HumanPerformerCodeSequence=[REASON.data_set()],
            HumanPerformerOrganization="Ward 3",
        ),
        UPSAssigned(
            sop_instance_uid="1.2.3",
            stations=(REASON,),
            performers=(REASON,),
            organization="Ward 3",
        ),
    ),
    (report(1), UPSStateReport(sop_instance_uid="1.2.3", state=None)),
    (report(3), UPSProgress(sop_instance_uid="1.2.3")),
]


@pytest.mark.parametrize(
    ("request_", "event"), EVENTS, ids=lambda it: type(it).__name__ if it is not None else ""
)
def test_an_event_says_what_its_data_set_does(
    request_: NEventReportRequest, event: UPSEvent
) -> None:
    assert ups_event(request_) == event


def test_what_is_no_such_event_is_none() -> None:
    assert ups_event(report(6)) is None
    assert ups_event(report(1, sop_class_uid=str(MPPS.abstract_syntax))) is None


async def answer_of(peer: ScriptedPeer, event: NEventReportRequest) -> int:
    await peer.send_message(event, context_id=1)
    return (await peer.expect_message(NEventReportResponse)).status.code


async def test_events_come_in_their_order_and_are_answered() -> None:
    async with speaking([UPS_EVENT, MPPS]) as (association, peer):
        with ups_events(association) as events:
            assert await answer_of(peer, report(1, ProcedureStepState="SCHEDULED")) == 0
            assert await answer_of(peer, report(3, 8)) == 0
            assert await answer_of(peer, report(9, 9)) == 0x0113
            assert await answer_of(peer, report(1, 10, "1.2.840.10008.3.1.2.3.5")) == 0x0122
            first = await events.receive()
            assert isinstance(first, UPSStateReport)
            assert first.state is UPSState.SCHEDULED
            assert isinstance(await events.receive(), UPSProgress)
            with pytest.raises(trio.WouldBlock):
                events.receive_nowait()
        assert await answer_of(peer, report(3, 11)) == 0x0122  # nobody waits any more


async def test_one_channel_may_have_several_sources() -> None:
    async with (
        speaking([UPS_EVENT]) as (here, peer),
        speaking([UPS_EVENT]) as (there, other),
    ):
        with ups_events(here, there) as events:
            assert await answer_of(peer, report(3)) == 0
            assert await answer_of(other, report(3)) == 0
            assert len([await events.receive(), await events.receive()]) == 2


async def test_several_blocks_on_one_source_get_all_events_each() -> None:
    async with speaking([UPS_EVENT]) as (association, peer):
        with ups_events(association, association) as first:
            with ups_events(association) as second:
                assert await answer_of(peer, report(3)) == 0
                for events in (first, second):
                    assert isinstance(await events.receive(), UPSProgress)
                    with pytest.raises(trio.WouldBlock):
                        events.receive_nowait()
            assert await answer_of(peer, report(1, 8)) == 0
            assert isinstance(await first.receive(), UPSStateReport)
        assert await answer_of(peer, report(3, 9)) == 0x0122  # nobody waits any more


async def test_a_block_that_is_left_takes_nothing_from_the_others() -> None:
    async with speaking([UPS_EVENT]) as (association, peer):
        with ExitStack() as earlier, ups_events(association) as later:
            earlier.enter_context(ups_events(association))
            for number in range(256):
                assert await answer_of(peer, report(3, number)) == 0
                await later.receive()
            await peer.send_message(report(3, 999), context_id=1)
            await wait_all_tasks_blocked()
            earlier.close()  # it was full
            answer = await peer.expect_message(NEventReportResponse)
            assert answer.status.is_success
            await later.receive()


async def test_a_full_channel_holds_up_the_answer_until_somebody_receives() -> None:
    async with speaking([UPS_EVENT]) as (association, peer):
        with ups_events(association) as events:
            for number in range(256):
                assert await answer_of(peer, report(3, number)) == 0
            await peer.send_message(report(3, 999), context_id=1)
            await wait_all_tasks_blocked()
            assert len(peer.pdus) == 1 + 256  # the association request, and the answers
            await events.receive()
            answer = await peer.expect_message(NEventReportResponse)
            assert answer.message_id_being_responded_to == 999
            assert answer.status.is_success


async def test_leaving_the_block_passes_on_what_waited_for_room() -> None:
    async with speaking([UPS_EVENT]) as (association, peer):
        with ups_events(association):
            for number in range(256):
                assert await answer_of(peer, report(3, number)) == 0
            await peer.send_message(report(3, 999), context_id=1)
            await wait_all_tasks_blocked()
        answer = await peer.expect_message(NEventReportResponse)
        assert answer.status.code == 0x0122
