"""The layers below the connection, for tools and tests: PDUs as values and as bytes.

Nothing here does I/O. What it raises about bytes is ``PDUError`` and nothing else.
"""

from __future__ import annotations

from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.control import Abort, AssociationReject, ReleaseRequest, ReleaseResponse
from trio_dicom._wire.data import DataTransfer, PresentationDataValue
from trio_dicom._wire.framing import PDUBuffer
from trio_dicom._wire.header import PduType
from trio_dicom._wire.items import AnsweredContext, ProposedContext, UnknownItem
from trio_dicom._wire.pdus import Pdu, decode_body, decode_pdu, encode_pdu
from trio_dicom._wire.user_items import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    OperationsWindow,
    RoleSelection,
    UserIdentity,
    UserIdentityAnswer,
    UserIdentityType,
    UserItem,
)

__all__ = [
    "Abort",
    "AnsweredContext",
    "AssociationAccept",
    "AssociationReject",
    "AssociationRequest",
    "CommonExtendedNegotiation",
    "DataTransfer",
    "ExtendedNegotiation",
    "ImplementationClassUID",
    "ImplementationVersionName",
    "MaximumLength",
    "OperationsWindow",
    "PDUBuffer",
    "Pdu",
    "PduType",
    "PresentationDataValue",
    "ProposedContext",
    "ReleaseRequest",
    "ReleaseResponse",
    "RoleSelection",
    "UnknownItem",
    "UserIdentity",
    "UserIdentityAnswer",
    "UserIdentityType",
    "UserItem",
    "decode_body",
    "decode_pdu",
    "encode_pdu",
]
