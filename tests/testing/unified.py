"""What the tests of the archive's unified procedure steps share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydicom import Dataset

from tests.testing.departments import data
from trio_dicom import CodedEntry, OutputSeries, PerformedWork
from trio_dicom._operations.reading import copied
from trio_dicom.testing import MemoryArchive

__all__ = ["CANCELED", "LOCK", "NOON", "REASON", "UID", "UPS", "WORK", "new_step", "put"]

UPS = "1.2.840.10008.5.1.4.34.6.1"
UID, LOCK = "1.2.3", "1.2.9"
REASON = CodedEntry("110501", "DCM", "Equipment failure")
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
WORK = PerformedWork(
    started=NOON,
    ended=NOON,
    workitem=REASON,
    stations=[REASON],
    outputs=[
        OutputSeries(
            study_instance_uid="1.2", series_instance_uid="1.3", instances=(), retrieve_ae="A"
        )
    ],
)
CANCELED = data(ProcedureStepDiscontinuationReasonCodeSequence=[REASON.data_set()])
"""What the progress of a step says that may be canceled."""


def new_step(**values: Any) -> Dataset:
    """A step as it is created, with everything that must be there."""
    empty = ("TransactionUID WorklistLabel CommentsOnTheScheduledProcedureStep PatientName "
             "IssuerOfPatientID PatientBirthDate PatientSex AdmissionID "
             "AdmittingDiagnosesDescription")  # fmt: skip
    none = ("ScheduledProcessingParameters ScheduledStationNameCode ScheduledStationClassCode "
            "ScheduledStationGeographicLocationCode ScheduledWorkitemCode InputInformation "
            "IssuerOfPatientIDQualifiers OtherPatientIDs IssuerOfAdmissionID ReferencedRequest "
            "AdmittingDiagnosesCode ProcedureStepProgressInformation "
            "UnifiedProcedureStepPerformedProcedure")  # fmt: skip
    return data(
        **{
            **dict.fromkeys(empty.split(), ""),
            **{f"{name}Sequence": [] for name in none.split()},
            "ProcedureStepState": "SCHEDULED",
            "ScheduledProcedureStepPriority": "MEDIUM",
            "ProcedureStepLabel": "Plan",
            "ScheduledProcedureStepStartDateTime": "20260302120000",
            "InputReadinessState": "READY",
            **values,
        }
    )


def put(archive: MemoryArchive, state: str = "SCHEDULED", uid: str = UID, **values: Any) -> Dataset:
    """Put a step into the archive that is in that state, claimed by ``LOCK``."""
    step = new_step(
        **{
            "ProcedureStepState": state,
            "TransactionUID": "" if state == "SCHEDULED" else LOCK,
            **values,
        }
    )
    archive.unified_steps[uid] = step
    return copied(step)
