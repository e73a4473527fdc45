"""``python -m benchmarks``: measure, print tables, and write a page for the documentation."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.contenders import Peers, contender
from benchmarks.curves import CURVES, Point, measured
from benchmarks.data import scratch
from benchmarks.kept import Conditions, Kept
from benchmarks.machine import machine
from benchmarks.measure import Failed, Laboratory
from benchmarks.programs import MissingPeer
from benchmarks.report import curve_table, page, table
from benchmarks.results import Outcome
from benchmarks.works import WORKS


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the options say; 1 if somebody failed."""
    options = _options(arguments)
    if options.list:
        for work in WORKS.values():
            print(f"{work.name:20} {work.title}")
        for curve in CURVES:
            print(f"{curve.name:20} cost by {curve.grows}, with --curves")
        return 0
    kept, succeeded = (Kept.read(options.from_), True) if options.from_ else _measure(options)
    if options.report:
        _write(options.report, kept)
    return int(not succeeded or any(outcome.failed for outcome in kept.outcomes.values()))


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _path(text: str) -> str:
    # The clients run elsewhere. Links stay: an environment's Python is one to another Python.
    return str(Path(text).absolute())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--list", action="store_true", help="say which works there are")
    add("--only", type=_list, default=(), help="these works and curves, with commas between")
    add("--contenders", type=_list, default=(), help="these clients, with commas between")
    add("--rounds", type=int, default=5, help="how often each does its work")
    add("--scale", type=float, default=1.0, help="how much of each work; 1 is what it is called")
    add("--curves", action="store_true", help="also measure how cost grows with work")
    add("--keep", type=Path, help="a new file for what was measured, written after each work")
    from_help = "measure nothing, but report what these files keep, of each work the last"
    add("--from", dest="from_", type=Path, nargs="+", metavar="FILE", help=from_help)
    add("--report", type=Path, help="the Markdown file to write, with plots in a folder beside it")
    add(
        "--pydcm", type=_path, default=os.environ.get("BENCH_PYDCM"), help="a Python that has pydcm"
    )
    add("--dcmjs", type=_path, default=os.environ.get("BENCH_DCMJS"), help="where node_modules is")
    add("--against", type=_path, help="a folder with another trio_dicom, to compare the two")
    add("--window", type=int, help="the window that ours asks for and the sink grants; 0: no limit")
    add("--open", type=int, help="how many tasks of ours send requests")
    add("--associations", type=int, help="how many associations ours stores on")
    options = parser.parse_args(arguments)
    names = {*WORKS, *(curve.name for curve in CURVES)}
    if unknown := set(options.only) - names:
        parser.error(f"no such work: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if options.keep and options.keep.exists():
        parser.error(f"{options.keep} keeps something already")
    if options.from_ and not options.report:
        parser.error("--from is for a --report")
    return options


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _measure(options: argparse.Namespace) -> tuple[Kept, bool]:
    """What was measured, and whether each curve was."""
    peers = Peers(pydcm=options.pydcm, dcmjs=options.dcmjs, against=options.against)
    changes = {
        name: getattr(options, name)
        for name in ("window", "open", "associations")
        if getattr(options, name) is not None
    }
    conditions = Conditions(_facts(options, peers), options.scale, changes)
    kept = Kept()
    succeeded = True
    with scratch() as folder:
        laboratory = Laboratory(folder, peers, _say)
        for name in _chosen(WORKS, options):
            outcome = laboratory.do(conditions.work(name), options.rounds, options.contenders)
            print(table(outcome), flush=True)
            _keep(outcome, name, conditions, kept, options)
        curves = {curve.name: curve for curve in CURVES if options.curves}
        for name in _chosen(curves, options):
            try:
                points = measured(laboratory, curves[name], options.rounds, options.scale)
            except Failed as failure:
                succeeded = False
                _say(f"{name}: {failure}")
            else:
                print(curve_table(curves[name], points), flush=True)
                _keep(points, name, conditions, kept, options)
    return kept, succeeded


def _chosen(names: Iterable[str], options: argparse.Namespace) -> list[str]:
    return [name for name in names if not options.only or name in options.only]


def _keep(
    what: Outcome | Sequence[Point],
    name: str,
    conditions: Conditions,
    kept: Kept,
    options: argparse.Namespace,
) -> None:
    kept.add(what, name, conditions)
    if options.keep:
        kept.write(options.keep)


def _facts(options: argparse.Namespace, peers: Peers) -> dict[str, str]:
    facts = machine()
    for name in ("trio_dicom", "storescu", "pynetdicom", "pydcm", "dcmjs"):
        try:
            facts[name] = contender(name, "store", peers).version
        except MissingPeer as missing:
            facts[name] = f"not here: {missing}"
    facts["amount"] = f"{options.rounds} rounds" + (
        f", {options.scale:g} of each work" if options.scale != 1 else ""
    )
    return facts


def _write(report: Path, kept: Kept) -> None:
    from benchmarks.plot import plot_curves, plot_ratios  # noqa: PLC0415 - only who plots has it

    folder = report.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    outcomes, curves = kept.in_order()
    images = []
    if compared := [outcome for outcome in outcomes if outcome.ratios()]:
        plot_ratios(compared, folder / "ratios.svg")
        images.append(f"{folder.name}/ratios.svg")
    if curves:
        plot_curves(curves, folder / "curves.svg")
        images.append(f"{folder.name}/curves.svg")
    facts = {name: each.facts for name, each in kept.conditions.items()}
    report.write_text(page(outcomes, curves, facts, images))


if __name__ == "__main__":
    sys.exit(main())
