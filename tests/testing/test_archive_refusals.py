"""What the archive's refusals say of attributes besides the status (PS3.7 C.5)."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.uid import CTImageStorage

from tests.testing.departments import associated, data, performed
from tests.testing.unified import UID, UPS, new_step, put
from trio_dicom import NCreateResponse, NSetResponse, PerformedSeries, create_performed_step
from trio_dicom.sop_classes import MPPS, UPS_PULL, UPS_PUSH
from trio_dicom.testing import MemoryArchive

CLASS = MPPS.abstract_syntax
SERIES = PerformedSeries(series_instance_uid="1.2.3.4", protocol_name="Head")
WHY = data(ReasonForCancellation="zu groß")


async def begun(archive: MemoryArchive) -> Dataset:
    """What a performed step that the archive has was created with."""
    async with associated(archive, MPPS) as association:
        await create_performed_step(association, performed(), sop_instance_uid="1.2.9")
    return archive.performed_steps["1.2.9"]


async def created(step: Dataset) -> NCreateResponse:
    """How a second performed step like ``step`` is refused."""
    archive = MemoryArchive()
    async with associated(archive, MPPS) as association:
        response = await association.n_create(CLASS, "1.2.10", step)
    assert archive.performed_steps == {}
    return response


async def changed(archive: MemoryArchive, changes: Dataset) -> NSetResponse:
    """How a change of the performed step is refused."""
    async with associated(archive, MPPS) as association:
        return await association.n_set(CLASS, "1.2.9", changes)


async def test_a_status_with_which_no_step_begins_is_repeated() -> None:
    """PS3.4 F.7.2.1.3: an invalid attribute value, with an attribute list."""
    step = await begun(MemoryArchive())
    step.PerformedProcedureStepStatus = "COMPLETED"
    response = await created(step)
    assert response.status.code == 0x0106
    assert response.attribute_list == data(PerformedProcedureStepStatus="COMPLETED")


async def test_a_status_that_no_step_has_is_repeated() -> None:
    archive = MemoryArchive()
    await begun(archive)
    changes = data(
        PerformedProcedureStepStatus="SCHEDULED", PerformedProcedureStepDescription="Head"
    )
    response = await changed(archive, changes)
    assert response.status.code == 0x0106
    assert response.attribute_list == data(PerformedProcedureStepStatus="SCHEDULED")


async def test_an_attribute_that_is_missing_is_named() -> None:
    step = await begun(MemoryArchive())
    del step.Modality
    response = await created(step)
    assert response.status.code == 0x0120
    assert response.attribute_identifiers == (0x0008_0060,)


@pytest.mark.parametrize(
    "keyword,tag",
    [
        ("PatientName", 0x0010_0010),  # fixed
        # Not created; and too long for a comment.
        ("PerformedProcedureStepDiscontinuationReasonCodeSequence", 0x0040_0281),
    ],
)
async def test_an_attribute_that_cannot_be_set_is_named(keyword: str, tag: int) -> None:
    archive = MemoryArchive()
    step = await begun(archive)
    del step.PerformedProcedureStepDiscontinuationReasonCodeSequence
    value = [] if keyword.endswith("Sequence") else "Roe^Jane"
    response = await changed(archive, data(**{keyword: value}))
    assert response.status.code == 0x0105
    assert response.attribute_identifiers == (tag,)


CLASS_ALONE, CODE_ALONE = data(ReferencedSOPClassUID=CTImageStorage), data(CodeValue="1")


@pytest.mark.parametrize(
    "inside,keyword,item,missing",
    [
        ("", "ReferencedPatientSequence", CLASS_ALONE, 0x0008_1155),
        ("", "ReasonForPerformedProcedureCodeSequence", CODE_ALONE, 0x0008_0104),
        ("", "PerformedProcedureStepDiscontinuationReasonCodeSequence", CODE_ALONE, 0x0008_0104),
        ("ScheduledStepAttributes", "ReferencedStudySequence", CLASS_ALONE, 0x0008_1155),
        ("ScheduledStepAttributes", "RequestedProcedureCodeSequence", CODE_ALONE, 0x0008_0104),
        ("ScheduledStepAttributes", "ScheduledProtocolCodeSequence", CODE_ALONE, 0x0008_0104),
        ("PerformedSeries", "ReferencedImageSequence", CLASS_ALONE, 0x0008_1155),
        (
            "PerformedSeries",
            "ReferencedNonImageCompositeSOPInstanceSequence",
            data(ReferencedSOPInstanceUID="1.2"),
            0x0008_1150,
        ),
        (
            "PerformedSeries",
            "ReferencedImageSequence",
            data(
                ReferencedSOPClassUID=CTImageStorage,
                ReferencedSOPInstanceUID="1.2",
                SpecimenDescriptionSequence=[data(SpecimenIdentifier="1")],
            ),
            0x0040_0554,
        ),
    ],
)
async def test_an_item_that_lacks_something_is_refused_wherever_it_is(
    inside: str, keyword: str, item: Dataset, missing: int
) -> None:
    """PS3.4 Table F.7.2-1: type 1 in the items of sequences."""
    archive = MemoryArchive()
    step = await begun(archive)
    step.PerformedSeriesSequence = [SERIES.data_set()]
    around = step[f"{inside}Sequence"].value[0] if inside else step
    setattr(around, keyword, [item])
    response = await created(step)
    assert response.status.code == 0x0120
    assert response.attribute_identifiers == (missing,)
    if inside == "PerformedSeries":
        before = str(archive.performed_steps["1.2.9"])
        change = await changed(archive, data(PerformedSeriesSequence=[around]))
        assert (change.status.code, change.attribute_identifiers) == (0x0120, (missing,))
        assert str(archive.performed_steps["1.2.9"]) == before


async def test_what_a_unified_step_does_not_begin_with_is_repeated_in_its_characters() -> None:
    step = new_step(
        SpecificCharacterSet="ISO_IR 100", ProcedureStepProgressInformationSequence=[WHY]
    )
    async with associated(MemoryArchive(), UPS_PUSH) as association:
        response = await association.n_create(UPS, UID, step)
    assert response.status.code == 0x0106
    assert response.attribute_list is not None
    assert response.attribute_list.SpecificCharacterSet == "ISO_IR 192"
    [item] = response.attribute_list.ProcedureStepProgressInformationSequence
    assert item == WHY


async def test_a_state_that_is_set_is_repeated() -> None:
    archive = MemoryArchive()
    put(archive)
    async with associated(archive, UPS_PULL) as association:
        response = await association.n_set(UPS, UID, data(ProcedureStepState="CANCELED"))
    assert response.status.code == 0x0106
    assert response.attribute_list == data(ProcedureStepState="CANCELED")
