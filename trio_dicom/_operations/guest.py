"""One association that a peer opened with our receiver."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import trio
from attrs import define, field

from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
from trio_dicom._dimse.message import response_to
from trio_dicom._dimse.n_messages import NEventReportRequest, NEventReportResponse
from trio_dicom._operations.admission import FULL, Admission
from trio_dicom._operations.incoming import Incoming
from trio_dicom._operations.open_moves import OpenMoves
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.control import AssociationReject
from trio_dicom.handler import BaseHandler, EventTaker, InstanceHandler, InstanceSink
from trio_dicom.status import Code

__all__ = ["Guest"]

_logger = logging.getLogger("trio_dicom")


@define(eq=False)
class Guest(BaseHandler):
    """Answers what one peer asks on its association.

    The peer is granted no window, so instances are handled one after the other and answered in
    the order in which they came. It may send the next ones meanwhile all the same.

    Attributes:
        host: The address that it calls from, or None without a socket.
        calling_ae: What the peer calls itself, or "" before it has.
        is_accepted: Whether it has an association.
    """

    host: str | None
    _admission: Admission
    _has_room: Callable[[str | None], bool]
    _instances: InstanceHandler | None
    _on_event: EventTaker | None
    _moves: OpenMoves
    calling_ae: str = field(default="", init=False)
    is_accepted: bool = field(default=False, init=False)
    # As in a connection: one file can be looked at while another hangs on a dead mount.
    _threads: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(2), init=False)
    # The one of which bytes are coming, the one that is handled, those that wait for that, and
    # those that wait for their answers: all in the order of the wire.
    _arriving: Incoming | None = field(default=None, init=False)
    _handled: Incoming | None = field(default=None, init=False)
    _unhandled: deque[Incoming] = field(factory=deque[Incoming], init=False)
    _unanswered: deque[Incoming] = field(factory=deque[Incoming], init=False)

    def acceptance(self, request: AssociationRequest) -> AssociationAccept | AssociationReject:
        """What comes of the association request of this peer."""
        self.calling_ae = request.calling_ae
        verdict = self._admission.judge(request)
        if not isinstance(verdict, AssociationReject) and not self._has_room(self.host):
            verdict = FULL
        self.is_accepted = isinstance(verdict, AssociationAccept)
        if isinstance(verdict, AssociationReject):
            _logger.warning(
                "rejected an association of %r: %s", request.calling_ae, verdict.reason.words
            )
        return verdict

    # --- what the wire tells --------------------------------------------------------------

    def heard(self) -> None:
        """Bytes came: of the instance that is arriving, if one is."""
        if self._arriving is not None:
            self._arriving.heard()

    def announced(self, request: CStoreRequest) -> Incoming:
        """The instance of ``request`` is arriving. Says so once or often."""
        if self._arriving is None:
            self._arriving = Incoming.begin(
                request, self._moves, self._instances, self._threads, self.calling_ae
            )
            self._unhandled.append(self._arriving)
            self._unanswered.append(self._arriving)
        return self._arriving

    def has_instance(self, request: CStoreRequest) -> None:
        """All of it is here."""
        self.announced(request).is_here()
        self._arriving = None

    def has_answered(self, message_id: int | None) -> None:
        """The answer to an instance went out."""
        for incoming in self._unanswered:
            if incoming.message_id == message_id:
                self._unanswered.remove(incoming)
                incoming.put_down()
                return

    def leave(self) -> None:
        """The association has ended."""
        self._arriving = None
        while self._unanswered:
            self._unanswered.popleft().put_down()

    # --- instances ------------------------------------------------------------------------

    async def c_store_sink(self, request: CStoreRequest) -> InstanceSink:
        """See ``InstanceHandler``."""
        self._handled = self._next(request)
        return await self._handled.c_store_sink(request)

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """See ``InstanceHandler``."""
        if self._handled is None or request.data_set is None:  # there was nothing to sink
            self._handled = self._next(request)
        return await self._handled.on_c_store_request(request)

    def _next(self, request: CStoreRequest) -> Incoming:
        """The instance whose turn it is, which is that of ``request``."""
        if not self._unhandled:
            self.announced(request)  # in the PDU in which the one before it ended
        return self._unhandled.popleft()

    # --- events ---------------------------------------------------------------------------

    async def on_n_event_report_request(self, request: NEventReportRequest) -> NEventReportResponse:
        """See ``ConnectionHandler``. Nobody of those who wait for events has taken it."""
        if self._on_event is not None:
            response = await self._on_event(request)
            if response is not None:
                return response
        await trio.lowlevel.checkpoint()
        return response_to(
            request, Code.PROCESSING_FAILURE, error_comment="nobody here waits for this event"
        )
