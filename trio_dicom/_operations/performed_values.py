"""The values of modality performed procedure steps, and what a step must say when it begins."""

from __future__ import annotations

from enum import Enum
from typing import Final

from attrs import field, frozen
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._operations.reading import items_of, uid_of
from trio_dicom._operations.references import InstanceReference, as_references
from trio_dicom.errors import LocalProtocolError
from trio_dicom.status import Code, Status

__all__ = [
    "CREATED_WITH_VALUES",
    "PRESENT_IN_SCHEDULED",
    "PerformedSeries",
    "PerformedStep",
    "PerformedStepState",
    "begin_step",
]

_SUCCESS: Final = Status.of(Code.SUCCESS)

CREATED_WITH_VALUES: Final = (
    "PerformedProcedureStepID",
    "PerformedStationAETitle",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
    "Modality",
)
"""Of N-CREATE, what must have a value (PS3.4 Table F.7.2-1), besides the scheduled steps."""

# What must be there, be it empty. An N-SET may only touch what is there, hence the reason of a
# discontinuation.
_PRESENT: Final = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "ReferencedPatientSequence",
    "PerformedStationName",
    "PerformedLocation",
    "PerformedProcedureStepDescription",
    "PerformedProcedureTypeDescription",
    "ProcedureCodeSequence",
    "PerformedProcedureStepEndDate",
    "PerformedProcedureStepEndTime",
    "PerformedProcedureStepDiscontinuationReasonCodeSequence",
    "StudyID",
    "PerformedProtocolCodeSequence",
    "PerformedSeriesSequence",
)
PRESENT_IN_SCHEDULED: Final = (
    "ReferencedStudySequence",
    "AccessionNumber",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
    "ScheduledProcedureStepID",
    "ScheduledProcedureStepDescription",
    "ScheduledProtocolCodeSequence",
)
"""Of N-CREATE, what must be there of each scheduled step, be it empty (PS3.4 Table F.7.2-1)."""


class PerformedStepState(Enum):
    """The Performed Procedure Step Status (0040,0252), which only ever moves once."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"


@frozen(kw_only=True)
class PerformedSeries:
    """A series that a performed procedure step has made.

    Attributes:
        series_instance_uid: The series.
        protocol_name: The protocol, which must be named.
        series_description: What it is.
        retrieve_ae: Where its instances can be retrieved.
        performing_physician: Who performed it.
        operators_name: Who operated.
        images: Its images; they may also be told later.
        others: Its other instances, such as reports and presentation states.
    """

    series_instance_uid: UID = field(converter=as_uid)
    protocol_name: str
    series_description: str = ""
    retrieve_ae: str = ""
    performing_physician: str = field(default="", repr=False)
    operators_name: str = field(default="", repr=False)
    images: tuple[InstanceReference, ...] = field(default=(), converter=as_references)
    others: tuple[InstanceReference, ...] = field(default=(), converter=as_references)

    def data_set(self) -> Dataset:
        """The item of the Performed Series Sequence (0040,0340)."""
        item = Dataset()
        item.PerformingPhysicianName = self.performing_physician
        item.ProtocolName = self.protocol_name
        item.OperatorsName = self.operators_name
        item.SeriesInstanceUID = self.series_instance_uid
        item.SeriesDescription = self.series_description
        item.RetrieveAETitle = self.retrieve_ae
        item.ReferencedImageSequence = [it.data_set() for it in self.images]
        item.ReferencedNonImageCompositeSOPInstanceSequence = [it.data_set() for it in self.others]
        return item


@frozen(kw_only=True)
class PerformedStep:
    """A performed procedure step, as far as the peer has taken it.

    Attributes:
        sop_instance_uid: Names it. Keep it: with it a step that a program has lost can be
            completed by another.
        state: Where it stands.
        has_series: Whether the peer has been told of a series.
        status: The peer's last answer: success, or a warning.
    """

    sop_instance_uid: UID = field(converter=as_uid)
    state: PerformedStepState = PerformedStepState.IN_PROGRESS
    has_series: bool = False
    status: Status = _SUCCESS


def begin_step(data_set: Dataset) -> None:
    """Add what must be there, and refuse what the peer would have to refuse."""
    state = data_set.setdefault(
        "PerformedProcedureStepStatus", PerformedStepState.IN_PROGRESS.value
    ).value
    if state != PerformedStepState.IN_PROGRESS.value:
        raise LocalProtocolError(f"a step begins IN PROGRESS, not {state}")
    scheduled = items_of(data_set, "ScheduledStepAttributesSequence")
    if not scheduled or any(uid_of(item, "StudyInstanceUID") is None for item in scheduled):
        raise LocalProtocolError(
            "a performed procedure step needs a Scheduled Step Attributes Sequence (0040,0270) "
            "with the Study Instance UID; scheduled= makes it of a worklist item"
        )
    missing = [keyword for keyword in CREATED_WITH_VALUES if not data_set.get(keyword)]
    if missing:
        raise LocalProtocolError(f"a performed procedure step needs {', '.join(missing)}")
    for keyword in _PRESENT:
        _add_empty(data_set, keyword)
    for item in scheduled:
        for keyword in PRESENT_IN_SCHEDULED:
            _add_empty(item, keyword)


def _add_empty(data_set: Dataset, keyword: str) -> None:
    if keyword not in data_set:
        setattr(data_set, keyword, [] if keyword.endswith("Sequence") else "")
