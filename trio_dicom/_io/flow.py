"""When to stop reading, and who would wait for ever because of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Generic, TypeVar

import trio
from attrs import define, field

from trio_dicom.errors import WouldDeadlock

__all__ = ["Backlog", "ByteQueue", "Flow"]

T = TypeVar("T")


@define(eq=False)
class Backlog:
    """How many bytes somebody has not taken yet.

    Attributes:
        name: What they are, for errors.
        drainer: The task that takes them, as far as we know.
        size: Their number.
        most: How many they may be, in the place of ``Flow.limit``.
    """

    name: str
    _flow: Flow
    drainer: trio.lowlevel.Task | None = None
    size: int = 0
    most: int | None = None

    @property
    def is_full(self) -> bool:
        """Whether it stops the reading until somebody takes some of it."""
        return self.size > (self._flow.limit if self.most is None else self.most)

    def grow(self, size: int) -> None:
        """``size`` bytes came. May stop the reading."""
        self.size += size
        if self.is_full:
            self._flow.stop(self)

    def shrink(self, size: int) -> None:
        """``size`` bytes were taken. May start the reading again."""
        self.size -= size
        if not self.is_full:
            self._flow.resume(self)


@define(eq=False)
class ByteQueue(Generic[T]):
    """Things that came from the peer and wait for somebody to take them."""

    backlog: Backlog
    _items: deque[tuple[T, int]] = field(factory=deque[tuple[T, int]])

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T, size: int) -> None:
        """Append ``item``, which holds ``size`` bytes."""
        self._items.append((item, size))
        self.backlog.grow(size)

    def take(self) -> T:
        """The oldest item."""
        item, size = self._items.popleft()
        self.backlog.shrink(size)
        return item

    def clear(self) -> None:
        """Forget everything: nobody will take it any more."""
        self._items.clear()
        self.backlog.shrink(self.backlog.size)


@define(eq=False)
class _Wait:
    scope: trio.CancelScope
    what: str
    blocker: str | None = None


@define(eq=False)
class Flow:
    """Stops the reading while a queue is over its limit.

    A task that waits in this connection while a queue that only it can empty has
    stopped the reading would wait for ever: its wait raises ``WouldDeadlock``.

    Attributes:
        limit: Bytes that one queue may hold before reading stops.
    """

    limit: int
    _on_stop: Callable[[], None]
    _on_resume: Callable[[], None]
    _full: dict[Backlog, None] = field(factory=dict[Backlog, None])
    _waits: dict[trio.lowlevel.Task, _Wait] = field(factory=dict[trio.lowlevel.Task, _Wait])
    _may_read: trio.Event = field(factory=trio.Event)
    _is_over: bool = False

    @property
    def stopped(self) -> bool:
        """Whether the reading stands still because of a queue."""
        return bool(self._full)

    async def reading_allowed(self) -> None:
        """Return when no queue is over its limit. No checkpoint where that is so already."""
        while self._full:
            await self._may_read.wait()

    def stop(self, backlog: Backlog) -> None:
        """``backlog`` is over its limit."""
        if backlog in self._full or self._is_over:
            return
        if not self._full:
            self._may_read = trio.Event()
            self._on_stop()
        self._full[backlog] = None
        if backlog.drainer is not None and (wait := self._waits.get(backlog.drainer)) is not None:
            wait.blocker = backlog.name
            wait.scope.cancel()

    def resume(self, backlog: Backlog) -> None:
        """``backlog`` is within its limit again."""
        if self._full.pop(backlog, self) is not self and not self._full:
            self._may_read.set()
            self._on_resume()

    def release_all(self) -> None:
        """The connection is ending: nothing may hold the reading from here on."""
        self._is_over = True
        for backlog in list(self._full):
            self.resume(backlog)

    @contextmanager
    def waiting(self, what: str) -> Generator[None, None, None]:
        """Mark that the current task waits for ``what`` inside the block.

        Raises:
            WouldDeadlock: A queue that only this task empties has stopped the reading.
        """
        task = trio.lowlevel.current_task()
        for backlog in self._full:
            if backlog.drainer is task:
                raise _would_deadlock(what, backlog.name)
        wait = self._waits[task] = _Wait(trio.CancelScope(), what)
        with wait.scope:
            try:
                yield
            finally:
                del self._waits[task]
        if wait.scope.cancelled_caught and wait.blocker is not None:
            raise _would_deadlock(what, wait.blocker)


def _would_deadlock(what: str, queue: str) -> WouldDeadlock:
    return WouldDeadlock(
        f"waiting for {what} would never end: {queue} hold more unread bytes than "
        "Limits.buffered_responses, so reading has stopped, and this task is the one that "
        "takes them. Take them first, wait in another task, or raise the limit."
    )
