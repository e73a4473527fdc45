"""Performing unified procedure steps: claims, locks, progress and ends."""

from __future__ import annotations

import pytest
import trio
from pydicom import Dataset

from tests.operations.asking_ups import NOON, REASON, STEP, UPS, asked, data
from tests.operations.speaking import beside, speaking
from trio_dicom import (
    ClaimedStep,
    InstanceReference,
    LocalProtocolError,
    NActionRequest,
    NSetRequest,
    OutputSeries,
    PerformedWork,
    StatusError,
    UnifiedWorklist,
    UPSState,
)
from trio_dicom.sop_classes import UPS_PULL


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


async def test_a_claim_whose_answer_was_not_waited_for_goes_on_with_the_lock_that_was_kept(
    autojump_clock: object,
) -> None:
    async with speaking([UPS_PULL]) as (association, peer):
        worklist = UnifiedWorklist(association)

        async def script() -> None:
            claimed = await peer.expect_message(NActionRequest)
            await trio.sleep(2)
            await peer.reply(claimed, 0x0000)
            completed = await peer.expect_message(NActionRequest)
            assert completed.action_information == data(
                ProcedureStepState="COMPLETED", TransactionUID="1.2.9"
            )
            await peer.reply(completed, 0x0000)

        async def call() -> None:
            with trio.move_on_after(1):
                await worklist.claim("1.2.3", transaction_uid="1.2.9")
                raise AssertionError("the answer comes later")
            step = ClaimedStep(sop_instance_uid="1.2.3", transaction_uid="1.2.9")
            assert (await worklist.complete(step)).state is UPSState.COMPLETED

        await beside(script, call())


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
