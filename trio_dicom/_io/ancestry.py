"""Who waits for whom among the tasks."""

from __future__ import annotations

from collections.abc import Iterator

import trio

__all__ = ["lineage"]


def lineage() -> Iterator[trio.lowlevel.Task]:
    """The current task, the one that waits for it at the end of a nursery, and so on up."""
    task: trio.lowlevel.Task | None = trio.lowlevel.current_task()
    while task is not None:
        yield task
        task = None if task.parent_nursery is None else task.parent_nursery.parent_task
