"""The unified worklist with a scripted peer: what is asked, and what is made of the answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from pydicom import Dataset

from tests.operations.speaking import beside, speaking
from trio_dicom import (
    CCancelRequest,
    CFindRequest,
    ClaimedStep,
    CodedEntry,
    InstanceReference,
    LocalProtocolError,
    NActionRequest,
    NCreateRequest,
    NGetRequest,
    NoAcceptedContext,
    NSetRequest,
    OutputSeries,
    PerformedWork,
    PresentationContext,
    Request,
    StatusError,
    UnifiedStep,
    UnifiedWorklist,
    UPSState,
)
from trio_dicom.sop_classes import UPS_EVENT, UPS_PULL, UPS_PUSH, UPS_QUERY, UPS_WATCH

UPS = "1.2.840.10008.5.1.4.34.6.1"
EVERYTHING = "1.2.840.10008.5.1.4.34.5"
MATCHING = "1.2.840.10008.5.1.4.34.5.1"
STEP = ClaimedStep(sop_instance_uid="1.2.3", transaction_uid="1.2.9")
REASON = CodedEntry("110500", "DCM", "Doctor canceled procedure")
NOON = datetime(2026, 1, 2, 12, 30, 59, tzinfo=UTC)


def data(**values: Any) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


async def asked(
    call: Callable[[UnifiedWorklist], Awaitable[Any]],
    *,
    contexts: list[PresentationContext] | None = None,
    status: int = 0x0000,
    count: int = 1,
    **fields: Any,
) -> tuple[list[Any], Any]:
    """The requests that ``call`` sends, and what it returns if the answer is ``status``."""
    came: list[Request] = []
    async with speaking(contexts or [UPS_PULL]) as (association, peer):

        async def script() -> None:
            for _ in range(count):
                request = await peer.receive_message()
                assert isinstance(request, Request)
                came.append(request)
                await peer.reply(request, status, **fields)

        result = await beside(script, call(UnifiedWorklist(association)))
    return came, result


async def test_a_step_is_created_with_what_the_standard_wants_to_be_there() -> None:
    attributes = data(ProcedureStepLabel="Plan", PatientID="42")
    (request,), step = await asked(
        lambda it: it.create(attributes, sop_instance_uid="1.2.3"), contexts=[UPS_PUSH]
    )
    assert isinstance(request, NCreateRequest)
    assert (request.sop_class_uid, request.sop_instance_uid) == (UPS, "1.2.3")
    sent = request.attribute_list
    assert sent is not None
    assert sent.ProcedureStepState == "SCHEDULED"
    assert sent.ScheduledProcedureStepPriority == "MEDIUM"
    assert sent.InputReadinessState == "READY"
    assert len(sent.ScheduledProcedureStepStartDateTime) == len("20260102123059+0000")
    for keyword in ("TransactionUID", "WorklistLabel", "PatientName"):
        assert sent[keyword].is_empty
    assert sent.InputInformationSequence == []
    assert len(attributes) == 2
    assert step.sop_instance_uid == "1.2.3"
    assert step.state is UPSState.SCHEDULED
    assert (step.label, step.patient_id, step.priority) == ("Plan", "42", "MEDIUM")


async def test_the_peer_names_the_step_and_changes_it() -> None:
    _, step = await asked(
        lambda it: it.create(data(ProcedureStepLabel="Plan")),
        contexts=[UPS_PUSH],
        status=0xB300,
        sop_instance_uid="1.9",
        data_set=data(WorklistLabel="Planning"),
    )
    assert step.sop_instance_uid == "1.9"
    assert step.worklist_label == "Planning"
    assert str(step.status) == "B300H (warning: the UPS was created with modifications)"


async def test_a_step_that_must_be_refused_is_not_created() -> None:
    async with speaking([UPS_PUSH]) as (association, _peer):
        worklist = UnifiedWorklist(association)
        with pytest.raises(LocalProtocolError, match="ProcedureStepLabel"):
            await worklist.create(Dataset())
        with pytest.raises(LocalProtocolError, match="is SCHEDULED, not COMPLETED"):
            await worklist.create(data(ProcedureStepLabel="x", ProcedureStepState="COMPLETED"))


async def test_a_step_is_asked_for() -> None:
    progress = data(ProcedureStepProgress="50", ProcedureStepProgressDescription="half")
    answer = data(
        ProcedureStepState="IN PROGRESS",
        PatientName="Secret^Name",
        ScheduledWorkitemCodeSequence=[REASON.data_set()],
        ProcedureStepProgressInformationSequence=[progress],
    )
    (request,), step = await asked(
        lambda it: it.get("1.2.3", ["ProcedureStepState"]), data_set=answer
    )
    assert isinstance(request, NGetRequest)
    assert request.sop_class_uid == UPS
    assert request.attribute_identifiers == (0x00741000,)
    assert step == UnifiedStep(
        sop_instance_uid="1.2.3",
        state=UPSState.IN_PROGRESS,
        workitem=REASON,
        progress="50",
        progress_description="half",
        patient_name="Secret^Name",
    )
    assert step.attributes == answer
    assert "Secret" not in repr(step)


async def test_a_state_that_there_is_not_is_none() -> None:
    _, step = await asked(lambda it: it.get("1.2.3"), data_set=data(ProcedureStepState="PAUSED"))
    assert step.state is None
    assert step.attributes.ProcedureStepState == "PAUSED"


@pytest.mark.parametrize("model", [UPS_PULL, UPS_WATCH, UPS_QUERY])
async def test_a_search_names_the_class_of_its_context(model: PresentationContext) -> None:
    query = data(PatientID="42")
    labels: list[str] = []

    async with speaking([UPS_PUSH, model]) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(CFindRequest)
            assert request.sop_class_uid == model.abstract_syntax
            assert peer.last_context_id == 3
            keys = request.identifier
            assert keys is not None
            assert keys.PatientID == "42"
            assert keys.ProcedureStepState == "SCHEDULED"
            assert keys["ProcedureStepLabel"].is_empty
            for number in (1, 2):
                match = data(SOPInstanceUID=f"1.2.{number}", ProcedureStepLabel=f"Step {number}")
                await peer.reply(request, 0xFF00, data_set=match)
            await peer.reply(request, 0x0000)

        async def call() -> None:
            worklist = UnifiedWorklist(association)
            async with worklist.search(query, state=UPSState.SCHEDULED) as steps:
                assert steps.status is None
                labels.extend([f"{it.sop_instance_uid} {it.label}" async for it in steps])
                assert steps.status is not None
                assert steps.status.is_success

        await beside(script, call())
    assert labels == ["1.2.1 Step 1", "1.2.2 Step 2"]
    assert len(query) == 1


@pytest.mark.scenario("B48", "B59")
async def test_a_search_may_be_left_early_and_its_failure_is_seen() -> None:
    async with speaking([UPS_PULL]) as (association, peer):
        worklist = UnifiedWorklist(association)

        async def script() -> None:
            request = await peer.expect_message(CFindRequest)
            await peer.reply(request, 0xFF00, data_set=data(ProcedureStepLabel="One"))
            await peer.expect_message(CCancelRequest)
            await peer.reply(request, 0xFE00)
            await peer.reply(await peer.expect_message(CFindRequest), 0xA700)

        async def call() -> None:
            async with worklist.search() as steps:
                assert (await steps.receive()).label == "One"
            async with worklist.search() as steps:
                async for _ in steps:
                    raise AssertionError
            raise AssertionError

        with pytest.raises(StatusError, match="A700H"):
            await beside(script, call())


async def test_a_search_that_is_closed_gives_no_more() -> None:
    async with speaking([UPS_PULL]) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(CFindRequest)
            await peer.reply(request, 0xFF00)  # a match without a data set, even
            await peer.expect_message(CCancelRequest)
            await peer.reply(request, 0xFE00)

        async def call() -> None:
            async with UnifiedWorklist(association).search() as steps:
                assert (await steps.receive()).sop_instance_uid == ""
                with steps:
                    pass
                await steps.aclose()
                with pytest.raises(trio.ClosedResourceError):
                    await steps.receive()

        await beside(script, call())


async def test_there_must_be_something_to_search_in() -> None:
    async with speaking([UPS_PUSH, UPS_EVENT]) as (association, _peer):
        with pytest.raises(NoAcceptedContext, match="UPS Pull, Watch or Query"):
            async with UnifiedWorklist(association).search():
                raise AssertionError


async def test_a_step_is_claimed_with_a_lock() -> None:
    (request,), step = await asked(lambda it: it.claim("1.2.3", transaction_uid="1.2.9"))
    assert isinstance(request, NActionRequest)
    assert (request.sop_class_uid, request.sop_instance_uid) == (UPS, "1.2.3")
    assert request.action_type_id == 1
    expected = data(ProcedureStepState="IN PROGRESS", TransactionUID="1.2.9")
    assert request.action_information == expected
    assert step == STEP
    assert "1.2.9" not in repr(step)


async def test_a_lock_is_made_where_none_is_given() -> None:
    (request,), step = await asked(lambda it: it.claim("1.2.3"))
    assert step.transaction_uid.startswith("2.25.")
    assert request.action_information.TransactionUID == step.transaction_uid


async def test_a_claim_that_comes_too_late_is_an_error() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await asked(lambda it: it.claim("1.2.3"), status=0xC302)
    (error,) = caught.value.exceptions
    assert isinstance(error, StatusError)
    assert "already in progress" in str(error)


async def test_an_update_of_our_step_has_the_lock_and_one_of_a_scheduled_step_none() -> None:
    change = data(ProcedureStepLabel="Plan B")
    (ours, scheduled), _ = await asked(lambda it: both(it, change), count=2)
    assert isinstance(ours, NSetRequest)
    assert (ours.sop_class_uid, ours.sop_instance_uid) == (UPS, "1.2.3")
    assert ours.modification_list == data(TransactionUID="1.2.9", ProcedureStepLabel="Plan B")
    assert scheduled.sop_instance_uid == "1.2.4"
    assert scheduled.modification_list == change


async def both(worklist: UnifiedWorklist, change: Dataset) -> None:
    assert (await worklist.update(STEP, change)).is_success
    await worklist.update("1.2.4", change)


async def test_progress_is_reported() -> None:
    (request,), status = await asked(
        lambda it: it.report_progress(STEP, 37.5, "field 3 of 8"), status=0xB305
    )
    (item,) = request.modification_list.ProcedureStepProgressInformationSequence
    assert item.ProcedureStepProgress == 37.5
    assert item.ProcedureStepProgressDescription == "field 3 of 8"
    assert status.is_warning


async def test_a_step_is_completed_after_its_work_was_told() -> None:
    output = OutputSeries(
        study_instance_uid="1.5",
        series_instance_uid="1.5.1",
        instances=[InstanceReference("1.2.840.10008.5.1.4.1.1.2", "1.5.1.1")],
        retrieve_ae="ARCHIVE",
    )
    work = PerformedWork(
        started=NOON, ended=NOON, workitem=REASON, stations=[REASON], outputs=[output]
    )
    (told, completed), step = await asked(lambda it: it.complete(STEP, work), count=2)
    assert told.modification_list.TransactionUID == "1.2.9"
    (performed,) = told.modification_list.UnifiedProcedureStepPerformedProcedureSequence
    assert performed.PerformedProcedureStepStartDateTime == "20260102123059+0000"
    assert performed.PerformedWorkitemCodeSequence == [REASON.data_set()]
    assert performed.PerformedStationNameCodeSequence == [REASON.data_set()]
    (made,) = performed.OutputInformationSequence
    assert made.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.5.1.1"
    assert made.DICOMRetrievalSequence[0].RetrieveAETitle == "ARCHIVE"
    assert completed.action_type_id == 1
    expected = data(ProcedureStepState="COMPLETED", TransactionUID="1.2.9")
    assert completed.action_information == expected
    assert step.state is UPSState.COMPLETED


async def test_a_step_is_cancelled_after_its_reason_was_told() -> None:
    (told, cancelled), step = await asked(lambda it: it.cancel(STEP, REASON, "ill"), count=2)
    (item,) = told.modification_list.ProcedureStepProgressInformationSequence
    assert item.ReasonForCancellation == "ill"
    assert item.ProcedureStepDiscontinuationReasonCodeSequence == [REASON.data_set()]
    assert item.ProcedureStepCancellationDateTime
    expected = data(ProcedureStepState="CANCELED", TransactionUID="1.2.9")
    assert cancelled.action_information == expected
    assert step.state is UPSState.CANCELED


async def test_without_a_reason_only_the_state_changes() -> None:
    (cancelled,), step = await asked(lambda it: it.cancel(STEP), status=0xB304)
    assert isinstance(cancelled, NActionRequest)
    assert step.status.code == 0xB304


async def test_what_cannot_be_is_not_sent() -> None:
    done = ClaimedStep(sop_instance_uid="1.2.3", transaction_uid="1.2.9", state=UPSState.COMPLETED)
    async with speaking([UPS_PULL]) as (association, _peer):
        worklist = UnifiedWorklist(association)
        for call in (
            worklist.update(done, Dataset()),
            worklist.report_progress(done, 1),
            worklist.complete(done),
            worklist.cancel(done, REASON),
        ):
            with pytest.raises(LocalProtocolError, match="COMPLETED and cannot be changed"):
                await call
        for change in (data(ProcedureStepState="CANCELED"), data(TransactionUID="1.2")):
            with pytest.raises(LocalProtocolError, match="claim, complete and cancel"):
                await worklist.update(STEP, change)
        with pytest.raises(LocalProtocolError, match="one step or to those that match"):
            await worklist.subscribe("1.2.3", matching=Dataset())


async def test_somebody_elses_step_can_only_be_asked_to_be_cancelled() -> None:
    (request,), status = await asked(
        lambda it: it.request_cancel(
            "1.2.3", REASON, "ill", contact_name="Desk", contact_uri="tel:1"
        ),
        contexts=[UPS_WATCH],
    )
    assert request.action_type_id == 2
    assert request.action_information == data(
        ReasonForCancellation="ill",
        ProcedureStepDiscontinuationReasonCodeSequence=[REASON.data_set()],
        ContactURI="tel:1",
        ContactDisplayName="Desk",
    )
    assert status.is_success


OURS = {"ReceivingAE": "TRIO_DICOM"}


@pytest.mark.parametrize(
    ("call", "uid", "action", "information"),
    [
        (lambda it: it.subscribe("1.2.3"), "1.2.3", 3, {"DeletionLock": "FALSE", **OURS}),
        (
            lambda it: it.subscribe(receiving_ae="OTHER", deletion_lock=True),
            EVERYTHING,
            3,
            {"DeletionLock": "TRUE", "ReceivingAE": "OTHER"},
        ),
        (
            lambda it: it.subscribe(matching=data(WorklistLabel="Planning")),
            MATCHING,
            3,
            {"DeletionLock": "FALSE", "WorklistLabel": "Planning", **OURS},
        ),
        (lambda it: it.unsubscribe("1.2.3"), "1.2.3", 4, OURS),
        (lambda it: it.unsubscribe(), EVERYTHING, 4, OURS),
        (lambda it: it.unsubscribe(matching=True), MATCHING, 4, OURS),
        (lambda it: it.suspend(), EVERYTHING, 5, OURS),
        (lambda it: it.suspend(matching=True), MATCHING, 5, OURS),
    ],
)
async def test_subscriptions_are_to_one_step_to_all_or_to_those_that_match(
    call: Callable[[UnifiedWorklist], Awaitable[Any]],
    uid: str,
    action: int,
    information: dict[str, str],
) -> None:
    (request,), status = await asked(call, contexts=[UPS_WATCH])
    assert (request.sop_class_uid, request.sop_instance_uid) == (UPS, uid)
    assert request.action_type_id == action
    assert request.action_information == data(**information)
    assert status.is_success
