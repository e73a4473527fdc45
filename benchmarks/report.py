"""What came of it, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.curves import Curve, Point
from benchmarks.results import Outcome, Share
from benchmarks.works import OURS, Work

__all__ = ["curve_table", "page", "table", "time"]

_INTRODUCTION = """\
# Benchmarks

trio_dicom beside other clients, on the same work in the same run. `nox -s bench` measures, and
`nox -s bench -- --curves --report docs/benchmarks.md` writes this page.

{machine}

- Everybody does the work in turn, several rounds. *Their time / ours* is formed within each
  round for one unit of work; the table has the median, the lowest and the highest. Above 1 we
  are quicker. Where somebody is slow it does fewer rounds or less of the work, which the column
  *runs* shows, and is set against our median.
- A client is measured from the first connection to the last release, looking at its files
  included, in a process of its own that has imported what it needs. Programs are measured as a
  whole, less the time in which the same command ends that finds nobody at the port.
- The sink is a DICOM server of ours that accepts everything, discards it without looking at
  more than the headers, acknowledges at once, and counts. The other servers run as they are
  installed. A client of whom fewer instances, bytes or matches arrived than were to arrive has
  no row.
- *Content* says what arrived of instances. Before it is measured each client does some of the
  work, at least one instance of full size, on a server that keeps what comes: SOP Instance UID
  and data set are then compared with the files. *Same bytes* have not been changed on the way;
  the *same data set* was encoded anew, by the client or by a server that is not ours, and pydicom
  finds each element equal. A client that sent something else has no row either.
- `bare` is a loop of socket calls without any protocol on a raw port of the sink, with the
  same bytes: from memory, or read from the same files. `-nodelay` means a program of DCMTK with
  `TCP_NODELAY=1` in its environment, `ours-` trio_dicom with more than one request at a time:
  a window of 16, or several associations side by side. Files lie in memory.
- *Peak memory* is the most that was resident in the process of the client.
"""

_HEAD = (
    "| client | time per {unit} | their time / ours | lowest to highest "
    "| peak memory | runs | content | goal |\n"
    "|---|---:|---:|---:|---:|---:|---|---|\n"
)


def page(
    outcomes: Sequence[Outcome],
    curves: Mapping[str, tuple[Curve, Sequence[Point]]],
    machine: Mapping[str, str],
    images: Sequence[str] = (),
) -> str:
    """All of it.

    Args:
        outcomes: Of each work.
        curves: How cost grows.
        machine: What it was measured on.
        images: Addresses of plots: of the works, and of the curves, if they are.
    """
    facts = "\n".join(f"- {name}: {value}" for name, value in machine.items())
    parts = [_INTRODUCTION.format(machine=facts), _goals(outcomes)]
    parts += [f"![]({image})\n" for image in images]
    parts += [table(outcome) for outcome in outcomes]
    if curves:
        parts.append("## Cost as work grows\n\nOurs alone, each run in a process of its own.\n")
        parts += [curve_table(curve, points) for curve, points in curves.values()]
    return "\n".join(parts)


def _goals(outcomes: Sequence[Outcome]) -> str:
    rows = []
    for outcome in outcomes:
        for name, share in outcome.shares().items():
            if goal := _goal(outcome.work, name, share):
                reached, wanted = goal
                found = _megabytes(share.peak) if name == OURS else f"{share.ratio:.2f}"
                who = "memory" if name == OURS else name
                rows.append(f"| {outcome.work.title} | {who} | {wanted} | {found} | {reached} |\n")
    if not rows:
        return ""
    head = "| work | beside | goal | found | |\n|---|---|---:|---:|---|\n"
    return f"## Goals\n\n{head}{''.join(rows)}"


def table(outcome: Outcome) -> str:
    """The section of one work."""
    work = outcome.work
    rows = [_row(outcome, name, share) for name, share in outcome.shares().items()]
    parts = [f"## {work.title}\n\n", _HEAD.format(unit=work.unit), *rows]
    parts += [f"\n{name} did not take part: {why}.\n" for name, why in outcome.missing.items()]
    parts += [f"\n**{name} failed**: {why}.\n" for name, why in outcome.failed.items()]
    parts += [
        f"\nRuns of {name} that broke off and were repeated: {count}.\n"
        for name, count in outcome.broken.items()
        if name not in outcome.failed
    ]
    taken = {name: share.start for name, share in outcome.shares().items() if share.start}
    if taken:
        starts = ", ".join(f"{name} {time(start)}" for name, start in taken.items())
        parts.append(f"\nTaken off for the start of the program: {starts}.\n")
    if work.note and "**not" in "".join(rows):
        parts.append(f"\n{work.note}\n")
    return "".join(parts)


def _row(outcome: Outcome, name: str, share: Share) -> str:
    ratio = spread = ""
    if name != OURS and share.ratio is not None:
        ratio = f"{share.ratio:.2f}"
        spread = f"{min(share.ratios):.2f} to {max(share.ratios):.2f}"
    goal = _goal(outcome.work, name, share)
    cells = [
        name,
        time(share.per_unit),
        ratio,
        spread,
        _megabytes(share.peak),
        f"{share.runs} × {share.done:,}",
        outcome.content.get(name, ""),
        f"{goal[1]}: {goal[0]}" if goal else "",
    ]
    return f"| {' | '.join(cells)} |\n"


def _goal(work: Work, name: str, share: Share) -> tuple[str, str] | None:
    """Whether it is reached, and what it is."""
    if name == OURS and work.memory_goal is not None:
        reached = share.peak < work.memory_goal
        wanted = f"below {_megabytes(work.memory_goal)}"
    elif name in work.goals and share.ratio is not None:
        # What a reader sees as reached is reached: the same digits are compared.
        reached = round(share.ratio, 2) >= round(work.goals[name], 2)
        wanted = f"{work.goals[name]:.2f}"
    else:
        return None
    return ("reached" if reached else "**not reached**"), wanted


def curve_table(curve: Curve, points: Sequence[Point]) -> str:
    """The section of one kind of growth."""
    rows = [
        f"| {point.size:,} | {time(point.per_unit)} | {_megabytes(point.peak)} |\n"
        for point in points
    ]
    head = f"| {curve.grows} | time per {curve.unit} | peak memory |\n|---:|---:|---:|\n"
    return f"### {curve.grows.capitalize()}\n\n{head}{''.join(rows)}"


def time(seconds: float) -> str:
    """With three digits and a unit."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if abs(seconds) * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"
