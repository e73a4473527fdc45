"""An hour's work in minutes: ``python -m tests.soak --operations 100000 --associations 10000``."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

import trio

from tests.soak.soaking import Soak, has_dcmtk, soak


def main() -> None:
    """Do what the command line says; fail where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--associations", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20, help="how often all is compared")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faulty", type=float, default=0.15, help="part of the associations")
    options = parser.parse_args()
    # Links break all the time here, and each tells so.
    logging.getLogger("trio_dicom").setLevel(logging.ERROR)
    dcmtk = has_dcmtk()
    if not dcmtk:
        _say("DCMTK is not installed: our receiver alone is soaked")

    async def run(folder: Path) -> Soak:
        return await soak(
            folder,
            operations=options.operations,
            associations=options.associations,
            rounds=options.rounds,
            seed=options.seed,
            faulty=options.faulty,
            dcmtk=dcmtk,
            report=_say,
        )

    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="trio_dicom-soak-") as folder:
        result = trio.run(run, Path(folder))
    _say(result.numbers())
    _say(f"in {time.monotonic() - begun:.0f} s")
    result.check(memory=True)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
