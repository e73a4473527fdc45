"""Who we are, to peers and in the files that we write (PS3.7 D.3.3.2)."""

from __future__ import annotations

from typing import Final

__all__ = ["IMPLEMENTATION_CLASS_UID", "IMPLEMENTATION_VERSION_NAME"]

IMPLEMENTATION_CLASS_UID: Final = "2.25.70487283712053283092787387180363816977"
"""Fixed for good; derived from a UUID (PS3.5 Annex B.2)."""

IMPLEMENTATION_VERSION_NAME: Final = "TRIO_DICOM_0_1"
"""At most 16 characters (PS3.7 D.3.3.2)."""
