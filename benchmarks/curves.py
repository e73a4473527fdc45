"""How cost grows with work: a row of sizes for each kind of growth, ours alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from statistics import median

from benchmarks.contenders import contender
from benchmarks.data import KIB, MIB
from benchmarks.measure import Laboratory
from benchmarks.results import Run
from benchmarks.works import OURS, WORKS, Work

__all__ = ["CURVES", "Curve", "Point", "measured"]

_TENS = (10, 100, 1_000, 10_000, 100_000)
# Longer than that is not repeated.
_LONG = 20.0  # seconds


@dataclass(frozen=True)
class Point:
    """One size.

    Attributes:
        size: Of what grows.
        per_unit: The median of the seconds for each unit.
        peak: The most bytes that were resident.
    """

    size: int
    per_unit: float
    peak: int


@dataclass(frozen=True)
class Curve:
    """What grows, and what it costs.

    Attributes:
        name: Of the curve.
        grows: What the sizes count.
        unit: What the time is for.
        sizes: Which are measured.
        work: The work of a size.
        units: How many units that is, if not the ``count`` of the work.
    """

    name: str
    grows: str
    unit: str
    sizes: tuple[int, ...]
    work: Callable[[int], Work]
    units: Callable[[Work], float] = field(default=lambda work: work.count)


_SMALL, _ECHOED = WORKS["small"], WORKS["associations"]

CURVES = (
    Curve(
        "files",
        "number of files",
        "file of 4 KiB",
        _TENS,
        lambda size: replace(_SMALL, count=size),
    ),
    Curve(
        "size",
        "bytes of an instance",
        "MiB",
        (4 * KIB, 64 * KIB, MIB, 16 * MIB, 256 * MIB, 4096 * MIB),
        lambda size: replace(_SMALL, count=max(1, min(1_000, 256 * MIB // size)), size=size),
        lambda work: work.count * work.size / MIB,
    ),
    Curve(
        "matches",
        "number of matches",
        "match",
        _TENS,
        lambda size: replace(WORKS["find"], count=size),
    ),
    Curve(
        "concurrent",  # no curve is called as a work is
        "concurrent associations",
        "association",
        (1, 4, 16, 64, 256),
        lambda size: replace(_ECHOED, count=1_024, open=size),
    ),
    Curve(
        "requests",
        "requests open at once",
        "file of 4 KiB",
        (1, 10, 100, 1_000),
        lambda size: replace(_SMALL, count=5_000, window=0, open=size),
    ),
)


def measured(laboratory: Laboratory, curve: Curve, rounds: int, scale: float) -> list[Point]:
    """The points of a curve, each of runs in processes of their own.

    Args:
        laboratory: Where.
        curve: Which.
        rounds: How often each size is measured, apart from what takes long.
        scale: Sizes beyond this part of the largest are left out.

    Raises:
        Failed: Not all that was sent arrived.
    """
    points: list[Point] = []
    for size in curve.sizes:
        if size > max(curve.sizes) * scale and points:
            break
        work = curve.work(size)
        runs: list[Run] = []
        with laboratory.server(work) as server:
            who = contender(OURS, work.action, laboratory.peers)
            while len(runs) < rounds and sum(run.seconds for run in runs) < _LONG:
                runs.append(laboratory.once(work, who, server))
        per_unit = median(run.seconds for run in runs) / curve.units(work)
        points.append(Point(size, per_unit, max(run.peak for run in runs)))
        laboratory.say(f"{curve.name}: {size} {runs[-1].seconds:.3f} s")
    return points
