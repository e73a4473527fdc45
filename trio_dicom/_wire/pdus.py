"""All seven PDUs of PS3.8 9.3 and the way from bytes to them and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.control import Abort, AssociationReject, ReleaseRequest, ReleaseResponse
from trio_dicom._wire.data import DataTransfer, PresentationDataValue
from trio_dicom._wire.header import HEADER_LENGTH, PduType, decode_header
from trio_dicom.errors import PDUError

__all__ = [
    "Abort",
    "AssociationAccept",
    "AssociationReject",
    "AssociationRequest",
    "DataTransfer",
    "Pdu",
    "PresentationDataValue",
    "ReleaseRequest",
    "ReleaseResponse",
    "decode_body",
    "decode_pdu",
    "encode_pdu",
]

Pdu: TypeAlias = (
    AssociationRequest
    | AssociationAccept
    | AssociationReject
    | DataTransfer
    | ReleaseRequest
    | ReleaseResponse
    | Abort
)
"""Whatever two peers can say to each other."""

_DECODERS: dict[PduType, Callable[[bytes | memoryview], Pdu]] = {
    PduType.ASSOCIATE_RQ: AssociationRequest.decode,
    PduType.ASSOCIATE_AC: AssociationAccept.decode,
    PduType.ASSOCIATE_RJ: AssociationReject.decode,
    PduType.P_DATA_TF: DataTransfer.decode,
    PduType.RELEASE_RQ: ReleaseRequest.decode,
    PduType.RELEASE_RP: ReleaseResponse.decode,
    PduType.ABORT: Abort.decode,
}


def decode_pdu(data: bytes | memoryview) -> Pdu:
    """The PDU that ``data`` is, header and all.

    Raises:
        PDUError: ``data`` is no PDU, not all of it, or more than it.
    """
    pdu_type, length = decode_header(data)
    body = memoryview(data)[HEADER_LENGTH:]
    if len(body) != length:
        raise PDUError(f"{pdu_type.name} claims {length} bytes, but {len(body)} follow")
    return decode_body(pdu_type, body)


def decode_body(pdu_type: int, body: bytes | memoryview) -> Pdu:
    """The PDU of that type whose bytes after the header are ``body``.

    Raises:
        PDUError: There is no such type, or ``body`` is not what it claims.
    """
    return _DECODERS[PduType.of(pdu_type)](body)


def encode_pdu(pdu: Pdu) -> bytes:
    """The bytes of ``pdu``, header and all.

    Raises:
        PDUError: It holds something that the standard has no bytes for.
    """
    return pdu.encode()
