"""Stores files and measures its own memory: python storing_many.py PORT DIRECTORY COUNT.

Run by a test in a process of its own. Prints how many were stored, the peak of its resident
memory in bytes when a few of them were, and at the end.
"""

from __future__ import annotations

import sys
from pathlib import Path

import trio
from pydicom.uid import CTImageStorage

from tests.operations.counting import peak
from trio_dicom import StoreResult, open_association
from trio_dicom.sop_classes import storage_contexts

FEW = 100


async def main(port: int, directory: str, count: int) -> None:
    paths = [Path(directory, f"{number:06}.dcm") for number in range(1, count + 1)]
    kept: list[StoreResult] = []
    before = 0
    async with (
        open_association(
            "127.0.0.1", port, contexts=storage_contexts(CTImageStorage)
        ) as association,
        association.c_store_many(paths) as results,
    ):
        async for result in results:
            kept.append(result)
            if len(kept) == FEW:
                before = peak()
    stored = sum(result.is_stored for result in kept)
    sys.stdout.write(f"{stored};{before};{peak()}")


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
