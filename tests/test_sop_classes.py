"""The services by name."""

from __future__ import annotations

from collections import Counter

import pytest
from pydicom.uid import (
    MPEG4HP41,
    BasicTextSRStorage,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HangingProtocolStorage,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    MediaStorageDirectoryStorage,
    MRImageStorage,
    RLELossless,
    RTPlanStorage,
    SecondaryCaptureImageStorage,
    UltrasoundMultiFrameImageStorage,
    VideoEndoscopicImageStorage,
)

from trio_dicom import LocalProtocolError, PresentationContext, propose, sop_classes
from trio_dicom.sop_classes import (
    COMMON_STORAGE_CLASSES,
    MODALITY_WORKLIST,
    PRINT_CLASSES,
    QUERY_RETRIEVE_CLASSES,
    UPS_CLASSES,
    VERIFICATION,
    WORKLIST_CLASSES,
    storage_contexts,
    storage_sop_classes,
    uid_named,
)

UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)

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


def test_what_has_no_constant_has_its_keyword() -> None:
    assert uid_named("CTImageStorage") == CTImageStorage
    assert uid_named("PrinterInstance") == "1.2.840.10008.5.1.1.17"
    assert uid_named("Nonsense") is None


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
    assert WORKLIST_CLASSES[0] == MODALITY_WORKLIST


def test_storage_classes_come_from_the_dictionary() -> None:
    current, all_of_them = storage_sop_classes(), storage_sop_classes(retired=True)
    assert CTImageStorage in current
    assert set(current) < set(all_of_them)
    assert "1.2.840.10008.5.1.4.1.1.6" in set(all_of_them) - set(current)  # ultrasound, retired
    assert MediaStorageDirectoryStorage not in all_of_them
    assert not any("Commitment" in uid.name for uid in all_of_them)
    assert len(current) > 128


def test_common_classes_leave_room_for_queries() -> None:
    assert 100 < len(COMMON_STORAGE_CLASSES) <= 120
    assert len(set(COMMON_STORAGE_CLASSES)) == len(COMMON_STORAGE_CLASSES)
    propose(contexts=[*QUERY_RETRIEVE_CLASSES, MODALITY_WORKLIST, *storage_contexts()])


@pytest.mark.parametrize(
    "uid",
    [
        *(CTImageStorage, MRImageStorage, SecondaryCaptureImageStorage, BasicTextSRStorage),
        *(EncapsulatedPDFStorage, RTPlanStorage),
        "1.2.840.10008.5.1.4.1.1.128",  # positron emission tomography
        "1.2.840.10008.5.1.4.1.1.88.67",  # X-ray radiation dose reports
        "1.2.840.10008.5.1.4.1.1.6",  # ultrasound, retired and yet in every old archive
    ],
)
def test_common_classes_are_what_studies_consist_of(uid: str) -> None:
    assert uid in COMMON_STORAGE_CLASSES


@pytest.mark.parametrize(
    "uid",
    [
        HangingProtocolStorage,
        MediaStorageDirectoryStorage,
        "1.2.840.10008.5.1.4.1.1.501.1",  # security
        "1.2.840.10008.5.1.4.1.1.601.1",  # non-destructive testing
        "1.2.840.10008.5.1.4.1.1.9",  # curves, retired
    ],
)
def test_common_classes_are_nothing_else(uid: str) -> None:
    assert uid not in COMMON_STORAGE_CLASSES


@pytest.mark.scenario("B21")
def test_storage_contexts_ask_for_the_providers_role_too() -> None:
    (context,) = storage_contexts(CTImageStorage)
    assert context == PresentationContext(CTImageStorage, scu_role=True, scp_role=True)
    assert context.transfer_syntaxes == UNCOMPRESSED


def test_each_class_has_one_context_in_the_order_given() -> None:
    contexts = storage_contexts([MRImageStorage, CTImageStorage, str(MRImageStorage)])
    assert [it.abstract_syntax for it in contexts] == [MRImageStorage, CTImageStorage]
    assert len(storage_contexts()) == len(COMMON_STORAGE_CLASSES)
    assert storage_contexts([]) == ()


def test_a_private_class_can_be_asked_for() -> None:
    (context,) = storage_contexts("1.2.826.0.1.3680043.9.9999.1")
    assert context.transfer_syntaxes == UNCOMPRESSED


def test_as_stored_gives_every_syntax_a_context_of_its_own() -> None:
    contexts = storage_contexts(CTImageStorage, as_stored=True)
    offers = [it.transfer_syntaxes for it in contexts]
    assert all(len(it) == 1 for it in offers)
    assert max(Counter(offers).values()) == 1
    assert [it[0] for it in offers[:2]] == list(UNCOMPRESSED)
    single = {it[0] for it in offers}
    assert single >= {JPEGBaseline8Bit, JPEGLosslessSV1, JPEG2000Lossless, RLELossless}
    assert single >= {ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian}
    assert MPEG4HP41 not in single
    assert all(it.scp_role for it in contexts)


@pytest.mark.parametrize("uid", [VideoEndoscopicImageStorage, UltrasoundMultiFrameImageStorage])
def test_films_may_be_stored_as_films(uid: str) -> None:
    contexts = storage_contexts(uid, as_stored=True)
    assert (MPEG4HP41,) in [it.transfer_syntaxes for it in contexts]


@pytest.mark.parametrize("uid", [BasicTextSRStorage, EncapsulatedPDFStorage, RTPlanStorage])
def test_what_has_no_pixels_is_deflated_at_most(uid: str) -> None:
    offers = [it.transfer_syntaxes for it in storage_contexts(uid, as_stored=True)]
    deflated, big_endian = (DeflatedExplicitVRLittleEndian,), (ExplicitVRBigEndian,)
    assert offers == [*((it,) for it in UNCOMPRESSED), deflated, big_endian]


def test_a_private_class_may_be_anything() -> None:
    offers = {it.transfer_syntaxes for it in storage_contexts("1.2.3", as_stored=True)}
    assert offers >= {(ExplicitVRLittleEndian,), (RLELossless,), (MPEG4HP41,)}


def test_no_syntax_is_proposed_whose_pixels_are_elsewhere_or_that_nobody_stores_in() -> None:
    for context in storage_contexts("1.2.3", as_stored=True):
        for syntax in context.transfer_syntaxes:
            assert not any(word in syntax.name for word in ("JPIP", "SMPTE", "XML", "MIME"))
            assert not syntax.is_retired or syntax == ExplicitVRBigEndian


@pytest.mark.scenario("B17")
def test_all_classes_as_stored_do_not_fit_and_that_is_said() -> None:
    with pytest.raises(LocalProtocolError, match="presentation contexts do not fit"):
        propose(contexts=storage_contexts(as_stored=True))
