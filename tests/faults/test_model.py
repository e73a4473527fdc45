"""Random things happen to a connection, in any order, and every promise is checked each time."""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from contextlib import suppress
from math import inf
from typing import Any

import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.faults.model_calls import KINDS, WAYS, Call, Handler
from tests.faults.model_checks import GRACE, IDLE, Ledger
from tests.faults.model_peer import Asked, ModelPeer, tapped_link
from tests.faults.stepwise import SteppedRun
from tests.io.talking import EVERYTHING
from trio_dicom import (
    AbortSource,
    CEchoResponse,
    ClientConnection,
    ConnectionOptions,
    CStoreResponse,
    Timeouts,
    TrioDicomError,
    propose,
    wrap_stream,
)
from trio_dicom._io import pending
from trio_dicom.lowlevel import Abort

IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
_counts: Counter[str] = Counter()

TIMEOUTS = Timeouts(idle=IDLE, release=30, abort=1, cancel_grace=GRACE, callbacks=5)

# How far the connection gets before the next thing happens: to the end, most of the time.
paces = st.sampled_from([None, None, None, 0, 1, 2])
statuses = st.sampled_from([0x0000, 0x0000, 0x0110])
indices = st.integers(0, 1_000)
rarely = st.sampled_from([False, False, False, True])
ENDS = (
    *("release", "close", "abort", "peer's release", "peer's abort"),
    *("end of file", "reset", "nonsense"),
)
# What a run must have come to, or it shows little.
HAPPENINGS = (
    *("request_pending", "request_completed", "request_timed_out", "cancellations", "C-CANCELs"),
    *("answers got", "answers to the peer", "slots given up", "messages cut"),
    *("ResponseTimeout", "ConnectionLost", "AssociationAborted", "AssociationReleased"),
    "LocalProtocolError",
)
first_bytes = st.sampled_from([None, None, None, 0, 1, 30])


class ConnectionModel(RuleBasedStateMachine):
    """A connection, its callers and its peer."""

    connection: ClientConnection
    ledger: Ledger
    run: SteppedRun
    peer: ModelPeer
    nursery: trio.Nursery

    @initialize(
        window=st.sampled_from([1, 1, 2, 3, 0]),
        capacity=st.sampled_from([None, None, 300, 700]),
        last_id=st.sampled_from([65_535, 65_535, 5, 3]),
        on_timeout=st.sampled_from(["continue", "continue", "continue", "abort"]),
        obliges=st.booleans(),
    )
    def associate(
        self, window: int, capacity: int | None, last_id: int, on_timeout: Any, obliges: bool
    ) -> None:
        self.obliges = obliges
        _counts["examples"] += 1
        self.has_few_ids = last_id < 100
        self.last_id, pending._LAST_MESSAGE_ID = pending._LAST_MESSAGE_ID, last_id
        ours, theirs, written = tapped_link(capacity)
        self.peer = ModelPeer(theirs, written)
        self.handler = Handler()
        self.ledger = Ledger(self.peer, self.handler, window or inf, last_id)
        self.left = trio.Event()
        options = ConnectionOptions(timeouts=TIMEOUTS, on_timeout=on_timeout)
        request = propose(
            contexts=EVERYTHING, max_operations_invoked=window, max_operations_performed=2
        )
        self.is_settled = True

        async def main() -> None:
            async with (
                trio.open_nursery() as self.nursery,
                wrap_stream(ours, handler=self.handler, options=options) as self.connection,
            ):
                await self.connection.send_association_request(request)
                await self.left.wait()

        self.ours = ours
        self.run = SteppedRun(main)
        self.ledger.connection = self.connection
        while not self.peer.transcript.pdus:
            self.act(self.peer.read)
            self.peer.look()
        self.act(lambda: self.peer.accept((window, 2), max_length=256))
        assert self.connection.association is not None

    def act(self, action: Any, pace: int | None = None) -> None:
        self.run.act(action, steps=pace)
        self.is_settled = pace is None

    # --- callers --------------------------------------------------------------------------

    @rule(
        kind=st.sampled_from(KINDS),
        way=st.sampled_from(WAYS),
        idle=st.sampled_from([None, None, 3.0, 20.0]),
        total=st.sampled_from([None, None, None, 8.0]),
        pace=paces,
    )
    def call(
        self, kind: str, way: str, idle: float | None, total: float | None, pace: int | None
    ) -> None:
        limits = {"idle_timeout": idle, "timeout": total}
        call = Call(kind, way, len(self.ledger.calls), limits)
        self.ledger.calls.append(call)
        self.act(lambda: self.nursery.start_soon(call.run, self.connection), pace)

    @precondition(lambda self: any(not it.has_ended for it in self.ledger.calls))
    @rule(index=indices, pace=paces)
    def cancel(self, index: int, pace: int | None) -> None:
        live = [it for it in self.ledger.calls if not it.has_ended]
        call = live[index % len(live)]
        self.act(call.scope.cancel, pace)

    @rule(pace=paces)
    def wait_for_the_queue(self, pace: int | None) -> None:
        self._beside(self.connection.wait_send_queue_empty, pace)

    def _beside(self, call: Any, pace: int | None) -> None:
        async def quiet() -> None:
            with suppress(TrioDicomError):
                await call()

        self.act(lambda: self.nursery.start_soon(quiet), pace)

    # --- the peer -------------------------------------------------------------------------

    @property
    def can_speak(self) -> bool:
        peer = self.peer
        return not (peer.is_gone or peer.transcript.asked_for_release or peer.has_answered_release)

    @property
    def unanswered(self) -> list[Asked]:
        return [it for it in self.peer.asked if not it.answers] if self.can_speak else []

    @precondition(lambda self: self.unanswered)
    @rule(
        index=indices, status=st.sampled_from([0x0000, 0x0000, 0x0110]), now=first_bytes, pace=paces
    )
    def answer(self, index: int, status: int, now: int | None, pace: int | None) -> None:
        asked = self.unanswered[index % len(self.unanswered)]
        self.answer_one(asked, status, now, pace)

    def answer_one(
        self, asked: Asked, status: int = 0x0000, now: int | None = None, pace: int | None = None
    ) -> None:
        response = asked.response(status, self.ledger.word_for(asked))
        asked.answers += 1
        self.act(lambda: self.peer.say_message(response, asked.context_id, now), pace)

    @precondition(lambda self: self.unanswered)
    @rule()
    def answer_everybody(self) -> None:
        for asked in self.unanswered:
            self.answer_one(asked)

    @precondition(lambda self: any(it.is_cancellable for it in self.unanswered))
    @rule(index=indices, now=first_bytes, pace=paces)
    def answer_pending(self, index: int, now: int | None, pace: int | None) -> None:
        fitting = [it for it in self.unanswered if it.is_cancellable]
        asked = fitting[index % len(fitting)]
        response = asked.response(0xFF00, self.ledger.word_for(asked))
        asked.pending += 1
        self.act(lambda: self.peer.say_message(response, asked.context_id, now), pace)

    @property
    def answered(self) -> list[Asked]:
        # With few message IDs the answer could as well be to a later request.
        if not self.can_speak or self.has_few_ids:
            return []
        return [it for it in self.peer.asked if it.answers]

    @precondition(lambda self: self.answered)
    @rule(index=indices, is_final=st.booleans(), pace=paces)
    def answer_again(self, index: int, is_final: bool, pace: int | None) -> None:
        asked = self.answered[index % len(self.answered)]
        response = asked.response(0x0000 if is_final else 0xFF00, "again")
        self.act(lambda: self.peer.say_message(response, asked.context_id), pace)

    @precondition(lambda self: self.can_speak)
    @rule(message_id=st.sampled_from([0, 999, 65_535]), pace=paces)
    def answer_nobody(self, message_id: int, pace: int | None) -> None:
        response = CStoreResponse(
            message_id_being_responded_to=message_id, status=0x0000, error_comment="nobody's"
        )
        self.act(lambda: self.peer.say_message(response, 3), pace)

    @precondition(lambda self: self.can_speak)
    @rule(kind=st.sampled_from(["store", "event"]), pace=paces)
    def ask(self, kind: str, pace: int | None) -> None:
        self.act(lambda: self.peer.ask(kind), pace)

    @precondition(lambda self: not self.peer.has_said_all and not self.peer.is_gone)
    @rule(pace=paces)
    def go_on(self, pace: int | None) -> None:
        self.act(lambda: self.peer.say(b""), pace)

    @precondition(lambda self: not self.peer.is_gone)
    @rule(size=st.sampled_from([None, 1, 100]), pace=paces)
    def read(self, size: int | None, pace: int | None) -> None:
        self.act(lambda: self.peer.read(size), pace)

    @precondition(
        lambda self: (
            self.peer.is_asked_for_release
            and not self.peer.has_answered_release
            and not self.peer.is_gone
        )
    )
    @rule(pace=paces)
    def answer_release(self, pace: int | None) -> None:
        self.act(self.peer.answer_release, pace)

    @rule(how=st.sampled_from(ENDS), is_serious=rarely, pace=paces)
    def somebody_ends_it(self, how: str, is_serious: bool, pace: int | None) -> None:
        if not is_serious:
            return
        connection, peer = self.connection, self.peer
        match how:
            case "release":
                self._beside(connection.send_association_release_request, pace)
            case "close":
                self._beside(connection.aclose, pace)
            case "abort":
                self._beside(connection.send_abort, pace)
            case "peer's release" if self.can_speak:
                self.act(peer.ask_for_release, pace)
            case "peer's abort" if self.can_speak:
                self.act(lambda: peer.say(Abort(AbortSource.USER).encode()), pace)
            case "end of file" | "reset" if not peer.is_gone:
                self.act(lambda: peer.hang_up(abruptly=how == "reset"), pace)
            case "nonsense" if self.unanswered:
                asked = self.unanswered[0]
                wrong = CEchoResponse(message_id_being_responded_to=asked.message_id, status=0)
                self.act(lambda: peer.say_message(wrong, asked.context_id), pace)
            case _:
                pass

    @rule(seconds=st.sampled_from([0.5, 2.0, 3.0, 8.0, 11.0, 31.0, 61.0]), pace=paces)
    def pass_time(self, seconds: float, pace: int | None) -> None:
        self.run.pass_time(seconds, steps=pace)
        self.is_settled = pace is None

    @rule(kind=st.sampled_from(["n_get", "long store"]))
    def let_one_time_out(self, kind: str) -> None:
        """In the middle of the message, where the link is too small for it."""
        self.call(kind=kind, way="ask", idle=3.0, total=None, pace=None)
        self.pass_time(seconds=3.0, pace=None)

    # --- promises -------------------------------------------------------------------------

    @invariant()
    def promises_are_kept(self) -> None:
        _counts["steps"] += 1
        if self.run.result is not None:
            self.run.close()
        self.ledger.check(self.run.clock.current_time())
        if self.is_settled and not self.run.is_over:
            self.ledger.check_settled()

    def _answer_everything(self) -> None:
        """Be a peer as everybody likes it: nobody has to wait for his time to run out."""
        begun = self.run.clock.current_time()
        for _ in range(200):
            self.peer.look()
            if self.run.is_over:
                break
            if self.unanswered:
                self.answer_one(self.unanswered[0])
            elif not self.peer.has_said_all:
                self.act(lambda: self.peer.say(b""))
            elif self.peer.is_asked_for_release and not self.peer.has_answered_release:
                self.act(self.peer.answer_release)
            elif self.peer.has_answered_release or self.peer.has_said_goodbye:
                self.act(lambda: self.peer.hang_up(abruptly=False))
            self.act(self.peer.read)
            self.promises_are_kept()
        assert self.run.is_over
        assert self.run.clock.current_time() == begun
        told = self.handler.told_of_the_end
        assert told is None, f"a connection that was released ended with {told!r}"

    def teardown(self) -> None:
        if not hasattr(self, "run"):
            return
        try:
            is_well = self.connection._link.ending is None and self.can_speak
            is_well &= self.connection.can_still_process_p_data_tf
            self.act(self.left.set)
            if self.obliges and is_well:
                self._answer_everything()
            for _ in range(30):
                if self.run.is_over:
                    break
                self.run.pass_time(10)
                self.ledger.check(self.run.clock.current_time())
            assert self.run.is_over, "it does not end"
            self.run.close()
            self.ledger.check_end(self.run.clock.current_time())
            assert self.ours._is_closed
            _counts.update(self.ledger.what_happened())
            _counts["messages cut"] += not self.connection.can_still_process_p_data_tf
        finally:
            self.run.kill()
            pending._LAST_MESSAGE_ID = self.last_id


@pytest.mark.scenario("B44", "B45", "B47", "B48", "B66")
@pytest.mark.pitfall(1, 6)
def test_a_connection_keeps_its_promises_whatever_happens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, "trio_dicom")  # of odd peers there is much to say
    _counts.clear()
    run_state_machine_as_test(
        ConnectionModel,
        settings=settings(
            max_examples=settings().max_examples if IS_LONG else 200,
            stateful_step_count=100 if IS_LONG else 40,
        ),
    )
    missing = [what for what in HAPPENINGS if not _counts[what]]
    assert not missing, f"it never came to {missing}"
    sys.stdout.write(", ".join(f"{count} {what}" for what, count in _counts.items()) + "\n")
