"""An instrument that remembers the conversation, for tests that ask in which order it went."""

from __future__ import annotations

import trio

from trio_dicom import (
    CCancelRequest,
    LoggingInstrument,
    Message,
    NegotiatedContext,
    Request,
    Response,
)

__all__ = ["Wire"]


class Wire(LoggingInstrument):
    """Remembers requests, and the responses to them.

    Attributes:
        requests: What was sent, without C-CANCEL.
        cancelled: The message IDs that a C-CANCEL named.
        pending: The pending responses.
        final: The final responses.
        most_open: How many requests waited for their final responses at once, at the most.
        on_sent: Scopes to cancel when a request about that instance is written.
    """

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self.cancelled: list[int] = []
        self.pending: list[Response] = []
        self.final: list[Response] = []
        self.most_open = 0
        self.on_sent: dict[str, trio.CancelScope] = {}

    def message_sent(self, message: Message, context: NegotiatedContext) -> None:
        if isinstance(message, CCancelRequest):
            self.cancelled.append(message.message_id_being_responded_to)
        elif isinstance(message, Request):
            self.requests.append(message)
            self.most_open = max(self.most_open, len(self.requests) - len(self.final))
            scope = self.on_sent.pop(str(getattr(message, "sop_instance_uid", None)), None)
            if scope is not None:
                scope.cancel()

    def message_received(self, message: Message, context: NegotiatedContext) -> None:
        assert isinstance(message, Response)
        (self.final if message.is_final else self.pending).append(message)

    @property
    def asked(self) -> list[int | None]:
        """The message IDs of the requests, in order."""
        return [request.message_id for request in self.requests]

    @property
    def answered(self) -> list[int | None]:
        """The message IDs of the final responses, in order."""
        return [response.message_id_being_responded_to for response in self.final]

    @property
    def matched(self) -> list[int | None]:
        """The message IDs of the pending responses, in order."""
        return [response.message_id_being_responded_to for response in self.pending]
