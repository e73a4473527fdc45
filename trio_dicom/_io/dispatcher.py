"""Runs the handler's callbacks one after the other, away from the listener."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import trio
from attrs import define, field

from trio_dicom._io.ancestry import lineage
from trio_dicom._io.failures import log_failures
from trio_dicom._io.flow import Backlog, ByteQueue, Flow
from trio_dicom.handler import ConnectionHandler, overrides

__all__ = ["Dispatcher"]

_logger = logging.getLogger("trio_dicom")

_FAILED = "a callback of the connection handler failed"

_Callback = Callable[[], Awaitable[None]]


@define(eq=False)
class Dispatcher:
    """The queue of callbacks and the one task that runs them.

    An event in the queue is set when its turn comes. Most handlers override few callbacks or
    none, so the task starts when there is something to run.

    Attributes:
        handler: Whom to call.
        task: The task that runs callbacks, once it has started.
        ended: Set when it will run none any more.
        is_finishing: Whether the last callback is known.
    """

    handler: ConnectionHandler
    _queue: ByteQueue[_Callback | trio.Event]
    _start: Callable[[_Callback], None]
    task: trio.lowlevel.Task | None = None
    ended: trio.Event = field(factory=trio.Event)
    is_finishing: bool = False
    _last: _Callback | None = None
    _patience: trio.CancelScope = field(factory=trio.CancelScope)
    _seconds: float = 0.0
    _is_calling: bool = False
    _has_begun: bool = False
    _arrived: trio.Event = field(factory=trio.Event)
    _catching_up: set[trio.Event] = field(factory=set[trio.Event])

    @classmethod
    def create(
        cls, handler: ConnectionHandler, flow: Flow, start: Callable[[_Callback], None]
    ) -> Dispatcher:
        """A dispatcher whose unread responses count against ``flow``.

        Args:
            handler: Whom to call.
            flow: Says when reading stops.
            start: Starts the task, which runs what it is given.
        """
        return cls(handler, ByteQueue(Backlog("the handler's callbacks", flow)), start)

    def wants(self, name: str) -> bool:
        """Whether the handler overrides the callback ``name``; others cost nothing."""
        return overrides(self.handler, name)

    def call(self, name: str, *arguments: object, size: int = 0) -> None:
        """Queue the callback ``name``, which holds ``size`` bytes of the peer's."""
        if self.wants(name):
            method = getattr(self.handler, name)
            self._put(lambda: method(*arguments), size)

    async def run_out(self) -> None:
        """Return when all callbacks have run; ``finish`` has been called."""
        if self._has_begun:
            await self.ended.wait()
        else:
            self._has_begun = True
            try:
                await self.call_last()
            finally:
                self.ended.set()

    async def _run(self) -> None:
        """Run callbacks as they come, until ``finish`` was called and the last has run."""
        self.task = self._queue.backlog.drainer = trio.lowlevel.current_task()
        try:
            with self._patience:
                while self._queue or not self.is_finishing:
                    if self._queue:
                        await self._take(self._queue.take())
                    else:
                        self._arrived = trio.Event()
                        await self._arrived.wait()
            self._complain(self._patience)
            # A callback before it that is stuck does not keep the end from the handler.
            await self.call_last()
        finally:
            for reached in self._catching_up:
                reached.set()
            self.ended.set()

    async def call_last(self) -> None:
        """Run the last callback in the current task, unless it has been run."""
        last, self._last = self._last, None
        if last is not None:
            self.task = trio.lowlevel.current_task()
            with trio.move_on_after(self._seconds) as patience:
                await self._call(last)
            self._complain(patience)

    async def caught_up(self) -> None:
        """Return when every callback queued so far has run; at once inside a callback."""
        if self.is_finishing or not (self._is_calling or self._queue):
            return
        if any(task is self.task for task in lineage()):
            return
        reached = trio.Event()
        self._catching_up.add(reached)
        try:
            self._put(reached, 0)
            await reached.wait()
        finally:
            self._catching_up.discard(reached)

    def finish(self, name: str, *arguments: object, seconds: float) -> None:
        """Let ``name`` be the last callback, after those queued by now.

        Args:
            name: The callback.
            *arguments: What it is called with.
            seconds: For those that are queued, and once more for the last.
        """
        if self.wants(name):
            method = getattr(self.handler, name)
            self._last = lambda: method(*arguments)
        self.is_finishing = True
        self._seconds = seconds
        self._patience.deadline = trio.current_time() + seconds
        self._arrived.set()

    def _complain(self, patience: trio.CancelScope) -> None:
        if patience.cancelled_caught:
            _logger.error("a callback took longer than %g s; it was cancelled", self._seconds)

    async def _take(self, item: _Callback | trio.Event) -> None:
        if isinstance(item, trio.Event):
            item.set()
        else:
            await self._call(item)

    async def _call(self, callback: _Callback) -> None:
        self._is_calling = True
        try:
            await callback()
        except Exception:
            _logger.exception(_FAILED)
        except BaseExceptionGroup as group:
            raise log_failures(group, _FAILED) from None
        finally:
            self._is_calling = False

    def _put(self, item: _Callback | trio.Event, size: int) -> None:
        self._queue.put(item, size)
        self._arrived.set()
        if not self._has_begun:
            self._has_begun = True
            self._start(self._run)
