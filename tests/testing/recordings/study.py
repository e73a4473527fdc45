"""A conversation about a study that is nobody's, with an archive or with a recording of one."""

from __future__ import annotations

from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage

from trio_dicom import Association, PresentationContext
from trio_dicom.sop_classes import STUDY_ROOT_FIND, STUDY_ROOT_GET, VERIFICATION

__all__ = ["CALLED_AE", "CONTEXTS", "RECORDING", "keep_and_give_back"]

RECORDING = Path(__file__).with_name("orthanc.jsonl")
"""That with Orthanc. ``tests/interop/test_recorded.py`` tells how to record it again."""

CALLED_AE = "ORTHANC"
CONTEXTS = [
    VERIFICATION,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    PresentationContext(CTImageStorage, scu_role=True, scp_role=True),
]

_STUDY = "1.2.826.0.1.3680043.10.2"
_INSTANCES = 3
_SIDE = 16  # of an image, in pixels


def _instance(number: int) -> Dataset:
    data_set = Dataset()
    data_set.SOPClassUID = CTImageStorage
    data_set.SOPInstanceUID = f"{_STUDY}.1.{number}"
    data_set.StudyDate, data_set.StudyTime = "20260101", "101500"
    data_set.AccessionNumber, data_set.Modality = "", "CT"
    data_set.PatientName, data_set.PatientID = "Synthetic^Study", "NOBODY"
    data_set.PatientBirthDate = data_set.PatientSex = ""
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID = _STUDY, f"{_STUDY}.1"
    data_set.StudyID = "1"
    data_set.SeriesNumber, data_set.InstanceNumber = 1, number
    data_set.SamplesPerPixel, data_set.PhotometricInterpretation = 1, "MONOCHROME2"
    data_set.Rows = data_set.Columns = _SIDE
    data_set.BitsAllocated = data_set.BitsStored = 16
    data_set.HighBit, data_set.PixelRepresentation = 15, 0
    data_set.add_new("PixelData", "OW", bytes([number, 0]) * _SIDE * _SIDE)
    return data_set


async def keep_and_give_back(association: Association, folder: Path) -> None:
    """The test: an archive keeps a study, finds it, and gives it back as it was."""
    assert (await association.c_echo()).status.is_success
    stored = {it.SOPInstanceUID: it for it in map(_instance, range(1, _INSTANCES + 1))}
    for data_set in stored.values():
        assert (await association.c_store(data_set)).status.is_success
    query = Dataset()
    query.StudyInstanceUID, query.PatientName = _STUDY, ""
    async with association.c_find(query, level="STUDY") as matches:
        found = [it.identifier async for it in matches]
    assert [str(it.PatientName) for it in found] == ["Synthetic^Study"]
    wanted = Dataset()
    wanted.StudyInstanceUID = _STUDY
    async with association.c_get(wanted, level="STUDY", into=folder) as retrieval:
        response = await retrieval.final()
    assert response.status.is_success
    assert _read(folder) == stored


def _read(folder: Path) -> dict[str, Dataset]:
    return {it.SOPInstanceUID: it for it in map(dcmread, folder.glob("*.dcm"))}
