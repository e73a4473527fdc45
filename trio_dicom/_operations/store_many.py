"""C-STORE of many files: the next ones are read while one is on the wire."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Final

import trio
from attrs import frozen

from trio_dicom._dimse.base import Priority, Response
from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._io.lifetime import peeled
from trio_dicom._operations.read_ahead import ReadAhead
from trio_dicom._operations.requester import Requester
from trio_dicom._operations.store import Storable
from trio_dicom.errors import (
    ConnectionEnded,
    Delivery,
    LocalProtocolError,
    RemoteProtocolError,
    TrioDicomError,
)

__all__ = ["StoreResult", "StoreResults", "storing"]

_ENDED: Final = (ConnectionEnded, RemoteProtocolError)

# How many of our requests wait for their answers where the peer sets no limit.
_MOST_OPEN: Final = 32


@frozen(kw_only=True)
class StoreResult:
    """What became of one instance.

    Attributes:
        source: The file or data set, as it was given.
        request: What was asked, or would have been; None where the file could not be read.
        response: The answer; its ``status`` tells what the peer has done. None without one.
        error: Why there is no answer.
    """

    source: Storable
    request: CStoreRequest | None = None
    response: Response | None = None
    error: TrioDicomError | OSError | None = None

    @property
    def delivery(self) -> Delivery | None:
        """How much of the instance had gone out; None where nobody knows."""
        if self.response is not None:
            return Delivery.ANSWERED
        return Delivery.NOT_SENT if self.request is None else getattr(self.error, "delivery", None)

    @property
    def is_stored(self) -> bool:
        """Whether the peer has it, be it with a warning."""
        return self.response is not None and not self.response.status.is_failure


class StoreResults(trio.abc.ReceiveChannel[StoreResult]):
    """What becomes of many instances, one after the other, as it becomes known."""

    def __init__(self, results: trio.MemoryReceiveChannel[StoreResult]) -> None:
        """Wrap the channel on which they come."""
        self._results = results
        self._error: TrioDicomError | None = None

    def fail(self, error: TrioDicomError) -> None:
        """Not all will be tried: raise ``error`` behind the results that there are."""
        if self._error is None:
            self._error = error

    async def receive(self) -> StoreResult:
        """The next result.

        Raises:
            trio.EndOfChannel: There is one for each of them.
            ConnectionEnded: The association has ended, and those without a result were not
                tried. Or ``RemoteProtocolError``, likewise.
        """
        try:
            return await self._results.receive()
        except trio.EndOfChannel:
            error, self._error = self._error, None
            if error is not None:
                raise error from None
            raise

    async def aclose(self) -> None:
        """Take no more results. Leaving the block does it, too."""
        await self._results.aclose()


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
    results = StoreResults(receive)
    ahead = ReadAhead(iter(sources), priority, limiter)
    window = requester.negotiated.max_operations_invoked or _MOST_OPEN

    async def store(results_to: trio.MemorySendChannel[StoreResult]) -> None:
        with results_to:
            while (found := await ahead.next()) is not None:
                result = await _stored(requester, *found, idle_timeout, timeout)
                if isinstance(result.error, _ENDED) and result.delivery is Delivery.NOT_SENT:
                    results.fail(result.error)
                    return
                await results_to.send(result)

    with peeled(), receive:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ahead.run)
            with send:
                # One more than the window: it stands in line when a slot becomes free.
                for _ in range(min(window, _MOST_OPEN) + 1):
                    nursery.start_soon(store, send.clone())
            yield results
            nursery.cancel_scope.cancel()


async def _stored(
    requester: Requester,
    source: Storable,
    request: CStoreRequest | LocalProtocolError | OSError,
    idle_timeout: float | None,
    timeout: float | None,
) -> StoreResult:
    if not isinstance(request, CStoreRequest):
        return StoreResult(source=source, error=request)
    try:
        response = await requester.send_request(request, idle_timeout=idle_timeout, timeout=timeout)
    except (TrioDicomError, OSError) as error:
        return StoreResult(source=source, request=request, error=error)
    return StoreResult(source=source, request=request, response=response)
