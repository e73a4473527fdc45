"""The services that peers offer, ready to be proposed, by the names of pydicom's dictionary.

Each constant is a presentation context in both uncompressed little endian syntaxes;
build a ``PresentationContext`` of your own for other syntaxes, for roles, and for
private SOP classes. ``storage_contexts`` makes those that bring instances to us.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

# The dictionary has no public home: pydicom.uid names the storage classes alone.
from pydicom._uid_dict import UID_dictionary  # pyright: ignore[reportPrivateUsage]
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    MediaStorageDirectoryStorage,
)

from trio_dicom._protocol.contexts import DEFAULT_TRANSFER_SYNTAXES, PresentationContext

__all__ = [
    "BASIC_ANNOTATION_BOX",
    "BASIC_COLOR_PRINT",
    "BASIC_GRAYSCALE_PRINT",
    "COMMON_STORAGE_CLASSES",
    "COMPOSITE_INSTANCE_GET_WITHOUT_BULK_DATA",
    "COMPOSITE_INSTANCE_ROOT_GET",
    "COMPOSITE_INSTANCE_ROOT_MOVE",
    "INSTANCE_AVAILABILITY_NOTIFICATION",
    "MODALITY_WORKLIST",
    "MPPS",
    "MPPS_NOTIFICATION",
    "MPPS_RETRIEVE",
    "PATIENT_ROOT_FIND",
    "PATIENT_ROOT_GET",
    "PATIENT_ROOT_MOVE",
    "PRESENTATION_LUT",
    "PRINTER_CONFIGURATION",
    "PRINT_CLASSES",
    "PRINT_JOB",
    "QUERY_RETRIEVE_CLASSES",
    "STORAGE_COMMITMENT",
    "STUDY_ROOT_FIND",
    "STUDY_ROOT_GET",
    "STUDY_ROOT_MOVE",
    "UPS_CLASSES",
    "UPS_EVENT",
    "UPS_PULL",
    "UPS_PUSH",
    "UPS_QUERY",
    "UPS_WATCH",
    "VERIFICATION",
    "WORKLIST_CLASSES",
    "storage_contexts",
    "storage_sop_classes",
    "uid_named",
]

_BY_KEYWORD: Final = {keyword: number for number, (*_, keyword) in UID_dictionary.items()}


def _context(keyword: str) -> PresentationContext:
    return PresentationContext(UID(_BY_KEYWORD[keyword]))


def uid_named(keyword: str) -> UID | None:
    """The UID that the dictionary calls so, whatever it is the UID of; or None.

    Args:
        keyword: As in ``UID.keyword``, such as ``CTImageStorage`` or ``PrinterInstance``.
    """
    number = _BY_KEYWORD.get(keyword)
    return None if number is None else UID(number)


# --- verification (PS3.4 Annex A) ----------------------------------------------------

VERIFICATION: Final = _context("Verification")

# --- query and retrieve (PS3.4 Annexes C, Y and Z) -----------------------------------

PATIENT_ROOT_FIND: Final = _context("PatientRootQueryRetrieveInformationModelFind")
PATIENT_ROOT_GET: Final = _context("PatientRootQueryRetrieveInformationModelGet")
PATIENT_ROOT_MOVE: Final = _context("PatientRootQueryRetrieveInformationModelMove")
STUDY_ROOT_FIND: Final = _context("StudyRootQueryRetrieveInformationModelFind")
STUDY_ROOT_GET: Final = _context("StudyRootQueryRetrieveInformationModelGet")
STUDY_ROOT_MOVE: Final = _context("StudyRootQueryRetrieveInformationModelMove")
COMPOSITE_INSTANCE_ROOT_GET: Final = _context("CompositeInstanceRootRetrieveGet")
COMPOSITE_INSTANCE_ROOT_MOVE: Final = _context("CompositeInstanceRootRetrieveMove")
COMPOSITE_INSTANCE_GET_WITHOUT_BULK_DATA: Final = _context(
    "CompositeInstanceRetrieveWithoutBulkDataGet"
)
QUERY_RETRIEVE_CLASSES: Final = (
    PATIENT_ROOT_FIND,
    PATIENT_ROOT_GET,
    PATIENT_ROOT_MOVE,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
)
"""What archives offer. A C-GET needs storage classes with the provider's role besides."""

# --- worklist, procedure steps and what is told about instances (PS3.4 Annexes F, K, R) -----

MODALITY_WORKLIST: Final = _context("ModalityWorklistInformationModelFind")
MPPS: Final = _context("ModalityPerformedProcedureStep")
MPPS_RETRIEVE: Final = _context("ModalityPerformedProcedureStepRetrieve")
MPPS_NOTIFICATION: Final = _context("ModalityPerformedProcedureStepNotification")
INSTANCE_AVAILABILITY_NOTIFICATION: Final = _context("InstanceAvailabilityNotification")
WORKLIST_CLASSES: Final = (MODALITY_WORKLIST, MPPS)
"""What a modality asks for its next patients, and tells about what it did with them."""

# --- storage commitment (PS3.4 Annex J) ----------------------------------------------

STORAGE_COMMITMENT: Final = _context("StorageCommitmentPushModel")

# --- unified procedure steps (PS3.4 Annex CC) ----------------------------------------

UPS_PUSH: Final = _context("UnifiedProcedureStepPush")
UPS_WATCH: Final = _context("UnifiedProcedureStepWatch")
UPS_PULL: Final = _context("UnifiedProcedureStepPull")
UPS_EVENT: Final = _context("UnifiedProcedureStepEvent")
UPS_QUERY: Final = _context("UnifiedProcedureStepQuery")
UPS_CLASSES: Final = (UPS_PUSH, UPS_WATCH, UPS_PULL, UPS_EVENT, UPS_QUERY)

# --- print (PS3.4 Annex H) -----------------------------------------------------------

BASIC_GRAYSCALE_PRINT: Final = _context("BasicGrayscalePrintManagementMeta")
"""A meta SOP class: film sessions, film boxes, image boxes and the printer in one."""
BASIC_COLOR_PRINT: Final = _context("BasicColorPrintManagementMeta")
"""The same for colour."""
PRINT_JOB: Final = _context("PrintJob")
BASIC_ANNOTATION_BOX: Final = _context("BasicAnnotationBox")
PRESENTATION_LUT: Final = _context("PresentationLUT")
PRINTER_CONFIGURATION: Final = _context("PrinterConfigurationRetrieval")
PRINT_CLASSES: Final = (
    BASIC_GRAYSCALE_PRINT,
    BASIC_COLOR_PRINT,
    PRINT_JOB,
    BASIC_ANNOTATION_BOX,
    PRESENTATION_LUT,
    PRINTER_CONFIGURATION,
)

# --- storage (PS3.4 Annex B) ---------------------------------------------------------

# Below it are the objects that belong to a patient's study. What has another number is a
# template, a hanging protocol or a colour palette, and no study brings it along.
_OF_A_STUDY: Final = "1.2.840.10008.5.1.4.1.1."
_SECOND_GENERATION_RT: Final = tuple(f"{_OF_A_STUDY}481.{number}" for number in range(10, 30))
# Words in the names of classes that one study in thousands has.
_RARE: Final = (
    *("Protocol", "Inventory"),  # how it shall be done; lists of what there is
    *("Volumetric Presentation", "Tractography", "Content Assessment", "Annotation"),
    *("Imaging Agent", "Implantation Plan", "STL", "OBJ", "MTL"),  # the last three: 3D printing
    *("Measurements", "Spectacle", "Intraocular", "Surface Scan", "Confocal"),
    *("encephalogram", "Electromyogram", "Electrooculogram", "Body Position", "32-bit"),
)
_MOST_COMMON: Final = 120
"""Of the 128 contexts of an association, so that some are left for query and retrieve."""


@cache
def storage_sop_classes(*, retired: bool = False) -> tuple[UID, ...]:
    """The SOP classes whose instances C-STORE carries, in the order of the dictionary.

    There are more than the 128 contexts of one association can hold: propose those
    that your instances need.

    Args:
        retired: Those that the standard has retired as well. Archives are full of them.
    """
    return tuple(
        UID(number)
        for number, (name, kind, _info, retirement, _keyword) in UID_dictionary.items()
        if kind == "SOP Class"
        and "Storage" in name
        and "Storage Commitment" not in name
        and number != MediaStorageDirectoryStorage
        and (retired or not retirement)
    )


def _is_common(uid: UID) -> bool:
    name, _kind, info, retirement, keyword = UID_dictionary[uid]
    if retirement:
        # Ultrasound and nuclear medicine as they were at first: the retired classes whose
        # names are in use again. Archives still have them.
        return keyword.endswith("Retired")
    return (
        uid.startswith(_OF_A_STUDY)
        and uid not in _SECOND_GENERATION_RT
        and not info  # that of other standards: security and non-destructive testing
        and not any(word in name for word in _RARE)
    )


COMMON_STORAGE_CLASSES: Final = tuple(filter(_is_common, storage_sop_classes(retired=True)))[
    :_MOST_COMMON
]
"""What studies consist of: at most 120 storage classes, by a rule from the dictionary.

These are all that hold objects of a patient's study, with the retired ones of ultrasound
and nuclear medicine that archives still have, and without what is rare: radiotherapy of
the second generation, volumetric presentation states, neurophysiology, eye measurements,
protocols, models for 3D printing, security and industrial testing.
"""

_VIDEO: Final = ("MPEG", "HEVC")
# What holds pixels that an encapsulated syntax compresses, and what of it can be a film.
_OF_IMAGES: Final = ("Image", "Volume Storage", "Segmentation Storage", "Map Storage", "RT Dose")
_OF_FILMS: Final = ("Video", "Multi-frame")


@cache
def _syntaxes() -> tuple[UID, ...]:
    """Those of the dictionary that instances are stored in."""
    return (
        *DEFAULT_TRANSFER_SYNTAXES,
        *(
            UID(number)
            for number, (name, kind, _info, retirement, _keyword) in UID_dictionary.items()
            if kind == "Transfer Syntax"
            # Of the retired ones only that in which old archives are full of instances.
            and (not retirement or number == ExplicitVRBigEndian)
            and number not in DEFAULT_TRANSFER_SYNTAXES
            # The pixels are elsewhere: at a JPIP server, or in a real-time stream.
            and not any(word in name for word in ("JPIP", "SMPTE"))
        ),
    )


def _syntaxes_of(sop_class: UID) -> list[tuple[UID, ...]]:
    """What instances of this class may be stored in, each to stand alone in a context.

    Of two in one context the peer would choose one, and re-encode what is stored in the other.
    """
    name = sop_class.name  # of a class that nobody knows: its number
    is_known = sop_class in UID_dictionary
    is_image = not is_known or any(word in name for word in _OF_IMAGES)
    is_film = not is_known or any(word in name for word in _OF_FILMS)
    return [
        (syntax,)
        for syntax in _syntaxes()
        if not syntax.is_encapsulated
        or (is_film if any(word in syntax.name for word in _VIDEO) else is_image)
    ]


def storage_contexts(
    classes: str | Iterable[str] | None = None, *, as_stored: bool = False
) -> tuple[PresentationContext, ...]:
    """What to propose so that a C-GET can bring instances of these classes to us.

    The contexts ask for the provider's role, because with C-GET the peer stores at us, and
    for the user's role, so that the same association can store as well.

    Args:
        classes: A storage SOP class, or several. None: ``COMMON_STORAGE_CLASSES``, which leave
            room for eight more contexts.
        as_stored: Whether instances shall come as they are stored. Then each class has a
            context for each transfer syntax that its instances can be stored in, Explicit VR
            Little Endian first: four where there are no pixels, some 20 for images, more for
            those that may be films. So propose the few classes that you expect. Otherwise
            the peer re-encodes, decompresses, or fails to send what it cannot decompress.
    """
    if classes is None:
        wanted: Iterable[str] = COMMON_STORAGE_CLASSES
    else:
        wanted = (classes,) if isinstance(classes, str) else classes
    return tuple(
        PresentationContext(UID(number), syntaxes, scu_role=True, scp_role=True)
        for number in dict.fromkeys(wanted)
        for syntaxes in (_syntaxes_of(UID(number)) if as_stored else [DEFAULT_TRANSFER_SYNTAXES])
    )
