"""The layers below the connection, for tools and tests: PDUs, messages, the state machine.

Nothing here does I/O. Decoding raises ``PDUError`` and nothing else, whatever the bytes.
"""

from __future__ import annotations

from trio_dicom._dimse.assemble import MessageAssembler
from trio_dicom._dimse.fragment import fragment, max_fragment
from trio_dicom._dimse.message import (
    DecodedCommand,
    decode_command,
    decode_message,
    encode_command,
)
from trio_dicom._dimse.part10 import file_meta_bytes, read_head
from trio_dicom._dimse.transcode import NotConvertible, can_convert, encode_data_set
from trio_dicom._protocol.events import (
    AbortIndication,
    AssociateConfirmation,
    AssociateIndication,
    AssociateRefusal,
    Event,
    FragmentReceived,
    MessageReceived,
    ReleaseConfirmation,
    ReleaseIndication,
    TransportClosed,
)
from trio_dicom._protocol.machine import AssociationMachine
from trio_dicom._protocol.negotiation import answer, negotiated
from trio_dicom._protocol.states import TRANSITIONS, Action, Role, State, Stimulus, Transition
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
    "TRANSITIONS",
    "Abort",
    "AbortIndication",
    "Action",
    "AnsweredContext",
    "AssociateConfirmation",
    "AssociateIndication",
    "AssociateRefusal",
    "AssociationAccept",
    "AssociationMachine",
    "AssociationReject",
    "AssociationRequest",
    "CommonExtendedNegotiation",
    "DataTransfer",
    "DecodedCommand",
    "Event",
    "ExtendedNegotiation",
    "FragmentReceived",
    "ImplementationClassUID",
    "ImplementationVersionName",
    "MaximumLength",
    "MessageAssembler",
    "MessageReceived",
    "NotConvertible",
    "OperationsWindow",
    "PDUBuffer",
    "Pdu",
    "PduType",
    "PresentationDataValue",
    "ProposedContext",
    "ReleaseConfirmation",
    "ReleaseIndication",
    "ReleaseRequest",
    "ReleaseResponse",
    "Role",
    "RoleSelection",
    "State",
    "Stimulus",
    "Transition",
    "TransportClosed",
    "UnknownItem",
    "UserIdentity",
    "UserIdentityAnswer",
    "UserIdentityType",
    "UserItem",
    "answer",
    "can_convert",
    "decode_body",
    "decode_command",
    "decode_message",
    "decode_pdu",
    "encode_command",
    "encode_data_set",
    "encode_pdu",
    "file_meta_bytes",
    "fragment",
    "max_fragment",
    "negotiated",
    "read_head",
]
