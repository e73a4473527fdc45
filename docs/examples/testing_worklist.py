"""A test of a program that asks what is scheduled."""

from pydicom import Dataset

from trio_dicom import Association
from trio_dicom.sop_classes import MODALITY_WORKLIST
from trio_dicom.testing import MemoryArchive


async def patients_of_the_day(association: Association, day: str) -> list[str]:
    """The program under test."""
    step = Dataset()
    step.Modality = "CT"
    step.ScheduledProcedureStepStartDate = day
    query = Dataset()
    query.PatientName = ""
    query.ScheduledProcedureStepSequence = [step]
    async with association.c_find(query, model=MODALITY_WORKLIST) as matches:
        return [str(match.identifier.PatientName) async for match in matches]


# [test
def worklist_item(name: str, day: str) -> Dataset:
    step = Dataset()
    step.Modality = "CT"
    step.ScheduledStationAETitle = "CT1"
    step.ScheduledProcedureStepStartDate = day
    step.ScheduledProcedureStepStartTime = "093000"
    step.ScheduledProcedureStepID = "STEP1"
    step.ScheduledProcedureStepDescription = "CT of the head"
    item = Dataset()
    item.PatientName = name
    item.PatientID = "4711"
    item.PatientBirthDate = "19700101"
    item.PatientSex = "O"
    item.AccessionNumber = "A1"
    item.StudyInstanceUID = "2.25.4711"
    item.RequestedProcedureID = "PROCEDURE1"
    item.RequestedProcedureDescription = "CT of the head"
    item.ScheduledProcedureStepSequence = [step]
    return item


async def test_the_patients_of_a_day_are_found(
    dicom_archive: MemoryArchive, dicom_association: Association
) -> None:
    dicom_archive.worklist += [
        worklist_item("Made-up^One", "20260102"),
        worklist_item("Made-up^Two", "20260103"),
    ]
    assert await patients_of_the_day(dicom_association, "20260103") == ["Made-up^Two"]


# test]
