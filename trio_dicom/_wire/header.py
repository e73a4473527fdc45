"""The six bytes before every PDU: type, a reserved byte, length (PS3.8 9.3.1)."""

from __future__ import annotations

from enum import IntEnum, unique
from struct import Struct

from trio_dicom.errors import PDUError
from trio_dicom.reasons import AbortReason

__all__ = ["HEADER_LENGTH", "LONGEST_BODY", "PduType", "decode_header", "encode_header"]

HEADER_LENGTH = 6
"""Bytes of a PDU's header."""

_HEADER = Struct(">BxL")

LONGEST_BODY = 0xFFFF_FFFF
"""The most bytes that a header can claim to follow it."""


@unique
class PduType(IntEnum):
    """The first byte of a PDU."""

    ASSOCIATE_RQ = 0x01
    ASSOCIATE_AC = 0x02
    ASSOCIATE_RJ = 0x03
    P_DATA_TF = 0x04
    RELEASE_RQ = 0x05
    RELEASE_RP = 0x06
    ABORT = 0x07

    @staticmethod
    def of(code: int) -> PduType:
        """The type that a peer means by the byte ``code``.

        Raises:
            PDUError: There is no such type; the reason is UNRECOGNIZED_PDU.
        """
        pdu_type = _TYPES.get(code)
        if pdu_type is None:
            raise PDUError(f"{code:02X}H is not a PDU type", reason=AbortReason.UNRECOGNIZED_PDU)
        return pdu_type


# Much cheaper to ask than the enumeration itself.
_TYPES = {pdu_type.value: pdu_type for pdu_type in PduType}


def encode_header(pdu_type: PduType, length: int) -> bytes:
    """The header of a PDU whose body has ``length`` bytes."""
    if length > LONGEST_BODY:
        raise PDUError(f"{pdu_type.name} of {length} bytes is longer than a PDU can be")
    return _HEADER.pack(pdu_type, length)


def decode_header(data: bytes | bytearray | memoryview) -> tuple[PduType, int]:
    """Type and body length from the first six bytes of ``data``, the type judged first.

    Raises:
        PDUError: Fewer than six bytes, or a type that does not exist.
    """
    if len(data) < HEADER_LENGTH:
        raise PDUError(f"{len(data)} bytes are too few for the header of a PDU")
    code, length = _HEADER.unpack_from(data)
    return PduType.of(code), length
