"""The unified worklist with a scripted peer: creating, asking for and finding steps."""

from __future__ import annotations

import pytest
import trio
from pydicom import Dataset

from tests.operations.asking_ups import REASON, UPS, asked, data
from tests.operations.speaking import beside, speaking
from trio_dicom import (
    CCancelRequest,
    CFindRequest,
    LocalProtocolError,
    NCreateRequest,
    NGetRequest,
    NoAcceptedContext,
    PresentationContext,
    StatusError,
    UnifiedStep,
    UnifiedWorklist,
    UPSState,
)
from trio_dicom.sop_classes import UPS_EVENT, UPS_PULL, UPS_PUSH, UPS_QUERY, UPS_WATCH


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
    for keyword in ("IssuerOfPatientID", "PatientBirthDate", "PatientSex", "AdmissionID"):
        assert sent[keyword].is_empty
    for keyword in ("IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence"):
        assert sent[keyword].value == []
    assert sent.InputInformationSequence == []
    assert len(attributes) == 2
    assert step.sop_instance_uid == "1.2.3"
    assert step.state is UPSState.SCHEDULED
    assert (step.label, step.patient_id, step.priority) == ("Plan", "42", "MEDIUM")


async def test_a_step_has_no_patient_id_where_the_caller_gives_none() -> None:
    attributes = data(ProcedureStepLabel="Calibrate")
    (request,), step = await asked(lambda it: it.create(attributes), contexts=[UPS_PUSH])
    assert "PatientID" not in request.attribute_list  # of type 1C: there with a value or not at all
    assert step.patient_id == ""


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
