"""One instance that a peer brings to a receiver of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self, TypeAlias, TypeVar

import trio
from attrs import define, evolve, field
from pydicom.uid import ImplicitVRLittleEndian

from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._dimse.message import response_to
from trio_dicom._io.clocks import SilenceClock
from trio_dicom._operations.open_moves import OpenMove, OpenMoves, names_originator
from trio_dicom._operations.placing import place, sink_of
from trio_dicom._operations.retrieving import Arrivals
from trio_dicom._operations.unique_keys import both
from trio_dicom.handler import Destination, InstanceHandler, InstanceSink
from trio_dicom.status import Code

__all__ = ["Incoming"]

T = TypeVar("T")
Data: TypeAlias = EncodedDataSet | StoredDataSet


@define(eq=False)
class Incoming:
    """An instance from its first byte to its answer: whose it is, and who takes it.

    Often its originator says that at once, and its keys have to bear it out: message IDs begin
    at 1 on each association, so that one which comes late may name the C-MOVE of another patient.
    Otherwise it is held until it is here and shows its keys.

    Attributes:
        message_id: That of its request.
    """

    message_id: int | None
    _place: InstanceHandler | None
    _threads: trio.CapacityLimiter
    _source_ae: str
    # Those that it may belong to, and their clocks that stand still because it is here.
    _moves: dict[OpenMove, SilenceClock | None] = field(
        factory=dict[OpenMove, "SilenceClock | None"], init=False
    )
    # The one that it does belong to, if that is known.
    _move: OpenMove | None = field(default=None, init=False)
    _handler: InstanceHandler | None = field(default=None, init=False)
    _refusal: int | None = field(default=None, init=False)
    _is_checked: bool = field(default=False, init=False)

    @classmethod
    def begin(
        cls,
        request: CStoreRequest,
        moves: OpenMoves,
        place: InstanceHandler | None,
        threads: trio.CapacityLimiter,
        source_ae: str,
    ) -> Self:
        """``request`` announces an instance.

        Args:
            request: As yet without its data set.
            moves: Those that may have asked for it.
            place: Who takes what none of them has asked for, or None for nobody.
            threads: Bounds the threads that look at it.
            source_ae: The AE title that it comes from.
        """
        incoming = cls(request.message_id, place, threads, source_ae)
        candidates = moves.may_have_asked_for(request)
        for move in candidates:
            incoming._moves[move] = None
            move.take_up()
        incoming.heard()
        # Without an originator it may be the receiver's own, if that takes such.
        is_clear = names_originator(request) or place is None
        if not candidates and moves.was_left(request):
            incoming._refusal = Code.OUT_OF_RESOURCES
        elif not candidates:
            incoming._is_nobodys()
        elif len(candidates) == 1 and is_clear:
            incoming._is_of(candidates[0])
        return incoming

    def _is_of(self, move: OpenMove) -> None:
        handler = move.handler or self._place
        assert handler is not None  # a receiver without one serves the moves that have
        self._move, self._handler = move, Arrivals(handler, move.instances)
        for other in tuple(self._moves):
            if other is not move:
                self._release(other)

    def _is_nobodys(self) -> None:
        self._handler = self._place
        self._refusal = Code.NOT_AUTHORIZED if self._place is None else None
        self.put_down()

    # --- what the wire tells --------------------------------------------------------------

    def heard(self) -> None:
        """Bytes of it came: the peer of its C-MOVE is not silent, whichever that is."""
        for move in self._moves:
            move.sign_of_life()

    def is_here(self) -> None:
        """All of it is: until it is answered, the silence is ours."""
        for move in self._moves:
            self._moves[move] = move.pause()

    def put_down(self) -> None:
        """It was answered, or will never be."""
        for move in tuple(self._moves):
            self._release(move)

    def _release(self, move: OpenMove) -> None:
        clock = self._moves.pop(move)
        if clock is not None:
            clock.resume()
            clock.sign_of_life()
        move.put_down()

    # --- an instance handler for this one -------------------------------------------------

    async def c_store_sink(self, request: CStoreRequest) -> InstanceSink:
        """See ``InstanceHandler``."""
        if self._move is not None and self._move.is_over:
            self._refusal = Code.OUT_OF_RESOURCES
        if self._refusal is not None or self._handler is None:
            await trio.lowlevel.checkpoint()
            return self._refusal  # or None, as long as nobody is known
        destination = await sink_of(self._handler, request)
        if not isinstance(destination, Destination) or self._move is None:
            return destination
        # When it is here, in its file that has no name yet. Not once more after that: a file
        # that was there before may have kept the name.
        self._is_checked = True
        return evolve(destination, check=both(self._judge, destination.check))

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """See ``InstanceHandler``."""
        if self._handler is None and self._refusal is None:
            await self._decide(request)
            if self._refusal is None:
                return await place(self, request, self._source_ae, self._threads)
        elif self._move is not None and not self._is_checked:
            self._refusal = await self._look(self._judge, request)
        if self._refusal is not None:
            await trio.lowlevel.checkpoint()
            comment = "it belongs to no open C-MOVE"
            return response_to(request, self._refusal, error_comment=comment)
        assert self._handler is not None  # nothing is undecided any more
        response = await self._handler.on_c_store_request(request)
        if self._move is not None and not response.status.is_failure:
            self._move.came += 1
        return response

    async def _decide(self, request: CStoreRequest) -> None:
        """Now that it is here: whose is it?"""
        candidates = tuple(self._moves)

        def matching(data: Data) -> list[OpenMove]:
            return [move for move in candidates if move.keys.match(data)]

        found = await self._look(matching, request)
        still_open = [move for move in found or () if not move.is_over]
        if still_open:
            self._is_of(still_open[0])
        elif found:
            self._refusal = Code.OUT_OF_RESOURCES
        else:
            self._is_nobodys()

    def _judge(self, data: Data) -> int | None:
        """In a thread: why its C-MOVE does not want it, or None."""
        assert self._move is not None  # nobody else asks
        return Code.OUT_OF_RESOURCES if self._move.is_over else self._move.keys.check(data)

    async def _look(self, at: Callable[[Data], T], request: CStoreRequest) -> T:
        data = request.data_set
        if not isinstance(data, EncodedDataSet | StoredDataSet):
            data = EncodedDataSet(b"", ImplicitVRLittleEndian)  # it shows nothing
        return await trio.to_thread.run_sync(
            at, data, abandon_on_cancel=True, limiter=self._threads
        )
