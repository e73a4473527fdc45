"""One direction of a faulty link: how far it is, and what its faults say about that place."""

from __future__ import annotations

import trio
from attrs import define, field

from trio_dicom.testing.faults import Chunks, Clog, Corrupt, Cut, Delay, Fault, Stall, Trickle

__all__ = ["Course"]


@define(eq=False)
class Course:
    """How far one direction is.

    Attributes:
        faults: What is wrong with it.
        at: How many bytes have passed.
        stuck_at: What lets no byte pass here any more, ever, once it has come to that.
        is_stuck: Set then.
    """

    faults: tuple[Fault, ...]
    at: int = field(default=0, init=False)
    stuck_at: Stall | Clog | None = field(default=None, init=False)
    is_stuck: trio.Event = field(factory=trio.Event, init=False)
    _over: set[Clog] = field(factory=set[Clog], init=False)
    _has_paused: bool = field(default=False, init=False)
    _due: float | None = field(default=None, init=False)

    def barrier(self) -> Cut | Stall | Clog | None:
        """What lets no byte pass here: the first of them."""
        for fault in self.faults:
            if isinstance(fault, Cut | Stall | Clog) and fault.at == self.at:
                if isinstance(fault, Clog) and fault in self._over:
                    continue
                return fault
        return None

    def get_stuck(self, barrier: Stall | Clog) -> None:
        """It has come to ``barrier``, which does not end."""
        self.stuck_at = barrier
        self.is_stuck.set()

    def due(self, seconds: float) -> float:
        """When what takes ``seconds`` here is over, on Trio's clock.

        It has begun when this was first asked for, whoever has been cancelled since.
        """
        if self._due is None:
            self._due = trio.current_time() + seconds
        return self._due

    def is_over(self, clog: Clog) -> None:
        """It has held us up for as long as it does."""
        self._over.add(clog)
        self._due = None

    def pause(self) -> float:
        """Seconds before the next piece passes."""
        if self._has_paused:
            return 0.0
        return sum(it.pause(self.at) for it in self.faults if isinstance(it, Delay))

    def has_paused(self) -> None:
        """They have passed."""
        self._has_paused = True
        self._due = None

    def room(self, wanted: int) -> int:
        """How many of ``wanted`` bytes the next piece has, where there is no barrier."""
        for fault in self.faults:
            if isinstance(fault, Chunks):
                wanted = min(wanted, fault.most(self.at))
            elif isinstance(fault, Trickle):
                wanted = min(wanted, fault.longest)
            elif isinstance(fault, Cut | Stall | Clog) and fault.at > self.at:
                wanted = min(wanted, fault.at - self.at)
        return wanted

    def change(self, data: bytes) -> bytes:
        """What arrives of ``data``, which comes next."""
        for fault in self.faults:
            if isinstance(fault, Corrupt):
                data = fault.change(self.at, data)
        return data

    def passed(self, size: int) -> None:
        """A piece of ``size`` bytes has passed, or none at all."""
        self.at += size
        self._has_paused = self._has_paused and not size
