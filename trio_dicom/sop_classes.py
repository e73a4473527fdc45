"""The services that peers offer, ready to be proposed, by the names of pydicom's dictionary.

Each constant is a presentation context in both uncompressed little endian syntaxes;
build a ``PresentationContext`` of your own for other syntaxes, for roles, and for
private SOP classes.
"""

from __future__ import annotations

from functools import cache
from typing import Final

# The dictionary has no public home: pydicom.uid names the storage classes alone.
from pydicom._uid_dict import UID_dictionary  # pyright: ignore[reportPrivateUsage]
from pydicom.uid import UID, MediaStorageDirectoryStorage

from trio_dicom._protocol.contexts import PresentationContext

__all__ = [
    "BASIC_ANNOTATION_BOX",
    "BASIC_COLOR_PRINT",
    "BASIC_GRAYSCALE_PRINT",
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
    "storage_sop_classes",
]

_BY_KEYWORD: Final = {keyword: number for number, (*_, keyword) in UID_dictionary.items()}


def _context(keyword: str) -> PresentationContext:
    return PresentationContext(UID(_BY_KEYWORD[keyword]))


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
