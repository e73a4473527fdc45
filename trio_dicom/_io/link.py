"""What the tasks of one connection share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, TypeAlias

import trio
from attrs import define, field

from trio_dicom._io.ancestry import lineage
from trio_dicom._io.clocks import Clocks
from trio_dicom._io.dispatcher import Dispatcher
from trio_dicom._io.events import EventTakers
from trio_dicom._io.failures import Complaints
from trio_dicom._io.file_source import Buffers
from trio_dicom._io.flow import Flow
from trio_dicom._io.gather import Gatherer
from trio_dicom._io.listener import Listener
from trio_dicom._io.outbox import Outbox
from trio_dicom._io.pending import PendingTable
from trio_dicom._io.sender import Sender
from trio_dicom._io.serving import Serving
from trio_dicom._io.writer import Writer
from trio_dicom._protocol.machine import AssociationMachine
from trio_dicom._protocol.states import Role
from trio_dicom._wire.pdus import AssociationAccept, AssociationReject, AssociationRequest
from trio_dicom.errors import AssociationReleased, ConnectionEnded, ConnectionLost, Delivery
from trio_dicom.instrument import tap_of

if TYPE_CHECKING:
    from trio_dicom._io.ending import Ending
    from trio_dicom._io.transport import NetworkStream
    from trio_dicom.handler import ConnectionHandler
    from trio_dicom.instrument import Instrument, Tap
    from trio_dicom.options import ConnectionOptions

__all__ = ["Acceptance", "Link"]


Acceptance: TypeAlias = Callable[[AssociationRequest], AssociationAccept | AssociationReject]
"""Says to an association request what comes of it. It must not wait."""


@define(eq=False)
class Link:
    """The shared state of one connection.

    Attributes:
        network: The transport.
        options: What was asked for.
        instrument: Who watches, or None.
        tap: Who gets the bytes, or None.
        machine: The protocol.
        acceptance: What we say to the association requests of a peer that has called us;
            None where we have called.
        file_threads: Bounds the threads that read and write files.
        buffers: What files are read into while they are sent.
        table: Who waits, who has a slot.
        outbox: What the sender writes besides requests.
        clocks: Measure the peer's silence.
        flow: Says when reading stops.
        dispatcher: Runs the callbacks.
        events: Who waits for events of the peer.
        serving: Answers the peer's requests.
        sender: Writes.
        listener: Reads.
        tasks: The nursery of all of them; None before the connection has begun.
        ending: How the connection ended, once it has.
        answered: Set when the association request has its answer, whatever it is.
        closed: Set when the transport is closed and the handler has been told.
        has_requested: Whether an association was asked for: a connection carries one.
        is_releasing: Whether new requests are refused because a release has begun.
        is_released_by_peer: Whether the peer began it.
        can_still_process_p_data_tf: False once a message was cut.
        write_error: What the transport said when it took no more, if it did.
    """

    network: NetworkStream
    options: ConnectionOptions
    instrument: Instrument | None
    acceptance: Acceptance | None = None
    machine: AssociationMachine = field(init=False)
    # Two: one file can be worked on while another hangs on a dead mount.
    file_threads: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(2))
    buffers: Buffers = field(factory=Buffers)
    tap: Tap | None = None
    table: PendingTable = field(factory=PendingTable)
    outbox: Outbox = field(factory=Outbox)
    clocks: Clocks = field(factory=Clocks)
    events: EventTakers = field(factory=EventTakers)
    flow: Flow = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    serving: Serving = field(init=False)
    sender: Sender = field(init=False)
    listener: Listener = field(init=False)
    tasks: trio.Nursery = field(init=False)
    ending: Ending | None = None
    answered: trio.Event = field(factory=trio.Event)
    closed: trio.Event = field(factory=trio.Event)
    has_requested: bool = False
    is_releasing: bool = False
    can_still_process_p_data_tf: bool = True
    is_released_by_peer: bool = False
    write_error: Exception | None = None
    _complaints: Complaints = field(init=False)
    _context: Context = field(factory=copy_context)
    _changes: trio.lowlevel.ParkingLot = field(factory=trio.lowlevel.ParkingLot)

    @classmethod
    def create(
        cls,
        network: NetworkStream,
        options: ConnectionOptions,
        handler: ConnectionHandler,
        instrument: Instrument | None,
        acceptance: Acceptance | None = None,
    ) -> Link:
        """A link with everything that belongs to it. No task is started."""
        link = cls(network, options, instrument, acceptance)
        link._complaints = Complaints(options.limits.complaints)
        link.flow = Flow(
            options.limits.buffered_responses,
            link.clocks.pause,
            link.clocks.resume,
            link._waits,
        )
        link.dispatcher = Dispatcher.create(handler, link.flow, link._start)
        link.serving = Serving(link)
        link.machine = AssociationMachine(
            Role.REQUESTOR if acceptance is None else Role.ACCEPTOR,
            limits=options.limits,
            max_fragment_pdu=options.max_fragment_pdu,
            sink_for=link.serving.sink_for,
        )
        if instrument is not None:
            link.tap = tap_of(instrument, network.peer, is_acceptor=acceptance is not None)
        link.sender = Sender(link, Writer(Gatherer(network.stream), instrument, link.tap))
        link.listener = Listener(link)
        return link

    def _waits(self, change: int) -> None:
        self.serving.turns.waits(change)

    def _start(self, run: Callable[[], Awaitable[None]]) -> None:
        # Callbacks see the context variables of whoever opened the connection, and not those of
        # whoever happens to bring the first of them about.
        self._context.run(self.tasks.start_soon, run)

    @property
    def peer(self) -> str:
        """The peer's name, for errors."""
        return self.network.peer

    @property
    def peer_ae(self) -> str:
        """The peer's AE title in this association, or "" before there is one."""
        association = self.machine.association
        if association is None:
            return ""
        return association.called_ae if self.acceptance is None else association.calling_ae

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued, nothing is open, and we owe no answer.

        Nor is a message still being written: its answer may have come early.
        """
        is_writing = self.sender.on_the_wire is not None
        return self.table.is_empty and not self.serving.owed and not is_writing

    def refusal(self) -> ConnectionEnded | None:
        """Why a new request cannot be sent any more, as an error; None when it can."""
        if self.ending is not None:
            return self.ending.later(Delivery.NOT_SENT)
        if not self.can_still_process_p_data_tf:
            return self.cut_error(Delivery.NOT_SENT)
        if self.is_releasing:
            return self.released_error(Delivery.NOT_SENT)
        return None

    def complain(self, words: str, *arguments: object, is_bug: bool = False) -> None:
        """Log what the peer did, or had us do, unless ``Limits.complaints`` were of that kind.

        Args:
            words: The kind, to be formatted with ``arguments``.
            *arguments: What this one is about.
            is_bug: Whether it is an exception of ours, whose traceback is logged.
        """
        about = f"this connection to {self.peer}"
        self._complaints.log(about, words, *arguments, is_bug=is_bug)

    def changed(self) -> None:
        """Something that ``wait_until`` may wait for has changed."""
        if self._changes:
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
        """Whether the current task runs the handler, or one that does waits for it."""
        return self.serving.is_inside() or any(it is self.dispatcher.task for it in lineage())

    @property
    def may_send_messages(self) -> bool:
        """Whether answers that we owe and C-CANCELs can go out."""
        return self.ending is None and self.can_still_process_p_data_tf

    def stop_messages(self) -> None:
        """No message may follow what was written: drop the answers that are queued."""
        self.can_still_process_p_data_tf = False
        for outgoing in self.outbox.drop_messages():
            self.serving.answer_left(outgoing)

    def released_error(self, delivery: Delivery | None) -> ConnectionEnded:
        """What open requests and later ones get when the association is released."""
        by = f"{self.peer} released" if self.is_released_by_peer else "we released"
        return AssociationReleased(
            f"{by} the association; open a new one for further requests", delivery=delivery
        )

    def cut_error(self, delivery: Delivery | None) -> ConnectionEnded:
        """What requests get that cannot follow a message that was cut."""
        error = ConnectionLost(
            f"an earlier message to {self.peer} was cut while it was sent, so no other can "
            "follow on this association; open a new one",
            delivery=delivery,
        )
        error.__cause__ = self.write_error
        return error
