"""A day in radiology: the same worklist for every peer that serves one."""

from __future__ import annotations

from pathlib import Path

from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from trio_dicom.sop_classes import MODALITY_WORKLIST

__all__ = ["worklist_items", "worklist_query", "write_worklist"]

# Accession number, name, patient ID, character set, modality, date, station.
_SCHEDULED = (
    ("A1", "Doe^Jane", "P1", "", "MR", "20260302", "MR1"),
    ("A2", "Doe^John", "P2", "", "CT", "20260302", "CT1"),
    ("A3", "Dove^Ann", "P3", "", "MR", "20260303", "MR2"),
    ("A4", "Müller^Käthe", "P4", "ISO_IR 100", "MR", "20260304", "MR1"),
    ("A5", "Yamada^Tarou=山田^太郎", "P5", "ISO_IR 192", "US", "20260304", "US1"),
    ("A6", "Roe^Richard", "P6", "", "CT", "20260401", "CT1"),
    ("A7", "Roe^Rita", "P7", "", "CT", "20260402", "CT2"),
    ("A8", "Smith^Sam", "P8", "", "CR", "20260403", "CR1"),
)


def worklist_items() -> list[Dataset]:
    """Eight scheduled procedure steps, as a server returns them."""
    return [_item(number, *values) for number, values in enumerate(_SCHEDULED, 1)]


def write_worklist(folder: Path) -> None:
    """Write the items as DCMTK's and Orthanc's servers read them: ``*.wl`` and a lock file."""
    for item in worklist_items():
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = MODALITY_WORKLIST.abstract_syntax
        meta.MediaStorageSOPInstanceUID = f"{item.StudyInstanceUID}.1"
        name = folder / f"{item.AccessionNumber}.wl"
        file = FileDataset(name, item, file_meta=meta, preamble=bytes(128))
        file.save_as(name, enforce_file_format=True)
    (folder / "lockfile").touch()


def worklist_query(**step: str) -> Dataset:
    """The usual keys: everything is wanted, and ``step`` says of which scheduled steps."""
    query = Dataset()
    query.AccessionNumber = ""
    query.PatientName = ""
    query.PatientID = ""
    query.StudyInstanceUID = ""
    query.RequestedProcedureID = ""
    scheduled = Dataset()
    for keyword in ("Modality", "ScheduledProcedureStepStartDate", "ScheduledStationAETitle"):
        setattr(scheduled, keyword, step.get(keyword, ""))
    scheduled.ScheduledProcedureStepID = ""
    query.ScheduledProcedureStepSequence = [scheduled]
    return query


def _item(
    number: int,
    accession: str,
    name: str,
    patient_id: str,
    character_set: str,
    modality: str,
    date: str,
    station: str,
) -> Dataset:
    item = Dataset()
    if character_set:
        item.SpecificCharacterSet = character_set
    item.AccessionNumber = accession
    item.ReferringPhysicianName = "House^Gregory"
    item.PatientName = name
    item.PatientID = patient_id
    item.PatientBirthDate = "19700101"
    item.PatientSex = "O"
    item.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.{number}"
    item.RequestingPhysician = "House^Gregory"
    item.RequestedProcedureDescription = "Look inside"
    step = Dataset()
    step.Modality = modality
    step.ScheduledStationAETitle = station
    step.ScheduledProcedureStepStartDate = date
    step.ScheduledProcedureStepStartTime = "080000"
    step.ScheduledPerformingPhysicianName = "Strange^Stephen"
    step.ScheduledProcedureStepDescription = "Look"
    step.ScheduledProcedureStepID = f"S{number}"
    step.ScheduledStationName = station
    step.ScheduledProcedureStepLocation = "Cellar"
    item.ScheduledProcedureStepSequence = [step]
    item.RequestedProcedureID = f"R{number}"
    item.RequestedProcedurePriority = "ROUTINE"
    return item
