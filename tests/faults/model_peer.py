"""The peer of the model: it knows what was written, and answers when it is told to."""

from __future__ import annotations

from typing import Any, Self

from attrs import define, field
from pydicom.uid import ExplicitVRLittleEndian

from tests.faults.transcript import Transcript
from tests.io.talking import COMMITMENT, COMMITMENT_ID, CT_ID, patient
from tests.operations.getting import c_store
from trio_dicom import (
    CCancelRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    CStoreRequest,
    Message,
    NEventReportRequest,
    NGetRequest,
    Request,
    Response,
    response_to,
)
from trio_dicom.lowlevel import (
    Abort,
    AssociationRequest,
    ReleaseRequest,
    ReleaseResponse,
)
from trio_dicom.testing import LinkEnd, acceptance_of, message_bytes
from trio_dicom.testing.links import _Pipe

__all__ = ["Asked", "ModelPeer", "tag_of", "tapped_link"]


class Noted(bytearray):
    """What is on its way, and everything that ever was."""

    def __init__(self) -> None:
        super().__init__()
        self.noted = bytearray()

    def __iadd__(self, data: Any) -> Self:
        self.noted += data
        super().__iadd__(data)
        return self


def tapped_link(capacity: int | None) -> tuple[LinkEnd, LinkEnd, Noted]:
    """The client's end, the peer's, and what the client writes; it alone can fill the link."""
    there, back = _Pipe(capacity), _Pipe(None)
    there.held = noted = Noted()
    return LinkEnd(there, back), LinkEnd(back, there), noted


@define(eq=False)
class Asked:
    """A request of which at least the command set was written.

    Attributes:
        request: The request; without its data set as long as it is not whole.
        context_id: On which context it came.
        is_whole: Whether all of it was written.
        pending: How many pending responses were sent.
        answers: How many final responses were sent.
        cancels: How many C-CANCELs came for it.
        is_done: Whether the client has had time enough to see that it was answered.
    """

    request: Request
    context_id: int
    is_whole: bool
    pending: int = 0
    answers: int = 0
    cancels: int = 0
    is_done: bool = False
    _tag: str | None = None

    @property
    def message_id(self) -> int:
        assert self.request.message_id is not None
        return self.request.message_id

    @property
    def tag(self) -> str | None:
        """What names it, whatever its message ID; None where its data set is still to come."""
        if self._tag is None:
            self._tag = tag_of(self.request)
        return self._tag

    @property
    def is_cancellable(self) -> bool:
        return isinstance(self.request, CFindRequest | CGetRequest | CMoveRequest)

    def response(self, status: int, word: str) -> Response:
        """A response with ``word`` in its comment."""
        fields: dict[str, Any] = {"error_comment": word}
        if status == 0xFF00 and isinstance(self.request, CFindRequest):
            fields["data_set"] = patient("match")
        return response_to(self.request, status, **fields)


def tag_of(request: Request) -> str | None:
    """What names a request of the model; None as long as that has not come."""
    match request:
        case NGetRequest() | CStoreRequest():
            return request.sop_instance_uid.rpartition(".")[2]
        case CMoveRequest():
            return request.move_destination
        case CFindRequest() | CGetRequest():
            identifier = request.identifier
            return None if identifier is None else str(identifier.PatientName)
        case _:
            raise AssertionError(f"nobody has sent {request}")


@define(eq=False)
class ModelPeer:
    """The far end of a ``tapped_link``.

    Attributes:
        transcript: What the client has written, be it read yet or not.
        asked: Every request of the client, in order.
        asks: Whether each of our own requests, by its message ID, has its answer.
        is_gone: Whether we say nothing any more.
        has_broken_rules: Whether we said what no peer must say.
        has_answered_release: Whether the client has its A-RELEASE-RP.
    """

    end: LinkEnd
    _written: Noted
    transcript: Transcript = field(factory=Transcript)
    asked: list[Asked] = field(factory=list[Asked])
    asks: dict[int, bool] = field(factory=dict[int, bool])
    is_gone: bool = False
    has_broken_rules: bool = False
    has_answered_release: bool = False
    _seen: int = 0
    _unsent: bytearray = field(factory=bytearray)

    # --- what the client writes -----------------------------------------------------------

    def look(self) -> None:
        """Judge what was written since the last look."""
        new = bytes(self._written.noted[self._seen :])
        self._seen += len(new)
        for context_id, message in self.transcript.feed(new):
            self._came(context_id, message)
        if (partial := self.transcript.partial) is not None:
            context_id, message = partial
            if isinstance(message, Request) and self._asked_as(message) is None:
                self._begun(context_id, message, is_whole=False)

    def _asked_as(self, message: Request) -> Asked | None:
        """The request that began last, if ``message`` is it."""
        last = self.asked[-1] if self.asked else None
        is_it = last is not None and not last.is_whole
        return (
            last if is_it and last is not None and last.message_id == message.message_id else None
        )

    def _came(self, context_id: int, message: Message) -> None:
        match message:
            case Request():
                if (asked := self._asked_as(message)) is not None:
                    asked.request, asked.is_whole = message, True
                else:
                    self._begun(context_id, message, is_whole=True)
            case CCancelRequest(message_id_being_responded_to=message_id):
                asked = next(it for it in reversed(self.asked) if it.message_id == message_id)
                asked.cancels += 1
                assert asked.is_cancellable
                assert asked.cancels == 1, f"a second C-CANCEL of {asked.tag}"
            case Response():
                message_id = message.message_id_being_responded_to or 0
                assert message_id in self.asks, f"{message} answers nothing"
                assert not self.asks[message_id], f"a second answer to {message_id}"
                self.asks[message_id] = True
            case _:
                raise AssertionError(message)

    def _begun(self, context_id: int, request: Request, *, is_whole: bool) -> None:
        unanswered = {it.message_id for it in self.asked if not it.answers}
        assert request.message_id not in unanswered, (
            f"message ID {request.message_id} is used again while an answer may still come"
        )
        self.asked.append(Asked(request, context_id, is_whole))

    @property
    def has_said_goodbye(self) -> bool:
        """Whether the client has written A-ABORT."""
        return isinstance(self.transcript.last, Abort)

    @property
    def is_asked_for_release(self) -> bool:
        """Whether the client has asked for release."""
        return any(isinstance(it, ReleaseRequest) for it in self.transcript.pdus)

    def read(self, size: int | None = None) -> None:
        """Make room on the link, by so many bytes or altogether."""
        held = self._pipe.held
        del held[: len(held) if size is None else size]
        self._pipe.changed()

    @property
    def is_clogged(self) -> bool:
        """Whether the client can write no more until we read."""
        return self._pipe.room(1) == 0

    @property
    def _pipe(self) -> _Pipe:
        return self.end._incoming

    # --- what we say ----------------------------------------------------------------------

    def say(self, data: bytes, *, now: int | None = None) -> None:
        """Send what is unsent and ``data``; of that only ``now`` bytes at first."""
        whole = self._unsent + data
        size = len(whole) if now is None else len(self._unsent) + min(now, len(data))
        self.end.send_nowait(bytes(whole[:size]))
        self._unsent = bytearray(whole[size:])

    @property
    def has_said_all(self) -> bool:
        """Whether nothing that we have begun is still to come."""
        return not self._unsent

    def accept(self, window: tuple[int, int] | None, max_length: int) -> None:
        """Accept the association that was asked for."""
        self.look()
        request = self.transcript.pdus[0]
        assert isinstance(request, AssociationRequest)
        self.say(acceptance_of(request, window=window, max_length=max_length).encode())

    def say_message(self, message: Message, context_id: int, now: int | None = None) -> None:
        """Send a message on a context."""
        self.say(
            message_bytes(
                message,
                context_id=context_id,
                transfer_syntax=ExplicitVRLittleEndian,
                max_fragment=64,
            ),
            now=now,
        )

    def ask(self, kind: str) -> None:
        """Send a request of our own."""
        message_id = len(self.asks) + 1
        self.asks[message_id] = False
        if kind == "store":
            self.say_message(c_store(f"1.7.{message_id}", message_id), CT_ID)
            return
        event = NEventReportRequest(
            sop_class_uid=COMMITMENT,
            sop_instance_uid="1.2",
            event_type_id=1,
            message_id=message_id,
        )
        self.say_message(event, COMMITMENT_ID)

    def ask_for_release(self) -> None:
        """Send A-RELEASE-RQ, and nothing behind it but the answer to another."""
        self.transcript.asked_for_release = True
        self.say(ReleaseRequest().encode())

    def answer_release(self) -> None:
        """Answer the client's A-RELEASE-RQ, which is the last that we say."""
        self.has_answered_release = True
        self.say(ReleaseResponse().encode())

    def hang_up(self, *, abruptly: bool) -> None:
        """Close the link, or reset it."""
        self.is_gone = True
        if abruptly:
            self.end.reset()
        self.end.close()
