"""The attributes of each level that every query may name (PS3.4 C.6.1.1)."""

from __future__ import annotations

from typing import Final

from pydicom.datadict import tag_for_keyword

__all__ = ["LEVEL_KEYS"]

_KEYWORDS: Final = {
    "PATIENT": (
        *("PatientName", "PatientID", "IssuerOfPatientID", "ReferencedPatientSequence"),
        *("PatientBirthDate", "PatientBirthTime", "PatientSex", "OtherPatientIDsSequence"),
        *("OtherPatientIDs", "OtherPatientNames", "EthnicGroup", "PatientComments"),
    ),
    "STUDY": (
        *("StudyDate", "StudyTime", "AccessionNumber", "StudyID", "StudyInstanceUID"),
        *("ReferringPhysicianName", "StudyDescription", "ProcedureCodeSequence"),
        *("NameOfPhysiciansReadingStudy", "AdmittingDiagnosesDescription"),
        *("ReferencedStudySequence", "PatientAge", "PatientSize", "PatientWeight"),
        *("Occupation", "AdditionalPatientHistory", "OtherStudyNumbers"),
    ),
    "SERIES": ("Modality", "SeriesNumber", "SeriesInstanceUID"),
    "IMAGE": ("InstanceNumber", "SOPInstanceUID", "SOPClassUID"),
}

LEVEL_KEYS: Final = {
    level: tuple(tag for tag in map(tag_for_keyword, keywords) if tag is not None)
    for level, keywords in _KEYWORDS.items()
}
"""The tags of PS3.4 Tables C.6-1 to C.6-4 by level, without those that archives count."""
