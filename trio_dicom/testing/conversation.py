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
    RESET = "reset the transport"  # or took no more of what we had to say


class ConversationOver(AssertionError):
    """The other side ended the conversation where the script expected more of it, or said more.

    Attributes:
        how: How it ended.
        abort: The A-ABORT that ended it, if one did.
    """

    def __init__(self, how: ConversationEnd, message: str, abort: Abort | None = None) -> None:
        self.how = how
        self.abort = abort
        super().__init__(message)

    @classmethod
    def instead_of(
        cls, expected: str, how: ConversationEnd, abort: Abort | None = None
    ) -> ConversationOver:
        """What to raise where that came instead of what was expected.

        Args:
            expected: What was expected, in words.
            how: How the conversation ended.
            abort: The A-ABORT that ended it, if one did.
        """
        what = f" with {abort}" if abort is not None else ""
        return cls(how, f"expected {expected}, but the other side {how.value}{what}", abort)
