"""A program, from its start to its end, less what it takes to start.

What it takes to start is measured with another command that the job brings: for DCMTK the
same one with a port where nobody listens. It starts, reads its dictionary, looks at what
it is to send, and ends at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

Job = dict[str, Any]

_STARTS = 3


def run(job: Job) -> Callable[[], dict[str, float]]:
    """The job's command."""
    start = median(_run(job["start_command"])[0] for _ in range(_STARTS))

    def work() -> dict[str, float]:
        seconds, peak, status = _run(job["command"])
        if status:
            raise SystemExit(f"{job['command'][0]} ended with {status}")
        return {"seconds": seconds - start, "start": start, "peak": peak, "done": job["count"]}

    return work


def _run(command: list[str]) -> tuple[float, int, int]:
    """How long it took, the peak of its resident memory in bytes, and how it ended."""
    quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    begun = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ, file_actions=quiet)
    _, status, usage = os.wait4(process, 0)
    # The peak begins with what this process has, since it is started from it.
    return time.perf_counter() - begun, usage.ru_maxrss * 1024, status


ACTIONS = dict.fromkeys(("store", "find", "get", "echo", "import"), run)
