"""The short PDUs: A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP and A-ABORT."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from trio_dicom._wire.cursor import Cursor
from trio_dicom._wire.fields import encode_u8
from trio_dicom._wire.header import PduType, encode_header
from trio_dicom.errors import PDUError
from trio_dicom.reasons import AbortReason, AbortSource, RejectReason, RejectResult

__all__ = [
    "CONTROL_LENGTH",
    "Abort",
    "AssociationReject",
    "ReleaseRequest",
    "ReleaseResponse",
]

CONTROL_LENGTH = 4
"""Bytes of the body of every PDU of this module."""


def _encode(pdu_type: PduType, body: bytes) -> bytes:
    return encode_header(pdu_type, CONTROL_LENGTH) + body


def _decode(pdu_type: PduType, body: bytes | memoryview) -> Cursor:
    if len(body) != CONTROL_LENGTH:
        raise PDUError(f"{pdu_type.name} has {len(body)} bytes instead of {CONTROL_LENGTH}")
    return Cursor(memoryview(body), pdu_type.name)


@frozen(kw_only=True)
class AssociationReject:
    """A-ASSOCIATE-RJ (PS3.8 Table 9-21): there will be no association.

    Attributes:
        result: Whether trying again later may help.
        reason: Why, and who says so.
    """

    pdu_type: ClassVar[PduType] = PduType.ASSOCIATE_RJ

    result: RejectResult
    reason: RejectReason

    def encode(self) -> bytes:
        """The whole PDU."""
        result = encode_u8(self.result, "result of a rejection")
        return _encode(
            self.pdu_type, b"\0" + result + bytes((self.reason.source, self.reason.code))
        )

    @classmethod
    def decode(cls, body: bytes | memoryview) -> AssociationReject:
        """The value from a PDU's body, the bytes after its header."""
        cursor = _decode(cls.pdu_type, body)
        cursor.take(1)
        return cls(
            result=RejectResult(cursor.u8()),
            reason=RejectReason.of(cursor.u8(), cursor.u8()),
        )


@frozen
class ReleaseRequest:
    """A-RELEASE-RQ (PS3.8 Table 9-24): let us end this in order."""

    pdu_type: ClassVar[PduType] = PduType.RELEASE_RQ

    def encode(self) -> bytes:
        """The whole PDU."""
        return _encode(self.pdu_type, bytes(CONTROL_LENGTH))

    @classmethod
    def decode(cls, body: bytes | memoryview) -> ReleaseRequest:
        """The value from a PDU's body, the bytes after its header."""
        _decode(cls.pdu_type, body)
        return cls()


@frozen
class ReleaseResponse:
    """A-RELEASE-RP (PS3.8 Table 9-25): agreed, it has ended."""

    pdu_type: ClassVar[PduType] = PduType.RELEASE_RP

    def encode(self) -> bytes:
        """The whole PDU."""
        return _encode(self.pdu_type, bytes(CONTROL_LENGTH))

    @classmethod
    def decode(cls, body: bytes | memoryview) -> ReleaseResponse:
        """The value from a PDU's body, the bytes after its header."""
        _decode(cls.pdu_type, body)
        return cls()


@frozen
class Abort:
    """A-ABORT (PS3.8 Table 9-26): the association is over, in both directions, now.

    Attributes:
        source: Which side of the peer gave up, its user or its provider.
        reason: The provider's reason; NOT_SPECIFIED and meaningless when the user aborted.
    """

    pdu_type: ClassVar[PduType] = PduType.ABORT

    source: AbortSource
    reason: AbortReason = AbortReason.NOT_SPECIFIED

    def encode(self) -> bytes:
        """The whole PDU."""
        source = encode_u8(self.source, "source of an abort")
        return _encode(self.pdu_type, b"\0\0" + source + encode_u8(self.reason, "abort reason"))

    @classmethod
    def decode(cls, body: bytes | memoryview) -> Abort:
        """The value from a PDU's body, the bytes after its header."""
        cursor = _decode(cls.pdu_type, body)
        cursor.take(2)
        return cls(AbortSource(cursor.u8()), AbortReason(cursor.u8()))
