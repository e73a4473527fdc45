"""What is promised of a connection, checked against what the model has seen."""

from __future__ import annotations

from collections import Counter
from math import inf

from attrs import define, field

from tests.faults.model_calls import Call, Handler
from tests.faults.model_peer import Asked, ModelPeer, tag_of
from trio_dicom import (
    CGetRequest,
    ClientConnection,
    Delivery,
    LocalProtocolError,
    Request,
    ResponseTimeout,
)

__all__ = ["Ledger"]

# As the options of the model say, in seconds.
IDLE, GRACE = 60.0, 10.0


@define(eq=False)
class Ledger:
    """Everything that was said and told, and whether it fits together.

    Attributes:
        peer: What the peer knows.
        handler: What the handler was told.
        window: How many requests may be open.
        last_id: The last message ID that there is.
        calls: Who calls.
        connection: What it is all about.
        words: Which request each response was for, by its comment, in the order of the wire.
    """

    peer: ModelPeer
    handler: Handler
    window: float
    last_id: int
    connection: ClientConnection = field(init=False)
    calls: list[Call] = field(factory=list[Call])
    words: dict[str, Asked] = field(factory=dict[str, Asked])
    _tags: dict[int, str | None] = field(factory=dict[int, str | None])

    def word_for(self, asked: Asked) -> str:
        """A comment for the next response to ``asked``."""
        word = f"{len(self.words):05}"
        self.words[word] = asked
        return word

    def call_of(self, asked: Asked) -> Call | None:
        """The caller whose request that is; None as long as that cannot be seen."""
        tag = asked.tag
        return None if tag is None else self.calls[int(tag)]

    def asked_of(self, call: Call) -> Asked | None:
        """What was written of its request; None where that is nothing."""
        return next((it for it in self.peer.asked if it.tag == call.tag), None)

    # --- at any moment --------------------------------------------------------------------

    def check(self, now: float) -> None:
        """What must be so at any moment."""
        self.peer.look()
        if self._goes_on():
            self._note_lapses(now)
        self._check_callbacks()
        for call in self.calls:
            if call.has_ended and not call.is_checked:
                self._check_ended(call)
                self._check_refused(call)
                call.is_checked = True
        if self._goes_on():
            outstanding = self._outstanding()
            assert len(outstanding) <= self.window
            gets = [it for it in outstanding if isinstance(it.request, CGetRequest)]
            assert len(gets) <= 1, "sub-operations do not name their C-GET, so there is one"

    def _goes_on(self) -> bool:
        """Whether neither side has ended it, nor has the peer asked for release."""
        is_asked_to_go = self.peer.transcript.asked_for_release and self.peer.has_said_all
        return self.connection._link.ending is None and not is_asked_to_go

    def _outstanding(self) -> list[Asked]:
        """Requests that were written, have no answer, and have not been given up."""
        open_ones = [it for it in self.peer.asked if not it.answers]
        return [it for it in open_ones if not self._is_given_up(it)]

    def _is_given_up(self, asked: Asked) -> bool:
        """Whether its slot is free again because our patience has ended."""
        if self._has_timed_out(asked):
            return True
        call = self.call_of(asked)
        return call is not None and is_abandoned(call) and call.has_lapsed

    def _taken(self) -> set[int]:
        """The message IDs that must not be used: their answers may still come."""
        return {
            it.message_id
            for it in self.peer.asked
            if not it.is_done
            or self._has_timed_out(it)
            or ((call := self.call_of(it)) is not None and call.has_lapsed)
        }

    def _has_timed_out(self, asked: Asked) -> bool:
        """Whether the handler was told so. With few message IDs several requests have the same."""
        return any(
            name == "request_timed_out"
            and arguments[0].message_id == asked.message_id
            and asked.tag in (self._tag_of(arguments[0]), None)
            for name, *arguments in self.handler.calls
        )

    def _note_lapses(self, now: float) -> None:
        """Note whose slots came back although the answer can still come, and not too early."""
        for asked in self.peer.asked:
            call = self.call_of(asked)
            if call is None or call.has_lapsed or asked.answers or not is_abandoned(call):
                continue
            is_open = asked.message_id in self.connection._link.table._open
            if not is_open and not self._has_timed_out(asked):
                patience = min(call.patience(IDLE), GRACE if asked.cancels else inf)
                assert now - call.begun_at >= patience, f"{call.tag} lost its slot too early"
                call.has_lapsed = True

    def _check_callbacks(self) -> None:
        names = self.handler.names
        assert names.count("connection_closed") <= 1
        assert "connection_closed" not in names[:-1], "something was told behind the end"
        told: list[str] = []
        ended: set[str] = set()
        for name, *arguments in self.handler.calls:
            if not name.startswith("request_"):
                continue
            request = arguments[0]
            tag = self._tag_of(request)
            assert tag is not None
            assert tag not in ended, f"{name} behind the end of {tag}"
            if name != "request_pending":
                ended.add(tag)
            if name != "request_timed_out":
                word = arguments[1].error_comment
                assert word in self.words, f"{tag} was told an answer that nobody gave: {word}"
                assert self.words[word].tag in (tag, None), f"{tag} was told another's answer"
                assert self.words[word].message_id == request.message_id
                wanted = self.calls[int(tag)].wanted_words
                assert int(word) < wanted, f"{tag} was told an answer that nobody wanted"
                told.append(word)
        assert told == sorted(set(told)), "not in the order of the wire, or twice"

    def _tag_of(self, request: Request) -> str | None:
        if id(request) not in self._tags:
            self._tags[id(request)] = tag_of(request)  # the handler keeps all requests alive
        return self._tags[id(request)]

    def _check_ended(self, call: Call) -> None:
        outcomes = [call.response is not None, call.error is not None, call.was_cancelled]
        assert sum(outcomes) <= 1
        if call.way in ("ask", "open"):
            assert sum(outcomes) == 1
        asked = self.asked_of(call)
        if call.response is not None:
            word = call.response.error_comment or ""
            assert self.words[word].tag == call.tag, f"{call.tag} got another's answer"
        for word in call.words:
            assert self.words[word].tag == call.tag, f"{call.tag} got another's response"
        assert call.words == sorted(set(call.words))
        delivery = getattr(call.error, "delivery", None)
        if delivery is Delivery.NOT_SENT:
            assert asked is None, f"{call.tag} was said not to be sent"
        if delivery is Delivery.PARTLY_SENT:
            assert asked is None or not asked.is_whole, f"{call.tag} was said to be cut"
        if isinstance(call.error, ResponseTimeout):
            assert call.ended_at - call.begun_at >= call.patience(IDLE)

    def _check_refused(self, call: Call) -> None:
        """Nothing is refused but for want of a message ID."""
        if isinstance(call.error, LocalProtocolError):
            # One may have its number without a byte on the wire, where that is clogged.
            taken = len(self._taken()) + (self.connection._link.sender.on_the_wire is not None)
            assert taken >= self.last_id, f"{call.tag} got no message ID"

    # --- when nothing moves ---------------------------------------------------------------

    def check_settled(self) -> None:
        """What must be so besides when nothing moves and the connection lives."""
        for call in self.calls:
            if call.wanted_words == inf and is_abandoned(call):
                call.wanted_words = len(self.words)
        if not self._goes_on():
            open_calls = [it.tag for it in self.calls if not it.has_ended]
            assert not open_calls, f"{open_calls} wait although it is over"
            return
        for asked in self.peer.asked:
            call = self.call_of(asked)
            if call is None:
                continue
            if asked.answers and self.peer.has_said_all:
                self._check_answered(call, asked)
            if not asked.answers and asked.is_whole and asked.is_cancellable:
                self._check_cancelled(call, asked)
        if self.peer.has_said_all:
            for asked in self.peer.asked:
                asked.is_done = asked.answers > 0
            self._check_table()
        self._check_owed()

    def _check_answered(self, call: Call, asked: Asked) -> None:
        assert call.has_ended, f"{call.tag} waits although it was answered"
        completed = [it for it in self.handler.calls if it[0] == "request_completed"]
        told = [it for it in completed if self._tag_of(it[1]) == call.tag]
        if call.response is not None or (call.way == "send" and not call.was_cancelled):
            timed_out = self._has_timed_out(asked) and call.response is None
            assert len(told) == (not timed_out)

    def _check_cancelled(self, call: Call, asked: Asked) -> None:
        """A C-CANCEL goes out for what nobody wants any more, and for nothing else."""
        link = self.connection._link
        is_unwanted = is_abandoned(call) or self._has_timed_out(asked)
        if not is_unwanted:
            assert not asked.cancels, f"{call.tag} was cancelled although somebody waits for it"
        elif link.sender._sleeps and link.may_send_messages and not self.peer.is_asked_for_release:
            assert asked.cancels, f"nobody wants {call.tag}, and the peer does not know"

    def _check_table(self) -> None:
        table, sender = self.connection._link.table, self.connection._link.sender
        on_the_wire = {
            it.message_id
            for it in self.peer.asked
            if not it.answers and not self._has_timed_out(it)
        }
        begun = set() if sender.on_the_wire is None else {sender.on_the_wire.message_id}
        lapsed = {
            it.message_id
            for it in self.peer.asked
            if (call := self.call_of(it)) is not None and call.has_lapsed
        }
        assert set(table._open) - begun == on_the_wire - lapsed - begun
        if table.queued and sender._sleeps:
            all_get = all(isinstance(it.request, CGetRequest) for it in table._queued)
            is_retrieving = table.retrieving() is not None
            full = len(table._open) >= self.window
            assert full or (all_get and is_retrieving), "a slot is free, and a request waits"

    def _check_owed(self) -> None:
        link = self.connection._link
        is_unhindered = self.peer.has_said_all and not self.peer.is_clogged
        if link.may_send_messages and is_unhindered and not self.peer.is_asked_for_release:
            assert all(self.peer.asks.values()), "a request of the peer has no answer"
            assert link.serving.owed == 0

    def what_happened(self) -> Counter[str]:
        """How often each thing happened that the model is about."""
        happened = Counter(name for name in self.handler.names if name.startswith("request_"))
        for call in self.calls:
            happened["calls"] += 1
            happened["answers got"] += call.response is not None
            happened["cancellations"] += call.was_cancelled
            happened["slots given up"] += call.has_lapsed
            if call.error is not None:
                happened[type(call.error).__name__] += 1
        happened["C-CANCELs"] += sum(it.cancels for it in self.peer.asked)
        happened["answers to the peer"] += sum(self.peer.asks.values())
        return happened

    # --- at the end -----------------------------------------------------------------------

    def check_end(self, now: float) -> None:
        """What must be so when the block of the connection has been left."""
        self.check(now)
        for call in self.calls:
            assert call.has_ended or not call.has_begun
            self._check_ended(call)  # more was written since, perhaps
        if "receive_association_accept" in self.handler.names:
            _ = self.handler.told_of_the_end
        if self.peer.transcript.is_between_pdus:
            return
        # Half a PDU is the last that was written, and was cut.
        assert not self.peer.has_said_goodbye


def is_abandoned(call: Call) -> bool:
    """Whether its caller wants no answer any more."""
    has_left = call.way == "leave" and call.has_ended and call.error is None
    return call.was_cancelled or (has_left and call.response is None)
