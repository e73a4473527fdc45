"""The elements that need no second look, taken in one loop.

Most elements of an identifier are short values of a VR that everybody knows. What is
anything else is left to ``scan``: it looks closer, and it alone says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Final, TypeAlias

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag

from trio_dicom._dimse.headers import FORBIDDEN_GROUPS
from trio_dicom._dimse.syntax import Encoding
from trio_dicom._dimse.vr import SHORT_VRS, public_vr

__all__ = ["TAKE_PLAIN", "Elements"]

Elements: TypeAlias = dict[BaseTag, RawDataElement | DataElement]
"""The elements of a ``Dataset``, by their tags."""

TakePlain: TypeAlias = Callable[[bytes, int, int, Elements], int]
"""Adds the plain elements between two positions; gives the position of the first that is not."""

_HEADER_LENGTH: Final = 8
# What RawDataElement says of itself after the fields that we fill. Its own way to be made
# costs as much again as all the rest of the loop.
_OTHER_FIELDS: Final = tuple(RawDataElement._field_defaults.values())
_TUPLE: Final[type[tuple[object, ...]]] = tuple
_make: Final = _TUPLE.__new__


def _explicit(byte_order: str) -> TakePlain:
    unpack = Struct(f"{byte_order}6sH").unpack_from
    unpack_kind = Struct(f"{byte_order}HH2s").unpack
    tail = (False, byte_order == "<", *_OTHER_FIELDS)

    @lru_cache(maxsize=8192)  # bounded, because peers choose the tags
    def kind(beginning: bytes) -> tuple[BaseTag, str | None]:
        group, element, code = unpack_kind(beginning)
        # The short ones have no items inside.
        vr = None if group in FORBIDDEN_GROUPS else SHORT_VRS.get(code)
        return BaseTag(group << 16 | element), vr

    def take(data: bytes, position: int, end: int, found: Elements) -> int:
        while end - position >= _HEADER_LENGTH:
            beginning, length = unpack(data, position)
            tag, vr = kind(beginning)
            start = position + _HEADER_LENGTH
            stop = start + length
            if vr is None or length & 1 or stop > end:
                break
            fields = (tag, vr, length, data[start:stop], start)
            found[tag] = _make(RawDataElement, fields + tail)
            position = stop
        return position

    return take


def _implicit(byte_order: str) -> TakePlain:
    unpack = Struct(f"{byte_order}4sL").unpack_from
    unpack_tag = Struct(f"{byte_order}HH").unpack
    tail = (True, byte_order == "<", *_OTHER_FIELDS)

    @lru_cache(maxsize=8192)
    def kind(beginning: bytes) -> tuple[BaseTag, bool]:
        group, element = unpack_tag(beginning)
        tag = BaseTag(group << 16 | element)
        # A sequence may hide in what nobody knows.
        is_plain = group not in FORBIDDEN_GROUPS and public_vr(tag) not in ("SQ", "UN", None)
        return tag, is_plain

    def take(data: bytes, position: int, end: int, found: Elements) -> int:
        while end - position >= _HEADER_LENGTH:
            beginning, length = unpack(data, position)
            tag, is_plain = kind(beginning)
            start = position + _HEADER_LENGTH
            stop = start + length
            if not is_plain or length & 1 or stop > end:  # an undefined length is odd
                break
            # pydicom looks into the private dictionary as well, when it is asked for the VR.
            fields = (tag, None, length, data[start:stop], start)
            found[tag] = _make(RawDataElement, fields + tail)
            position = stop
        return position

    return take


TAKE_PLAIN: Final[dict[Encoding, TakePlain]] = {
    Encoding(True, True): _implicit("<"),
    Encoding(False, True): _explicit("<"),
    Encoding(False, False): _explicit(">"),
    # No transfer syntax, but what may lie in a UN among big endian elements.
    Encoding(True, False): _implicit(">"),
}
