"""The requests of one connection that wait, are sent or want an answer, and the window."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from enum import Enum
from math import inf
from typing import TYPE_CHECKING

import trio
from attrs import define, field, frozen

from trio_dicom._dimse.c_messages import CFindRequest, CGetRequest, CMoveRequest
from trio_dicom._dimse.message import Request, Response
from trio_dicom._io.clocks import SilenceClock
from trio_dicom.errors import Delivery, LocalProtocolError, ResponseTimeout

if TYPE_CHECKING:
    from trio_dicom._io.responses import ResponseChannel
    from trio_dicom._io.sources import Source
    from trio_dicom._protocol.contexts import NegotiatedContext
    from trio_dicom.handler import InstanceHandler

__all__ = [
    "CANCELLABLE",
    "Abandoned",
    "Completed",
    "Failed",
    "Outcome",
    "PendingRequest",
    "PendingTable",
    "Phase",
    "TimedOut",
]

CANCELLABLE = (CFindRequest, CGetRequest, CMoveRequest)
"""The requests that a C-CANCEL may end early (PS3.7 9.3.2.3, 9.3.3.3, 9.3.4.3)."""

_LAST_MESSAGE_ID = 65_535


class Phase(Enum):
    """How far a request has come."""

    QUEUED = "queued"
    SENDING = "being sent"
    SENT = "sent"


@frozen
class Completed:
    """The final response came."""

    response: Response


@frozen
class TimedOut:
    """The peer was silent for too long."""

    seconds: float


@frozen
class Failed:
    """The connection ended, or the request could not be sent."""

    build: Callable[[Delivery | None], Exception]


@frozen
class Abandoned:
    """The caller was cancelled or left: nobody wants the answer."""


Outcome = Completed | TimedOut | Failed | Abandoned


@define(eq=False)
class PendingRequest:
    """One request from the moment it is queued until its last trace has left.

    Attributes:
        request: What is asked, with its message ID once it has one.
        context: The presentation context it goes on.
        source: Its data set, or None. The sender closes it.
        peer: The peer's name, for errors.
        total: Seconds that the whole may take from the first transmission on.
        idle: Seconds of silence that are too many once it is sent.
        clock: Measures the silence of the peer.
        channel: Where responses go besides the handler.
        instances: Who takes the instances that it brings, if not the handler.
        is_kept_by_caller: Whether its caller waits for the answer, inside the scope of its
            timeouts; otherwise for the last byte only, and a task keeps it.
        phase: How far it has come.
        started: Whether any of its bytes were handed to the transport.
        is_finishing: Whether its last bytes are with the transport, which has not yet said
            what became of them, or will be, whatever happens to the request.
        is_given_up: Whether our patience with it has ended, so that what is still to be
            written of it stays unwritten.
        outcome: How it ended for its caller; the first outcome is the only one.
        has_left: Whether it holds neither a slot nor a message ID any more.
        is_off_the_wire: Whether nothing of it will be written any more.
        progressed: Set when what its caller waits for is there, or will not come.
        over: Set when it has left and is off the wire.
    """

    request: Request
    context: NegotiatedContext
    source: Source | None
    peer: str
    total: float
    idle: float
    clock: SilenceClock
    channel: ResponseChannel | None = None
    instances: InstanceHandler | None = None
    is_kept_by_caller: bool = False
    phase: Phase = Phase.QUEUED
    started: bool = False
    is_finishing: bool = False
    is_given_up: bool = False
    outcome: Outcome | None = None
    delivery: Delivery = Delivery.NOT_SENT
    has_left: bool = False
    is_off_the_wire: bool = False
    progressed: trio.Event = field(factory=trio.Event)
    over: trio.Event = field(factory=trio.Event)

    @property
    def message_id(self) -> int:
        """Its message ID.

        Raises:
            LocalProtocolError: It has none yet: it is still queued.
        """
        if self.request.message_id is None:
            raise LocalProtocolError(f"{self.words} has not been sent, so it has no message ID")
        return self.request.message_id

    @property
    def has_what_is_awaited(self) -> bool:
        """Whether what its caller waits for is there, or will not come."""
        was_sent = self.phase is Phase.SENT and not self.is_kept_by_caller
        return was_sent or self.outcome is not None

    @property
    def stays_unwritten(self) -> bool:
        """Whether nothing more of its message is to be written."""
        if not self.started:
            return self.outcome is not None
        # An early answer, or a caller who left: the message is finished all the same.
        return self.is_given_up or isinstance(self.outcome, Failed)

    @property
    def words(self) -> str:
        """What it is, for errors: ``C-STORE request 7``."""
        number = self.request.message_id
        return f"{self.request.operation} request" + ("" if number is None else f" {number}")

    def was_sent(self) -> None:
        """Its last byte is with the transport."""
        self.phase = Phase.SENT
        self.clock.allow(self.idle)
        if not self.is_kept_by_caller:
            self.progressed.set()

    def leave(self) -> None:
        """It holds neither a slot nor a message ID any more."""
        self.has_left = True
        if self.is_off_the_wire:
            self.over.set()

    def leave_the_wire(self) -> None:
        """Nothing of it will be written any more."""
        self.is_off_the_wire = True
        if self.has_left:
            self.over.set()

    def settle(self, outcome: Outcome) -> None:
        """Note the one outcome and how far the request had come."""
        self.outcome = outcome
        if isinstance(outcome, Completed):
            self.delivery = Delivery.ANSWERED
        elif self.phase is Phase.SENT or (self.is_finishing and isinstance(outcome, Failed)):
            # The peer can have it all and hang up before our write has returned. Who is told
            # that it was cut would send it once more without a thought.
            self.delivery = Delivery.SENT_WITHOUT_ANSWER
        elif self.started:
            self.delivery = Delivery.PARTLY_SENT
        self.progressed.set()

    def error(self) -> Exception | None:
        """The error of its outcome, built anew for each raise; None for a final response."""
        match self.outcome:
            case TimedOut(seconds):
                return ResponseTimeout(
                    f"no answer from {self.peer} to {self.words} within {seconds:g} s",
                    seconds=seconds,
                    delivery=self.delivery,
                )
            case Failed(build):
                return build(self.delivery)
            case _:
                return None


@define(eq=False)
class PendingTable:
    """Who waits for the window, who has a slot, and which message IDs are taken.

    Attributes:
        window: How many requests may be open at once; infinite where unlimited.
        lost_a_retrieve: Whether the last C-GET ended for us without its final response, so
            that the peer may go on sending instances that nobody wants.
        has_lost_a_retrieve: Whether any C-GET did, also one before the last.
    """

    window: float = 1
    lost_a_retrieve: bool = False
    has_lost_a_retrieve: bool = False
    _queued: OrderedDict[PendingRequest, None] = field(factory=OrderedDict[PendingRequest, None])
    _open: dict[int, PendingRequest] = field(factory=dict[int, PendingRequest])
    _spent: set[int] = field(factory=set[int])
    _last_id: int = 0
    _retrieving: PendingRequest | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is queued and nothing awaits its final response."""
        return not self._queued and not self._open

    @property
    def has_open(self) -> bool:
        """Whether a request has its slot."""
        return bool(self._open)

    @property
    def queued(self) -> int:
        """How many requests wait for a slot of the window."""
        return len(self._queued)

    def everything(self) -> Iterator[PendingRequest]:
        """Those with a slot, then those that wait for one."""
        return iter((*self._open.values(), *self._queued))

    def find(self, message_id: int) -> PendingRequest | None:
        """The open request of that message ID, abandoned ones included."""
        return self._open.get(message_id)

    def retrieving(self) -> PendingRequest | None:
        """The open C-GET, whose sub-operations do not name it: there is one at most."""
        return self._retrieving

    def queue(self, entry: PendingRequest) -> None:
        """Let ``entry`` wait for a slot, behind those that wait already."""
        self._queued[entry] = None

    def next_admissible(self) -> PendingRequest | None:
        """The first queued request that the window admits now, if there is one."""
        if len(self._open) >= self.window:
            return None
        for entry in self._queued:
            if self._retrieving is None or not isinstance(entry.request, CGetRequest):
                return entry
        return None

    def admit(self, entry: PendingRequest) -> None:
        """Give a queued request its slot and its message ID.

        Raises:
            LocalProtocolError: Every message ID is taken, or the one it asks for is.
        """
        wanted = entry.request.message_id
        message_id = self._free_id() if wanted is None else wanted
        if message_id in self._open or message_id in self._spent:
            raise LocalProtocolError(
                f"message ID {message_id} is in use, or its answer may still come; "
                "leave message_id out to get a free one"
            )
        del self._queued[entry]
        if isinstance(entry.request, CGetRequest):
            self.lost_a_retrieve = False
            self._retrieving = entry
        if wanted is None:
            entry.request = entry.request.with_message_id(message_id)
        self._open[message_id] = entry

    def leave(self, entry: PendingRequest, *, answered: bool) -> None:
        """Take ``entry`` out, whatever its phase, and free its slot.

        Args:
            entry: The request; one that has left already is left alone.
            answered: Whether its final response came. Otherwise its message ID is not
                used again, because the answer may still come.
        """
        if entry in self._queued:
            del self._queued[entry]
        elif not entry.has_left:
            del self._open[entry.message_id]
            if entry is self._retrieving:
                self._retrieving = None
            if entry.started and not answered:
                self._spent.add(entry.message_id)
                if isinstance(entry.request, CGetRequest):
                    self.lost_a_retrieve = self.has_lost_a_retrieve = True
        entry.leave()

    def _free_id(self) -> int:
        for _ in range(_LAST_MESSAGE_ID):
            self._last_id = self._last_id % _LAST_MESSAGE_ID + 1
            if self._last_id not in self._open and self._last_id not in self._spent:
                return self._last_id
        raise LocalProtocolError(
            "every message ID of this association is taken by a request without an answer; "
            "open a new association"
        )


def seconds_or_infinite(seconds: float | None) -> float:
    """``seconds``, and infinity where None says that there is no limit."""
    return inf if seconds is None else seconds
