"""The services by name."""

from __future__ import annotations

from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from trio_dicom import sop_classes
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom.sop_classes import (
    PRINT_CLASSES,
    QUERY_RETRIEVE_CLASSES,
    UPS_CLASSES,
    VERIFICATION,
    storage_sop_classes,
)

KNOWN = {
    "VERIFICATION": "1.2.840.10008.1.1",
    "PATIENT_ROOT_FIND": "1.2.840.10008.5.1.4.1.2.1.1",
    "PATIENT_ROOT_MOVE": "1.2.840.10008.5.1.4.1.2.1.2",
    "PATIENT_ROOT_GET": "1.2.840.10008.5.1.4.1.2.1.3",
    "STUDY_ROOT_FIND": "1.2.840.10008.5.1.4.1.2.2.1",
    "STUDY_ROOT_MOVE": "1.2.840.10008.5.1.4.1.2.2.2",
    "STUDY_ROOT_GET": "1.2.840.10008.5.1.4.1.2.2.3",
    "MODALITY_WORKLIST": "1.2.840.10008.5.1.4.31",
    "MPPS": "1.2.840.10008.3.1.2.3.3",
    "STORAGE_COMMITMENT": "1.2.840.10008.1.20.1",
    "UPS_PUSH": "1.2.840.10008.5.1.4.34.6.1",
    "UPS_WATCH": "1.2.840.10008.5.1.4.34.6.2",
    "UPS_PULL": "1.2.840.10008.5.1.4.34.6.3",
    "UPS_EVENT": "1.2.840.10008.5.1.4.34.6.4",
    "UPS_QUERY": "1.2.840.10008.5.1.4.34.6.5",
    "BASIC_GRAYSCALE_PRINT": "1.2.840.10008.5.1.1.9",
    "BASIC_COLOR_PRINT": "1.2.840.10008.5.1.1.18",
}


def test_the_names_stand_for_the_standards_numbers() -> None:
    for name, number in KNOWN.items():
        assert getattr(sop_classes, name).abstract_syntax == number


def test_every_service_is_offered_in_both_little_endian_syntaxes() -> None:
    contexts = [getattr(sop_classes, name) for name in sop_classes.__all__]
    contexts = [each for each in contexts if isinstance(each, PresentationContext)]
    assert len(contexts) > 25
    for context in contexts:
        assert context.transfer_syntaxes == (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
        assert context.scp_role is None
    assert len({context.abstract_syntax for context in contexts}) == len(contexts)
    assert "Verification" in str(VERIFICATION)


def test_groups_hold_what_belongs_together() -> None:
    assert len(QUERY_RETRIEVE_CLASSES) == len(PRINT_CLASSES) == 6
    assert len(UPS_CLASSES) == 5


def test_storage_classes_come_from_the_dictionary() -> None:
    current, all_of_them = storage_sop_classes(), storage_sop_classes(retired=True)
    assert CTImageStorage in current
    assert set(current) < set(all_of_them)
    assert "1.2.840.10008.5.1.4.1.1.6" in set(all_of_them) - set(current)  # ultrasound, retired
    assert MediaStorageDirectoryStorage not in all_of_them
    assert not any("Commitment" in uid.name for uid in all_of_them)
    assert len(current) > 128
