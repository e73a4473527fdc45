"""What a program is told about its connection, and what it answers the peer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
from trio_dicom._dimse.message import Request, Response, response_to
from trio_dicom._dimse.n_messages import NEventReportRequest, NEventReportResponse
from trio_dicom.status import Code

if TYPE_CHECKING:
    from trio_dicom._protocol.negotiation import NegotiatedAssociation
    from trio_dicom.reasons import (
        AbortReason,
        AbortSource,
        RejectReason,
        RejectResult,
        RejectSource,
    )

__all__ = ["BaseHandler", "ConnectionHandler"]


class ConnectionHandler(Protocol):
    """The ten callbacks of a connection.

    The first eight tell what happened. They run one after the other, in the order
    of the wire, in a task of their own: the connection goes on reading meanwhile.
    The last two answer requests of the peer. A callback may send requests on the
    connection and await them. One that raises is logged; the association lives.

    Implement it by subclassing ``BaseHandler`` and overriding what you need:
    methods that are not overridden cost nothing.
    """

    async def on_receive_association_accept(self, association: NegotiatedAssociation) -> None:
        """The peer accepted; ``association`` is what was agreed."""
        ...

    async def on_receive_association_reject(
        self, result: RejectResult, source: RejectSource, reason: RejectReason
    ) -> None:
        """The peer rejected the association (PS3.8 Table 9-21)."""
        ...

    async def on_receive_association_release_response(self) -> None:
        """The peer answered our release: the association is over, in order."""
        ...

    async def on_receive_abort(self, source: AbortSource, reason: AbortReason) -> None:
        """The peer aborted (PS3.8 Table 9-26). Every open request ends with it."""
        ...

    async def on_connection_closed(self, exception: Exception | None) -> None:
        """The connection is gone: exactly once, always last.

        Args:
            exception: Why it ended, or None when the end was orderly.
        """
        ...

    async def on_request_pending(self, request: Request, response: Response) -> None:
        """A pending response to ``request``, in the order of the wire."""
        ...

    async def on_request_completed(self, request: Request, response: Response) -> None:
        """The final response to ``request``: at most once for each request."""
        ...

    async def on_request_timed_out(self, request: Request, timeout: float) -> None:
        """No answer within ``timeout`` seconds: at most once, never beside completed."""
        ...

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """An instance that a C-GET sends us. Message IDs and UIDs are filled in for you."""
        ...

    async def on_n_event_report_request(self, request: NEventReportRequest) -> NEventReportResponse:
        """An event that the peer reports, for example of a storage commitment."""
        ...


class BaseHandler:
    """A handler that listens to nothing and refuses instances and events (0122H)."""

    async def on_receive_association_accept(self, association: NegotiatedAssociation) -> None:
        """See ``ConnectionHandler``."""

    async def on_receive_association_reject(
        self, result: RejectResult, source: RejectSource, reason: RejectReason
    ) -> None:
        """See ``ConnectionHandler``."""

    async def on_receive_association_release_response(self) -> None:
        """See ``ConnectionHandler``."""

    async def on_receive_abort(self, source: AbortSource, reason: AbortReason) -> None:
        """See ``ConnectionHandler``."""

    async def on_connection_closed(self, exception: Exception | None) -> None:
        """See ``ConnectionHandler``."""

    async def on_request_pending(self, request: Request, response: Response) -> None:
        """See ``ConnectionHandler``."""

    async def on_request_completed(self, request: Request, response: Response) -> None:
        """See ``ConnectionHandler``."""

    async def on_request_timed_out(self, request: Request, timeout: float) -> None:
        """See ``ConnectionHandler``."""

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """See ``ConnectionHandler``. Answers 0122H: SOP class not supported."""
        return response_to(request, Code.SOP_CLASS_NOT_SUPPORTED)

    async def on_n_event_report_request(self, request: NEventReportRequest) -> NEventReportResponse:
        """See ``ConnectionHandler``. Answers 0122H: SOP class not supported."""
        return response_to(request, Code.SOP_CLASS_NOT_SUPPORTED)
