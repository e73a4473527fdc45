"""An instance that is arriving: the bytes that came and that nobody has taken yet."""

from __future__ import annotations

from collections.abc import Callable

import trio
from attrs import define, field

from trio_dicom._io.flow import Backlog

__all__ = ["Reception"]

# Bytes that make it worth while to wake somebody: a hop into a thread costs about 100 us,
# whatever it writes.
_WORTH_IT = 1024 * 1024


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
    _received: bytearray = field(factory=bytearray)
    _wanted: int = 0
    _is_unwanted: bool = False
    _is_counted: bool = True
    _enough: trio.Event = field(factory=trio.Event)

    # --- the listener's side: DataSetSink -------------------------------------------------

    def take(self, data: bytes | memoryview) -> None:
        """See ``DataSetSink``."""
        if self._is_unwanted:
            return
        self._received += data
        if self._is_counted:
            self._backlog.grow(len(data))
        if self._is_enough():
            self._enough.set()

    def finish(self) -> None:
        """See ``DataSetSink``."""
        self.is_complete = True
        self._on_complete()
        self._enough.set()

    # --- the other side -------------------------------------------------------------------

    async def collected(self, most: int) -> bytearray | None:
        """All of it, or None when it gets longer than ``most`` bytes; then it is kept here.

        What is collected so does not hold the reading up.
        """
        self._uncount()
        await self._wait_for(most)
        if len(self._received) > most:
            return None
        return self._received

    async def block(self) -> bytearray:
        """The next bytes, many at a time: once ``is_complete``, all that are left."""
        if not self._is_counted:
            self._is_counted = True
            self._backlog.grow(len(self._received))
        await self._wait_for(_WORTH_IT)
        block, self._received = self._received, bytearray()
        self._backlog.shrink(len(block))
        return block

    async def discarded(self) -> None:
        """Forget what came and what still comes; return when it is complete."""
        self.discard()
        await self._wait_for(0)

    def discard(self) -> None:
        """Forget what came and what still comes."""
        self._is_unwanted = True
        self._uncount()
        self._received = bytearray()

    def _uncount(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self._backlog.shrink(len(self._received))

    async def _wait_for(self, size: int) -> None:
        """Return when it is complete, or more than ``size`` bytes are here or all that can be."""
        self._wanted = size
        while not self._is_enough():
            self._enough = trio.Event()
            await self._enough.wait()

    def _is_enough(self) -> bool:
        if self.is_complete or len(self._received) > self._wanted:
            return True
        # Nothing more is read then before some of it is taken.
        return self._is_counted and self._backlog.is_full and bool(self._received)
