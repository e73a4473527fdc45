"""What came of it, in Markdown."""

from __future__ import annotations

from benchmarks.measure import Outcome, Share
from benchmarks.works import OURS, Work

__all__ = ["table"]

_HEAD = (
    "| client | time for each {unit} | its time / ours | spread | peak memory | goal |\n"
    "|---|---:|---:|---:|---:|---|\n"
)


def table(outcome: Outcome) -> str:
    """The section of one work."""
    work = outcome.work
    rows = [_row(work, name, share) for name, share in outcome.shares().items()]
    missing = [f"\n{name} is missing: {why}." for name, why in outcome.missing.items()]
    return f"## {work.title}\n\n{_HEAD.format(unit=work.unit)}{''.join(rows)}{''.join(missing)}\n"


def _row(work: Work, name: str, share: Share) -> str:
    ratio = spread = ""
    if name != OURS and share.ratio is not None:
        ratio = f"{share.ratio:.2f}"
        spread = f"{min(share.ratios):.2f} to {max(share.ratios):.2f}"
    memory = f"{share.peak / 1e6:.0f} MB"
    return f"| {name} | {time(share.per_unit)} | {ratio} | {spread} | {memory} | {_goal(work, name, share)} |\n"


def time(seconds: float) -> str:
    """With three digits and a unit."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _goal(work: Work, name: str, share: Share) -> str:
    if name == OURS and work.memory_goal is not None:
        reached = "reached" if share.peak < work.memory_goal else "not reached"
        return f"below {work.memory_goal / 1e6:.0f} MB: {reached}"
    if name in work.goals and share.ratio is not None:
        reached = "reached" if share.ratio >= work.goals[name] else "not reached"
        return f"at least {work.goals[name]:.3g}: {reached}"
    return ""
