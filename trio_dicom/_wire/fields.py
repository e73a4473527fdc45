"""Single fields of PDUs and items: numbers, counted bytes, UIDs and AE titles.

Text is Latin-1 in both directions: every byte that a peer sends has a character
and comes back as the same byte, also where the standard allows ISO 646 alone.
"""

from __future__ import annotations

from trio_dicom._wire.cursor import Cursor
from trio_dicom.errors import PDUError

__all__ = [
    "AE_TITLE_LENGTH",
    "counted",
    "decode_ae_title",
    "decode_text",
    "encode_ae_title",
    "encode_text",
    "encode_u8",
    "encode_u16",
    "encode_u32",
    "take_counted",
]

AE_TITLE_LENGTH = 16
"""Bytes of an AE title field (PS3.8 Table 9-11)."""


def encode_u8(value: int, what: str) -> bytes:
    """One byte for the field ``what``."""
    return _encode_unsigned(value, 1, what)


def encode_u16(value: int, what: str) -> bytes:
    """Two bytes, big endian, for the field ``what``."""
    return _encode_unsigned(value, 2, what)


def encode_u32(value: int, what: str) -> bytes:
    """Four bytes, big endian, for the field ``what``."""
    return _encode_unsigned(value, 4, what)


def _encode_unsigned(value: int, size: int, what: str) -> bytes:
    try:
        return value.to_bytes(size, "big")
    except OverflowError:
        raise PDUError(f"{what} {value} does not fit into {size} unsigned bytes") from None


def counted(data: bytes, what: str) -> bytes:
    """``data`` with its length in two bytes before it."""
    return encode_u16(len(data), f"{what}: length") + data


def take_counted(cursor: Cursor) -> memoryview:
    """The bytes that follow their length in two bytes."""
    return cursor.take(cursor.u16())


def decode_text(data: bytes | memoryview) -> str:
    """A UID or name without the trailing NULs and spaces that some peers pad with."""
    return bytes(data).decode("latin-1").rstrip("\0 ")


def encode_text(text: str, what: str) -> bytes:
    """A UID or name as it is: in PDUs nothing pads a name (PS3.8 F.1)."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise PDUError(f"{what} {text!r} has characters outside Latin-1") from None


def decode_ae_title(data: bytes | memoryview) -> str:
    """An AE title without its padding, be it spaces or, from some peers, NULs."""
    return bytes(data).decode("latin-1").strip("\0 ")


def encode_ae_title(title: str, what: str) -> bytes:
    """An AE title padded with spaces to its 16 bytes.

    Raises:
        PDUError: It is longer, or not Latin-1.
    """
    encoded = encode_text(title, what)
    if len(encoded) > AE_TITLE_LENGTH:
        raise PDUError(f"{what} {title!r} is longer than {AE_TITLE_LENGTH} characters")
    return encoded.ljust(AE_TITLE_LENGTH)
