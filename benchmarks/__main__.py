"""``python -m benchmarks``: measure, print tables, and write a page for the documentation."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.contenders import Peers, contender
from benchmarks.curves import CURVES, Curve, Point, measured
from benchmarks.data import scratch
from benchmarks.machine import machine
from benchmarks.measure import Failed, Laboratory
from benchmarks.programs import MissingPeer
from benchmarks.report import curve_table, page, table
from benchmarks.results import Outcome
from benchmarks.works import WORKS

Grown = Mapping[str, tuple[Curve, Sequence[Point]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the options say; 1 if somebody failed."""
    options = _options(arguments)
    if options.list:
        for work in WORKS.values():
            print(f"{work.name:20} {work.title}")
        return 0
    peers = Peers(pydcm=options.pydcm, dcmjs=options.dcmjs, against=options.against)
    with scratch() as folder:
        laboratory = Laboratory(folder, peers, _say)
        outcomes = _works(laboratory, options)
        grown, failed = _curves(laboratory, options)
    if options.report:
        _write(options.report, outcomes, grown, _facts(options, peers))
    return int(failed or any(outcome.failed for outcome in outcomes))


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
    return options


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _works(laboratory: Laboratory, options: argparse.Namespace) -> list[Outcome]:
    changes = {
        name: getattr(options, name)
        for name in ("window", "open", "associations")
        if getattr(options, name) is not None
    }
    outcomes = []
    for name, work in WORKS.items():
        if not options.only or name in options.only:
            work = replace(work, **changes).scaled(options.scale)
            outcomes.append(laboratory.do(work, options.rounds, options.contenders))
            print(table(outcomes[-1]), flush=True)
    return outcomes


def _curves(laboratory: Laboratory, options: argparse.Namespace) -> tuple[Grown, bool]:
    grown: dict[str, tuple[Curve, Sequence[Point]]] = {}
    failed = False
    for curve in CURVES if options.curves else ():
        if not options.only or curve.name in options.only:
            try:
                points = measured(laboratory, curve, options.rounds, options.scale)
            except Failed as failure:
                failed = True
                _say(f"{curve.name}: {failure}")
            else:
                grown[curve.name] = curve, points
                print(curve_table(curve, points), flush=True)
    return grown, failed


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


def _write(
    report: Path, outcomes: Sequence[Outcome], grown: Grown, facts: Mapping[str, str]
) -> None:
    from benchmarks.plot import plot_curves, plot_ratios  # noqa: PLC0415 - only who plots has it

    folder = report.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    if outcomes:
        plot_ratios(outcomes, folder / "ratios.svg")
        images.append(f"{folder.name}/ratios.svg")
    if grown:
        plot_curves(grown, folder / "curves.svg")
        images.append(f"{folder.name}/curves.svg")
    report.write_text(page(outcomes, grown, facts, images))


if __name__ == "__main__":
    sys.exit(main())
