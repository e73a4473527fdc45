"""C-STORE of many files: the next ones are read while one is on the wire."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Final

import trio
from attrs import define, field

from trio_dicom._dimse.base import Priority
from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._io.lifetime import peeled
from trio_dicom._operations.read_ahead import Group, Made, ReadAhead
from trio_dicom._operations.requester import Requester
from trio_dicom._operations.store import Storable
from trio_dicom._operations.store_results import StoreResult, StoreResults
from trio_dicom.errors import ConnectionEnded, Delivery, TrioDicomError, WouldDeadlock

__all__ = ["storing"]

# How many of our requests wait for their answers where the peer sets no limit.
_MOST_OPEN: Final = 32


@asynccontextmanager
async def storing(
    requester: Requester,
    sources: Iterable[Storable],
    limiter: trio.CapacityLimiter,
    *,
    priority: Priority,
    idle_timeout: float | None,
    timeout: float | None,
) -> AsyncGenerator[StoreResults, None]:
    """Store ``sources`` while the block is open: see ``Association.c_store_many``."""
    await trio.lowlevel.checkpoint()
    send, receive = trio.open_memory_channel[StoreResult](0)
    # What is cancelled around the block is cancelled by the block, when it is left: so an
    # exception of the block never shares a group with the cancellation of a task of ours.
    scope = trio.CancelScope(shield=True)
    results = StoreResults(receive, scope, requester.connection)
    ahead = ReadAhead(iter(sources), priority, limiter)
    work = _Work(requester, ahead, results, send, idle_timeout, timeout)
    with peeled(), send, receive:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work.run, scope)
            try:
                yield results
            finally:
                scope.cancel()


@define(eq=False)
class _Work:
    """Some tasks that store one source after the other, and hand over results in order."""

    _requester: Requester
    _ahead: ReadAhead
    _results: StoreResults
    _send: trio.MemorySendChannel[StoreResult]
    _idle_timeout: float | None
    _timeout: float | None
    # Set when the result of the source that was taken last was handed over.
    _last: trio.Event = field(factory=trio.Event, init=False)
    _is_over: bool = field(default=False, init=False)

    async def run(self, scope: trio.CancelScope) -> None:
        """Store them all, unless ``scope`` is cancelled before."""
        window = self._requester.negotiated.max_operations_invoked or _MOST_OPEN
        to, groups = trio.open_memory_channel[Group](0)
        self._last.set()
        with groups, peeled(), scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._ahead.run, to)
                with peeled():
                    async with trio.open_nursery() as workers:
                        # One more than the window stands in line when a slot becomes free.
                        for _ in range(min(window, _MOST_OPEN) + 1):
                            workers.start_soon(self._store, groups)
                nursery.cancel_scope.cancel()
            if self._ahead.error is not None:
                self._results.fail(self._ahead.error)
        # After a bug the block is cancelled instead: an end would look as if this were all.
        self._send.close()

    async def _store(self, groups: trio.MemoryReceiveChannel[Group]) -> None:
        while not self._is_over and (found := await self._ahead.next(groups)) is not None:
            before, handed_over = self._last, trio.Event()
            self._last = handed_over
            result = await self._result(*found)
            del found  # the result may wait for long, and has no use for the bytes
            if not before.is_set():
                await before.wait()
            if result.error is not None and _was_not_tried(result):
                # Others may have been on the wire meanwhile: they have their results.
                self._is_over = True
                self._results.fail(result.error)
            else:
                await self._hand_over(result)
            del result  # nor does it outlive its turn, with a data set in it
            handed_over.set()

    async def _hand_over(self, result: StoreResult) -> None:
        """Return when somebody has taken ``result``. No checkpoint where somebody waits for it."""
        try:
            self._send.send_nowait(result)
        except trio.WouldBlock:
            await self._send.send(result)

    async def _result(self, source: Storable, made: Made) -> StoreResult:
        if not isinstance(made, CStoreRequest):
            return StoreResult.failed(source, None, made)
        try:
            response = await self._requester.send_request(
                made, idle_timeout=self._idle_timeout, timeout=self._timeout
            )
        except (TrioDicomError, OSError) as error:
            return StoreResult.failed(source, made, error)
        return StoreResult.answered(source, made, response)


def _was_not_tried(result: StoreResult) -> bool:
    """Whether nothing can be sent any more, or not from here: it is no fault of this one."""
    if isinstance(result.error, ConnectionEnded):
        return result.delivery is Delivery.NOT_SENT
    return isinstance(result.error, WouldDeadlock)
