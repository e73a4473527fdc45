"""What can be wrong with a link: values that a ``FaultyStream`` is given, in any combination.

Each counts the bytes of one direction from 0. What is random comes from a seed and from
where in the stream it is, so that it is the same in every run.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from attrs import field, frozen, validators

__all__ = [
    "Chunks",
    "Clog",
    "Corrupt",
    "Cut",
    "Delay",
    "Fault",
    "Stall",
    "Trickle",
    "checked",
    "random_faults",
]

# A prime, so that neighbouring places of neighbouring seeds have nothing in common.
_APART: Final = 1_000_003


@frozen
class Cut:
    """The link breaks as soon as byte ``at`` would be next, in both directions.

    Attributes:
        at: How many bytes pass before: at 0 it is broken from the beginning.
        how: ``"eof"``: it is closed. The other end reads what has passed and then end of file,
            this one end of file at once; writing fails. ``"reset"``: reading fails, too, and
            what is on its way is lost.
    """

    at: int = field(validator=validators.ge(0))
    how: Literal["eof", "reset"] = field(default="eof", validator=validators.in_(("eof", "reset")))


@frozen
class Stall:
    """From byte ``at`` on no byte arrives any more, and nobody is told: writing seems to work.

    Only that an end was closed, wholly or by half, the other end still hears.

    Attributes:
        at: How many bytes pass before.
    """

    at: int = field(validator=validators.ge(0))


@frozen
class Clog:
    """At byte ``at`` the link takes nothing, so that whoever writes has to wait.

    What comes from the other end is not read meanwhile: it waits, too, once the link is full.

    Attributes:
        at: How many bytes pass before.
        seconds: For how long from when somebody first has to wait, on Trio's clock; infinity is
            for ever.
    """

    at: int = field(validator=validators.ge(0))
    seconds: float = field(default=float("inf"), validator=validators.ge(0))


@frozen
class Chunks:
    """The bytes come in pieces of random length.

    Attributes:
        seed: Of the lengths.
        longest: Bytes of the longest piece.
    """

    seed: int
    longest: int = field(default=4096, validator=validators.ge(1))

    def most(self, at: int) -> int:
        """How many bytes the piece has at most that begins at ``at``."""
        return _random(self.seed, at).randint(1, self.longest)


@frozen
class Trickle:
    """The bytes come a few at a time.

    Attributes:
        longest: How many at most: one by one, unless you want more.
    """

    longest: int = field(default=1, validator=validators.ge(1))


@frozen
class Corrupt:
    """One byte arrives as another one.

    Attributes:
        at: Which one.
        mask: The bits that are turned over, not 0.
    """

    at: int = field(validator=validators.ge(0))
    mask: int = field(default=0xFF, validator=[validators.ge(1), validators.le(0xFF)])

    def change(self, at: int, data: bytes) -> bytes:
        """What becomes of ``data`` that begins at ``at``."""
        place = self.at - at
        if not 0 <= place < len(data):
            return data
        return data[:place] + bytes([data[place] ^ self.mask]) + data[place + 1 :]


@frozen
class Delay:
    """Every piece takes its time, one after the other: a link that is far and slow.

    That begins when somebody first wants it, and goes on when he is cancelled.

    Attributes:
        seconds: How long, on Trio's clock.
        spread: How much longer at most.
        seed: Of how much longer it takes.
    """

    seconds: float = field(validator=validators.ge(0))
    spread: float = field(default=0.0, validator=validators.ge(0))
    seed: int = 0

    def pause(self, at: int) -> float:
        """Seconds before the piece that begins at ``at``."""
        more = _random(self.seed, at).random() * self.spread if self.spread else 0.0
        return self.seconds + more


Fault: TypeAlias = Cut | Stall | Clog | Chunks | Trickle | Corrupt | Delay
"""What can be wrong with one direction of a link."""


def checked(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """What is given as faults of a link.

    Raises:
        TypeError: There is something else among them.
    """
    faults = tuple(faults)
    for it in faults:
        if not isinstance(it, Fault):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"a fault of a link is a value such as Cut(100), not {it!r}")
    return faults


def random_faults(seed: int, length: int) -> tuple[Fault, ...]:
    """Faults for one direction, drawn at random: how it comes in pieces, and often worse.

    About a quarter of the seeds leaves every byte where it belongs and lets all of them pass.

    Args:
        seed: What is drawn depends on it and on ``length`` alone.
        length: About how many bytes are going to pass: where what breaks does so.
    """
    drawn = _random(seed, length)
    at = drawn.randrange(max(length, 1))
    pieces: Fault = drawn.choice(
        (Chunks(seed, drawn.choice((2, 100, 4096))), Trickle(drawn.choice((1, 7, 1000))))
    )
    faults: list[Fault] = [pieces]
    if drawn.random() < 0.3:
        faults.append(Delay(0.001, spread=0.01, seed=seed))
    match drawn.randrange(8):
        case 0 | 1:
            faults.append(Cut(at, "eof"))
        case 2 | 3:
            faults.append(Cut(at, "reset"))
        case 4:
            faults.append(Corrupt(at, 1 << drawn.randrange(8)))
        case 5:
            faults.append(drawn.choice((Stall(at), Clog(at))))
        case _:
            pass
    return tuple(faults)


def _random(seed: int, at: int) -> random.Random:
    return random.Random(seed * _APART + at)  # noqa: S311 - nobody's secret
