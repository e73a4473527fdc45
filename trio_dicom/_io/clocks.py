"""Measuring the silence of the peer, and leaving out the silence that is ours."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import count
from math import inf

import trio
from attrs import define, field

__all__ = ["Answers", "Clocks", "SilenceClock"]

# So many answers are noted before it is worth while to look which of them are still needed.
_FEW = 64


@define(eq=False)
class Answers:
    """When requests were answered last, by their order in which they were sent.

    A peer that works through a window one by one is not silent towards those that wait behind.
    A thousand of them may: so each answer is noted once, and found by who looks for it.
    """

    # Of two answers the later one counts for all that wait behind both, so both lists ascend.
    _numbers: list[int] = field(factory=list[int])
    _times: list[float] = field(factory=list[float])

    def __len__(self) -> int:
        return len(self._numbers)

    def note(self, number: int) -> None:
        """The request of that number is answered now."""
        while self._numbers and self._numbers[-1] >= number:
            self._numbers.pop()
            self._times.pop()
        self._numbers.append(number)
        self._times.append(trio.current_time())

    def last_before(self, number: int) -> float:
        """When one before that number was answered last, by Trio's clock; -inf where none was."""
        found = bisect_left(self._numbers, number)
        return self._times[found - 1] if found else -inf

    def keep_for(self, numbers: Iterable[int]) -> None:
        """Forget what none of those with these numbers, in their order, will look for."""
        found = dict.fromkeys(bisect_left(self._numbers, number) for number in numbers)
        found.pop(0, None)
        self._numbers = [self._numbers[index - 1] for index in found]
        self._times = [self._times[index - 1] for index in found]


@define(eq=False)
class SilenceClock:
    """Says when our patience with one request ends, and holds the cancel scope that ends there.

    A sign of life notes the new end and leaves the scope alone: most scopes are left long before
    their deadline, and moving one costs more than all else that a small message needs. Whoever
    waits in a scope that has ended looks at ``has_run_out``, and waits in a new one if it has not.

    Attributes:
        limit: Seconds of silence that are too many; infinite where none are.
        latest: When it ends at the latest, by Trio's clock, whatever the peer says.
        number: Those with smaller numbers were sent before it.
    """

    limit: float
    latest: float = inf
    number: int = 0
    _answers: Answers | None = None
    # When the peer was heard last, moved on by the time since then that was ours.
    _heard: float = inf
    _paused_at: float = inf
    _pauses: int = 0
    _scope: trio.CancelScope | None = None

    @property
    def end(self) -> float:
        """When our patience ends as things stand, by Trio's clock."""
        return self.latest if self._pauses else min(self._last_heard + self.limit, self.latest)

    @property
    def has_run_out(self) -> bool:
        """Whether that is now."""
        return trio.current_time() >= self.end

    def scope(self) -> trio.CancelScope:
        """A scope that ends when our patience does, or somewhat earlier."""
        self._scope = trio.CancelScope(deadline=self.end)
        return self._scope

    def start(self, pauses: int, number: int = 0, answers: Answers | None = None) -> None:
        """Begin to measure.

        Args:
            pauses: How many things are ours now, so that it stands still.
            number: Its place in the order in which requests are sent.
            answers: Where answers to others are noted; None: nowhere.
        """
        self._heard = self._paused_at = trio.current_time()
        self._pauses = pauses
        self.number = number
        self._answers = answers
        self._not_after_the_end()

    def sign_of_life(self) -> None:
        """The peer has shown that it lives: begin anew."""
        self._heard = trio.current_time()

    def allow(self, seconds: float) -> None:
        """Take so many seconds of silence from here on."""
        self.limit = seconds
        self._not_after_the_end()

    def pause(self) -> None:
        """From here on the silence is ours."""
        if not self._pauses:
            self._heard = self._last_heard
            self._paused_at = trio.current_time()
        self._pauses += 1

    def resume(self) -> None:
        """What made the silence ours is over."""
        self._pauses -= 1
        if not self._pauses:
            now, heard = trio.current_time(), self._last_heard
            self._heard = now if heard >= self._paused_at else heard + now - self._paused_at
            self._not_after_the_end()

    @property
    def _last_heard(self) -> float:
        if self._answers is None or not self._answers:
            return self._heard
        return max(self._heard, self._answers.last_before(self.number))

    def end_by(self, latest: float) -> None:
        """Have no more patience than until ``latest``, by Trio's clock."""
        self.latest = min(self.latest, latest)
        self._not_after_the_end()

    def _not_after_the_end(self) -> None:
        """See that the scope ends in time, where the end has come nearer."""
        if self._scope is not None and self._scope.deadline > self.end:
            self._scope.deadline = self.end


@define(eq=False)
class Clocks:
    """The silence clocks of all open requests of one connection."""

    _clocks: dict[SilenceClock, None] = field(factory=dict[SilenceClock, None])
    _pauses: int = 0
    _answers: Answers = field(factory=Answers)
    _numbers: Iterator[int] = field(factory=lambda: count(1))

    def start(self, clock: SilenceClock) -> None:
        """Begin to measure with ``clock``."""
        clock.start(self._pauses, next(self._numbers), self._answers)
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
        """A response came for the request of ``clock``, a sign of life for those sent after it."""
        if len(self._clocks) > 1:
            self._answers.note(clock.number)
            if len(self._answers) > 2 * len(self._clocks) + _FEW:
                self._answers.keep_for(clock.number for clock in self._clocks)
