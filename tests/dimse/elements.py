"""Encoded elements, written by hand, and short ways to what the tests ask of them."""

from __future__ import annotations

import struct

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.transcode import encode_data_set

IMPLICIT = ImplicitVRLittleEndian
EXPLICIT = ExplicitVRLittleEndian
DEFLATED = DeflatedExplicitVRLittleEndian
BIG_ENDIAN = ExplicitVRBigEndian
NATIVE = (IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN)
JPEG = UID("1.2.840.10008.1.2.4.50")
RLE = UID("1.2.840.10008.1.2.5")
PRIVATE_SYNTAX = UID("1.2.3.4.5")

SEQUENCE = 0x0008_1140
BITS_ALLOCATED = 0x0028_0100
PIXEL_DATA = 0x7FE0_0010

UNDEFINED = 0xFFFF_FFFF
LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}


def implicit(tag: int, value: bytes = b"", *, length: int | None = None) -> bytes:
    length = len(value) if length is None else length
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, length) + value


def explicit(
    tag: int, vr: str, value: bytes = b"", *, length: int | None = None, order: str = "<"
) -> bytes:
    length = len(value) if length is None else length
    layout = order + ("HH2sxxL" if vr in LONG else "HH2sH")
    return struct.pack(layout, tag >> 16, tag & 0xFFFF, vr.encode(), length) + value


def item(content: bytes = b"", *, length: int | None = None, order: str = "<") -> bytes:
    length = len(content) if length is None else length
    return struct.pack(order + "HHL", 0xFFFE, 0xE000, length) + content


def open_item(content: bytes = b"") -> bytes:
    return item(content, length=UNDEFINED) + bytes.fromhex("feff0de000000000")


END_OF_SEQUENCE = bytes.fromhex("feffdde000000000")


def converted(data: bytes, source: UID, target: UID) -> bytes:
    return encode_data_set(EncodedDataSet(data, source), target)


def with_syntax(data_set: Dataset, syntax: UID) -> Dataset:
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = syntax
    return data_set
