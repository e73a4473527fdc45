"""What a test has open, so that it can see what an operation has left open."""

from __future__ import annotations

import tempfile
from pathlib import Path

import trio
from attrs import frozen
from trio.testing import wait_all_tasks_blocked

from trio_dicom import ClientConnection

__all__ = ["Remains", "assert_nothing_open"]

_DESCRIPTORS = Path("/proc/self/fd")


@frozen
class Remains:
    """What there is of everything that must not be left.

    Attributes:
        tasks: Tasks that live.
        descriptors: File descriptors, where the system tells.
        temporary: Files in the directory for temporary ones.
    """

    tasks: int
    descriptors: int
    temporary: frozenset[str]

    @classmethod
    async def now(cls) -> Remains:
        """What there is when nothing moves any more."""
        await wait_all_tasks_blocked()
        return cls(
            tasks=trio.lowlevel.current_statistics().tasks_living,
            descriptors=len(_names_in(_DESCRIPTORS)),
            temporary=_names_in(Path(tempfile.gettempdir())),
        )


def _names_in(directory: Path) -> frozenset[str]:
    return frozenset(it.name for it in directory.iterdir()) if directory.exists() else frozenset()


def assert_nothing_open(connection: ClientConnection) -> None:
    """Assert that no request, slot, answer, clock or queue is left on a connection that idles."""
    link = connection._link
    assert link.table.is_empty
    assert not link.table._open
    assert link.serving.owed == 0
    assert not link.serving._arrivals
    assert not link.serving.turns.tasks
    assert not link.flow._waits
    assert not link.flow._full
    assert not link.clocks._clocks
    assert link.clocks._pauses == 0
    assert len(link.outbox) == 0
    assert link.sender.on_the_wire is None
    if link.ending is None:
        # Who reads, and who calls back if there was anything to call; nobody who keeps a request.
        assert len(link.tasks.child_tasks) == 1 + (link.dispatcher.task is not None)
