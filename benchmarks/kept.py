"""What was measured, in a file: an interruption loses nothing, and a page can be made anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.curves import CURVES, Curve, Point
from benchmarks.results import Outcome, Run
from benchmarks.works import WORKS, Work

__all__ = ["Conditions", "Kept"]


@dataclass(frozen=True)
class Conditions:
    """Under which something was measured.

    Attributes:
        facts: Of the machine, and of who took part.
        scale: How much of each work was done.
        changes: What was different in the works.
    """

    facts: Mapping[str, str]
    scale: float = 1.0
    changes: Mapping[str, int] = field(default_factory=dict)

    def work(self, name: str) -> Work:
        """The work with this name as it is done under them."""
        changes: dict[str, Any] = dict(self.changes)
        return replace(WORKS[name], **changes).scaled(self.scale)


@dataclass
class Kept:
    """What one run measured, or several.

    Attributes:
        outcomes: By the names of works.
        points: By the names of curves.
        conditions: By the names of both.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    points: dict[str, Sequence[Point]] = field(default_factory=dict)
    conditions: dict[str, Conditions] = field(default_factory=dict)

    def add(self, what: Outcome | Sequence[Point], name: str, conditions: Conditions) -> None:
        """Keep what came of a work or a curve."""
        if isinstance(what, Outcome):
            self.outcomes[name] = what
        else:
            self.points[name] = what
        self.conditions[name] = conditions

    def in_order(self) -> tuple[list[Outcome], dict[str, tuple[Curve, Sequence[Point]]]]:
        """The outcomes and the curves, as the works and the curves are listed."""
        outcomes = [self.outcomes[name] for name in WORKS if name in self.outcomes]
        curves = {
            curve.name: (curve, self.points[curve.name])
            for curve in CURVES
            if curve.name in self.points
        }
        return outcomes, curves

    def write(self, path: Path) -> None:
        """Write it into a file, in place of what was there."""
        content = {
            "works": {name: _plain(outcome) for name, outcome in self.outcomes.items()},
            "curves": {name: list(map(asdict, each)) for name, each in self.points.items()},
            "conditions": {name: asdict(each) for name, each in self.conditions.items()},
        }
        new = path.with_name(f"{path.name}.new")
        new.write_text(json.dumps(content, indent=1))
        new.replace(path)

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Kept:
        """What several files keep. Of a work that more than one has, the last one counts."""
        kept = cls()
        for path in paths:
            content = json.loads(path.read_text())
            conditions = {name: Conditions(**each) for name, each in content["conditions"].items()}
            for name, each in content["works"].items():
                outcome = _outcome(conditions[name].work(name), each)
                kept.add(outcome, name, conditions[name])
            for name, each in content["curves"].items():
                kept.add([Point(**point) for point in each], name, conditions[name])
        return kept


def _plain(outcome: Outcome) -> dict[str, Any]:
    plain = asdict(outcome)
    del plain["work"]  # the conditions tell which
    return plain


def _outcome(work: Work, plain: dict[str, Any]) -> Outcome:
    runs = {name: [Run(**run) for run in each] for name, each in plain.pop("runs").items()}
    return Outcome(work, runs, **plain)
