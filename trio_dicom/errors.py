"""Every error that trio_dicom raises on purpose, as one tree.

::

    TrioDicomError
      PDUError (ValueError)          bytes that are not what they claim
      ProtocolError
        LocalProtocolError           we were asked to do what the standard or the state forbids
          NoAcceptedContext          proposed, accepted, wanted
          WouldDeadlock              waiting here would never end
        RemoteProtocolError          they did; carries the A-ABORT to answer with
      ConnectFailed                  the OSError or ssl error is its cause
      AssociationRejected            result, source, reason
      ConnectionEnded                raised at every waiting line and every later use
        AssociationAborted           source, reason, by whom
        AssociationReleased
        ConnectionLost               end of file, reset, we gave up
        SourceFailed                 our file or stream broke in the middle of a message
      OperationTimeout               not a trio.TooSlowError: that is the caller's own fail_after
        ConnectTimeout  AssociateTimeout  ResponseTimeout  ReleaseTimeout
      StatusError                    from raise_for_status(), and a stream that ended in failure

A DIMSE failure status is an answer and no error, unless you ask for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from trio_dicom.reasons import AbortReason, AbortSource, RejectReason, RejectResult, RejectSource

if TYPE_CHECKING:
    from trio_dicom.status import Status

__all__ = [
    "AssociateTimeout",
    "AssociationAborted",
    "AssociationRejected",
    "AssociationReleased",
    "ConnectFailed",
    "ConnectTimeout",
    "ConnectionEnded",
    "ConnectionLost",
    "Delivery",
    "LocalProtocolError",
    "NoAcceptedContext",
    "OperationTimeout",
    "PDUError",
    "ProtocolError",
    "ReleaseTimeout",
    "RemoteProtocolError",
    "ResponseTimeout",
    "SourceFailed",
    "StatusError",
    "TrioDicomError",
    "WouldDeadlock",
]

_FEW = 4  # contexts in the text of an error


class Delivery(Enum):
    """How far a request got before it failed: what a retry must know.

    Sending again is safe after ``NOT_SENT``, harmless after ``PARTLY_SENT`` (the
    peer cannot have processed half a message) and a second delivery of the same
    instance after ``SENT_WITHOUT_ANSWER``.
    """

    NOT_SENT = "not sent"
    PARTLY_SENT = "partly sent"
    SENT_WITHOUT_ANSWER = "sent without an answer"
    ANSWERED = "answered"


class TrioDicomError(Exception):
    """The root: catching it catches everything that trio_dicom raises on purpose."""


class PDUError(TrioDicomError, ValueError):
    """Bytes that are not what they claim to be.

    Attributes:
        reason: The reason an A-ABORT of the provider gives for them (PS3.8 Table 9-26).
    """

    def __init__(
        self, message: str, *, reason: AbortReason = AbortReason.INVALID_PDU_PARAMETER_VALUE
    ) -> None:
        super().__init__(message)
        self.reason = reason


class ProtocolError(TrioDicomError):
    """The protocol was broken, by us (``LocalProtocolError``) or by them."""


class LocalProtocolError(ProtocolError):
    """We were asked to do what the standard or the state of the association forbids.

    Nothing has been sent. The call that raised it is the one to mend.
    """


class NoAcceptedContext(LocalProtocolError):
    """The peer accepted no presentation context that this request could use.

    The association lives; only this request cannot be sent on it.

    Attributes:
        wanted: What the request needs, in words: its SOP class and transfer syntax.
        proposed: The contexts that we proposed for it, in words: all, also where the message
            has only some.
        accepted: Those of the association that the peer accepted, likewise.
    """

    def __init__(self, wanted: str, *, proposed: Sequence[str], accepted: Sequence[str]) -> None:
        self.wanted = wanted
        self.proposed = tuple(proposed)
        self.accepted = tuple(accepted)
        # Of what was accepted, that which was proposed for it comes first: it says what is wrong.
        near = sorted(accepted, key=lambda it: not it.startswith(self.proposed))
        super().__init__(
            f"no accepted presentation context for {wanted}: propose one for this SOP class and "
            "transfer syntax, or have the peer configured to accept it "
            f"(proposed {_some(proposed) or 'none for it'}; accepted {_some(near) or 'none'})"
        )


def _some(contexts: Sequence[str]) -> str:
    """The first of them, and how many more there are: an association has up to 128."""
    more = len(contexts) - _FEW
    return "; ".join(contexts[:_FEW]) + (f"; and {more} more" if more > 0 else "")


class WouldDeadlock(LocalProtocolError):
    """This wait could only end by something that the waiting task itself must do."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol. The connection has been aborted because of it.

    Attributes:
        abort_source: The source of the A-ABORT that answers it.
        abort_reason: Its reason, which only the provider has (PS3.8 Table 9-26).
    """

    def __init__(
        self,
        message: str,
        *,
        abort_source: AbortSource = AbortSource.PROVIDER,
        abort_reason: AbortReason = AbortReason.INVALID_PDU_PARAMETER_VALUE,
    ) -> None:
        super().__init__(message)
        provider = abort_source is AbortSource.PROVIDER
        self.abort_source = abort_source
        self.abort_reason = abort_reason if provider else AbortReason.NOT_SPECIFIED


class ConnectFailed(TrioDicomError):
    """No connection to the peer: unknown host, closed port, failed TLS.

    The ``OSError`` or ``ssl.SSLError`` behind it is its ``__cause__``.
    """


class AssociationRejected(TrioDicomError):
    """The peer answered the association request with A-ASSOCIATE-RJ.

    Attributes:
        result: Whether trying again later may help.
        reason: Why.
    """

    def __init__(self, peer: str, result: RejectResult, reason: RejectReason) -> None:
        self.result = result
        self.reason = reason
        advice = (
            "It may accept later."
            if result is RejectResult.TRANSIENT
            else "Check the AE titles and what the peer is configured to accept."
        )
        super().__init__(
            f"{peer} rejected the association ({result.words}): {reason.words}, "
            f"says its {self.source.words}. {advice}"
        )

    @property
    def source(self) -> RejectSource:
        """Who at the peer refused."""
        return self.reason.source


class ConnectionEnded(TrioDicomError):
    """The connection is over: raised at every waiting line and at every later use.

    Attributes:
        delivery: How far the request got that was waiting, or None where none was.
    """

    def __init__(self, message: str, *, delivery: Delivery | None = None) -> None:
        self.delivery = delivery
        super().__init__(message if delivery is None else f"{message} (request {delivery.value})")


class AssociationAborted(ConnectionEnded):
    """One side sent A-ABORT.

    Attributes:
        source: The source field of the A-ABORT.
        reason: Its reason, meaningful for the provider alone.
        by_peer: True when the peer sent it, False when we did.
    """

    def __init__(
        self,
        peer: str,
        source: AbortSource,
        reason: AbortReason,
        *,
        by_peer: bool,
        because: str = "",
        delivery: Delivery | None = None,
    ) -> None:
        self.source = source
        self.reason = reason
        self.by_peer = by_peer
        who = (
            f"{peer} aborted the association"
            if by_peer
            else f"we aborted the association to {peer}"
        )
        why = f"source {source.words}"
        if source is AbortSource.PROVIDER:
            why += f", reason {reason.words}"
        if because:
            why += f"; {because}"
        super().__init__(f"{who}: {why}", delivery=delivery)


class AssociationReleased(ConnectionEnded):
    """The association was released: no request can be sent or answered any more."""


class ConnectionLost(ConnectionEnded):
    """The transport ended without release or abort: end of file, reset, or we gave up."""


class SourceFailed(ConnectionEnded):
    """Our own file or stream broke in the middle of a message, so we aborted.

    What the source raised is the ``__cause__``.
    """


class OperationTimeout(TrioDicomError):
    """The peer took longer than the options allow.

    Not a ``trio.TooSlowError``: that one comes from the caller's own ``fail_after``.

    Attributes:
        seconds: The limit that passed.
    """

    def __init__(self, message: str, *, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class ConnectTimeout(OperationTimeout):
    """No connection, or no TLS, within ``Timeouts.connect``."""


class AssociateTimeout(OperationTimeout):
    """No answer to the A-ASSOCIATE-RQ within ``Timeouts.associate``."""


class ResponseTimeout(OperationTimeout):
    """The peer was silent for longer than a request's ``idle_timeout`` or ``timeout``.

    Attributes:
        delivery: How far the request got.
    """

    def __init__(self, message: str, *, seconds: float, delivery: Delivery) -> None:
        super().__init__(f"{message} (request {delivery.value})", seconds=seconds)
        self.delivery = delivery


class ReleaseTimeout(OperationTimeout):
    """The association was not released within ``Timeouts.release`` and was aborted."""


# An LO has 64 characters (PS3.5 6.2), and no line of a log or terminal is for peers to write.
class StatusError(TrioDicomError):
    """A DIMSE status says failure, and the caller asked for an exception.

    Attributes:
        status: The status, with its code, kind and meaning.
        comment: The peer's Error Comment (0000,0902), as it came, or "". The text of the error
            does not repeat it, because it may name a patient.
    """

    def __init__(
        self, status: Status, *, operation: str, comment: str = "", hint: str = ""
    ) -> None:
        self.status = status
        self.comment = comment
        said = "; the peer says more in its comment" if comment else ""
        help_ = f". {hint}" if hint else ""
        super().__init__(f"{operation} ended with status {status}{said}{help_}")
