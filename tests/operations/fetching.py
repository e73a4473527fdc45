"""Fetches by C-GET and measures its own memory: python fetching.py PORT DIRECTORY [PAUSE].

Run by a test in a process of its own. Prints how many instances came, their bytes, what the
final response said, the peak of its resident memory in bytes, and seconds. The disk makes a
pause of so many seconds after every piece that is written to it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import BinaryIO

import trio
from pydicom.uid import CTImageStorage

from tests.operations.counting import peak
from tests.operations.getting import study_query
from trio_dicom import Inbox, ReceivedInstance, open_association
from trio_dicom._io import instance_file
from trio_dicom.sop_classes import STUDY_ROOT_GET, storage_contexts


def make_disk_slow(pause: float) -> None:
    really_write = instance_file._write_fully

    def write(file: BinaryIO, data: bytes | bytearray) -> None:
        really_write(file, data)
        time.sleep(pause)

    instance_file._write_fully = write


async def main(port: int, directory: str) -> None:
    size = 0

    def remove(received: ReceivedInstance) -> None:
        nonlocal size
        on_disk = received.path.stat().st_size
        assert on_disk > received.size
        size += received.size
        received.path.unlink()  # so that the test needs less of the disk

    began = time.monotonic()
    async with (
        open_association(
            "127.0.0.1", port, contexts=[STUDY_ROOT_GET, *storage_contexts(CTImageStorage)]
        ) as association,
        association.c_get(study_query(), into=Inbox(Path(directory), report=remove)) as retrieval,
    ):
        await retrieval.final()
        count = len(retrieval.instances)
    seconds = time.monotonic() - began
    sys.stdout.write(f"{count};{size};{retrieval.status};{peak()};{seconds:.2f}")


if __name__ == "__main__":
    if len(sys.argv) > 3:
        make_disk_slow(float(sys.argv[3]))
    trio.run(main, int(sys.argv[1]), sys.argv[2])
