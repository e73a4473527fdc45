"""What the machine reports, one at a time and in the order of the wire."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen

from trio_dicom._dimse.message import Message
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom._protocol.negotiation import NegotiatedAssociation
from trio_dicom._wire.associate import AssociationRequest
from trio_dicom._wire.control import Abort, AssociationReject

__all__ = [
    "AbortIndication",
    "AssociateConfirmation",
    "AssociateIndication",
    "AssociateRefusal",
    "Event",
    "FragmentReceived",
    "MessageReceived",
    "ReleaseConfirmation",
    "ReleaseIndication",
    "TransportClosed",
]


@frozen
class AssociateIndication:
    """Acceptor: somebody asks for an association. Answer it with an accept or a reject.

    Attributes:
        request: What is proposed.
    """

    request: AssociationRequest


@frozen
class AssociateConfirmation:
    """Requestor: the association stands.

    Attributes:
        association: What was agreed.
    """

    association: NegotiatedAssociation


@frozen
class AssociateRefusal:
    """There will be no association.

    The requestor gets what the peer answered. An acceptor gets it when it had to refuse by
    itself, because the peer speaks another version of the protocol.

    Attributes:
        reject: Who refuses, why, and whether later may be better.
    """

    reject: AssociationReject


@frozen(kw_only=True)
class FragmentReceived:
    """A P-DATA-TF came that completed no message: a sign of life.

    Attributes:
        context: The context that it came on.
        message: The message that it belongs to, without its data set, once its command
            set is complete; before that None.
        size: How many bytes of it the PDU brought.
    """

    context: NegotiatedContext
    message: Message | None
    size: int


@frozen(kw_only=True)
class MessageReceived:
    """A message is complete.

    Attributes:
        context: The context that it came on, on which an answer goes back.
        message: The message; its data set is not decoded.
        size: How many bytes it had on the wire, without PDU and PDV headers.
        is_streamed: Whether its data set went into a sink while it arrived, so that the
            message is without it.
    """

    context: NegotiatedContext
    message: Message
    size: int
    is_streamed: bool = False


@frozen
class ReleaseIndication:
    """The peer asks for release: answer it as soon as the machine allows.

    That is at once, unless the request crossed ours and we are the acceptor: then it is
    after the ``ReleaseConfirmation`` (PS3.8 7.2.2).
    """


@frozen
class ReleaseConfirmation:
    """The peer agreed to the release that we asked for."""


@frozen
class AbortIndication:
    """The peer aborted the association.

    Attributes:
        abort: Who at the peer did, and why.
    """

    abort: Abort


@frozen
class TransportClosed:
    """The peer closed its side of the transport. Nothing more will come, ever."""


Event: TypeAlias = (
    AssociateIndication
    | AssociateConfirmation
    | AssociateRefusal
    | FragmentReceived
    | MessageReceived
    | ReleaseIndication
    | ReleaseConfirmation
    | AbortIndication
    | TransportClosed
)
"""Whatever ``AssociationMachine.next_event`` can return."""
