"""Data sets with values that no writer would write, as peers send them."""

from __future__ import annotations

import struct

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from trio_dicom import EncodedDataSet

__all__ = ["element", "received", "sequence"]

_LONG = ("OB", "OW", "SQ", "UC", "UN", "UT")


def element(tag: int, vr: str, value: bytes) -> bytes:
    """An element in explicit VR little endian."""
    value += b" " * (len(value) % 2)
    layout = "<HH2sxxL" if vr in _LONG else "<HH2sH"
    return struct.pack(layout, tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value


def sequence(tag: int, *items: bytes) -> bytes:
    """A sequence of items of these elements."""
    encoded = [struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item for item in items]
    return element(tag, "SQ", b"".join(encoded))


def received(*elements: bytes) -> Dataset:
    """The data set of these elements, as it comes out of a message."""
    return EncodedDataSet(b"".join(elements), ExplicitVRLittleEndian).decode()
