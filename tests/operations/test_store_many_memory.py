"""A gigabyte in two thousand files is stored, and the whole process stays small."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import trio

from benchmarks.servers import Sink
from tests.operations.storing import ct_file
from tests.operations.test_find_memory import ROOT

PROGRAM = Path(__file__).with_name("storing_many.py")

COUNT = 2_000
SIZE = 512 * 1024
MIB = 1024 * 1024
# Results that are kept are a kilobyte each. Everything that was sent would be a thousand.
MOST_GROWTH = 16 * MIB
MOST = 120 * 1000 * 1000  # bytes of the process as a whole


@pytest.mark.skipif(sys.platform == "win32", reason="there is no resource module to measure with")
async def test_two_thousand_files_pass_through_in_bounded_memory(tmp_path: Path) -> None:
    first = ct_file(tmp_path, size=SIZE)
    for number in range(2, COUNT + 1):
        os.link(first, tmp_path / f"{number:06}.dcm")
    with Sink() as sink:
        ended = await trio.run_process(
            [sys.executable, str(PROGRAM), str(sink.port), str(tmp_path), str(COUNT)],
            capture_stdout=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert sink.arrived()["instances"] == COUNT
    stored, before, peak = map(int, ended.stdout.decode().split(";"))
    sys.stdout.write(f"{(peak - before) / MIB:.1f} MiB more, {peak / 1e6:.1f} MB at the peak\n")
    assert stored == COUNT
    assert peak - before < MOST_GROWTH
    assert peak < MOST
