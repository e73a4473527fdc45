"""Serving the requests that the peer sends us: instances of a C-GET, events."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import trio
from attrs import define, field, frozen

from trio_dicom._dimse.c_messages import CEchoRequest, CStoreRequest
from trio_dicom._dimse.message import Request, Response, complete_response, response_to
from trio_dicom._dimse.n_messages import NEventReportRequest
from trio_dicom._io.ancestry import lineage
from trio_dicom._io.failures import log_failures
from trio_dicom._io.flow import Backlog, ByteQueue
from trio_dicom._io.outbox import OutgoingMessage
from trio_dicom._io.reception import Reception
from trio_dicom._io.sources import encoded_source
from trio_dicom._io.storing import Arrival
from trio_dicom._io.turns import Turns
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.status import Code

if TYPE_CHECKING:
    from trio_dicom._io.link import Link
    from trio_dicom._io.pending import PendingRequest

__all__ = ["Serving"]

# A peer may be allowed unlimited operations; that many handlers at a time are plenty.
_MOST_AT_A_TIME = 16

# Bytes of instances that wait to be written. More would help no disk to keep up.
_MOST_ARRIVING = 4 * 1024 * 1024

_FAILED = "the handler failed on the peer's %s"


@frozen
class _Served:
    request: Request
    context: NegotiatedContext
    arrival: Arrival | None = None


@define(eq=False)
class Serving:
    """The bounded queue of the peer's requests and the tasks that answer them.

    Attributes:
        owed: Answers that the peer still waits for.
        answered_at: When the last answer was written, by Trio's clock; -inf before.
        turns: Says to the clocks whether the peer waits for us.
    """

    _link: Link
    _queue: ByteQueue[_Served] = field(init=False)
    _arriving: Backlog = field(init=False)
    _unanswered: Backlog = field(init=False)
    owed: int = 0
    answered_at: float = -inf
    turns: Turns = field(init=False)
    _arrivals: set[Arrival] = field(factory=set[Arrival])
    _scopes: set[trio.CancelScope] = field(factory=set[trio.CancelScope])
    _workers: int = 0
    _all_gone: trio.Event = field(factory=trio.Event)
    _is_arriving: bool = False

    def __attrs_post_init__(self) -> None:
        link, flow = self._link, self._link.flow
        self.turns = Turns(link.clocks, link.dispatcher, self._at_a_time)
        self._queue = ByteQueue(Backlog("the peer's requests", flow))
        self._arriving = Backlog("arriving instances", flow, most=min(_MOST_ARRIVING, flow.limit))
        # A peer that sends and does not read would have us hold answers without end.
        most = link.options.limits.unanswered_requests
        self._unanswered = Backlog("unanswered requests", flow, most=most)

    @property
    def is_waited_for(self) -> bool:
        """Whether we owe an answer, and the peer is not in the middle of an instance."""
        return bool(self.owed) and not self._is_arriving

    def is_inside(self) -> bool:
        """Whether the current task answers a request of the peer, or one that does waits for it."""
        return any(task in self.turns.tasks for task in lineage())

    def put(self, request: Request, context: NegotiatedContext, size: int) -> None:
        """The peer's ``request`` of ``size`` bytes came on ``context``."""
        self.turns.take()
        arrival = None
        if isinstance(request, CStoreRequest):
            arrival = self._arrival(request, context, None)
        self._put(_Served(request, context, arrival), size)

    def sink_for(self, request: CStoreRequest, context: NegotiatedContext) -> Reception:
        """An instance begins to arrive on ``context``: where its data set goes."""
        # What comes from here on is the peer's time, until it has all come.
        self._is_arriving = True
        reception = Reception(self._arriving, self._has_arrived)
        self._put(_Served(request, context, self._arrival(request, context, reception)), 0)
        return reception

    def give_up(self, retrieve: PendingRequest) -> None:
        """Nobody wants any more what ``retrieve``, a C-GET, brings."""
        for arrival in self._arrivals:
            if arrival.retrieve is retrieve:
                arrival.give_up()

    def _arrival(
        self, request: CStoreRequest, context: NegotiatedContext, reception: Reception | None
    ) -> Arrival:
        # It belongs to the C-GET that is open now, even if another one is when it is served.
        table = self._link.table
        retrieve = table.retrieving()
        is_stray = retrieve is None and table.lost_a_retrieve
        arrival = Arrival(request, context, reception, retrieve, is_stray)
        self._arrivals.add(arrival)
        return arrival

    def _has_arrived(self) -> None:
        self._is_arriving = False
        self.turns.take()

    def _put(self, served: _Served, size: int) -> None:
        self.owed += 1
        self._unanswered.grow(1)
        self._queue.put(served, size)
        if self._workers < self._at_a_time():
            self._workers += 1
            self._link.tasks.start_soon(self._work)

    async def stop(self) -> None:
        """Cancel the handlers that run and wait until they have ended."""
        for scope in self._scopes:
            scope.cancel()
        if self._workers:
            await self._all_gone.wait()

    def _at_a_time(self) -> int:
        association = self._link.machine.association
        performed = association.max_operations_performed if association else 1
        return min(performed or _MOST_AT_A_TIME, _MOST_AT_A_TIME)

    async def _work(self) -> None:
        task = trio.lowlevel.current_task()
        self.turns.tasks.add(task)
        if self._at_a_time() == 1:  # otherwise a colleague may take what this one cannot
            for backlog in (self._queue.backlog, self._arriving, self._unanswered):
                backlog.drainer = task
        scope = trio.CancelScope()
        self._scopes.add(scope)
        try:
            with scope:
                while self._queue:
                    await self._serve(self._queue.take())
                    if self._queue:  # many that nobody has to wait for hold nobody up
                        await trio.lowlevel.checkpoint()
        finally:
            self._scopes.discard(scope)
            self.turns.tasks.discard(task)
            self._workers -= 1
            if not self._workers:
                self._all_gone.set()
                self._all_gone = trio.Event()

    async def _serve(self, served: _Served) -> None:
        request, arrival = served.request, served.arrival
        reception = None if arrival is None else arrival.reception
        try:
            try:
                answer = _encoded(await self._answer(served), served.context)
            except Exception:  # noqa: BLE001 - logged with its traceback
                self._link.complain(_FAILED, request.operation, is_bug=True)
                if reception is not None:
                    await reception.discarded()
                failure = response_to(request, Code.PROCESSING_FAILURE)
                answer = _encoded(failure, served.context)
            except BaseExceptionGroup as group:
                raise log_failures(group, _FAILED, request.operation) from None
            self._send(answer)
        finally:
            if arrival is not None:
                self._arrivals.discard(arrival)
            if reception is None or reception.is_complete:
                self.turns.give()

    async def _answer(self, served: _Served) -> Response:
        if served.arrival is not None:
            return await served.arrival.store(self._link)
        handler = self._link.dispatcher.handler
        match served.request:
            case CEchoRequest() as request:
                return response_to(request, Code.SUCCESS)
            case NEventReportRequest() as request:
                # The report may come before the answer that it follows from is told.
                with self.turns.catching_up():
                    await self._link.dispatcher.caught_up()
                response = await self._link.events.answer(request)
                if response is None:
                    response = await handler.on_n_event_report_request(request)
                return complete_response(response, request)
            case request:
                return response_to(request, Code.UNRECOGNIZED_OPERATION)

    def _send(self, outgoing: OutgoingMessage) -> None:
        """Queue an answer. It waits for no window."""
        if self._link.may_send_messages:
            self._link.sender.put(outgoing)
        else:
            self.answer_left(outgoing)

    def answer_left(self, outgoing: OutgoingMessage) -> None:
        """``outgoing`` was written, or never will be. It may be no answer but a C-CANCEL."""
        if isinstance(outgoing.message, Response):
            self.owed -= 1
            self.answered_at = trio.current_time()
            self._unanswered.shrink(1)
            retrieving = self._link.table.retrieving()
            if retrieving is not None:
                retrieving.clock.sign_of_life()
            self._link.changed()


def _encoded(response: Response, context: NegotiatedContext) -> OutgoingMessage:
    source = encoded_source(response.data_set, context)
    return OutgoingMessage.encode(response, context, source)
