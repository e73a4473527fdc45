"""What pydicom's dictionaries and PS3.5 say about value representations."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.valuerep import (
    AMBIGUOUS_VR,
    CUSTOMIZABLE_CHARSET_VR,
    EXPLICIT_VR_LENGTH_32,
    STANDARD_VR,
)

__all__ = [
    "AMBIGUOUS_VRS",
    "CHARSET_VRS",
    "LONG_VRS",
    "PADDED_WITH_SPACE",
    "SHORT_VRS",
    "WORD_SIZES",
    "is_private",
    "is_private_creator",
    "private_vr",
    "public_vr",
]

AMBIGUOUS_VRS: Final = frozenset(str(vr) for vr in AMBIGUOUS_VR)
"""Where the dictionary leaves a choice, such as ``US or SS``."""

CHARSET_VRS: Final = frozenset(str(vr) for vr in CUSTOMIZABLE_CHARSET_VR)
"""Text in the Specific Character Set (0008,0005)."""

LONG_VRS: Final = {str(vr).encode("ascii"): str(vr) for vr in EXPLICIT_VR_LENGTH_32}
"""With two reserved bytes and a length of 32 bits (PS3.5 Table 7.1-1)."""

SHORT_VRS: Final = {
    str(vr).encode("ascii"): str(vr) for vr in STANDARD_VR - EXPLICIT_VR_LENGTH_32 - AMBIGUOUS_VR
}
"""With a length of 16 bits (PS3.5 Table 7.1-2)."""

WORD_SIZES: Final = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""The bytes of one word, for the VRs that the byte order touches (PS3.5 7.3)."""

PADDED_WITH_SPACE: Final = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT"}
    | {"PN", "SH", "ST", "TM", "UC", "UR", "UT"}
)
"""All other values of odd length are padded with 00H (PS3.5 6.2)."""


def is_private(tag: int) -> bool:
    """Whether ``tag`` lies in a group that vendors may use (PS3.5 7.8)."""
    return bool(tag & 0x1_0000)


def is_private_creator(tag: int) -> bool:
    """Whether ``tag`` names the owner of a private block (PS3.5 7.8.1)."""
    return bool(tag & 0x1_0000) and 0x10 <= tag & 0xFFFF <= 0xFF


# Bounded, because peers choose the tags. The standard's dictionary fits.
@lru_cache(maxsize=8192)
def public_vr(tag: int) -> str | None:
    """The VR that everybody knows for ``tag``, or None; it may be an ambiguous one."""
    if tag & 0xFFFF == 0:
        return "UL"
    if is_private(tag):
        return "LO" if is_private_creator(tag) else None
    try:
        vr = str(dictionary_VR(tag))
    except KeyError:
        return None
    return None if vr == "NONE" else vr


def private_vr(tag: int, creator: str) -> str | None:
    """The VR that pydicom's private dictionary has for ``tag`` of this creator, or None."""
    try:
        return str(private_dictionary_VR(tag, creator))
    except KeyError:
        return None
