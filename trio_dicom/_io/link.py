"""What the tasks of one connection share, and the one place where things end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio
from attrs import define, field

from trio_dicom._dimse.c_messages import CCancelRequest
from trio_dicom._dimse.message import Response
from trio_dicom._io.clocks import Clocks
from trio_dicom._io.dispatcher import Dispatcher
from trio_dicom._io.ending import Ending
from trio_dicom._io.flow import Flow
from trio_dicom._io.keeper import hurry
from trio_dicom._io.listener import Listener
from trio_dicom._io.outbox import ControlPdu, Outbox, OutgoingMessage
from trio_dicom._io.pending import (
    CANCELLABLE,
    Abandoned,
    Completed,
    Failed,
    Outcome,
    PendingRequest,
    PendingTable,
    Phase,
    TimedOut,
)
from trio_dicom._io.sender import Sender
from trio_dicom._io.serving import Serving
from trio_dicom._io.sources import encoded_source
from trio_dicom._io.writer import Writer
from trio_dicom._protocol.machine import AssociationMachine
from trio_dicom._protocol.states import Stimulus
from trio_dicom._wire.pdus import Abort, AssociationReject, ReleaseRequest, ReleaseResponse
from trio_dicom.errors import (
    AssociationReleased,
    ConnectionEnded,
    ConnectionLost,
    Delivery,
    LocalProtocolError,
    SourceFailed,
)
from trio_dicom.reasons import AbortSource

if TYPE_CHECKING:
    from trio_dicom._io.transport import NetworkStream
    from trio_dicom._protocol.contexts import NegotiatedContext
    from trio_dicom._protocol.negotiation import NegotiatedAssociation
    from trio_dicom.handler import ConnectionHandler
    from trio_dicom.instrument import Instrument
    from trio_dicom.options import ConnectionOptions

__all__ = ["Link"]


@define(eq=False)
class Link:
    """The shared state of one connection.

    Everything here is synchronous: whoever calls a method finds the decision made when
    it returns. The first end wins, for a request and for the connection.

    Attributes:
        network: The transport.
        options: What was asked for.
        instrument: Who watches, or None.
        machine: The protocol.
        table: Who waits, who has a slot.
        outbox: What the sender writes besides requests.
        clocks: Measure the peer's silence.
        flow: Says when reading stops.
        dispatcher: Runs the callbacks.
        serving: Answers the peer's requests.
        sender: Writes.
        listener: Reads.
        tasks: The nursery of all of them; None before the connection has begun.
        ending: How the connection ended, once it has.
        answered: Set when the association request has its answer, whatever it is.
        closed: Set when the transport is closed and the handler has been told.
        is_releasing: Whether new requests are refused because a release has begun.
        is_released_by_peer: Whether the peer began it.
        can_still_process_p_data_tf: False once a message was cut.
    """

    network: NetworkStream
    options: ConnectionOptions
    instrument: Instrument | None
    machine: AssociationMachine
    table: PendingTable = field(factory=PendingTable)
    outbox: Outbox = field(factory=Outbox)
    clocks: Clocks = field(factory=Clocks)
    flow: Flow = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    serving: Serving = field(init=False)
    sender: Sender = field(init=False)
    listener: Listener = field(init=False)
    tasks: trio.Nursery = field(init=False)
    ending: Ending | None = None
    answered: trio.Event = field(factory=trio.Event)
    closed: trio.Event = field(factory=trio.Event)
    is_releasing: bool = False
    can_still_process_p_data_tf: bool = True
    is_released_by_peer: bool = False
    _write_error: Exception | None = None
    _changes: trio.lowlevel.ParkingLot = field(factory=trio.lowlevel.ParkingLot)

    @classmethod
    def create(
        cls,
        network: NetworkStream,
        options: ConnectionOptions,
        handler: ConnectionHandler,
        instrument: Instrument | None,
        machine: AssociationMachine,
    ) -> Link:
        """A link with everything that belongs to it. No task is started."""
        link = cls(network, options, instrument, machine)
        link.flow = Flow(options.limits.buffered_responses, link.clocks.pause, link.clocks.resume)
        link.dispatcher = Dispatcher.create(handler, link.flow)
        link.serving = Serving(link)
        link.sender = Sender(link, Writer(network.stream, instrument))
        link.listener = Listener(link)
        return link

    @property
    def peer(self) -> str:
        """The peer's name, for errors."""
        return self.network.peer

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued, nothing is open, and we owe no answer."""
        return self.table.is_empty and not self.serving.owed

    def refusal(self) -> ConnectionEnded | None:
        """Why a new request cannot be sent any more, as an error; None when it can."""
        if self.ending is not None:
            return self.ending.later(Delivery.NOT_SENT)
        if not self.can_still_process_p_data_tf:
            return self._cut_error(Delivery.NOT_SENT)
        if self.is_releasing:
            return self._released_error(Delivery.NOT_SENT)
        return None

    def changed(self) -> None:
        """Something that ``wait_until`` may wait for has changed."""
        self._changes.unpark_all()

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return when ``condition`` holds, or when the connection has ended."""
        while self.ending is None and not condition():
            await self._changes.park()

    async def tell_first(self) -> None:
        """Let the handler hear of an error before the caller does, unless it is stuck."""
        with trio.move_on_after(self.options.timeouts.callbacks):
            await self.dispatcher.caught_up()

    def is_inside(self) -> bool:
        """Whether the current task is one that runs the handler."""
        task = trio.lowlevel.current_task()
        return task is self.dispatcher.task or task in self.serving.tasks

    # How requests end.

    def finish(self, entry: PendingRequest, outcome: Outcome) -> None:
        """Give ``entry`` its outcome, unless it has one: the first call wins."""
        if entry.outcome is not None:
            return
        entry.settle(outcome)
        if isinstance(outcome, Abandoned) and entry.phase is not Phase.QUEUED:
            # The slot stays taken: the peer is still at work on it.
            self._cancel(entry)
            hurry(self, entry)
        else:
            self.leave(entry, answered=isinstance(outcome, Completed))
        if entry.phase is Phase.QUEUED and entry.source is not None:
            entry.source.close()
        if entry.channel is not None:
            entry.channel.wake()
        match outcome:
            case Completed(response):
                self.dispatcher.call("on_request_completed", entry.request, response)
            case TimedOut(seconds):
                self.dispatcher.call("on_request_timed_out", entry.request, seconds)
                self._after_timeout(entry)
            case _:
                pass

    def leave(self, entry: PendingRequest, *, answered: bool) -> None:
        """Free what ``entry`` holds in the table, so that the next one can be sent."""
        self.table.leave(entry, answered=answered)
        self.outbox.ring()
        self.changed()

    def _after_timeout(self, entry: PendingRequest) -> None:
        if entry.phase is Phase.SENT:
            self._cancel(entry)
        if self.options.on_timeout == "abort":
            self.abort(because=f"{entry.words} timed out")

    def _cancel(self, entry: PendingRequest) -> None:
        if isinstance(entry.request, CANCELLABLE) and self._may_send_messages():
            cancel = CCancelRequest(message_id_being_responded_to=entry.message_id)
            self.outbox.put(OutgoingMessage.encode(cancel, entry.context))

    # What the peer's requests are answered.

    def answer(self, response: Response, context: NegotiatedContext) -> None:
        """Queue an answer that we owe. It waits for no window.

        Raises:
            LocalProtocolError: It cannot be encoded; neither can it for ``NotConvertible``.
        """
        source = encoded_source(response.data_set, context)
        outgoing = OutgoingMessage.encode(response, context, source)
        if self._may_send_messages():
            self.outbox.put(outgoing)
        else:
            self.answer_left(outgoing)

    def answer_left(self, outgoing: OutgoingMessage) -> None:
        """``outgoing`` was written, or never will be."""
        if isinstance(outgoing.message, Response):
            self.serving.owed -= 1
            retrieving = self.table.retrieving()
            if retrieving is not None:
                retrieving.clock.sign_of_life()
            self.changed()

    def _may_send_messages(self) -> bool:
        return self.ending is None and self.can_still_process_p_data_tf

    # What became of the association.

    def accepted(self, association: NegotiatedAssociation) -> None:
        """The peer accepted."""
        self.table.window = association.max_operations_invoked or float("inf")
        self.answered.set()
        self.dispatcher.call("on_receive_association_accept", association)

    def rejected(self, reject: AssociationReject) -> None:
        """The peer rejected."""
        reason = reject.reason
        self.dispatcher.call("on_receive_association_reject", reject.result, reason.source, reason)
        self.end(Ending.rejected(self.peer, reject))

    def release_indicated(self) -> None:
        """The peer asks for release: it gets it, and open requests end (PS3.8 7.2)."""
        if not self.is_releasing:
            self.is_releasing = self.is_released_by_peer = True
        for entry in self.table.everything():
            self.finish(entry, Failed(self._released_error))
        self.outbox.put(ReleaseResponse())
        # Bounds the response, too, in case the peer does not even read.
        self.listener.allow(self.options.timeouts.artim)

    def control_was_sent(self, pdu: ControlPdu) -> None:
        """The sender has written ``pdu``, which may have started the ARTIM timer."""
        if isinstance(pdu, ReleaseRequest | ReleaseResponse):
            self.listener.watch_artim()

    # How the connection ends.

    def abort(self, abort: Abort | None = None, *, because: str = "") -> None:
        """Abort the association, or close a connection that carries none."""
        if self.machine.allows(Stimulus.SEND_ABORT):
            abort = Abort(AbortSource.USER) if abort is None else abort
            self.end(Ending.aborted_by_us(self.peer, abort, because=because))
        elif self.is_released_by_peer:
            self.end(Ending.released(self.peer, by_peer=True))
        else:
            self.end(Ending.closed(self.peer))

    def end(self, ending: Ending) -> None:
        """End the connection: every open request with it. The first call wins."""
        if self.ending is not None:
            return
        self.ending = ending
        for entry in self.table.everything():
            self.finish(entry, Failed(ending.waiting))
        self.flow.release_all()
        self.answered.set()
        if ending.abort is not None:
            deadline = trio.current_time() + self.options.timeouts.abort
            self.sender.scope.deadline = self.listener.scope.deadline = deadline
            self.sender.stop_reading()
        else:
            self.sender.scope.cancel()
            self.listener.scope.cancel()
        if not self.listener.started:
            self.listener.ended.set()
        self.outbox.ring()
        self.changed()

    def last_words(self) -> bytes:
        """What the sender writes at the very end: the A-ABORT, or nothing."""
        if self.ending is None or self.ending.abort is None:
            return b""
        return self.machine.data_to_send() or self.machine.send(self.ending.abort)

    def poison(self) -> None:
        """A message was cut on the wire: no other may follow it."""
        self._stop_messages()
        for entry in self.table.everything():
            if entry.phase is Phase.QUEUED:
                self.finish(entry, Failed(self._cut_error))

    def _stop_messages(self) -> None:
        self.can_still_process_p_data_tf = False
        for outgoing in self.outbox.drop_messages():
            self.answer_left(outgoing)

    def source_broke(self, entry: PendingRequest, cause: BaseException) -> None:
        """The data set of ``entry`` could not be read."""
        text = f"the data set of {entry.words} could not be read: {cause}"
        if entry.started:
            self.finish(entry, Failed(lambda delivery: _source_failed(text, cause, delivery)))
            self.abort(because="a data set of ours broke in the middle of its message")
        else:
            self.finish(entry, Failed(lambda _: _unreadable(text, cause)))

    def write_failed(self, error: Exception) -> None:
        """The transport takes nothing any more. What it still has for us is read first."""
        self._write_error = error
        self._stop_messages()
        if self.listener.running:
            self.listener.allow(self.options.timeouts.abort)
        else:
            self.transport_closed()

    def transport_closed(self, error: Exception | None = None) -> None:
        """End of file, or ``error`` when the transport broke."""
        error = self._write_error if error is None else error
        if self.is_released_by_peer:
            self.end(Ending.released(self.peer, by_peer=True))
            return
        cause = None if error is None else error.__cause__ or error
        how = "was closed by the peer" if cause is None else f"broke ({cause})"
        if self.machine.association is None:
            hint = "" if self.network.is_tls else ": it may expect TLS on this port"
            how += f" before it answered the association request{hint}"
        self.end(Ending.lost(self.peer, how, cause))

    def patience_ended(self) -> None:
        """The listener has waited long enough for the peer to close."""
        if self.machine.artim_running:
            self.machine.artim_expired()
        self.transport_closed()

    def _released_error(self, delivery: Delivery | None) -> ConnectionEnded:
        by = f"{self.peer} released" if self.is_released_by_peer else "we released"
        return AssociationReleased(
            f"{by} the association; open a new one for further requests", delivery=delivery
        )

    def _cut_error(self, delivery: Delivery | None) -> ConnectionEnded:
        error = ConnectionLost(
            f"an earlier message to {self.peer} was cut while it was sent, so no other can "
            "follow on this association; open a new one",
            delivery=delivery,
        )
        error.__cause__ = self._write_error
        return error


def _source_failed(text: str, cause: BaseException, delivery: Delivery | None) -> SourceFailed:
    error = SourceFailed(f"{text}, so we aborted the association", delivery=delivery)
    error.__cause__ = cause
    return error


def _unreadable(text: str, cause: BaseException) -> LocalProtocolError:
    error = LocalProtocolError(f"{text}; nothing of it was sent, and the association lives")
    error.__cause__ = cause
    return error
