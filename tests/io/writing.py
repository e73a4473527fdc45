"""A disk whose writes hang until the test lets them go, or fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import BinaryIO
from unittest.mock import patch

import trio
from attrs import define, field

from trio_dicom._io import instance_file, reception

__all__ = ["SlowWrites", "eventually", "slow_writes", "small_blocks"]

_really_write = instance_file._write_fully


@define(eq=False)
class SlowWrites:
    """Hangs in one of its writes, or fails there.

    The first write to a file is its head; after that comes a block at a time.

    Attributes:
        hangs_at: In which, counted from 1.
        error: What happens there instead.
        reached: Set when a thread hangs.
        let_go: Set to let it go on.
        sizes: How much was written at a time.
    """

    hangs_at: int
    error: OSError | None = None
    reached: trio.Event = field(factory=trio.Event)
    let_go: threading.Event = field(factory=threading.Event)
    sizes: list[int] = field(factory=list[int])

    def write(self, file: BinaryIO, data: bytes | bytearray) -> None:
        self.sizes.append(len(data))
        if len(self.sizes) == self.hangs_at:
            if self.error is not None:
                raise self.error
            trio.from_thread.run_sync(self.reached.set)
            self.let_go.wait(20)  # so that a test that waits for it fails
        _really_write(file, data)


@contextmanager
def slow_writes(
    *, hangs_at: int = 0, error: OSError | None = None
) -> Generator[SlowWrites, None, None]:
    """A disk that hangs, or fails, in one of its writes."""
    disk = SlowWrites(hangs_at, error)
    write: Callable[[BinaryIO, bytes | bytearray], None] = disk.write
    with patch.object(instance_file, "_write_fully", write):
        try:
            yield disk
        finally:
            disk.let_go.set()


async def eventually(condition: Callable[[], bool]) -> None:
    """Return when ``condition`` holds, which a thread brings about and tells nobody of."""
    for _ in range(20_000):
        if condition():
            return
        await trio.to_thread.run_sync(time.sleep, 0.001)  # whatever the clock of the test
    raise AssertionError("it never happened")


@contextmanager
def small_blocks(size: int) -> Generator[None, None, None]:
    """Let more than ``size`` bytes be worth a thread."""
    with patch.object(reception, "_WORTH_IT", size):
        yield
