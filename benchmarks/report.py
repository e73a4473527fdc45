"""What came of it, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

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
  *runs* shows, and is set against our median. Every second round goes through the clients from
  the last to the first.
- A client is measured from the first connection to the last release, looking at its files
  included, in a process of its own that has imported what it needs. Programs are measured as a
  whole, less the time in which the same command ends that finds nobody at the port. Where
  nothing is left of a run then, there is no number.
- The sink is a DICOM server of ours that accepts everything, discards it without looking at
  more than the headers, acknowledges at once, and counts. The other servers run as they are
  installed. A client of whom fewer instances, bytes or matches arrived than were to arrive has
  no row.
- *Content* says what arrived of instances. Before it is measured each client does some of the
  work, at least one instance of full size, on a server that keeps what comes: SOP Instance UID
  and data set are then compared with the files. *Same bytes* have not been changed on the way;
  the *same data set* was encoded anew, by the client or by a server that is not ours, and pydicom
  finds each element equal. A client that sent something else has no row either.
- Each client is used in the quickest way that it documents. pynetdicom sends files as they are
  (`STORE_SEND_CHUNKED_DATASET`), which by default it would decode, and writes what it fetches
  without decoding it. pydcm sends files with `send_c_store_files` and writes those that it
  fetches itself (`store_dir`). storescu and dcmsend are given a folder, findscu is quiet, and no
  option made storescu quicker than `TCP_NODELAY` does, and none getscu much quicker. All take PDUs
  of 128 KiB where they say how much they take, except the programs of DCMTK, which run as they are
  installed.
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


_ROUNDS = """\
Goals are for the median of five *rounds*, ours and theirs. Where fewer are counted for a
client, it is so slow that it did no more.
"""


def page(
    outcomes: Sequence[Outcome],
    curves: Mapping[str, tuple[Curve, Sequence[Point]]],
    facts: Mapping[str, Mapping[str, str]],
    images: Sequence[str] = (),
) -> str:
    """All of it.

    Args:
        outcomes: Of each work.
        curves: How cost grows.
        facts: What was measured on what: the facts of the run of each work and curve.
        images: Addresses of plots: of the works, and of the curves, if they are.
    """
    parts = [_INTRODUCTION.format(machine=_machine(facts)), _goals(outcomes)]
    parts += [f"![]({image})\n" for image in images]
    parts += [table(outcome) for outcome in outcomes]
    if curves:
        parts.append("## Cost as work grows\n\nOurs alone, each run in a process of its own.\n")
        parts += [curve_table(curve, points) for curve, points in curves.values()]
    return "\n".join(parts)


def _machine(facts: Mapping[str, Mapping[str, str]]) -> str:
    """The facts of each run, with what was measured in it if there were several."""
    runs: list[Mapping[str, str]] = []
    for each in facts.values():
        if each not in runs:
            runs.append(each)
    parts = []
    for run in runs:
        if len(runs) > 1:
            names = ", ".join(name for name, each in facts.items() if each == run)
            parts.append(f"Of one run are {names}:\n")
        parts += [f"- {name}: {value}" for name, value in run.items()]
        parts.append("")
    return "\n".join(parts).rstrip()


def _goals(outcomes: Sequence[Outcome]) -> str:
    rows = []
    for outcome in outcomes:
        for name, share in outcome.shares().items():
            if goal := _goal(outcome.work, name, share):
                who = "memory" if name == OURS else name
                rounds = [outcome.runs.get(OURS, []), outcome.runs[name]]
                cells = [
                    *(outcome.work.title, who, goal.wanted, goal.found),
                    ", ".join(str(len(runs)) for runs in rounds[name == OURS :]),
                    goal.said,
                ]
                rows.append(f"| {' | '.join(cells)} |\n")
    if not rows:
        return ""
    head = "| work | beside | goal | found | rounds | |\n|---|---|---:|---:|---:|---|\n"
    return f"## Goals\n\n{_ROUNDS}\n{head}{''.join(rows)}"


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
        "less than its start" if share.per_unit is None else time(share.per_unit),
        ratio,
        spread,
        _megabytes(share.peak),
        f"{share.runs} × {share.done:,}",
        outcome.content.get(name, ""),
        f"{goal.wanted}: {goal.said}" if goal else "",
    ]
    return f"| {' | '.join(cells)} |\n"


class _Goal(NamedTuple):
    said: str  # whether it is reached
    wanted: str
    found: str


def _goal(work: Work, name: str, share: Share) -> _Goal | None:
    if name == OURS and work.memory_goal is not None:
        reached = share.peak < work.memory_goal
        wanted, found = f"below {_megabytes(work.memory_goal)}", _megabytes(share.peak)
    elif name in work.goals and share.ratio is not None:
        reached = share.ratio >= work.goals[name]
        # With as many digits as it takes to see why it is not reached.
        wanted, found = f"{work.goals[name]:.4g}", f"{share.ratio:.4g}"
    elif name in work.goals:
        return _Goal("not measured", f"{work.goals[name]:.4g}", "")
    else:
        return None
    return _Goal("reached" if reached else "**not reached**", wanted, found)


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
