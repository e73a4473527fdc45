"""Ways in which links break, as the dice say."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import AbstractAsyncContextManager
from enum import Enum

from attrs import frozen

from trio_dicom.testing import Clog, Cut, Fault, FaultyProxy, Stall, open_faulty_proxy

__all__ = ["Breaking", "How"]

_PATIENCE = 2.0  # seconds
_FARTHEST = 3_000_000  # bytes after which a link breaks at the latest, if so much is said at all


class How(Enum):
    """How a link breaks after so many bytes in one direction."""

    CUT = "cut"
    RESET = "reset"
    SWALLOWING = "swallowing"  # it takes bytes, and they do not arrive
    CLOGGED = "clogged"  # it takes no more bytes, and is cut after a while


@frozen
class Breaking:
    """The faults of the links to one peer, each of which breaks in its own way.

    Attributes:
        seed: Of the dice.
    """

    seed: int

    def how(self, number: int) -> How:
        """How the link of that number breaks."""
        return self._drawn(number)[0]

    def sending(self, number: int) -> list[Fault]:
        """What is wrong with what the client says on that link."""
        _, forwards, faults = self._drawn(number)
        return faults if forwards else []

    def receiving(self, number: int) -> list[Fault]:
        """What is wrong with what it hears on that link."""
        _, forwards, faults = self._drawn(number)
        return [] if forwards else faults

    def proxy(self, port: int) -> AbstractAsyncContextManager[FaultyProxy]:
        """Another port of loopback that leads to ``port`` over such links."""
        return open_faulty_proxy("127.0.0.1", port, sending=self.sending, receiving=self.receiving)

    def met(self, proxy: FaultyProxy) -> Counter[How]:
        """How many have broken in which way."""
        return Counter(map(self.how, proxy.broken))

    def _drawn(self, number: int) -> tuple[How, bool, list[Fault]]:
        dice = random.Random(f"{self.seed} {number}")
        how, forwards = dice.choice(tuple(How)), dice.random() < 0.6
        # Half of them early, where most is said, and half of them anywhere in what is long.
        at = int(dice.choice((_FARTHEST ** dice.random(), _FARTHEST * dice.random())))
        faults: dict[How, list[Fault]] = {
            How.CUT: [Cut(at)],
            How.RESET: [Cut(at, "reset")],
            How.SWALLOWING: [Stall(at)],
            How.CLOGGED: [Clog(at, _PATIENCE), Cut(at)],
        }
        return how, forwards, faults[how]
