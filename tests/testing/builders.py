"""Small instances for the archive's tests."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage

from trio_dicom import PresentationContext
from trio_dicom.sop_classes import (
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
)

__all__ = ["CONTEXTS", "instance", "query"]

CONTEXTS = [
    VERIFICATION,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    PresentationContext(CTImageStorage, scu_role=True, scp_role=True),
    PresentationContext(MRImageStorage, scu_role=True, scp_role=True),
]


def instance(number: int, **attributes: object) -> Dataset:
    """Instance ``1.2.<number>`` of one patient, study and series, unless said otherwise."""
    data_set = Dataset()
    data_set.SOPClassUID = CTImageStorage
    data_set.SOPInstanceUID = f"1.2.{number}"
    data_set.StudyDate = "20240229"
    data_set.StudyTime = "101530"
    data_set.Modality = "CT"
    data_set.PatientName = "Doe^Jane"
    data_set.PatientID = "P1"
    data_set.StudyInstanceUID = "1.2.100"
    data_set.SeriesInstanceUID = "1.2.200"
    data_set.InstanceNumber = number
    for keyword, value in attributes.items():
        setattr(data_set, keyword, value)
    return data_set


def query(level: str, **keys: object) -> Dataset:
    """An identifier; keys that are "" ask for their values."""
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    return identifier
