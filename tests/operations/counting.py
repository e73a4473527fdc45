"""Counts the matches of a query and its own memory: python counting.py PORT.

Run by a test in a process of its own. Prints how many matches came, what the final response
said, and by how many bytes the peak of its resident memory grew since the first match.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import trio
from pydicom import Dataset
from trio.testing import wait_all_tasks_blocked

from trio_dicom import open_association
from trio_dicom.sop_classes import STUDY_ROOT_FIND

EVERY = 50  # one of so many is decoded: that is what takes the time


def peak() -> int:
    """Bytes of resident memory at most, so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux the other number begins with that of whoever has started this process.
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


async def main(port: int) -> None:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.PatientID = ""
    count = before = 0
    async with (
        open_association("127.0.0.1", port, contexts=[STUDY_ROOT_FIND]) as association,
        association.c_find(query) as matches,
    ):
        async for match in matches:
            if count % EVERY == 0:
                assert match.identifier.PatientID == f"{count:08}"
            if count == 0:
                before = peak()
                # As much as ever can wait for us: reading has stopped, or the peer is slow.
                await wait_all_tasks_blocked(0.5)
            count += 1
        sys.stdout.write(f"{count};{matches.status};{peak() - before}")


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]))
