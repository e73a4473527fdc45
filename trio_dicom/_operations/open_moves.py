"""The C-MOVEs that bring instances to a receiver, and which instance may belong to which."""

from __future__ import annotations

from collections.abc import Generator
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

__all__ = ["OpenMove", "OpenMoves", "names_originator"]

_REMEMBERED: Final = 60.0
"""Seconds for which what still comes of a C-MOVE that was left is refused."""


@define(eq=False)
class OpenMove:
    """A C-MOVE whose instances come to a receiver of ours.

    Attributes:
        calling_ae: Who asked: we, on the association of the C-MOVE.
        keys: What was asked for.
        handler: Who takes the instances, or None for the one of the receiver.
        instances: Those that are in files by now.
        came: How many were taken, in files or not.
        is_complete: Whether its final response was seen, so that nothing of it is left.
        is_over: Whether nobody waits for it any more.
    """

    calling_ae: str
    keys: UniqueKeys
    handler: InstanceHandler | None
    instances: list[ReceivedInstance] = field(factory=list[ReceivedInstance])
    came: int = field(default=0, init=False)
    is_complete: bool = field(default=False, init=False)
    is_over: bool = field(default=False, init=False)
    _responses: ResponseChannel | None = field(default=None, init=False)
    _in_hand: int = field(default=0, init=False)
    _waiting: trio.lowlevel.ParkingLot = field(factory=trio.lowlevel.ParkingLot, init=False)

    @property
    def message_id(self) -> int | None:
        """That of the C-MOVE, from the moment on in which it is sent."""
        return None if self._responses is None else self._responses.message_id

    def begin(self, responses: ResponseChannel) -> None:
        """It is about to be sent, and there the answers to it will come."""
        self._responses = responses

    def take_up(self) -> None:
        """An instance begins to arrive that may be one of its."""
        self._in_hand += 1

    def put_down(self) -> None:
        """Such a one was answered, or is another's, or its association has ended."""
        self._in_hand -= 1
        if not self._in_hand:
            self._waiting.unpark_all()

    async def nothing_in_hand(self) -> None:
        """Return when no instance is arriving that may be one of its."""
        await trio.lowlevel.checkpoint()
        while self._in_hand:
            await self._waiting.park()

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

    def end(self) -> None:
        """Nobody waits for it any more."""
        self.is_over = True
        self._responses = None


@define(eq=False)
class OpenMoves:
    """Those of one receiver."""

    _open: list[OpenMove] = field(factory=list[OpenMove])
    # By calling AE title and message ID: until when their instances are refused.
    _left: dict[tuple[str, int], float] = field(factory=dict[tuple[str, int], float])

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

    def may_have_asked_for(self, request: CStoreRequest) -> tuple[OpenMove, ...]:
        """Those that an instance may belong to.

        By its originator: one, or several if associations of ours share a title. Where it names
        none: all that were sent.
        """
        title, message_id = request.move_originator_ae, request.move_originator_message_id
        by_id = names_originator(request)
        return tuple(
            it
            for it in self._open
            if it.message_id is not None
            and (not title or it.calling_ae == title)
            and (not by_id or it.message_id == message_id)
        )

    def was_left(self, request: CStoreRequest) -> bool:
        """Whether the C-MOVE that it names was given up a short while ago."""
        if not names_originator(request):
            return False
        title, message_id = request.move_originator_ae, request.move_originator_message_id
        assert title is not None  # it names both
        assert message_id is not None
        return self._left.get((title, message_id), 0.0) > trio.current_time()


def names_originator(request: CStoreRequest) -> bool:
    """Whether an instance says which C-MOVE has asked for it (PS3.7 9.1.1.1)."""
    return bool(request.move_originator_ae) and request.move_originator_message_id is not None
