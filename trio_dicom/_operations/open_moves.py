"""The C-MOVEs that bring instances to a receiver, and which instance belongs to which."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final

import trio
from attrs import define, field

from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._io.clocks import SilenceClock
from trio_dicom._io.responses import ResponseChannel
from trio_dicom._operations.inbox import ReceivedInstance
from trio_dicom._operations.unique_keys import UniqueKeys
from trio_dicom.handler import InstanceHandler

__all__ = ["OpenMove", "OpenMoves"]

_REMEMBERED: Final = 60.0
"""Seconds for which what still comes of a C-MOVE that was left is refused."""

_SCHEDULING: Final = 1.0
"""Seconds in which a task that could run has run. Others wait for a free slot, perhaps long."""


@define(eq=False)
class OpenMove:
    """A C-MOVE whose instances come to a receiver of ours.

    Attributes:
        calling_ae: Who asked: we, on the association of the C-MOVE.
        keys: What was asked for.
        handler: Who takes the instances, or None for the one of the receiver.
        instances: Those that are in files by now.
        is_sent: Set when it was sent, or never will be.
        is_complete: Whether its final response was seen, so that nothing of it is left.
    """

    calling_ae: str
    keys: UniqueKeys
    handler: InstanceHandler | None
    instances: list[ReceivedInstance] = field(factory=list[ReceivedInstance])
    _responses: ResponseChannel | None = field(default=None, init=False)
    is_sent: trio.Event = field(factory=trio.Event, init=False)
    is_complete: bool = field(default=False, init=False)
    _in_hand: int = field(default=0, init=False)
    _put_down: trio.Event = field(factory=trio.Event, init=False)

    @property
    def message_id(self) -> int | None:
        """That of the C-MOVE, once it was sent."""
        return None if self._responses is None else self._responses.message_id

    def begin(self, responses: ResponseChannel) -> None:
        """The C-MOVE was sent, and these are the answers to it."""
        self._responses = responses
        self.is_sent.set()

    def end(self) -> None:
        """It is over, or was never sent."""
        self._responses = None
        self.is_sent.set()

    def take_up(self) -> None:
        """One of its instances begins to arrive."""
        self._in_hand += 1

    def put_down(self) -> None:
        """One of them was answered, or its association has ended."""
        self._in_hand -= 1
        if not self._in_hand:
            self._put_down.set()

    async def nothing_in_hand(self) -> None:
        """Return when no instance is arriving."""
        await trio.lowlevel.checkpoint()
        while self._in_hand:
            self._put_down = trio.Event()
            await self._put_down.wait()

    def sign_of_life(self) -> None:
        """The peer does what the C-MOVE asks for."""
        if self._responses is not None:
            self._responses.clock.sign_of_life()

    def pause(self) -> SilenceClock | None:
        """From here on the silence is ours, until the clock is resumed that this returns."""
        if self._responses is None:
            return None
        clock = self._responses.clock
        clock.pause()
        return clock


@define(eq=False)
class OpenMoves:
    """Those of one receiver."""

    _open: list[OpenMove] = field(factory=list[OpenMove])
    # By calling AE title and message ID: until when their instances are refused.
    _left: dict[tuple[str, int], float] = field(factory=dict[tuple[str, int], float])

    def __iter__(self) -> Iterator[OpenMove]:
        yield from tuple(self._open)

    def __contains__(self, move: OpenMove) -> bool:
        return move in self._open

    @contextmanager
    def holding(self, move: OpenMove) -> Generator[None, None, None]:
        """Expect the instances of ``move`` while the block is open."""
        self._open.append(move)
        try:
            yield
        finally:
            self._open.remove(move)
            if not move.is_complete:
                self._leave(move)
            move.end()

    def _leave(self, move: OpenMove) -> None:
        """``move`` was given up: what still comes of it is not wanted."""
        now = trio.current_time()
        self._left = {key: until for key, until in self._left.items() if until > now}
        if move.message_id is not None:
            self._left[move.calling_ae, move.message_id] = now + _REMEMBERED

    async def asked_by(self, ae_title: str, message_id: int) -> tuple[OpenMove, ...]:
        """Those that have this originator: several, if associations of ours share a title."""
        found = self._asked_by(ae_title, message_id)
        if not found:
            # The first instance may be here before the task that asked for it runs again.
            with trio.move_on_after(_SCHEDULING):
                for move in self:
                    if move.calling_ae == ae_title:
                        await move.is_sent.wait()
            found = self._asked_by(ae_title, message_id)
        return found

    def _asked_by(self, ae_title: str, message_id: int) -> tuple[OpenMove, ...]:
        return tuple(it for it in self if it.calling_ae == ae_title and it.message_id == message_id)

    def was_left(self, ae_title: str, message_id: int) -> bool:
        """Whether the one that has this originator was given up a short while ago."""
        return self._left.get((ae_title, message_id), 0.0) > trio.current_time()

    def candidates(self, request: CStoreRequest) -> tuple[OpenMove, ...]:
        """Those that may have asked for an instance that names no originator."""
        ae_title = request.move_originator_ae
        return tuple(it for it in self if not ae_title or it.calling_ae == ae_title)
