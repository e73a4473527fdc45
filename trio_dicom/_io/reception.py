"""An instance that is arriving: the bytes that came and that nobody has taken yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import trio
from attrs import define, field

from trio_dicom._io.flow import Backlog

__all__ = ["Block", "Reception"]

Block: TypeAlias = list[bytes | bytearray | memoryview]
"""Bytes in the pieces in which they came."""

# Bytes that make it worth while to wake somebody: a hop into a thread costs about 100 us,
# whatever it writes.
_WORTH_IT = 1024 * 1024

# A piece is kept as the view that it is, uncopied, unless what it is a view of, and keeps
# alive, is so many times as large: what is held would be no measure of what it costs.
_MOST_KEPT_ALIVE = 8


@define(eq=False)
class Reception:
    """The data set of one C-STORE request on its way from the listener to whoever keeps it.

    The listener puts in and never waits; one task takes out.

    Attributes:
        is_complete: Whether the last of it has come.
    """

    _backlog: Backlog
    _on_complete: Callable[[], None]
    is_complete: bool = False
    _received: Block = field(factory=Block)
    _size: int = 0
    _wanted: int = 0
    _is_unwanted: bool = False
    _is_counted: bool = True
    _enough: trio.Event = field(factory=trio.Event)

    # --- the listener's side: DataSetSink -------------------------------------------------

    def take(self, data: bytes | memoryview) -> None:
        """See ``DataSetSink``."""
        if self._is_unwanted:
            return
        size = len(data)
        if isinstance(data, memoryview) and size * _MOST_KEPT_ALIVE >= memoryview(data.obj).nbytes:
            self._received.append(data)
        else:
            self._append_copy(data)
        self._size += size
        if self._is_counted:
            self._backlog.grow(size)
        if self._is_enough():
            self._enough.set()

    def finish(self) -> None:
        """See ``DataSetSink``."""
        self.is_complete = True
        self._on_complete()
        self._enough.set()

    # --- the other side -------------------------------------------------------------------

    async def collected(self, most: int) -> bytes | None:
        """All of it, or None when it gets longer than ``most`` bytes; then it is kept here.

        What is collected so does not hold the reading up.
        """
        self._uncount()
        await self._wait_for(most)
        if self._size > most:
            return None
        return b"".join(self._received)

    async def block(self) -> Block:
        """The next bytes, many at a time: once ``is_complete``, all that are left."""
        if not self._is_counted:
            self._is_counted = True
            self._backlog.grow(self._size)
        await self._wait_for(_WORTH_IT)
        block, size = self._received, self._size
        self._received, self._size = [], 0
        self._backlog.shrink(size)
        return block

    async def discarded(self) -> None:
        """Forget what came and what still comes; return when it is complete."""
        self.discard()
        await self._wait_for(0)

    def discard(self) -> None:
        """Forget what came and what still comes."""
        self._is_unwanted = True
        self._uncount()
        self._received, self._size = [], 0

    def _append_copy(self, data: bytes | memoryview) -> None:
        last = self._received[-1] if self._received else None
        if isinstance(last, bytearray):
            last += data
        else:
            self._received.append(bytearray(data))

    def _uncount(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self._backlog.shrink(self._size)

    async def _wait_for(self, size: int) -> None:
        """Return when it is complete, or more than ``size`` bytes are here or all that can be."""
        self._wanted = size
        while not self._is_enough():
            self._enough = trio.Event()
            await self._enough.wait()

    def _is_enough(self) -> bool:
        if self.is_complete or self._size > self._wanted:
            return True
        # Nothing more is read then before some of it is taken.
        return self._is_counted and self._backlog.is_full and self._size > 0
