"""How a conversation with a scripted peer ends, expected or not."""

from __future__ import annotations

from enum import Enum

from trio_dicom._wire.control import Abort

__all__ = ["ConversationEnd", "ConversationOver"]


class ConversationEnd(Enum):
    """How the other side ended a conversation."""

    RELEASED = "asked for release and got it"
    ABORTED = "aborted"
    CLOSED = "closed the transport"
    RESET = "reset the transport"


class ConversationOver(AssertionError):
    """The other side ended the conversation where the script expected more of it.

    Attributes:
        how: How it ended.
        abort: The A-ABORT that ended it, if one did.
    """

    def __init__(self, how: ConversationEnd, expected: str, abort: Abort | None = None) -> None:
        self.how = how
        self.abort = abort
        what = f" with {abort}" if abort is not None else ""
        super().__init__(f"expected {expected}, but the other side {how.value}{what}")
