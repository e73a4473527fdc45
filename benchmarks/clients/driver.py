"""``python driver.py CLIENT.py JOB.json``: does a job once, when it is told to.

It says ``READY`` when everything is imported, waits for a line on stdin, does the work,
and says in a JSON object how many ``seconds`` it took, how much was ``done`` and how many
bytes of memory were resident at the ``peak``. It imports nothing but the client, which
may run under another Python than the harness.
"""

from __future__ import annotations

import json
import resource
import runpy
import sys
import time
from pathlib import Path
from typing import Any


def peak_memory() -> int:
    """The most bytes that were resident in this process at once."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage says began with the memory of the process that started this one.
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """Do it."""
    client, job_file = sys.argv[1:]
    actions = runpy.run_path(client)["ACTIONS"]
    job: dict[str, Any] = json.loads(Path(job_file).read_text())
    work = actions[job["action"]](job)
    print("READY", flush=True)
    sys.stdin.readline()
    begun = time.perf_counter()
    outcome = work()
    seconds = time.perf_counter() - begun
    # A program says itself how long it took and what it needed, since it is not this process.
    result = outcome if isinstance(outcome, dict) else {"done": outcome}
    print(json.dumps({"seconds": seconds, "peak": peak_memory(), **result}), flush=True)


if __name__ == "__main__":
    main()
