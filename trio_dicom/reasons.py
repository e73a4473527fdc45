"""Why associations are refused and aborted, in the words of PS3.8.

These are the codes of A-ASSOCIATE-RJ (PS3.8 Table 9-21), A-ABORT (PS3.8 Table
9-26) and of the presentation contexts in an A-ASSOCIATE-AC (PS3.8 Table 9-18).
A code that the standard reserves is kept as it came, as a member that is named
after its number: nothing that a peer says is lost.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Self

__all__ = [
    "AbortReason",
    "AbortSource",
    "ContextResult",
    "RejectReason",
    "RejectResult",
    "RejectSource",
]


class _Code(IntEnum):
    """One byte of a PDU whose reserved values survive as members of their own."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not 0 <= value <= 0xFFFF:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"RESERVED_{value}"
        member._value_ = value
        return member

    @property
    def words(self) -> str:
        """The name as a user reads it in an error: ``called AE title not recognized``."""
        return self.name.lower().replace("_", " ").replace("ae title", "AE title")


class RejectResult(_Code):
    """Whether trying again later may help (PS3.8 Table 9-21)."""

    PERMANENT = 1
    TRANSIENT = 2


class RejectSource(_Code):
    """Who refused the association (PS3.8 Table 9-21)."""

    USER = 1
    PROVIDER_ACSE = 2
    PROVIDER_PRESENTATION = 3


class RejectReason(_Code):
    """Why the association was refused (PS3.8 Table 9-21).

    A reason means something only together with its source, so a member holds
    both: ``source * 256 + code``. Reason 1 of the user is not reason 1 of the
    provider.
    """

    USER_NO_REASON_GIVEN = 0x0101
    APPLICATION_CONTEXT_NAME_NOT_SUPPORTED = 0x0102
    CALLING_AE_TITLE_NOT_RECOGNIZED = 0x0103
    CALLED_AE_TITLE_NOT_RECOGNIZED = 0x0107
    ACSE_NO_REASON_GIVEN = 0x0201
    PROTOCOL_VERSION_NOT_SUPPORTED = 0x0202
    TEMPORARY_CONGESTION = 0x0301
    LOCAL_LIMIT_EXCEEDED = 0x0302

    @classmethod
    def of(cls, source: int, code: int) -> RejectReason:
        """The reason that a peer means by the two bytes ``source`` and ``code``."""
        return cls(source << 8 | code)

    @property
    def source(self) -> RejectSource:
        """Who gives this reason."""
        return RejectSource(self >> 8)

    @property
    def code(self) -> int:
        """The byte that stands for this reason beside its source."""
        return self & 0xFF

    @property
    def words(self) -> str:
        """The name as a user reads it, without the source, which is told beside it."""
        if self.name.startswith("RESERVED"):
            return f"reserved {self.code}"
        return super().words.removeprefix("user ").removeprefix("acse ")


class AbortSource(_Code):
    """Which side of the peer gave up (PS3.8 Table 9-26)."""

    USER = 0
    PROVIDER = 2


class AbortReason(_Code):
    """Why the provider gave up; 0 and meaningless when the user did (PS3.8 Table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PDU_PARAMETER = 4
    UNEXPECTED_PDU_PARAMETER = 5
    INVALID_PDU_PARAMETER_VALUE = 6


class ContextResult(_Code):
    """What the peer says to one presentation context (PS3.8 Table 9-18)."""

    ACCEPTANCE = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4
