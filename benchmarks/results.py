"""What was measured, and what is compared of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from benchmarks.works import OURS, Work

__all__ = ["Outcome", "Run", "Share"]


@dataclass(frozen=True)
class Run:
    """What a client did once.

    Attributes:
        seconds: How long it took. What takes about as long as the program takes to start can
            have none left, or less.
        done: How many units.
        peak: The most bytes that were resident in its process.
        start: What was taken off for the start of a program, in seconds.
    """

    seconds: float
    done: int
    peak: int
    start: float = 0.0

    @property
    def per_unit(self) -> float:
        """Seconds for each unit."""
        return self.seconds / self.done


@dataclass(frozen=True)
class Share:
    """How a contender stands beside us.

    Attributes:
        per_unit: The median of its seconds for each unit; none if a run had no time left
            when its start was taken off.
        ratios: Its time for a unit by ours, round by round; none if either has no time.
        peak: The most memory of all its runs.
        runs: How many there were, and how many units each did.
        start: The median of what was taken off for the start.
    """

    per_unit: float | None
    ratios: list[float]
    peak: int
    runs: int
    done: int
    start: float

    @property
    def ratio(self) -> float | None:
        """The median of the ratios."""
        return median(self.ratios) if self.ratios else None


@dataclass
class Outcome:
    """What came of a work.

    Attributes:
        work: Which.
        runs: The runs of each contender, in order.
        missing: Why somebody did not take part.
        failed: Why somebody's runs do not count.
        broken: How many runs of somebody broke off, and were repeated.
        content: How like what arrived of somebody is to what was to arrive.
    """

    work: Work
    runs: dict[str, list[Run]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    content: dict[str, str] = field(default_factory=dict)

    def shares(self) -> dict[str, Share]:
        """Everybody's."""
        return {name: self._share(runs) for name, runs in self.runs.items()}

    def ratios(self) -> dict[str, list[float]]:
        """Everybody's time by ours, of those who can be compared."""
        shares = self.shares().items()
        return {name: share.ratios for name, share in shares if name != OURS and share.ratios}

    def _share(self, runs: list[Run]) -> Share:
        measured = _all_took_time(runs)
        ours = [run.per_unit for run in self.runs.get(OURS, [])]
        if not measured or not _all_took_time(self.runs.get(OURS, [])):
            ours = []
        elif len(runs) < len(ours):
            # Somebody slow did fewer rounds: our first ones are no better than the others.
            ours = [median(ours)] * len(runs)
        return Share(
            per_unit=median(run.per_unit for run in runs) if measured else None,
            ratios=[run.per_unit / our for our, run in zip(ours, runs, strict=False)],
            peak=max(run.peak for run in runs),
            runs=len(runs),
            done=runs[0].done,
            start=median(run.start for run in runs),
        )


def _all_took_time(runs: list[Run]) -> bool:
    return all(run.seconds > 0 for run in runs)
