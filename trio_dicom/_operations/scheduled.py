"""What a worklist item says, where a performed procedure step wants it."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom import Dataset

from trio_dicom._operations.reading import copied, items_of

__all__ = ["performed_from_scheduled"]

_PATIENT = (
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "ReferencedPatientSequence",
)
# Of the Scheduled Step Attributes Sequence (PS3.4 Table F.7.2-1), by where a worklist item
# has them (PS3.4 Table K.6-1): beside its Scheduled Procedure Step Sequence, and in it.
_REQUEST = (
    "StudyInstanceUID",
    "ReferencedStudySequence",
    "AccessionNumber",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
)
_STEP = (
    "ScheduledProcedureStepID",
    "ScheduledProcedureStepDescription",
    "ScheduledProtocolCodeSequence",
)


def performed_from_scheduled(item: Dataset) -> Dataset:
    """The attributes of a performed procedure step that a worklist item determines.

    Args:
        item: A match of a modality worklist query. It is not changed.
    """
    item = copied(item)
    step = next(iter(items_of(item, "ScheduledProcedureStepSequence")), Dataset())
    scheduled = Dataset()
    _move(item, scheduled, _REQUEST)
    _move(step, scheduled, _STEP)
    performed = Dataset()
    _move(item, performed, _PATIENT)
    _move(step, performed, ["Modality"])
    performed.ScheduledStepAttributesSequence = [scheduled]
    if "RequestedProcedureCodeSequence" in scheduled:
        performed.ProcedureCodeSequence = copied(scheduled).RequestedProcedureCodeSequence
    return performed


def _move(source: Dataset, target: Dataset, keywords: Iterable[str]) -> None:
    for keyword in keywords:
        if keyword in source:
            target.add(source[keyword])
