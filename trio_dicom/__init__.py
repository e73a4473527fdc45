"""A DICOM network client for programs built on Trio."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from trio_dicom._dimse.base import CommandField, Message, Priority, Request, Response
from trio_dicom._dimse.c_messages import (
    CCancelRequest,
    CEchoRequest,
    CEchoResponse,
    CFindRequest,
    CFindResponse,
    CGetRequest,
    CGetResponse,
    CMoveRequest,
    CMoveResponse,
    CStoreRequest,
    CStoreResponse,
)
from trio_dicom._dimse.encoded import EncodedDataSet, MessageData, StoredDataSet
from trio_dicom._dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from trio_dicom._dimse.message import response_to
from trio_dicom._dimse.n_messages import (
    NActionRequest,
    NActionResponse,
    NCreateRequest,
    NCreateResponse,
    NDeleteRequest,
    NDeleteResponse,
    NEventReportRequest,
    NEventReportResponse,
    NGetRequest,
    NGetResponse,
    NSetRequest,
    NSetResponse,
)
from trio_dicom._io.listener import Listener
from trio_dicom._io.responses import ResponseChannel
from trio_dicom._io.transport import NetworkStream
from trio_dicom._operations.contexts_for_files import contexts_for_files
from trio_dicom._operations.find import Matches
from trio_dicom._operations.inbox import Inbox, ReceivedInstance
from trio_dicom._operations.move import MoveRetrieval
from trio_dicom._operations.results import ResultChannel
from trio_dicom._operations.retrieving import Retrieval
from trio_dicom._operations.store import c_store_request
from trio_dicom._operations.store_results import StoreResult, StoreResults
from trio_dicom._protocol.contexts import NegotiatedContext, PresentationContext
from trio_dicom._protocol.extended import QueryExtension, agreed_query_extension
from trio_dicom._protocol.identity import jwt, kerberos, saml, username, username_and_passcode
from trio_dicom._protocol.negotiation import NegotiatedAssociation, propose
from trio_dicom._wire.pdus import AssociationRequest
from trio_dicom._wire.user_items import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    UserIdentity,
    UserIdentityType,
)
from trio_dicom.association import Association, open_association
from trio_dicom.connection import ClientConnection, open_connection, wrap_stream
from trio_dicom.errors import (
    AssociateTimeout,
    AssociationAborted,
    AssociationRejected,
    AssociationReleased,
    ConnectFailed,
    ConnectionEnded,
    ConnectionLost,
    ConnectTimeout,
    Delivery,
    LocalProtocolError,
    NoAcceptedContext,
    OperationTimeout,
    PDUError,
    ProtocolError,
    ReleaseTimeout,
    RemoteProtocolError,
    ResponseTimeout,
    SourceFailed,
    StatusError,
    TrioDicomError,
    WouldDeadlock,
)
from trio_dicom.handler import (
    BaseHandler,
    ConnectionHandler,
    Destination,
    EventSource,
    EventTaker,
    InstanceHandler,
    InstanceSink,
)
from trio_dicom.instrument import BaseInstrument, Instrument, LoggingInstrument, Tap
from trio_dicom.options import ConnectionOptions, KeepAlive, Limits, Timeouts
from trio_dicom.reasons import (
    AbortReason,
    AbortSource,
    ContextResult,
    RejectReason,
    RejectResult,
    RejectSource,
)
from trio_dicom.status import Code, Service, Status, StatusKind

if TYPE_CHECKING:
    from trio_dicom._operations.commitment import (
        CommitmentResult,
        InstanceCommitment,
        PendingCommitment,
        request_commitment,
    )
    from trio_dicom._operations.film_session import FilmSession
    from trio_dicom._operations.landing import MoveDestination
    from trio_dicom._operations.performed_steps import (
        complete_performed_step,
        create_performed_step,
        discontinue_performed_step,
        update_performed_step,
    )
    from trio_dicom._operations.performed_values import (
        PerformedSeries,
        PerformedStep,
        PerformedStepState,
    )
    from trio_dicom._operations.print_image import PrintImage
    from trio_dicom._operations.print_values import (
        FilmBox,
        ImageBox,
        Printed,
        Printer,
        PrintJob,
        PrintReport,
    )
    from trio_dicom._operations.printing import get_print_job, get_printer, open_film_session
    from trio_dicom._operations.references import CodedEntry, InstanceReference
    from trio_dicom._operations.unified_worklist import UnifiedWorklist
    from trio_dicom._operations.ups_events import (
        UPSAssigned,
        UPSCancelRequested,
        UPSEvent,
        UPSProgress,
        UPSProviderStatus,
        UPSStateReport,
        ups_event,
        ups_events,
    )
    from trio_dicom._operations.ups_search import UnifiedSteps
    from trio_dicom._operations.ups_values import (
        ClaimedStep,
        OutputSeries,
        PerformedWork,
        UnifiedStep,
        UPSState,
    )
    from trio_dicom.receiver import Receiver, open_receiver
    from trio_dicom.recording.writing import Recording

__all__ = [
    "IMPLEMENTATION_CLASS_UID",
    "IMPLEMENTATION_VERSION_NAME",
    "AbortReason",
    "AbortSource",
    "AssociateTimeout",
    "Association",
    "AssociationAborted",
    "AssociationRejected",
    "AssociationReleased",
    "AssociationRequest",
    "BaseHandler",
    "BaseInstrument",
    "CCancelRequest",
    "CEchoRequest",
    "CEchoResponse",
    "CFindRequest",
    "CFindResponse",
    "CGetRequest",
    "CGetResponse",
    "CMoveRequest",
    "CMoveResponse",
    "CStoreRequest",
    "CStoreResponse",
    "ClaimedStep",
    "ClientConnection",
    "Code",
    "CodedEntry",
    "CommandField",
    "CommitmentResult",
    "CommonExtendedNegotiation",
    "ConnectFailed",
    "ConnectTimeout",
    "ConnectionEnded",
    "ConnectionHandler",
    "ConnectionLost",
    "ConnectionOptions",
    "ContextResult",
    "Delivery",
    "Destination",
    "EncodedDataSet",
    "EventSource",
    "EventTaker",
    "ExtendedNegotiation",
    "FilmBox",
    "FilmSession",
    "ImageBox",
    "Inbox",
    "InstanceCommitment",
    "InstanceHandler",
    "InstanceReference",
    "InstanceSink",
    "Instrument",
    "KeepAlive",
    "Limits",
    "Listener",
    "LocalProtocolError",
    "LoggingInstrument",
    "Matches",
    "Message",
    "MessageData",
    "MoveDestination",
    "MoveRetrieval",
    "NActionRequest",
    "NActionResponse",
    "NCreateRequest",
    "NCreateResponse",
    "NDeleteRequest",
    "NDeleteResponse",
    "NEventReportRequest",
    "NEventReportResponse",
    "NGetRequest",
    "NGetResponse",
    "NSetRequest",
    "NSetResponse",
    "NegotiatedAssociation",
    "NegotiatedContext",
    "NetworkStream",
    "NoAcceptedContext",
    "OperationTimeout",
    "OutputSeries",
    "PDUError",
    "PendingCommitment",
    "PerformedSeries",
    "PerformedStep",
    "PerformedStepState",
    "PerformedWork",
    "PresentationContext",
    "PrintImage",
    "PrintJob",
    "PrintReport",
    "Printed",
    "Printer",
    "Priority",
    "ProtocolError",
    "QueryExtension",
    "ReceivedInstance",
    "Receiver",
    "Recording",
    "RejectReason",
    "RejectResult",
    "RejectSource",
    "ReleaseTimeout",
    "RemoteProtocolError",
    "Request",
    "Response",
    "ResponseChannel",
    "ResponseTimeout",
    "ResultChannel",
    "Retrieval",
    "Service",
    "SourceFailed",
    "Status",
    "StatusError",
    "StatusKind",
    "StoreResult",
    "StoreResults",
    "StoredDataSet",
    "Tap",
    "Timeouts",
    "TrioDicomError",
    "UPSAssigned",
    "UPSCancelRequested",
    "UPSEvent",
    "UPSProgress",
    "UPSProviderStatus",
    "UPSState",
    "UPSStateReport",
    "UnifiedStep",
    "UnifiedSteps",
    "UnifiedWorklist",
    "UserIdentity",
    "UserIdentityType",
    "WouldDeadlock",
    "__version__",
    "agreed_query_extension",
    "c_store_request",
    "complete_performed_step",
    "contexts_for_files",
    "create_performed_step",
    "discontinue_performed_step",
    "get_print_job",
    "get_printer",
    "jwt",
    "kerberos",
    "open_association",
    "open_connection",
    "open_film_session",
    "open_receiver",
    "propose",
    "request_commitment",
    "response_to",
    "saml",
    "update_performed_step",
    "ups_event",
    "ups_events",
    "username",
    "username_and_passcode",
    "wrap_stream",
]

__version__ = "0.1.0"

# What few programs need, and where it is.
_WHEN_FIRST_NAMED: Final = {
    "_operations.commitment": (
        "CommitmentResult",
        "InstanceCommitment",
        "PendingCommitment",
        "request_commitment",
    ),
    "_operations.film_session": ("FilmSession",),
    "_operations.landing": ("MoveDestination",),
    "_operations.performed_steps": (
        "complete_performed_step",
        "create_performed_step",
        "discontinue_performed_step",
        "update_performed_step",
    ),
    "_operations.performed_values": ("PerformedSeries", "PerformedStep", "PerformedStepState"),
    "_operations.print_image": ("PrintImage",),
    "_operations.print_values": (
        "FilmBox",
        "ImageBox",
        "Printed",
        "Printer",
        "PrintJob",
        "PrintReport",
    ),
    "_operations.printing": ("get_print_job", "get_printer", "open_film_session"),
    "_operations.references": ("CodedEntry", "InstanceReference"),
    "_operations.unified_worklist": ("UnifiedWorklist",),
    "_operations.ups_events": (
        "UPSAssigned",
        "UPSCancelRequested",
        "UPSEvent",
        "UPSProgress",
        "UPSProviderStatus",
        "UPSStateReport",
        "ups_event",
        "ups_events",
    ),
    "_operations.ups_search": ("UnifiedSteps",),
    "_operations.ups_values": (
        "ClaimedStep",
        "OutputSeries",
        "PerformedWork",
        "UnifiedStep",
        "UPSState",
    ),
    "receiver": ("Receiver", "open_receiver"),
    "recording.writing": ("Recording",),
}
_MODULES: Final = {name: module for module, names in _WHEN_FIRST_NAMED.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
