"""What a program is told about its connection, and what it answers the peer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from attrs import field, frozen, validators

from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
from trio_dicom._dimse.encoded import StoredDataSet
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

__all__ = [
    "BaseHandler",
    "ConnectionHandler",
    "Destination",
    "EventSource",
    "EventTaker",
    "InstanceHandler",
    "InstanceSink",
    "overrides",
]


def overrides(handler: InstanceHandler, name: str) -> bool:
    """Whether ``handler`` has a method of its own of that name, which must be called."""
    method = getattr(type(handler), name, None)
    return method is not None and method is not getattr(BaseHandler, name)


@frozen(kw_only=True)
class Destination:
    """The file that an instance goes into while it arrives.

    It is written aside, in the same folder, and gets its name when it is complete: nobody
    ever sees half of it under that name.

    Attributes:
        path: Its name.
        on_exists: What becomes of a file that has the name already: ``"replace"`` puts the
            new one in its place, in one step; ``"keep"`` drops the new one; ``"rename"``
            gives the new one a name with a number. A file with the same bytes just stays.
        makes_directory: Whether the folder is made, with those above it, if it is not there.
        check: Called with what has arrived, in a thread, before it gets its name. A
            failure status that it returns is the answer, and nothing is kept. Any other
            changes nothing.
        durable: Whether the file, its name and the folders made for it are on the disk
            (fsync) before the peer is told that it is stored, so that a power failure
            takes nothing that was acknowledged. It costs the time of the disk.
    """

    path: Path = field(converter=Path)
    on_exists: Literal["replace", "keep", "rename"] = field(
        default="replace", validator=validators.in_(("replace", "keep", "rename"))
    )
    makes_directory: bool = False
    check: Callable[[StoredDataSet], int | None] | None = field(default=None, repr=False)
    durable: bool = False


InstanceSink: TypeAlias = Path | Destination | int | None
"""Where an instance goes that begins to arrive; see ``InstanceHandler.c_store_sink``."""


class InstanceHandler(Protocol):
    """Takes the instances that a peer sends."""

    async def c_store_sink(self, request: CStoreRequest) -> InstanceSink:
        """Where the instance goes that begins to arrive; its data set is not there yet.

        Returns:
            A path, or a ``Destination``: it is written there as a DICOM file while it
            arrives, in bounded memory, and only its SOP UIDs are looked at. They must be
            those of the request; otherwise the peer is told A900H and nothing is kept. A
            full disk is answered with A700H. None: ``on_c_store_request`` gets it in memory,
            or, above ``Limits.in_memory``, in a temporary file that goes when it has answered.
            A status code: it is answered with that, and its data set is not kept.
        """
        ...

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """An instance that a C-GET sends us. Message IDs and UIDs are filled in for you.

        Its ``data_set`` is a ``StoredDataSet`` if it lies in a file. One that gets its name
        just while its association ends comes here as well, and there is a second for it. Only of
        what a disk takes longer than a second to name then does nobody hear.
        """
        ...


EventTaker: TypeAlias = Callable[[NEventReportRequest], Awaitable[NEventReportResponse | None]]
"""Answers an event that it waits for, and returns None for others."""


class EventSource(Protocol):
    """Where events of peers come from: a connection, an association, a receiver."""

    def events(self, take: EventTaker) -> AbstractContextManager[None]:
        """Let ``take`` see the N-EVENT-REPORTs of the peer while the block is open.

        The first taker that answers has answered; what none takes goes to the handler.
        """
        ...


class ConnectionHandler(InstanceHandler, Protocol):
    """The callbacks of a connection.

    The first eight tell what happened. They run one after the other, in the order
    of the wire, in a task of their own: the connection goes on reading meanwhile.
    The others answer requests of the peer. A callback may send requests on the
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

    async def c_store_sink(self, request: CStoreRequest) -> InstanceSink:  # noqa: ARG002
        """See ``InstanceHandler``. No file."""
        return None

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """See ``InstanceHandler``.

        Answers success for an instance that ``c_store_sink`` has put into a file, else
        0122H: SOP class not supported.
        """
        data = request.data_set
        is_kept = isinstance(data, StoredDataSet) and not data.is_temporary
        return response_to(request, Code.SUCCESS if is_kept else Code.SOP_CLASS_NOT_SUPPORTED)

    async def on_n_event_report_request(self, request: NEventReportRequest) -> NEventReportResponse:
        """See ``ConnectionHandler``. Answers 0122H: SOP class not supported."""
        return response_to(request, Code.SOP_CLASS_NOT_SUPPORTED)
