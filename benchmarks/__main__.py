"""``python -m benchmarks``: measure, print a table, and write a page for the documentation."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.contenders import Peers
from benchmarks.data import scratch
from benchmarks.measure import Failed, Laboratory
from benchmarks.report import table
from benchmarks.works import WORKS


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--list", action="store_true", help="say which works there are")
    parser.add_argument("--only", type=_list, default=(), help="these works, with commas between")
    parser.add_argument(
        "--contenders", type=_list, default=(), help="these clients, with commas between"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each does its work")
    parser.add_argument("--scale", type=float, default=1.0, help="how much of each work")
    parser.add_argument("--report", type=Path, help="the Markdown file to write")
    parser.add_argument(
        "--pydcm", default=os.environ.get("BENCH_PYDCM"), help="a Python that has pydcm"
    )
    parser.add_argument(
        "--dcmjs", default=os.environ.get("BENCH_DCMJS"), help="where node_modules has dcmjs-dimse"
    )
    parser.add_argument("--window", type=int, help="the window for ours, which the sink grants")
    parser.add_argument("--open", type=int, help="how many requests ours keeps open")
    parser.add_argument("--associations", type=int, help="how many associations ours opens")
    options = parser.parse_args()
    if unknown := set(options.only) - WORKS.keys():
        parser.error(f"no such work: {', '.join(sorted(unknown))}; there are {', '.join(WORKS)}")
    return options


def main() -> int:
    """Do what the options say."""
    options = _options()
    if options.list:
        for work in WORKS.values():
            print(f"{work.name:20} {work.title}")
        return 0
    changes = {
        name: getattr(options, name)
        for name in ("window", "open", "associations")
        if getattr(options, name) is not None
    }
    works = [WORKS[name] for name in options.only or WORKS]
    peers = Peers(pydcm=options.pydcm, dcmjs=options.dcmjs)
    try:
        with scratch() as folder:
            laboratory = Laboratory(folder, peers, lambda line: print(line, file=sys.stderr))
            for work in works:
                work = replace(work, **changes).scaled(options.scale)
                outcome = laboratory.do(work, options.rounds, options.contenders)
                print(table(outcome), flush=True)
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
