"""How a connection ended: decided once, told to everybody in an error of their own."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from attrs import frozen

from trio_dicom._io.tls import tls_failure
from trio_dicom._wire.pdus import Abort, AssociationReject
from trio_dicom.errors import (
    AssociationAborted,
    AssociationRejected,
    AssociationReleased,
    ConnectionEnded,
    ConnectionLost,
    Delivery,
    RemoteProtocolError,
)

__all__ = ["Ending"]


@frozen(kw_only=True)
class Ending:
    """The one end of a connection.

    Errors are built anew for each raise, so that no two tasks share a traceback.

    Attributes:
        waiting: Builds the error for those who wait when it happens.
        later: Builds the error for every later use.
        orderly: Whether ``on_connection_closed`` is told None.
        abort: The A-ABORT to write as the last words, if there is one.
    """

    waiting: Callable[[Delivery | None], Exception]
    later: Callable[[Delivery | None], ConnectionEnded]
    orderly: bool = False
    abort: Abort | None = None

    @property
    def exception(self) -> Exception | None:
        """What ``on_connection_closed`` is told."""
        return None if self.orderly else self.waiting(None)

    @classmethod
    def released(cls, peer: str, *, by_peer: bool = False) -> Ending:
        """The association was released, by us or by the peer."""
        who = (
            f"{peer} released the association"
            if by_peer
            else f"the association to {peer} was released"
        )

        def build(delivery: Delivery | None) -> ConnectionEnded:
            return AssociationReleased(
                f"{who}; open a new association for further requests", delivery=delivery
            )

        return cls(waiting=build, later=build, orderly=True)

    @classmethod
    def closed(cls, peer: str) -> Ending:
        """We closed a connection on which no association stood."""

        def build(delivery: Delivery | None) -> ConnectionEnded:
            return ConnectionLost(f"the connection to {peer} was closed", delivery=delivery)

        return cls(waiting=build, later=build, orderly=True)

    @classmethod
    def rejected(cls, peer: str, reject: AssociationReject) -> Ending:
        """The peer rejected the association."""

        def later(delivery: Delivery | None) -> ConnectionEnded:
            return ConnectionLost(
                f"{peer} rejected the association of this connection", delivery=delivery
            )

        return cls(
            waiting=lambda _: AssociationRejected(peer, reject.result, reject.reason),
            later=later,
            orderly=True,
        )

    @classmethod
    def aborted_by_peer(cls, peer: str, abort: Abort) -> Ending:
        """The peer sent A-ABORT."""

        def build(delivery: Delivery | None) -> ConnectionEnded:
            return AssociationAborted(
                peer, abort.source, abort.reason, by_peer=True, delivery=delivery
            )

        return cls(waiting=build, later=build)

    @classmethod
    def aborted_by_us(cls, peer: str, abort: Abort, *, because: str = "") -> Ending:
        """We send A-ABORT."""

        def build(delivery: Delivery | None) -> ConnectionEnded:
            return AssociationAborted(
                peer, abort.source, abort.reason, by_peer=False, because=because, delivery=delivery
            )

        return cls(waiting=build, later=build, abort=abort)

    @classmethod
    def peer_broke_protocol(cls, peer: str, error: RemoteProtocolError) -> Ending:
        """The peer broke the protocol, so we abort with what the error carries."""
        abort = Abort(error.abort_source, error.abort_reason)
        text = f"{peer} broke the protocol: {error}"

        def waiting(_: Delivery | None) -> Exception:
            return RemoteProtocolError(
                text, abort_source=error.abort_source, abort_reason=error.abort_reason
            )

        later = cls.aborted_by_us(peer, abort, because=str(error)).later
        return cls(waiting=waiting, later=later, abort=abort)

    @classmethod
    def lost(cls, peer: str, what: str, cause: BaseException | None = None) -> Ending:
        """The transport ended on its own; ``what`` says how."""

        def build(delivery: Delivery | None) -> ConnectionEnded:
            error = ConnectionLost(f"the connection to {peer} {what}", delivery=delivery)
            error.__cause__ = cause
            return error

        return cls(waiting=build, later=build)

    @classmethod
    def tls_failed(cls, peer: str, cause: BaseException) -> Ending:
        """The peer refused our TLS after the handshake, as TLS 1.3 does with certificates."""
        # A stream that was given to us may shake hands only now, and then we can be who refused.
        is_ours = isinstance(cause, ssl.SSLCertVerificationError)
        when = "" if is_ours else " after the handshake"
        return cls(
            waiting=lambda _: tls_failure(peer, cause, when=when),
            later=cls.lost(peer, "was refused by TLS", cause).later,
        )
