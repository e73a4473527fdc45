"""Measuring the silence of the peer, and leaving out the silence that is ours."""

from __future__ import annotations

from math import inf

import trio
from attrs import define, field

__all__ = ["Clocks", "SilenceClock"]


@define(eq=False)
class SilenceClock:
    """Moves a cancel scope's deadline on with every sign of life of the peer.

    Attributes:
        limit: Seconds of silence that are too many; infinite where none are.
        scope: The scope whose deadline is the end of our patience.
    """

    limit: float
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    _pauses: int = 0
    _remaining: float = 0.0

    def start(self, pauses: int) -> None:
        """Begin to measure, standing still already if ``pauses`` things are ours now."""
        self._pauses = pauses
        self._remaining = self.limit
        self.scope.deadline = inf if pauses else trio.current_time() + self.limit

    def sign_of_life(self) -> None:
        """The peer has shown that it lives: begin anew."""
        if self._pauses:
            self._remaining = self.limit
        else:
            self.scope.deadline = trio.current_time() + self.limit

    def pause(self) -> None:
        """From here on the silence is ours."""
        if not self._pauses:
            self._remaining = self.scope.deadline - trio.current_time()
            self.scope.deadline = inf
        self._pauses += 1

    def resume(self) -> None:
        """What made the silence ours is over."""
        self._pauses -= 1
        if not self._pauses:
            self.scope.deadline = trio.current_time() + self._remaining


@define(eq=False)
class Clocks:
    """The silence clocks of all open requests of one connection."""

    _clocks: dict[SilenceClock, None] = field(factory=dict[SilenceClock, None])
    _pauses: int = 0

    def start(self, clock: SilenceClock) -> None:
        """Begin to measure with ``clock``."""
        clock.start(self._pauses)
        self._clocks[clock] = None

    def stop(self, clock: SilenceClock) -> None:
        """Measure no more with ``clock``."""
        self._clocks.pop(clock, None)

    def pause(self) -> None:
        """The silence of the whole connection is ours from here on."""
        self._pauses += 1
        for clock in self._clocks:
            clock.pause()

    def resume(self) -> None:
        """What made the silence ours is over."""
        self._pauses -= 1
        for clock in self._clocks:
            clock.resume()

    def sign_of_life_after(self, clock: SilenceClock) -> None:
        """A response came for the request of ``clock``: the peer gets on with its queue.

        A peer that works through a window one by one is not silent towards those
        that wait behind.
        """
        found = False
        for other in self._clocks:
            if found:
                other.sign_of_life()
            found = found or other is clock
