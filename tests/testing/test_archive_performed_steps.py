"""The archive's modality performed procedure steps, told by our client in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.interop.worklists import worklist_items
from tests.testing.departments import associated, data, performed
from trio_dicom import (
    CodedEntry,
    EncodedDataSet,
    NCreateRequest,
    PerformedSeries,
    PerformedStep,
    StatusError,
    complete_performed_step,
    create_performed_step,
    discontinue_performed_step,
    update_performed_step,
)
from trio_dicom.sop_classes import MPPS, MPPS_RETRIEVE
from trio_dicom.testing import MemoryArchive

CLASS, RETRIEVE = MPPS.abstract_syntax, MPPS_RETRIEVE.abstract_syntax
SERIES = PerformedSeries(series_instance_uid="1.2.3.4", protocol_name="Kopf, groß")
UNFINISHED = PerformedSeries(series_instance_uid="1.2.3.5", protocol_name="Head")
REASON = CodedEntry("110501", "DCM", "Equipment failure")


async def test_a_step_goes_its_way_and_then_is_final() -> None:
    archive = MemoryArchive()
    async with associated(archive, MPPS) as association:
        step = await create_performed_step(association, performed())
        change = data(PerformedProcedureStepDescription="groß")
        step = await update_performed_step(association, step, change)
        await complete_performed_step(association, step, [SERIES])
        again = data(PerformedProcedureStepDescription="small")
        response = await association.n_set(CLASS, step.sop_instance_uid, again)
    assert response.status.code == 0x0110
    assert response.error_id == 0xA710
    assert response.error_comment == "Performed Procedure Step Object may no longer be updated"
    told = archive.performed_steps[step.sop_instance_uid]
    assert told.PerformedProcedureStepStatus == "COMPLETED"
    assert told.PerformedProcedureStepDescription == "groß"
    assert told.PerformedSeriesSequence[0].ProtocolName == "Kopf, groß"


async def test_a_step_of_a_scheduled_one_is_discontinued() -> None:
    archive = MemoryArchive()
    [scheduled, *_] = worklist_items()
    async with associated(archive, MPPS) as association:
        step = await create_performed_step(
            association, data(PerformedProcedureStepID="PPS1"), scheduled=scheduled
        )
        await discontinue_performed_step(association, step, REASON, series=[UNFINISHED])
        with pytest.raises(StatusError, match="0110H"):
            await discontinue_performed_step(association, step, REASON, series=[UNFINISHED])
    told = archive.performed_steps[step.sop_instance_uid]
    assert told.PerformedProcedureStepStatus == "DISCONTINUED"
    [reason] = told.PerformedProcedureStepDiscontinuationReasonCodeSequence
    assert CodedEntry.in_item(reason) == REASON
    assert told.PerformedSeriesSequence[0].ReferencedImageSequence == []


async def test_a_step_is_told_to_who_asks_for_it() -> None:
    archive = MemoryArchive()
    async with associated(archive, MPPS, MPPS_RETRIEVE) as association:
        step = await create_performed_step(association, performed(), sop_instance_uid="1.2.9")
        whole = await association.n_get(RETRIEVE, step.sop_instance_uid)
        assert whole.status.is_success
        assert whole.attribute_list == archive.performed_steps["1.2.9"]
        some = await association.n_get(RETRIEVE, "1.2.9", ["PatientName", "Modality"])
        assert some.status.is_success
        assert some.attribute_list is not None
        assert [it.keyword for it in some.attribute_list] == [
            "SpecificCharacterSet",
            "Modality",
            "PatientName",
        ]
        assert some.attribute_list.PatientName == "Müller^Jürgen"
        other = await association.n_get(RETRIEVE, "1.2.9", ["Modality", "PatientWeight"])
        assert other.status.code == 0x0001  # requested optional attributes are not supported
        assert other.attribute_list is not None
        assert "Modality" in other.attribute_list
        assert (await association.n_get(RETRIEVE, "1.2.10")).status.code == 0x0112
        # The class that creates has no N-GET, and the one that retrieves nothing else.
        assert (await association.n_get(CLASS, "1.2.9")).status.code == 0x0211
        assert (await association.n_create(RETRIEVE, "1.2.9")).status.code == 0x0211


@pytest.mark.parametrize(
    "first,second,text,told",
    [
        ("ISO_IR 100", "ISO_IR 192", "頭", "ISO_IR 192"),
        ("ISO_IR 192", "ISO_IR 100", "groß", "ISO_IR 100"),
        ("ISO_IR 100", "ISO_IR 144", "голова", "ISO_IR 192"),
    ],
)
async def test_texts_of_several_character_sets_are_one_step(
    first: str, second: str, text: str, told: str
) -> None:
    archive = MemoryArchive()
    async with associated(archive, MPPS, MPPS_RETRIEVE) as association:
        step = await create_performed_step(association, performed(SpecificCharacterSet=first))
        change = data(SpecificCharacterSet=second, PerformedProcedureStepDescription=text)
        await update_performed_step(association, step, change)
        got = (await association.n_get(RETRIEVE, step.sop_instance_uid)).attribute_list
    assert got is not None
    assert got.SpecificCharacterSet == told
    assert got.PatientName == "Müller^Jürgen"
    assert got.PerformedProcedureStepDescription == text


async def test_a_step_in_ascii_is_changed_in_another_character_set() -> None:
    archive = MemoryArchive()
    async with associated(archive, MPPS) as association:
        step = await create_performed_step(association, performed(PatientName="Doe^Jane"))
        assert "SpecificCharacterSet" not in archive.performed_steps[step.sop_instance_uid]
        change = data(SpecificCharacterSet="ISO_IR 192", PerformedProcedureStepDescription="頭")
        await update_performed_step(association, step, change)
    told = archive.performed_steps[step.sop_instance_uid]
    assert (told.SpecificCharacterSet, told.PerformedProcedureStepDescription) == (
        "ISO_IR 192",
        "頭",
    )


async def test_a_step_without_a_uid_gets_one() -> None:
    archive = MemoryArchive()
    async with associated(archive, MPPS) as association:
        step = await create_performed_step(association, performed())
        [told] = archive.performed_steps.values()
        response = await association.n_create(CLASS, None, told)
    assert response.status.is_success
    assert list(archive.performed_steps) == [step.sop_instance_uid, response.sop_instance_uid]


async def test_a_uid_names_one_step() -> None:
    async with associated(MemoryArchive(), MPPS) as association:
        await create_performed_step(association, performed(), sop_instance_uid="1.2.9")
        with pytest.raises(StatusError, match="0111H"):
            await create_performed_step(association, performed(), sop_instance_uid="1.2.9")
        with pytest.raises(StatusError, match="0112H"):
            await update_performed_step(
                association, PerformedStep(sop_instance_uid="1.2.10"), data(StudyID="1")
            )


async def test_a_value_that_is_none_is_refused() -> None:
    broken = EncodedDataSet(b"\x18\0\x4c\x10FD\x04\0xxxx", ExplicitVRLittleEndian)
    async with associated(MemoryArchive(), MPPS) as association:
        request = NCreateRequest(sop_class_uid=CLASS, sop_instance_uid="1.2.9", data_set=broken)
        assert (await association.send_request(request)).status.code == 0x0106


def without(keyword: str) -> Callable[[Dataset], None]:
    return lambda step: delattr(step, keyword)


def with_(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda step: setattr(step, keyword, value)


@pytest.mark.parametrize(
    "change,status,comment",
    [
        (with_("PerformedProcedureStepStatus", "COMPLETED"), 0x0106, "a step begins IN PROGRESS"),
        (without("PerformedProcedureStepStatus"), 0x0120, "without PerformedProcedureStepStatus"),
        (without("Modality"), 0x0120, "without Modality"),
        (with_("Modality", ""), 0x0121, "without a value of Modality"),
        (without("PatientName"), 0x0120, "without PatientName"),
        (with_("PatientName", ""), 0x0000, None),
        (
            with_("ScheduledStepAttributesSequence", []),
            0x0121,
            "without a value of ScheduledStepAttributesSequence",
        ),
        (
            lambda step: delattr(step.ScheduledStepAttributesSequence[0], "AccessionNumber"),
            0x0120,
            "without AccessionNumber",
        ),
        (with_("PerformedSeriesSequence", [Dataset()]), 0x0120, "without ProtocolName"),
        # Optional, though who wants to set it later must create it.
        (without("PerformedProcedureStepDiscontinuationReasonCodeSequence"), 0x0000, None),
    ],
)
async def test_a_step_that_lacks_something_is_refused(
    change: Callable[[Dataset], None], status: int, comment: str | None
) -> None:
    archive = MemoryArchive()
    async with associated(archive, MPPS) as association:
        await create_performed_step(association, performed(), sop_instance_uid="1.2.9")
        step = archive.performed_steps.pop("1.2.9")
        change(step)
        response = await association.n_create(CLASS, "1.2.9", step)
    assert (response.status.code, response.error_comment) == (status, comment)
    assert ("1.2.9" in archive.performed_steps) == (status == 0)


END = {"PerformedProcedureStepEndDate": "20260302", "PerformedProcedureStepEndTime": "12"}


@pytest.mark.parametrize(
    "changes,status,comment",
    [
        (
            data(PerformedProcedureStepStatus="SCHEDULED"),
            0x0106,
            "there is no such status of a step",
        ),
        (
            data(PerformedProcedureStepStatus="DISCONTINUED"),
            0x0121,
            "without a value of PerformedProcedureStepEndDate",
        ),
        (
            data(PerformedProcedureStepStatus="COMPLETED", **END),
            0x0121,
            "without a value of PerformedSeriesSequence",
        ),
        (
            data(PerformedProcedureStepStatus="DISCONTINUED", **END),
            0x0121,
            "without a value of PerformedSeriesSequence",
        ),
        (data(PatientName="Roe^Jane"), 0x0105, "PatientName cannot be set"),
        (
            data(CommentsOnThePerformedProcedureStep="x"),
            0x0105,
            "CommentsOnThePerformedProcedureStep was not created",
        ),
        (
            data(PerformedSeriesSequence=[data(ProtocolName="x")]),
            0x0120,
            "without SeriesInstanceUID",
        ),
        (
            data(PerformedSeriesSequence=[data(ProtocolName="x", SeriesInstanceUID="1.2.3.4")]),
            0x0120,
            "without PerformingPhysicianName",
        ),
    ],
)
async def test_a_change_that_cannot_be_changes_nothing(
    changes: Dataset, status: int, comment: str
) -> None:
    archive = MemoryArchive()
    async with associated(archive, MPPS) as association:
        await create_performed_step(association, performed(), sop_instance_uid="1.2.9")
        before = str(archive.performed_steps["1.2.9"])
        response = await association.n_set(CLASS, "1.2.9", changes)
    assert (response.status.code, response.error_comment) == (status, comment)
    assert str(archive.performed_steps["1.2.9"]) == before


# PS3.4 Table F.7.2-1, column N-SET: what is not allowed, and what is. The UIDs of the step itself
# are in the command set alone (PS3.4 5.4.2.3).
NOT_ALLOWED: dict[str, object] = {
    "SOPClassUID": CLASS,
    "SOPInstanceUID": "1.2.10",
    "ScheduledStepAttributesSequence": [data(StudyInstanceUID="1.2.4")],
    "PatientName": "Roe^Jane",
    "PatientID": "2",
    "IssuerOfPatientID": "B",
    "IssuerOfPatientIDQualifiersSequence": [data(UniversalEntityID="B")],
    "OtherPatientIDsSequence": [data(PatientID="3")],
    "PatientBirthDate": "19000101",
    "PatientSex": "M",
    "ReferencedPatientSequence": [],
    "AdmissionID": "B",
    "IssuerOfAdmissionIDSequence": [data(LocalNamespaceEntityID="B")],
    "ServiceEpisodeID": "B",
    "IssuerOfServiceEpisodeIDSequence": [data(LocalNamespaceEntityID="B")],
    "ServiceEpisodeDescription": "ill",
    "PerformedProcedureStepID": "PPS2",
    "PerformedStationAETitle": "OTHER",
    "PerformedStationName": "Other",
    "PerformedLocation": "Elsewhere",
    "PerformedProcedureStepStartDate": "19000101",
    "PerformedProcedureStepStartTime": "12",
    "Modality": "MR",
    "StudyID": "2",
}
ALLOWED: dict[str, object] = {
    "PerformedProcedureStepStatus": "IN PROGRESS",
    "PerformedProcedureStepDescription": "Head",
    "PerformedProcedureTypeDescription": "Head",
    "ProcedureCodeSequence": [REASON.data_set()],
    "ReasonForPerformedProcedureCodeSequence": [REASON.data_set()],
    **END,
    "CommentsOnThePerformedProcedureStep": "late",
    "PerformedProcedureStepDiscontinuationReasonCodeSequence": [REASON.data_set()],
    "PerformedProtocolCodeSequence": [REASON.data_set()],
    "PerformedSeriesSequence": [UNFINISHED.data_set()],
    "ContrastBolusAgent": "none",  # one of all the others
}
# What a step is not created without, or not if it is empty.
NEEDED = (
    *("PerformedProcedureStepID", "Modality", "ScheduledStepAttributesSequence"),
    *("PerformedStationAETitle", "PerformedProcedureStepStatus"),
    *("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
)


def empty(keyword: str) -> object:
    return [] if keyword.endswith("Sequence") else ""


@pytest.mark.parametrize("keyword", [*NOT_ALLOWED, *ALLOWED])
async def test_an_attribute_of_a_step_is_set_if_the_table_allows_it(keyword: str) -> None:
    archive = MemoryArchive()
    value = (NOT_ALLOWED | ALLOWED)[keyword]
    # With all of them, so that none is refused because it was not created.
    created = performed(**{it: empty(it) for it in (*NOT_ALLOWED, *ALLOWED) if it not in NEEDED})
    async with associated(archive, MPPS) as association:
        await create_performed_step(association, created, sop_instance_uid="1.2.9")
        before = str(archive.performed_steps["1.2.9"])
        response = await association.n_set(CLASS, "1.2.9", data(**{keyword: value}))
    after = archive.performed_steps["1.2.9"]
    if keyword in ALLOWED:
        assert response.status.is_success
        assert after[keyword] == data(**{keyword: value})[keyword]
    else:
        assert (response.status.code, response.error_comment) == (
            0x0105,
            f"{keyword} cannot be set",
        )
        assert str(after) == before


def private(value: str) -> Dataset:
    found = Dataset()
    found.private_block(0x0041, "ACME", create=True).add_new(0x01, "LO", value)
    return found


@pytest.mark.parametrize("created", [True, False])
async def test_a_private_attribute_is_set_if_it_was_created(created: bool) -> None:
    archive = MemoryArchive()
    step = performed()
    if created:
        step.update(private("first"))
    async with associated(archive, MPPS) as association:
        await create_performed_step(association, step, sop_instance_uid="1.2.9")
        before = str(archive.performed_steps["1.2.9"])
        response = await association.n_set(CLASS, "1.2.9", private("second"))
    after = archive.performed_steps["1.2.9"]
    if created:
        assert response.status.is_success
        assert after[0x0041_1001].value == "second"
    else:
        assert (response.status.code, response.error_comment) == (
            0x0105,
            "(0041,0010) was not created",
        )
        assert str(after) == before
