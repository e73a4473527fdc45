"""The answers to one request, as a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import trio

from trio_dicom._dimse.message import Response
from trio_dicom._io.clocks import SilenceClock
from trio_dicom._io.flow import Backlog, ByteQueue, Flow
from trio_dicom._io.pending import Completed, PendingRequest

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ResponseChannel"]


class ResponseChannel(trio.abc.ReceiveChannel[Response]):
    """Pending responses in the order of the wire, then the end, then the final response.

    ``async for response in responses`` gives the pending ones; ``await
    responses.final()`` the final one. One task at a time may receive.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._queue: ByteQueue[Response] = ByteQueue(
            Backlog("the responses of a request", flow, trio.lowlevel.current_task())
        )
        self._entry: PendingRequest | None = None
        self._arrived = trio.Event()
        self._receiving = False
        self._closed = False
        self._discarding = False

    @property
    def message_id(self) -> int | None:
        """The message ID of the request, once it has one."""
        return None if self._entry is None else self._entry.request.message_id

    @property
    def clock(self) -> SilenceClock:
        """What measures the peer's silence, for those who see signs of life elsewhere."""
        assert self._entry is not None  # nobody gets the channel before
        return self._entry.clock

    def attach(self, entry: PendingRequest) -> None:
        """The request whose responses come here."""
        self._entry = entry

    def put(self, response: Response, size: int) -> None:
        """A pending response of ``size`` bytes has come."""
        if not self._discarding:
            self._queue.put(response, size)
            self._arrived.set()

    def wake(self) -> None:
        """The request has its outcome: nothing comes any more."""
        self._arrived.set()

    async def receive(self) -> Response:
        """The next pending response.

        Raises:
            trio.EndOfChannel: The final response has come; ``final`` gives it.
            trio.BusyResourceError: Another task is receiving.
            trio.ClosedResourceError: The channel was closed.
            ResponseTimeout: The peer was silent for too long.
            ConnectionEnded: The connection ended before the final response.
            WouldDeadlock: Another channel's unread responses, which this very task
                reads, have stopped the reading.
        """
        await trio.lowlevel.checkpoint()
        self._enter()
        try:
            while not self._queue:
                if self._outcome_is_known():
                    self._raise_outcome()
                    raise trio.EndOfChannel
                await self._wait("a response")
            return self._queue.take()
        finally:
            self._receiving = False

    async def final(self) -> Response:
        """The final response. Pending ones that were not received are dropped.

        Raises:
            trio.BusyResourceError: Another task is receiving.
            trio.ClosedResourceError: The channel was closed.
            ResponseTimeout: The peer was silent for too long.
            ConnectionEnded: The connection ended before the final response.
            WouldDeadlock: As ``receive``.
        """
        await trio.lowlevel.checkpoint()
        self._enter()
        try:
            self._discarding = True
            self._queue.clear()
            while not self._outcome_is_known():
                await self._wait("the final response")
            self._raise_outcome()
            assert self._entry is not None
            outcome = self._entry.outcome
            if not isinstance(outcome, Completed):
                raise trio.ClosedResourceError
            return outcome.response
        finally:
            self._receiving = False

    def close(self) -> None:
        """Nobody reads here any more: unread responses are forgotten."""
        self._closed = self._discarding = True
        self._queue.clear()
        self._arrived.set()

    async def aclose(self) -> None:
        """``close``, as a checkpoint."""
        self.close()
        await trio.lowlevel.checkpoint()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _enter(self) -> None:
        """One task at a time, which is then the one that takes the responses."""
        if self._closed:
            raise trio.ClosedResourceError
        if self._receiving:
            raise trio.BusyResourceError("another task is receiving the responses of this request")
        self._receiving = True
        self._queue.backlog.drainer = trio.lowlevel.current_task()

    async def _wait(self, what: str) -> None:
        arrived = self._arrived = trio.Event()
        with self._flow.waiting(what, arrived.set) as wait:
            await arrived.wait()
        if self._closed:
            raise trio.ClosedResourceError
        if not self._queue and not self._outcome_is_known():
            wait.check()

    def _outcome_is_known(self) -> bool:
        return self._entry is not None and self._entry.outcome is not None

    def _raise_outcome(self) -> None:
        if self._entry is not None and (error := self._entry.error()) is not None:
            raise error
