"""Feed targets for some time each: ``python -m tests.fuzz pdu data_set --seconds 60``.

With atheris, whose inputs follow the coverage, where it is installed; else with Hypothesis. An
input that breaks a promise ends it, and is printed; ``--input`` runs a file with one again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

try:
    import atheris  # type: ignore[import-untyped,unused-ignore]  # nor is it installed always
except ImportError:
    atheris = None

_BATCH = 500  # inputs of Hypothesis between two looks at the clock
_MEMORY = 1024  # MB; more than that counts as a defect
_HANG = 30  # seconds for one input, likewise


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="see tests/fuzz/targets.py; all by default")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--input", type=Path, help="a file with the one input to run")
    arguments = parser.parse_args()
    # pydicom warns of what it takes for a mistake of the program's.
    warnings.simplefilter("ignore")
    if atheris is None or arguments.input is not None:
        from tests.fuzz.targets import TARGETS
    else:
        with atheris.instrument_imports(include=["trio_dicom"]):
            from tests.fuzz.targets import TARGETS
    for name in arguments.targets or TARGETS:
        target = TARGETS[name]
        if arguments.input is not None:
            target.run(arguments.input.read_bytes())
            continue
        begun = time.monotonic()
        if atheris is None:
            count, how = _by_hypothesis(target, arguments.seconds), "Hypothesis"
        else:
            count, how = _by_coverage(name, target, arguments.seconds), "coverage"
        seconds = time.monotonic() - begun
        sys.stdout.write(f"{name}: {count} inputs in {seconds:.0f} s, by {how}\n")
        sys.stdout.flush()


def _by_coverage(name: str, target: Any, seconds: int) -> int:
    count = multiprocessing.Value("Q", lock=False)

    def run(data: bytes) -> None:
        count.value += 1
        target.run(data)

    with tempfile.TemporaryDirectory(prefix="trio_dicom-fuzz-") as corpus:
        for number, seed in enumerate(target.seeds()):
            Path(corpus, str(number)).write_bytes(seed)
        # It leaves its process by a way that runs nothing of ours afterwards.
        child = os.fork()
        if not child:
            options = [
                *(f"-max_total_time={seconds}", f"-timeout={_HANG}", f"-rss_limit_mb={_MEMORY}"),
                *("-max_len=20000", f"-artifact_prefix=fuzz-{name}-", "-close_fd_mask=1"),
            ]
            atheris.Setup([sys.argv[0], *options, corpus], run)
            atheris.Fuzz()
        _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{name}: input {count.value} broke a promise: see above")
    return int(count.value)


def _by_hypothesis(target: Any, seconds: int) -> int:
    from hypothesis import HealthCheck, given, settings

    from tests.fuzz.mutating import mutants

    count = 0

    @settings(
        max_examples=_BATCH,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutants(target.seeds(), head=target.head))
    def batch(data: bytes) -> None:
        nonlocal count
        count += 1
        target.run(data)

    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        batch()
    return count


if __name__ == "__main__":
    main()
