"""The answers to a query or a retrieve, whose bad end is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Self, TypeVar

import trio

from trio_dicom._dimse.base import Response
from trio_dicom.errors import StatusError

if TYPE_CHECKING:
    from types import TracebackType

    from trio_dicom._io.responses import ResponseChannel
    from trio_dicom.status import Status

__all__ = ["ResultChannel", "ResultT"]

ResultT = TypeVar("ResultT", bound=Response)


class ResultChannel(trio.abc.ReceiveChannel[ResultT], Generic[ResultT]):
    """Pending responses in the order of the wire, and an end that can be trusted.

    The end of ``async for`` says that everything there was has come. Where the final
    response says something else, the loop ends with `StatusError`: a failure, or a cancel
    that nobody asked for. What came before it is no complete answer.

    Leaving the block that gave you the channel before its end tells the peer to stop. One
    task at a time may receive.

    Attributes:
        response: The final response, once the loop or ``final`` has met it. Until then None.
    """

    def __init__(
        self, responses: ResponseChannel, kind: type[ResultT], *, check: bool = True
    ) -> None:
        """Wrap the responses of a request.

        Args:
            responses: What ``open_request`` gave.
            kind: The class of the responses, which follows from that of the request.
            check: Whether a bad end raises `StatusError`.
        """
        self._responses = responses
        self._kind = kind
        self._check = check
        self.response: ResultT | None = None

    @property
    def status(self) -> Status | None:
        """The status of the final response, once that has been met. Until then None."""
        return None if self.response is None else self.response.status

    async def receive(self) -> ResultT:
        """The next pending response.

        Raises:
            trio.EndOfChannel: There are no more; ``response`` is the final one.
            StatusError: There are no more, and the final response is not a good one.
            trio.BusyResourceError: Another task is receiving.
            trio.ClosedResourceError: The channel was closed, or its block was left.
            ResponseTimeout: The peer was silent for too long.
            ConnectionEnded: The connection ended before the final response.
            WouldDeadlock: Another channel's unread responses, which this very task
                reads, have stopped the reading.
        """
        try:
            return self._as_result(await self._responses.receive())
        except trio.EndOfChannel:
            pass
        # It has come already. A call that is cancelled here leaves it for the next.
        await self.final()
        raise trio.EndOfChannel

    async def final(self) -> ResultT:
        """The final response. Pending ones that were not received are dropped.

        Raises:
            StatusError: It is not a good one.
            trio.BusyResourceError: Another task is receiving.
            trio.ClosedResourceError: The channel was closed, or its block was left.
            ResponseTimeout: The peer was silent for too long.
            ConnectionEnded: The connection ended before the final response.
            WouldDeadlock: As ``receive``.
        """
        response = self.response = self._as_result(await self._responses.final())
        if self._check:
            response.raise_for_status()
            if response.status.is_cancel:
                # Ours is sent when the block is left, and then nobody receives any more.
                raise StatusError(
                    response.status,
                    operation=response.operation,
                    comment=response.error_comment or "",
                )
        return response

    def close(self) -> None:
        """Nobody reads here any more: unread responses are forgotten.

        The request goes on until its block is left.
        """
        self._responses.close()

    async def aclose(self) -> None:
        """``close``, as a checkpoint."""
        await self._responses.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _as_result(self, response: object) -> ResultT:
        # The listener has seen to that: anything else aborts the association.
        assert isinstance(response, self._kind)
        return response
