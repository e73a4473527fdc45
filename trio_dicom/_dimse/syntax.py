"""What a transfer syntax UID says about the bytes of a data set (PS3.5 Section 10)."""

from __future__ import annotations

from typing import Final

from attrs import frozen
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

__all__ = [
    "NATIVE_SYNTAXES",
    "Encoding",
    "encoding_of",
    "is_deflated",
    "is_encapsulated",
    "is_native",
]


@frozen
class Encoding:
    """How elements are laid out, which is all that reading them needs.

    Attributes:
        implicit_vr: The value representation is not in the bytes.
        little_endian: The byte order of tags, lengths and binary values.
    """

    implicit_vr: bool
    little_endian: bool


_IMPLICIT: Final = Encoding(True, True)
_EXPLICIT: Final = Encoding(False, True)
_BIG_ENDIAN: Final = Encoding(False, False)

NATIVE_SYNTAXES: Final[frozenset[str]] = frozenset(
    {
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        ExplicitVRBigEndian,
    }
)
"""Those that hold every sample as it is, so that each can be turned into each other."""

# The JPIP syntaxes deflate as well: PS3.5 A.7 and, for HTJ2K, its younger sister.
_DEFLATED: Final[frozenset[str]] = frozenset(
    {DeflatedExplicitVRLittleEndian, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"}
)


def encoding_of(transfer_syntax: UID) -> Encoding:
    """How the elements lie in this transfer syntax, once inflated.

    Compressed and private syntaxes use Explicit VR Little Endian around what is
    their own (PS3.5 A.4).
    """
    if transfer_syntax == ImplicitVRLittleEndian:
        return _IMPLICIT
    if transfer_syntax == ExplicitVRBigEndian:
        return _BIG_ENDIAN
    return _EXPLICIT


def is_native(transfer_syntax: UID) -> bool:
    """Whether pixel data are neither compressed nor encapsulated nor elsewhere."""
    return transfer_syntax in NATIVE_SYNTAXES


def is_deflated(transfer_syntax: UID) -> bool:
    """Whether the data set as a whole is deflated (PS3.5 A.5)."""
    return transfer_syntax in _DEFLATED


def is_encapsulated(transfer_syntax: UID) -> bool:
    """Whether the standard wants pixel data in fragments (PS3.5 A.4)."""
    return (
        not transfer_syntax.is_private
        and transfer_syntax.is_transfer_syntax
        and transfer_syntax.is_encapsulated
    )
