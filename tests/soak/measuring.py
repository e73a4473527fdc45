"""What a process has at a moment of rest."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import trio
from attrs import frozen

__all__ = ["Sample", "growth", "sample"]

# The tolerances. Nothing that we hold may grow; what the allocator keeps of it moves a little.
MEMORY_RATIO = 1.05
MEMORY_BYTES = 4 * 1024 * 1024


@frozen(kw_only=True)
class Sample:
    """At one moment.

    Attributes:
        memory: Resident bytes.
        descriptors: Open ones.
        tasks: Of Trio.
        threads: Of the system.
    """

    memory: int
    descriptors: int
    tasks: int
    threads: int

    def __str__(self) -> str:
        megabytes = self.memory / 1024 / 1024
        return (
            f"{megabytes:.1f} MB, {self.descriptors} descriptors, {self.tasks} tasks, "
            f"{self.threads} threads"
        )


def sample() -> Sample:
    """This process, now; descriptors and memory on Linux alone, 0 elsewhere."""
    gc.collect()
    statm, descriptors = Path("/proc/self/statm"), Path("/proc/self/fd")
    pages = int(statm.read_text().split()[1]) if statm.is_file() else 0
    return Sample(
        memory=pages * os.sysconf("SC_PAGE_SIZE") if pages else 0,
        descriptors=len(list(descriptors.iterdir())) if descriptors.is_dir() else 0,
        tasks=trio.lowlevel.current_statistics().tasks_living,
        threads=threading.active_count(),
    )


def growth(samples: Sequence[Sample], *, memory: bool = True) -> list[str]:
    """What grew from the first half of ``samples`` to the second, in words.

    Args:
        samples: One after each round.
        memory: Whether memory counts: a short run is still warming up.
    """
    half = len(samples) // 2
    first, second = samples[:half], samples[half:]
    grown: list[str] = []
    for name in ("descriptors", "tasks"):
        before = max(getattr(it, name) for it in first)
        after = max(getattr(it, name) for it in second)
        if after > before:
            grown.append(f"{name}: {before} at most in the first half, {after} in the second")
    before = median(it.memory for it in first)
    after = median(it.memory for it in second)
    if memory and after > before * MEMORY_RATIO + MEMORY_BYTES:
        grown.append(f"memory: {before / 1e6:.1f} MB in the first half, {after / 1e6:.1f} after")
    return grown
