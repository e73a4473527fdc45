"""When to stop reading, and who would wait for ever because of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import trio
from attrs import define, field

from trio_dicom.errors import WouldDeadlock

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Backlog", "ByteQueue", "Flow", "Wait"]

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
class Wait:
    """A task that waits in this connection, while the block is open.

    Attributes:
        blocker: The queue that makes it hopeless, once there is one: stop to wait.
    """

    _flow: Flow
    _what: str
    _wake: Callable[[], object]
    _task: trio.lowlevel.Task = field(factory=trio.lowlevel.current_task)
    blocker: str | None = None
    _outer: Wait | None = None

    def block(self, name: str) -> None:
        """The queue ``name``, which this task alone empties, has stopped the reading."""
        self.blocker = name
        self._wake()

    def __enter__(self) -> Self:
        self._outer = self._flow.begin(self, self._task)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._flow.end(self._task, self._outer)

    def check(self) -> None:
        """Raise if it is hopeless.

        Raises:
            WouldDeadlock: It is.
        """
        if self.blocker is not None:
            raise WouldDeadlock(
                f"waiting for {self._what} would never end: {self.blocker} hold more unread bytes "
                "than Limits.buffered_responses, so reading has stopped, and this task is the one "
                "that takes them. Take them first, wait in another task, or raise the limit."
            )


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
    _on_wait: Callable[[int], None]
    _full: dict[Backlog, None] = field(factory=dict[Backlog, None])
    _waits: dict[trio.lowlevel.Task, Wait] = field(factory=dict[trio.lowlevel.Task, Wait])
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
            wait.block(backlog.name)

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

    def waiting(self, what: str, wake: Callable[[], object]) -> Wait:
        """Marks that the current task waits for ``what`` inside the block that it opens.

        Entering the block raises ``WouldDeadlock`` where a queue that only this task empties has
        stopped the reading. Where one stops it later, the task is woken; unless what it waits
        for is there by then, it has to ``check``.

        Args:
            what: In words.
            wake: Wakes the task. It must look at ``blocker`` before it waits again.
        """
        return Wait(self, what, wake)

    def begin(self, wait: Wait, task: trio.lowlevel.Task) -> Wait | None:
        """``wait`` begins, perhaps inside another one of the same task, which is returned.

        Raises:
            WouldDeadlock: It would never end.
        """
        for backlog in self._full:
            if backlog.drainer is task:
                wait.blocker = backlog.name
                wait.check()
        outer = self._waits.get(task)
        self._waits[task] = wait
        if outer is None:
            self._on_wait(1)
        return outer

    def end(self, task: trio.lowlevel.Task, outer: Wait | None) -> None:
        """The innermost wait of ``task`` is over, and ``outer`` goes on, if there is one."""
        if outer is None:
            del self._waits[task]
            self._on_wait(-1)
        else:
            self._waits[task] = outer
