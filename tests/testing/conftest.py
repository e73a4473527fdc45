"""The fixtures of the test kit, as its users import them."""

from __future__ import annotations

from trio_dicom.testing.fixtures import archive, scripted

__all__ = ["archive", "scripted"]
