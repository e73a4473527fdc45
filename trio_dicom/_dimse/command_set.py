"""Command sets: group 0000 in Implicit VR Little Endian (PS3.7 6.3.1), and its values.

Whatever the bytes, decoding raises nothing but ``PDUError``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from struct import error as struct_error
from typing import Any

from attrs import frozen
from pydicom.tag import BaseTag
from pydicom.uid import UID

from trio_dicom.errors import LocalProtocolError, PDUError

__all__ = [
    "AE",
    "AT",
    "LO",
    "UI",
    "US",
    "ValueCodec",
    "as_uid",
    "decode_command_set",
    "encode_command_set",
]

_ELEMENT = Struct("<HHI")  # group, element, length
_GROUP_LENGTH = Struct("<HHII")
_US = Struct("<H")
_TAG = Struct("<HH")
_MAX_AE_TITLE = 16
_MAX_LO = 64


def encode_command_set(elements: Mapping[int, bytes]) -> bytes:
    """The command set of these elements, with its group length before them.

    Args:
        elements: Element numbers of group 0000 and their values, of even length.
    """
    pack = _ELEMENT.pack
    body = b"".join(
        [pack(0, element, len(value)) + value for element, value in sorted(elements.items())]
    )
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def decode_command_set(data: bytes | bytearray | memoryview) -> dict[int, bytes]:
    """The values of a command set by their element numbers.

    The group length only describes, and peers get it wrong or leave it out: it is
    not compared with what is there. The order of the elements does not matter
    either. An element that comes twice could mean either value, so it is refused. What
    is not of group 0000 is passed over, unless the command set begins with it.

    Raises:
        PDUError: An element lies about its length or comes twice, or it is no command set.
    """
    data = bytes(data)
    end = len(data)
    values: dict[int, bytes] = {}
    position = 0
    unpack, header = _ELEMENT.unpack_from, _ELEMENT.size
    while position < end:
        try:
            group, element, length = unpack(data, position)
        except struct_error:
            raise PDUError(f"the command set ends inside an element at byte {position}") from None
        start = position + header
        position = start + length
        if group and not values:
            raise PDUError(f"element ({group:04X},{element:04X}) in a command set")
        if position > end:
            raise PDUError(f"({group:04X},{element:04X}) claims {length} of {end - start} bytes")
        if group:
            # Orthanc 1.10 puts what belongs into the data set of a failed C-GET-RSP, the Failed
            # SOP Instance UID List (0008,0058), behind the command set's own elements.
            continue
        if element in values:
            raise PDUError(f"(0000,{element:04X}) comes twice")
        values[element] = data[start:position]
    return values


@frozen
class ValueCodec:
    """How the values of one VR become bytes and come back.

    What type the values have is the business of the attribute that holds them,
    which is why it is open here.

    Attributes:
        vr: The value representation.
        encode: Value to bytes of even length.
        decode: Bytes to value; None when they are empty.
    """

    vr: str
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


def as_uid(text: str) -> UID:
    """``text`` as a UID just as it is: neither checked nor warned about (pydicom does both)."""
    if isinstance(text, UID):
        return text
    # __str__ of str refuses what is none: None must not become the UID "None".
    return str.__new__(UID, str.__str__(text))


def _encode_us(value: int) -> bytes:
    return _US.pack(value)


def _decode_us(value: bytes) -> int | None:
    if len(value) == _US.size:
        number: int = _US.unpack(value)[0]
        return number
    if not value:
        return None
    raise PDUError(f"a US of {len(value)} bytes")


def _encode_ui(value: str) -> bytes:
    encoded = _latin_1(value, "UID")
    return encoded + b"\0" if len(encoded) & 1 else encoded


def _decode_ui(value: bytes) -> UID | None:
    text = value.rstrip(b"\0 ").decode("latin-1")
    return str.__new__(UID, text) if text else None


def _encode_ae(value: str) -> bytes:
    encoded = _latin_1(value, "AE title")
    if len(encoded) > _MAX_AE_TITLE:
        raise LocalProtocolError(f"the AE title {value!r} is longer than 16 characters")
    if "\\" in value or not value.isprintable():
        raise LocalProtocolError(f"the AE title {value!r} has a backslash or control character")
    return encoded + b" " if len(encoded) & 1 else encoded


def _decode_ae(value: bytes) -> str | None:
    return value.strip(b"\0 ").decode("latin-1") or None


def _encode_lo(value: str) -> bytes:
    # A comment is worth less than the answer that it comes with, so it is made to fit:
    # 64 printable ASCII characters without a backslash, which would begin a second value.
    plain = "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in value[:_MAX_LO])
    return (plain + " " if len(plain) & 1 else plain).encode("ascii")


def _decode_lo(value: bytes) -> str | None:
    return value.strip(b"\0 ").decode("latin-1") or None


def _encode_at(tags: tuple[int, ...]) -> bytes:
    return b"".join([_TAG.pack(tag >> 16, tag & 0xFFFF) for tag in tags])


def _decode_at(value: bytes) -> tuple[BaseTag, ...]:
    if len(value) % _TAG.size:
        raise PDUError(f"a list of tags of {len(value)} bytes")
    return tuple([BaseTag(group << 16 | element) for group, element in _TAG.iter_unpack(value)])


def _latin_1(value: str, what: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        raise LocalProtocolError(f"the {what} {value!r} has characters outside Latin-1") from None


AE = ValueCodec("AE", _encode_ae, _decode_ae)
AT = ValueCodec("AT", _encode_at, _decode_at)
LO = ValueCodec("LO", _encode_lo, _decode_lo)
UI = ValueCodec("UI", _encode_ui, _decode_ui)
US = ValueCodec("US", _encode_us, _decode_us)
