"""The values of unified procedure steps (PS3.4 Annex CC)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Final, Self

from attrs import field, frozen
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._operations.reading import as_dt, items_of, text_of, uid_of
from trio_dicom._operations.references import (
    CodedEntry,
    InstanceReference,
    as_codes,
    as_references,
)
from trio_dicom.status import Code, Status

__all__ = [
    "PRESENT_AT_CREATION",
    "ClaimedStep",
    "OutputSeries",
    "PerformedWork",
    "UPSState",
    "UnifiedStep",
]

PRESENT_AT_CREATION: Final = (
    "TransactionUID",
    "WorklistLabel",
    "ScheduledProcessingParametersSequence",
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledWorkitemCodeSequence",
    "CommentsOnTheScheduledProcedureStep",
    "InputInformationSequence",
    "PatientName",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "OtherPatientIDsSequence",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)
"""Of N-CREATE, what must be there, be it empty (PS3.4 Table CC.2.5-3).

A Patient ID is not among it: where it has to be, it has to have a value.
"""

_SUCCESS: Final = Status.of(Code.SUCCESS)


class UPSState(Enum):
    """The Procedure Step State (0074,1000) of a unified procedure step (PS3.4 CC.1.1)."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"

    @classmethod
    def in_data_set(cls, data_set: Dataset) -> UPSState | None:
        """The state that a data set tells; None where it tells none that there is."""
        said = text_of(data_set, "ProcedureStepState")
        return next((state for state in cls if state.value == said), None)


@frozen(kw_only=True)
class UnifiedStep:
    """A unified procedure step, as a peer describes it. What it did not tell is "" or None.

    Attributes:
        sop_instance_uid: Names it.
        state: Where it stands.
        label: What it is, in words.
        worklist_label: The worklist that it is on.
        priority: ``HIGH``, ``MEDIUM`` or ``LOW``.
        scheduled_start: When it should begin, as in VR DT.
        input_readiness: ``READY``, ``UNAVAILABLE`` or ``INCOMPLETE``.
        workitem: What is to be done.
        progress: How far it is, in percent.
        progress_description: The same in words.
        patient_name: The patient; not in the representation.
        patient_id: Likewise.
        status: The peer's answer: success, or a warning.
        attributes: Everything that the peer told; not in the representation.
    """

    sop_instance_uid: UID = field(converter=as_uid)
    state: UPSState | None = None
    label: str = ""
    worklist_label: str = ""
    priority: str = ""
    scheduled_start: str = ""
    input_readiness: str = ""
    workitem: CodedEntry | None = None
    progress: str = ""
    progress_description: str = ""
    patient_name: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    status: Status = _SUCCESS
    attributes: Dataset = field(factory=Dataset, repr=False, eq=False)

    @classmethod
    def in_data_set(cls, data_set: Dataset, sop_instance_uid: UID | None = None) -> Self:
        """The step that a data set describes."""
        uid = sop_instance_uid or uid_of(data_set, "SOPInstanceUID") or ""
        progress = items_of(data_set, "ProcedureStepProgressInformationSequence")
        latest = progress[0] if progress else Dataset()
        workitems = CodedEntry.in_sequence(data_set, "ScheduledWorkitemCodeSequence")
        return cls(
            sop_instance_uid=uid,
            state=UPSState.in_data_set(data_set),
            label=text_of(data_set, "ProcedureStepLabel"),
            worklist_label=text_of(data_set, "WorklistLabel"),
            priority=text_of(data_set, "ScheduledProcedureStepPriority"),
            scheduled_start=text_of(data_set, "ScheduledProcedureStepStartDateTime"),
            input_readiness=text_of(data_set, "InputReadinessState"),
            workitem=workitems[0] if workitems else None,
            progress=text_of(latest, "ProcedureStepProgress"),
            progress_description=text_of(latest, "ProcedureStepProgressDescription"),
            patient_name=text_of(data_set, "PatientName"),
            patient_id=text_of(data_set, "PatientID"),
            attributes=data_set,
        )


@frozen(kw_only=True)
class ClaimedStep:
    """A unified procedure step that we perform.

    Attributes:
        sop_instance_uid: Names it.
        transaction_uid: The lock: who knows it, controls the step, so it is not in the
            representation. Keep it where it survives a crash.
        state: Where the step stands.
        status: The peer's last answer: success, or a warning.
    """

    sop_instance_uid: UID = field(converter=as_uid)
    transaction_uid: UID = field(converter=as_uid, repr=False)
    state: UPSState = UPSState.IN_PROGRESS
    status: Status = _SUCCESS


@frozen(kw_only=True)
class OutputSeries:
    """Instances of one series that a step has made.

    Attributes:
        study_instance_uid: Their study.
        series_instance_uid: Their series.
        instances: Themselves.
        retrieve_ae: The AE title from which they can be retrieved.
    """

    study_instance_uid: UID = field(converter=as_uid)
    series_instance_uid: UID = field(converter=as_uid)
    instances: tuple[InstanceReference, ...] = field(converter=as_references)
    retrieve_ae: str

    def data_set(self) -> Dataset:
        """The item of the Output Information Sequence (0040,4033)."""
        retrieval = Dataset()
        retrieval.RetrieveAETitle = self.retrieve_ae
        item = Dataset()
        item.TypeOfInstances = "DICOM"
        item.StudyInstanceUID = self.study_instance_uid
        item.SeriesInstanceUID = self.series_instance_uid
        item.ReferencedSOPSequence = [it.data_set() for it in self.instances]
        item.DICOMRetrievalSequence = [retrieval]
        return item


def _as_outputs(outputs: Iterable[OutputSeries]) -> tuple[OutputSeries, ...]:
    return tuple(outputs)


@frozen(kw_only=True)
class PerformedWork:
    """What was done for a step, which must be told before it can be completed.

    Attributes:
        started: When the work began.
        ended: When it ended.
        workitem: What was done.
        stations: The devices that did it.
        outputs: What came of it.
        description: What was done, in words.
    """

    started: datetime
    ended: datetime
    workitem: CodedEntry | None = None
    stations: tuple[CodedEntry, ...] = field(default=(), converter=as_codes)
    outputs: tuple[OutputSeries, ...] = field(default=(), converter=_as_outputs)
    description: str = ""

    def data_set(self) -> Dataset:
        """The item of the UPS Performed Procedure Sequence (0074,1216)."""
        item = Dataset()
        item.PerformedStationNameCodeSequence = CodedEntry.items(self.stations)
        item.PerformedProcedureStepStartDateTime = as_dt(self.started)
        item.PerformedProcedureStepEndDateTime = as_dt(self.ended)
        item.PerformedWorkitemCodeSequence = _present(self.workitem)
        item.OutputInformationSequence = [it.data_set() for it in self.outputs]
        if self.description:
            item.PerformedProcedureStepDescription = self.description
        return item


def _present(entry: CodedEntry | None) -> Iterable[Dataset]:
    return [] if entry is None else [entry.data_set()]
