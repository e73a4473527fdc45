"""The contexts with which most of what an archive does can be tried on one association."""

from __future__ import annotations

from typing import Final

from pydicom import uid

from trio_dicom.sop_classes import (
    MODALITY_WORKLIST,
    MPPS,
    QUERY_RETRIEVE_CLASSES,
    STORAGE_COMMITMENT,
    UPS_CLASSES,
    VERIFICATION,
    storage_contexts,
)

__all__ = ["COMMON_CONTEXTS"]

# Few, because a test waits for each: the 120 of `COMMON_STORAGE_CLASSES` take 10 ms.
_EVERYDAY_CLASSES: Final = (
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.DigitalMammographyXRayImageStorageForPresentation,
    uid.BreastTomosynthesisImageStorage,
    uid.XRayAngiographicImageStorage,
    uid.XRayRadiofluoroscopicImageStorage,
    uid.CTImageStorage,
    uid.EnhancedCTImageStorage,
    uid.MRImageStorage,
    uid.EnhancedMRImageStorage,
    uid.UltrasoundImageStorage,
    uid.UltrasoundMultiFrameImageStorage,
    uid.NuclearMedicineImageStorage,
    uid.PositronEmissionTomographyImageStorage,
    uid.SecondaryCaptureImageStorage,
    uid.SegmentationStorage,
    uid.RTImageStorage,
    uid.RTDoseStorage,
    uid.RTStructureSetStorage,
    uid.RTPlanStorage,
    uid.BasicTextSRStorage,
    uid.EnhancedSRStorage,
    uid.ComprehensiveSRStorage,
    uid.XRayRadiationDoseSRStorage,
    uid.KeyObjectSelectionDocumentStorage,
    uid.GrayscaleSoftcopyPresentationStateStorage,
    uid.EncapsulatedPDFStorage,
)

COMMON_CONTEXTS: Final = (
    VERIFICATION,
    *QUERY_RETRIEVE_CLASSES,
    MODALITY_WORKLIST,
    MPPS,
    STORAGE_COMMITMENT,
    *UPS_CLASSES,
    *storage_contexts(_EVERYDAY_CLASSES),
)
"""For verification, query and retrieve, worklist, performed steps, storage commitment and unified
procedure steps; and for storing and C-GET of the storage classes that one meets every day, in
both uncompressed little endian syntaxes. For instances of another class open an association with
``*COMMON_CONTEXTS, *storage_contexts(its_class)``.
"""
