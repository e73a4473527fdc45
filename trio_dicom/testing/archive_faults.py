"""What can be wrong with an archive: values that ``MemoryArchive.faults`` is given.

Each says which requests it is about, and which of them it meets: the third C-STORE, say, counted
from when the fault was put there and over all associations of the archive. What is random comes
from a seed. Faults of the link between are another matter: see ``FaultyStream``.
"""

from __future__ import annotations

import random
import re
from typing import Final, Literal, TypeAlias

from attrs import field, frozen, validators

from trio_dicom._dimse.message import Request
from trio_dicom._dimse.n_messages import NEventReportRequest
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom.reasons import ContextResult, RejectReason, RejectResult
from trio_dicom.status import Code, Status

__all__ = [
    "ArchiveFault",
    "Fail",
    "HangUp",
    "NoAnswer",
    "Refuse",
    "Reject",
    "Shuffle",
    "Slow",
    "StopReading",
]

# A prime, so that neighbouring answers of neighbouring seeds have nothing in common.
_APART: Final = 1_000_003
_UID: Final = re.compile(r"[0-9.]{1,64}")


@frozen
class Counted:
    """What is common to faults that need not meet everything.

    Attributes:
        nth: Which one it meets, from 1; None: all.
    """

    nth: int | None = field(
        default=None, kw_only=True, validator=validators.optional(validators.ge(1))
    )


def _is_of_requests(_fault: object, _attribute: object, value: object) -> None:
    if not (isinstance(value, type) and issubclass(value, Request)):
        raise TypeError(
            f"a fault is about a class of requests, such as CStoreRequest, not {value!r}"
        )
    if value is NEventReportRequest:
        raise ValueError("an archive gets no N-EVENT-REPORT that it could fail on: it sends them")


@frozen
class OfRequests(Counted):
    """What is common to faults that meet requests.

    Attributes:
        of: The class of the requests.
    """

    of: type[Request] = field(default=Request, validator=_is_of_requests)


@frozen
class OfAnswers(OfRequests):
    """What is common to faults that meet the answers to requests.

    Attributes:
        after: How many answers to such a request go out before: pending ones, as a C-FIND,
            C-GET and C-MOVE have them. Where there are fewer it meets the final one.
    """

    after: int = field(default=0, kw_only=True, validator=validators.ge(0))


def _is_a_status(_fault: object, _attribute: object, value: object) -> None:
    if not isinstance(value, Status | int):
        raise TypeError(f"a status is a Status or a number, such as 0xA700, not {value!r}")
    if isinstance(value, int):
        Status(value)  # raises a ValueError for what cannot be one


@frozen
class Fail(OfAnswers):
    """A request is answered with a failure, or with any other status.

    What it asks for is not done, or given up after so many answers.

    Attributes:
        of: The class of the requests.
        nth: Which of those, from 1; None: all.
        after: How many pending answers go out before.
        status: The status of the answer.
        comment: Its error comment.
    """

    status: Status | int = field(
        default=Code.PROCESSING_FAILURE, kw_only=True, validator=_is_a_status
    )
    comment: str = field(default="", kw_only=True)


@frozen
class NoAnswer(OfAnswers):
    """What a request asks for is done, but nobody is told.

    Attributes:
        of: The class of the requests.
        nth: Which of those, from 1; None: all.
        after: How many pending answers go out before.
    """


@frozen
class HangUp(OfAnswers):
    """The archive ends the association instead of answering.

    Attributes:
        of: The class of the requests.
        nth: Which of those, from 1; None: all.
        after: How many pending answers go out before.
        how: ``"abort"``: by an A-ABORT. ``"eof"``: it closes the transport without a word.
            ``"reset"``: it breaks it, and what is on its way is lost.
    """

    how: Literal["abort", "eof", "reset"] = field(
        default="abort", kw_only=True, validator=validators.in_(("abort", "eof", "reset"))
    )


@frozen
class Slow(OfAnswers):
    """Each answer to a request takes its time.

    The archive does one thing after the other, so other requests of that association wait.

    Attributes:
        of: The class of the requests.
        nth: Which of those, from 1; None: all.
        after: How many answers come at once before.
        seconds: How long each takes, on Trio's clock.
        spread: How much longer at most.
        seed: Of how much longer it takes.
    """

    seconds: float = field(default=1.0, kw_only=True, validator=validators.ge(0))
    spread: float = field(default=0.0, kw_only=True, validator=validators.ge(0))
    seed: int = field(default=0, kw_only=True)

    def pause(self, number: int) -> float:
        """Seconds before answer ``number``, from 0."""
        drawn = random.Random(self.seed * _APART + number)  # noqa: S311 - nobody's secret
        return self.seconds + drawn.random() * self.spread


@frozen
class StopReading(OfRequests):
    """From a request on the archive reads nothing any more, and stays where it is.

    It stops when the command set of that request has come, in the midst of its data set if that
    is long. What came before is still answered. Whoever goes on writing has to wait once the link
    is full: a link in memory has no limit unless it was given a ``capacity``.

    Attributes:
        of: The class of the requests.
        nth: Which of those, from 1; None: the first on each association.
    """


@frozen
class Shuffle:
    """Requests of one window are answered in another order than they came.

    The archive waits a moment for others before it answers one that it draws of those that are
    there. So on associations with ``max_operations_invoked``; without there is never another one.

    Attributes:
        seed: Of what is drawn.
        seconds: How long it waits for the window to become full, on Trio's clock.
    """

    seed: int = 0
    seconds: float = field(default=0.01, validator=validators.ge(0))


def _abstract_syntax(of: str | PresentationContext) -> str:
    return str(of.abstract_syntax if isinstance(of, PresentationContext) else of)


def _is_a_uid(_fault: object, _attribute: object, value: str) -> None:
    if not _UID.fullmatch(value):
        raise ValueError(
            f"{value!r} is no UID, as pydicom.uid has them: CTImageStorage, and not its name"
        )


@frozen
class Refuse(Counted):
    """A presentation context is refused.

    Attributes:
        abstract_syntax: Whose contexts: a SOP class, or a context that has it.
        nth: On which association, from 1, of those that are asked for; None: on all.
        result: Why.
    """

    abstract_syntax: str = field(converter=_abstract_syntax, validator=_is_a_uid)
    result: ContextResult = field(
        default=ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED,
        kw_only=True,
        validator=validators.instance_of(ContextResult),
    )


@frozen
class Reject(Counted):
    """An association is rejected.

    Attributes:
        nth: Which one, from 1, of those that are asked for; None: all.
        reason: Why.
        result: Whether it would be any use to ask again.
    """

    reason: RejectReason = field(
        default=RejectReason.LOCAL_LIMIT_EXCEEDED,
        kw_only=True,
        validator=validators.instance_of(RejectReason),
    )
    result: RejectResult = field(
        default=RejectResult.TRANSIENT,
        kw_only=True,
        validator=validators.instance_of(RejectResult),
    )


ArchiveFault: TypeAlias = Fail | NoAnswer | HangUp | Slow | StopReading | Shuffle | Refuse | Reject
"""What can be wrong with an archive."""
