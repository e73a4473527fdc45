"""The headers of data elements, items and delimiters (PS3.5 7.1 and 7.5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from struct import Struct
from typing import Final, TypeAlias

from trio_dicom._dimse.syntax import Encoding
from trio_dicom._dimse.vr import LONG_VRS, SHORT_VRS, public_vr
from trio_dicom.errors import PDUError

__all__ = [
    "DELIMITER_LENGTH",
    "FORBIDDEN_GROUPS",
    "HEADERS",
    "ITEM",
    "ITEM_DELIMITER",
    "SEQUENCE_DELIMITER",
    "SMALLEST_ELEMENT",
    "UNDEFINED_LENGTH",
    "Bytes",
    "Header",
    "item_header",
    "name_of",
    "value_end",
]

Bytes: TypeAlias = bytes | bytearray | memoryview
Header: TypeAlias = Callable[[Bytes, int], tuple[int, str | None, int, int]]
"""Reads an element's header: its tag, its VR or None, where its value begins, its length."""

UNDEFINED_LENGTH: Final = 0xFFFF_FFFF
ITEM: Final = 0xFFFE_E000
ITEM_DELIMITER: Final = 0xFFFE_E00D
SEQUENCE_DELIMITER: Final = 0xFFFE_E0DD
DELIMITER_LENGTH: Final = 8
SMALLEST_ELEMENT: Final = 8
"""Bytes of an element without a value, in the form that is shortest."""

# Command sets and meta headers have these; delimiters stand where none belongs.
FORBIDDEN_GROUPS: Final = frozenset({0x0000, 0x0002, 0xFFFE})

_VR: Final = re.compile(rb"[A-Z]{2}").fullmatch
_TAG_LENGTH: Final = {True: Struct("<HHL").unpack_from, False: Struct(">HHL").unpack_from}


def name_of(tag: int) -> str:
    """``tag`` as the standard writes it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def value_end(tag: int, start: int, length: int, end: int) -> int:
    """Where a value of ``length`` bytes from ``start`` on ends, which is not behind ``end``.

    Raises:
        PDUError: It would be, or the length is odd (PS3.5 7.1.1).
    """
    if length > end - start:
        raise PDUError(f"{name_of(tag)} claims {length} bytes where {max(0, end - start)} are left")
    if length & 1:
        raise PDUError(f"{name_of(tag)} has the odd length {length}")
    return start + length


def item_header(data: Bytes, position: int, encoding: Encoding) -> tuple[int, int]:
    """Tag and length of an item or a delimiter, which have no VR in any syntax."""
    group, element, length = _TAG_LENGTH[encoding.little_endian](data, position)
    return group << 16 | element, length


def _explicit_header(byte_order: str) -> Header:
    unpack = Struct(f"{byte_order}HH2sH").unpack_from
    unpack_length = Struct(f"{byte_order}L").unpack_from
    short_vr, long_vr = SHORT_VRS.get, LONG_VRS.get

    def header(data: Bytes, position: int) -> tuple[int, str | None, int, int]:
        group, element, code, length = unpack(data, position)
        vr = short_vr(code)
        if vr is not None:
            return group << 16 | element, vr, position + 8, length
        vr = long_vr(code)
        if vr is None:
            # New VRs have the form of UN (PS3.5 6.2), so that they can be treated as such. What
            # is none, such as "??", has one or the other, whoever writes it. Where others have
            # their length, its reserved bytes are.
            if length or not _VR(code):
                raise PDUError(f"{name_of(group << 16 | element)} has the unknown VR {code!r}")
            vr = "UN"
        return group << 16 | element, vr, position + 12, unpack_length(data, position + 8)[0]

    return header


def _implicit_header(byte_order: str) -> Header:
    unpack = Struct(f"{byte_order}HHL").unpack_from

    def header(data: Bytes, position: int) -> tuple[int, str | None, int, int]:
        group, element, length = unpack(data, position)
        tag = group << 16 | element
        return tag, public_vr(tag), position + 8, length

    return header


HEADERS: Final[dict[Encoding, Header]] = {
    Encoding(True, True): _implicit_header("<"),
    Encoding(False, True): _explicit_header("<"),
    Encoding(False, False): _explicit_header(">"),
    # No transfer syntax, but what may lie in a UN among big endian elements.
    Encoding(True, False): _implicit_header(">"),
}
