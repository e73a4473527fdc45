"""A disk whose reads hang until the test lets them go, as on a dead network mount."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from unittest.mock import patch

import trio
from attrs import define, field
from pydicom.uid import ExplicitVRLittleEndian

from tests.io.recording import CT
from tests.io.talking import instance
from trio_dicom import ClientConnection, CStoreRequest, StoredDataSet
from trio_dicom._io import file_source

__all__ = ["BLOCK", "SlowDisk", "slow_disk", "stored", "stored_request", "threads_ended"]

BLOCK = 4096
_really_read = file_source._read_fully


@define(eq=False)
class SlowDisk:
    """Hangs in one of its reads.

    Attributes:
        hangs_at: In which, counted from 1.
        reached: Set when a thread hangs.
        let_go: Set to let it go on.
        files: Those that were read, in order.
    """

    hangs_at: int
    reached: trio.Event = field(factory=trio.Event)
    let_go: threading.Event = field(factory=threading.Event)
    files: list[BinaryIO] = field(factory=list[BinaryIO])
    _token: trio.lowlevel.TrioToken = field(factory=trio.lowlevel.current_trio_token)

    def read(self, file: BinaryIO, view: memoryview) -> int:
        self.files.append(file)
        if len(self.files) == self.hangs_at:
            trio.from_thread.run_sync(self.reached.set, trio_token=self._token)
            self.let_go.wait()
        return _really_read(file, view)


@contextmanager
def slow_disk(*, hangs_at: int = 0) -> Generator[SlowDisk, None, None]:
    """A disk that is read in blocks of ``BLOCK`` bytes and hangs in one of them."""
    disk = SlowDisk(hangs_at)
    with (
        patch.object(file_source, "_read_fully", disk.read),
        patch.object(file_source, "_BLOCK", BLOCK),
        patch.object(file_source, "_RWF_NOWAIT", None),
    ):
        try:
            yield disk
        finally:
            disk.let_go.set()


async def threads_ended(connection: ClientConnection) -> None:
    """Return when no thread reads for ``connection`` any more, abandoned ones included."""
    limiter = connection._link.file_threads
    for number in range(int(limiter.total_tokens)):
        await limiter.acquire_on_behalf_of(number)


def stored(path: Path, size: int) -> StoredDataSet:
    """A data set in a file that holds nothing else."""
    path.write_bytes(bytes(instance(size).data))
    return StoredDataSet(
        path=path,
        offset=0,
        length=size,
        transfer_syntax=ExplicitVRLittleEndian,
        sop_class_uid=CT,
        sop_instance_uid="1.2.3",
    )


def stored_request(path: Path, size: int) -> CStoreRequest:
    """A request to store it."""
    return CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2.3", data_set=stored(path, size))
