"""One association that a peer opened with our receiver."""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio
from attrs import define, evolve, field

from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._dimse.message import response_to
from trio_dicom._dimse.n_messages import NEventReportRequest, NEventReportResponse
from trio_dicom._io.clocks import SilenceClock
from trio_dicom._operations.admission import FULL, Admission
from trio_dicom._operations.open_moves import OpenMove, OpenMoves
from trio_dicom._operations.placing import place, sink_of
from trio_dicom._operations.retrieving import Arrivals
from trio_dicom._operations.unique_keys import UniqueKeys, both
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.control import AssociationReject
from trio_dicom.handler import BaseHandler, Destination, EventTaker, InstanceHandler, InstanceSink
from trio_dicom.status import Code

__all__ = ["Guest"]

_logger = logging.getLogger("trio_dicom")


@define(eq=False)
class _Arriving:
    """An instance that is arriving, and where it goes.

    Attributes:
        handler: Who takes it, or None as long as nobody is known.
        move: The C-MOVE that it belongs to, if it does and that is known.
        keys: What it has to show when it is here, or None.
        candidates: The C-MOVEs of which it may be, if it shows only then of which.
        refusal: The status with which it is refused, or None.
    """

    handler: InstanceHandler | None = None
    move: OpenMove | None = None
    keys: UniqueKeys | None = None
    candidates: tuple[OpenMove, ...] = ()
    refusal: int | None = None


@define(eq=False)
class Guest(BaseHandler):
    """Answers what one peer asks on its association.

    Attributes:
        calling_ae: What the peer calls itself, or "" before it has.
        is_accepted: Whether it has an association.
    """

    _admission: Admission
    _has_room: Callable[[], bool]
    _instances: InstanceHandler | None
    _on_event: EventTaker | None
    _moves: OpenMoves
    calling_ae: str = field(default="", init=False)
    is_accepted: bool = field(default=False, init=False)
    # One at a time: it is granted no window.
    _arriving: _Arriving | None = field(default=None, init=False)
    # The C-MOVE that this association works for, as far as it is known.
    _works_for: OpenMove | None = field(default=None, init=False)
    _paused: list[SilenceClock] = field(factory=list[SilenceClock], init=False)

    def acceptance(self, request: AssociationRequest) -> AssociationAccept | AssociationReject:
        """What comes of the association request of this peer."""
        self.calling_ae = request.calling_ae
        verdict = self._admission.judge(request)
        if not isinstance(verdict, AssociationReject) and not self._has_room():
            verdict = FULL
        self.is_accepted = isinstance(verdict, AssociationAccept)
        if isinstance(verdict, AssociationReject):
            _logger.warning(
                "rejected an association of %r: %s", request.calling_ae, verdict.reason.words
            )
        return verdict

    # --- instances ------------------------------------------------------------------------

    async def c_store_sink(self, request: CStoreRequest) -> InstanceSink:
        """See ``InstanceHandler``."""
        arriving = await self._begin(request)
        if arriving.handler is None:
            return arriving.refusal  # or None, as long as nobody is known
        destination = await sink_of(arriving.handler, request)
        if not isinstance(destination, Destination) or arriving.keys is None:
            return destination
        # It shows them when it is here: in its file, which has no name yet.
        check = both(arriving.keys.check, destination.check)
        arriving.keys = None
        return evolve(destination, check=check)

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """See ``InstanceHandler``."""
        arriving = self._arriving or await self._begin(request)
        if arriving.candidates:
            return await self._sort(arriving, request)
        if arriving.keys is not None and not await _shows(arriving.keys, request):
            arriving.refusal = Code.NOT_AUTHORIZED
        if arriving.handler is None or arriving.refusal is not None:
            await trio.lowlevel.checkpoint()
            return _refused(request, arriving.refusal)
        return await arriving.handler.on_c_store_request(request)

    async def _begin(self, request: CStoreRequest) -> _Arriving:
        """Where an instance goes that begins to arrive."""
        self._put_down()
        self._arriving = arriving = await self._judge(request)
        self._take_up(arriving)
        return arriving

    async def _judge(self, request: CStoreRequest) -> _Arriving:
        title, message_id = request.move_originator_ae, request.move_originator_message_id
        if title and message_id is not None:
            candidates = await self._moves.asked_by(title, message_id)
            if len(candidates) == 1:
                return self._of(candidates[0])
            if not candidates and self._moves.was_left(title, message_id):
                return _Arriving(refusal=Code.OUT_OF_RESOURCES)
        else:
            await trio.lowlevel.checkpoint()
            candidates = self._moves.candidates(request)
            if len(candidates) == 1 and self._instances is None:
                return evolve(self._of(candidates[0]), keys=candidates[0].keys)
        return _Arriving(candidates=candidates) if candidates else self._of_nobody()

    async def _sort(self, arriving: _Arriving, request: CStoreRequest) -> CStoreResponse:
        """Put an instance that is here as a whole where it belongs."""
        for move in arriving.candidates:
            if await _shows(move.keys, request):
                found = self._of(move)
                break
        else:
            found = self._of_nobody()
        self._arriving = found
        self._take_up(found)
        if found.handler is None:
            return _refused(request, found.refusal)
        return await place(found.handler, request, self.calling_ae)

    def _of(self, move: OpenMove) -> _Arriving:
        handler = move.handler or self._instances
        assert handler is not None  # a receiver without one serves the moves that have
        return _Arriving(handler=Arrivals(handler, move.instances), move=move)

    def _of_nobody(self) -> _Arriving:
        """For one that no C-MOVE has asked for."""
        refusal = Code.NOT_AUTHORIZED if self._instances is None else None
        return _Arriving(handler=self._instances, refusal=refusal)

    # --- the C-MOVE that this association works for ---------------------------------------

    def _take_up(self, arriving: _Arriving) -> None:
        self._works_for = arriving.move
        if arriving.move is not None:
            arriving.move.take_up()

    def _put_down(self) -> None:
        if self._arriving is not None and self._arriving.move is not None:
            self._arriving.move.put_down()
        self._arriving = None

    def heard(self) -> None:
        """Bytes came: the peer of the C-MOVE is not silent, whichever that is."""
        for move in self._worked_for():
            move.sign_of_life()

    def has_instance(self) -> None:
        """All of an instance is here: until it is answered, the silence is ours."""
        self._paused += [clock for it in self._worked_for() if (clock := it.pause()) is not None]

    def has_answered(self) -> None:
        """The answer to an instance went out."""
        self._put_down()
        while self._paused:
            clock = self._paused.pop()
            clock.resume()
            clock.sign_of_life()

    def leave(self) -> None:
        """The association has ended."""
        self.has_answered()

    def _worked_for(self) -> tuple[OpenMove, ...]:
        if self._works_for is not None and self._works_for in self._moves:
            return (self._works_for,)
        return tuple(self._moves)

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


async def _shows(keys: UniqueKeys, request: CStoreRequest) -> bool:
    """Whether the instance of ``request`` is one that was asked for."""
    data = request.data_set
    if not isinstance(data, EncodedDataSet | StoredDataSet):
        await trio.lowlevel.checkpoint()
        return False
    return await trio.to_thread.run_sync(keys.match_data, data, abandon_on_cancel=True)


def _refused(request: CStoreRequest, status: int | None) -> CStoreResponse:
    assert status is not None  # who takes it or why nobody does: one of them is known
    return response_to(request, status, error_comment="it belongs to no open C-MOVE")
