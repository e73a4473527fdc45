"""Two patients, three studies, five series and nine instances, to store and to find again."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

__all__ = ["StoredTree", "make_tree"]

# Patient, study and series numbers, modality, and how many instances the series has.
_SERIES = (
    (1, 1, 1, "CT", 3),
    (1, 1, 2, "MR", 2),
    (1, 2, 1, "CT", 1),
    (2, 1, 1, "CT", 2),
    (2, 1, 2, "SC", 1),
)
_NAMES = {1: "Tree^Oak", 2: "Tree^Elm"}
_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
}


@frozen
class StoredTree:
    """What is stored, and what must be found.

    Attributes:
        instances: Every instance, with pixels and all.
        patients: Their IDs begin with this, and no others do.
    """

    instances: tuple[Dataset, ...]
    patients: str

    def values(self, *keywords: str, **chosen: str) -> set[tuple[str, ...]]:
        """The different values of these attributes in the instances that are ``chosen``."""
        return {
            tuple(str(instance[keyword].value) for keyword in keywords)
            for instance in self.instances
            if all(instance[name].value == value for name, value in chosen.items())
        }


def make_tree(pydicom_files: Path) -> StoredTree:
    """Make a tree with UIDs and patient IDs of its own."""
    template = dcmread(pydicom_files / "CT_small.dcm")
    patients = f"TREE{generate_uid(None)[-8:]}"
    instances: list[Dataset] = []
    studies: dict[tuple[int, int], str] = {}
    for patient, study, series, modality, count in _SERIES:
        study_uid = studies.setdefault((patient, study), generate_uid())
        series_uid = generate_uid()
        for number in range(1, count + 1):
            instance = Dataset()
            instance.update(template)
            instance.SOPClassUID = _CLASSES[modality]
            instance.SOPInstanceUID = generate_uid()
            instance.Modality = modality
            instance.PatientName = _NAMES[patient]
            instance.PatientID = f"{patients}.{patient}"
            instance.StudyInstanceUID = study_uid
            instance.StudyDate = f"202601{patient}{study}"
            instance.StudyID = f"{patient}{study}"
            instance.AccessionNumber = f"A{patient}{study}"
            instance.SeriesInstanceUID = series_uid
            instance.SeriesNumber = series
            instance.InstanceNumber = number
            instances.append(instance)
    return StoredTree(tuple(instances), patients)
