"""Modality performed procedure steps with a scripted peer: what is told, and what is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from pydicom import Dataset

from tests.operations.speaking import beside, speaking
from trio_dicom import (
    Association,
    CodedEntry,
    InstanceReference,
    LocalProtocolError,
    NCreateRequest,
    NSetRequest,
    PerformedSeries,
    PerformedStep,
    PerformedStepState,
    Request,
    StatusError,
    complete_performed_step,
    create_performed_step,
    discontinue_performed_step,
    update_performed_step,
)
from trio_dicom.sop_classes import MPPS

CT = "1.2.840.10008.5.1.4.1.1.2"
MPPS_CLASS = "1.2.840.10008.3.1.2.3.3"
NOON = datetime(2026, 1, 2, 12, 30, 59)  # noqa: DTZ001 - as DA and TM are
STEP = PerformedStep(sop_instance_uid="1.2.3")
SERIES = PerformedSeries(
    series_instance_uid="1.2.3.4",
    protocol_name="Head",
    images=[InstanceReference(CT, "1.2.3.4.1")],
)
DOCTOR_CANCELED = CodedEntry("110500", "DCM", "Doctor canceled procedure")


def worklist_item() -> Dataset:
    protocol = CodedEntry("HEAD", "99LOCAL", "Head routine").data_set()
    step = Dataset()
    step.Modality = "CT"
    step.ScheduledStationAETitle = "BENCH"
    step.ScheduledProcedureStepID = "SPS1"
    step.ScheduledProcedureStepDescription = "Head"
    step.ScheduledProtocolCodeSequence = [protocol]
    item = Dataset()
    item.SpecificCharacterSet = "ISO_IR 100"
    item.PatientName = "Müller^Hans"
    item.PatientID = "42"
    item.PatientBirthDate = "19700101"
    item.StudyInstanceUID = "1.2.3.9"
    item.AccessionNumber = "A1"
    item.RequestedProcedureID = "RP1"
    item.RequestedProcedureDescription = "Head CT"
    item.RequestedProcedureCodeSequence = [CodedEntry("CTH", "99LOCAL", "CT head").data_set()]
    item.ScheduledProcedureStepSequence = [step]
    return item


def attributes() -> Dataset:
    scheduled = Dataset()
    scheduled.StudyInstanceUID = "1.2.3.9"
    data_set = Dataset()
    data_set.ScheduledStepAttributesSequence = [scheduled]
    data_set.PerformedProcedureStepID = "PPS1"
    data_set.Modality = "CT"
    return data_set


async def told(
    call: Callable[[Association], Awaitable[PerformedStep]], status: int = 0x0000, **fields: Any
) -> tuple[Any, PerformedStep]:
    """The request that ``call`` sends, and what it returns when the answer is ``status``."""
    came: list[Request] = []

    async with speaking([MPPS]) as (association, peer):

        async def script() -> None:
            request = await peer.receive_message()
            assert isinstance(request, Request)
            came.append(request)
            await peer.reply(request, status, **fields)

        step = await beside(script, call(association))
    return came[0], step


async def test_a_step_begins_with_what_the_standard_wants_to_be_there() -> None:
    request, step = await told(
        lambda it: create_performed_step(it, attributes(), sop_instance_uid="1.2.3", started=NOON)
    )
    assert isinstance(request, NCreateRequest)
    assert request.sop_class_uid == MPPS_CLASS
    assert request.sop_instance_uid == "1.2.3"
    sent = request.attribute_list
    assert sent is not None
    assert sent.PerformedProcedureStepStatus == "IN PROGRESS"
    assert sent.PerformedStationAETitle == "TRIO_DICOM"
    assert sent.PerformedProcedureStepStartDate == "20260102"
    assert sent.PerformedProcedureStepStartTime == "123059"
    assert sent.PatientName == ""
    assert sent.PerformedSeriesSequence == []
    assert sent.PerformedProcedureStepDiscontinuationReasonCodeSequence == []
    (scheduled,) = sent.ScheduledStepAttributesSequence
    assert scheduled.StudyInstanceUID == "1.2.3.9"
    assert scheduled.AccessionNumber == ""
    assert scheduled.ScheduledProtocolCodeSequence == []
    assert step == STEP


async def test_a_worklist_item_says_most_of_it() -> None:
    item, more = worklist_item(), Dataset()
    more.PerformedProcedureStepID = "PPS1"
    more.Modality = "MR"  # the caller has the last word
    request, _ = await told(lambda it: create_performed_step(it, more, scheduled=item))
    assert item == worklist_item()
    assert len(more) == 2
    sent = request.attribute_list
    assert sent is not None
    assert sent.SpecificCharacterSet == "ISO_IR 100"
    assert sent.PatientName == "Müller^Hans"
    assert sent.Modality == "MR"
    assert [it.CodeValue for it in sent.ProcedureCodeSequence] == ["CTH"]
    (scheduled,) = sent.ScheduledStepAttributesSequence
    assert scheduled.StudyInstanceUID == "1.2.3.9"
    assert scheduled.AccessionNumber == "A1"
    assert scheduled.RequestedProcedureID == "RP1"
    assert scheduled.ScheduledProcedureStepID == "SPS1"
    assert [it.CodeMeaning for it in scheduled.ScheduledProtocolCodeSequence] == ["Head routine"]


async def test_the_peer_may_name_the_step_and_warn() -> None:
    request, step = await told(
        lambda it: create_performed_step(it, attributes()), 0x0116, sop_instance_uid="1.9"
    )
    assert request.sop_instance_uid.startswith("2.25.")
    assert step.sop_instance_uid == "1.9"
    assert step.status.is_warning


@pytest.mark.parametrize(
    ("keyword", "value", "message"),
    [
        ("PerformedProcedureStepID", "", "PerformedProcedureStepID"),
        ("Modality", None, "Modality"),
        ("PerformedProcedureStepStatus", "COMPLETED", "IN PROGRESS"),
        ("ScheduledStepAttributesSequence", [], "Study Instance UID"),
        ("ScheduledStepAttributesSequence", [Dataset()], "Study Instance UID"),
    ],
)
async def test_a_step_that_must_be_refused_is_not_begun(
    keyword: str, value: object, message: str
) -> None:
    data_set = attributes()
    setattr(data_set, keyword, value)
    async with speaking([MPPS]) as (association, _peer):
        with pytest.raises(LocalProtocolError, match=message):
            await create_performed_step(association, data_set)


async def test_an_update_tells_what_has_changed_and_nothing_else() -> None:
    change = Dataset()
    change.PerformedProcedureStepDescription = "Head, again"
    request, step = await told(lambda it: update_performed_step(it, STEP, change, series=[SERIES]))
    assert isinstance(request, NSetRequest)
    assert request.sop_class_uid == MPPS_CLASS
    assert request.sop_instance_uid == "1.2.3"
    sent = request.modification_list
    assert sent is not None
    assert "PerformedProcedureStepStatus" not in sent
    assert sent.PerformedProcedureStepDescription == "Head, again"
    assert sent.PerformedSeriesSequence == [SERIES.data_set()]
    assert len(change) == 1
    assert step.state is PerformedStepState.IN_PROGRESS
    assert step.has_series


async def test_a_step_is_completed_with_its_series() -> None:
    request, step = await told(lambda it: complete_performed_step(it, STEP, [SERIES], ended=NOON))
    sent = request.modification_list
    assert sent is not None
    assert sent.PerformedProcedureStepStatus == "COMPLETED"
    assert sent.PerformedProcedureStepEndDate == "20260102"
    assert sent.PerformedProcedureStepEndTime == "123059"
    (series,) = sent.PerformedSeriesSequence
    assert series.SeriesInstanceUID == "1.2.3.4"
    assert series.ProtocolName == "Head"
    assert series.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.4.1"
    for keyword in ("PerformingPhysicianName", "OperatorsName", "RetrieveAETitle"):
        assert series[keyword].is_empty
    assert series.ReferencedNonImageCompositeSOPInstanceSequence == []
    assert step.state is PerformedStepState.COMPLETED


async def test_the_series_may_have_been_told_before() -> None:
    known = PerformedStep(sop_instance_uid="1.2.3", has_series=True)
    request, step = await told(lambda it: complete_performed_step(it, known))
    sent = request.modification_list
    assert sent is not None
    assert "PerformedSeriesSequence" not in sent
    assert step.state is PerformedStepState.COMPLETED


async def test_a_step_is_discontinued_with_a_reason() -> None:
    nothing = PerformedSeries(series_instance_uid="1.2.3.4", protocol_name="Head")
    request, step = await told(
        lambda it: discontinue_performed_step(it, STEP, DOCTOR_CANCELED, series=[nothing])
    )
    sent = request.modification_list
    assert sent is not None
    assert sent.PerformedProcedureStepStatus == "DISCONTINUED"
    assert sent.PerformedProcedureStepEndDate
    (reason,) = sent.PerformedProcedureStepDiscontinuationReasonCodeSequence
    assert CodedEntry.in_item(reason) == DOCTOR_CANCELED
    (series,) = sent.PerformedSeriesSequence
    assert series.ReferencedImageSequence == []
    assert step.state is PerformedStepState.DISCONTINUED


async def test_what_cannot_be_is_not_sent() -> None:
    done = PerformedStep(sop_instance_uid="1.2.3", state=PerformedStepState.COMPLETED)
    status = Dataset()
    status.PerformedProcedureStepStatus = "COMPLETED"
    async with speaking([MPPS]) as (association, _peer):
        with pytest.raises(LocalProtocolError, match="at least one series"):
            await complete_performed_step(association, STEP)
        with pytest.raises(LocalProtocolError, match="at least one series"):
            await discontinue_performed_step(association, STEP, DOCTOR_CANCELED)
        with pytest.raises(LocalProtocolError, match="complete_performed_step"):
            await update_performed_step(association, STEP, status)
        for call in (
            update_performed_step(association, done, Dataset()),
            complete_performed_step(association, done, [SERIES]),
            discontinue_performed_step(association, done),
        ):
            with pytest.raises(LocalProtocolError, match="COMPLETED and cannot be changed"):
                await call


async def test_a_refusal_is_an_error_with_the_peers_words() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await told(
            lambda it: complete_performed_step(it, STEP, [SERIES]),
            0x0110,
            error_comment="may no longer be updated",
        )
    (error,) = caught.value.exceptions
    assert isinstance(error, StatusError)
    assert error.comment == "may no longer be updated"


def test_who_performed_is_not_in_the_representation() -> None:
    series = PerformedSeries(
        series_instance_uid="1.2", protocol_name="Head", performing_physician="Secret"
    )
    assert "Secret" not in repr(series)
