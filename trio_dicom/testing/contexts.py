"""The contexts with which most of what an archive does can be tried on one association."""

from __future__ import annotations

from typing import Final

from trio_dicom.sop_classes import (
    COMMON_STORAGE_CLASSES,
    MODALITY_WORKLIST,
    MPPS,
    QUERY_RETRIEVE_CLASSES,
    STORAGE_COMMITMENT,
    UPS_CLASSES,
    VERIFICATION,
    storage_contexts,
)

__all__ = ["COMMON_CONTEXTS"]

_MOST: Final = 128  # of one association: the odd numbers of one byte (PS3.8 9.3.2.2)

_SERVICES: Final = (
    VERIFICATION,
    *QUERY_RETRIEVE_CLASSES,
    MODALITY_WORKLIST,
    MPPS,
    STORAGE_COMMITMENT,
    *UPS_CLASSES,
)

COMMON_CONTEXTS: Final = (
    *_SERVICES,
    *storage_contexts(COMMON_STORAGE_CLASSES[: _MOST - len(_SERVICES)]),
)
"""For verification, query and retrieve, worklist, performed steps, storage commitment and unified
procedure steps; and for storing and C-GET of the commonest storage classes, as many as there is
room for, in both uncompressed little endian syntaxes.
"""
