"""A conversation cut at every byte: nobody waits for ever, and everybody is told once."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from tests.io.conversation import MATCHES, STEPS, Run, conversation
from tests.io.replay import Cut, Replay
from trio_dicom import (
    AssociateTimeout,
    ConnectionEnded,
    ConnectionLost,
    Delivery,
    ReleaseTimeout,
    ResponseTimeout,
)

pytestmark = [pytest.mark.scenario("B39"), pytest.mark.pitfall(5)]

# The longest that the client may need, in seconds: to associate, for three requests, to
# release, to abort and for the callbacks.
PATIENCE = 30 + 3 * 60 + 30 + 1 + 5

# What the handler hears after each of the peer's words.
WORDS = [
    "receive_association_accept",
    "request_completed",
    "request_completed",
    *["request_pending"] * MATCHES,
    "request_completed",
    "receive_association_release_response",
]
# How many of the peer's words each step waits for.
NEEDS = {"associate": 1, "echo": 2, "store": 3, "find": 4 + MATCHES, "release": 5 + MATCHES}
WHOLE = {"associate": 0, "echo": 0, "store": 0, "find": MATCHES, "release": 0}


async def cut_run(stream: Replay) -> Run:
    """One client on a broken link, which must leave nothing behind."""
    tasks = trio.lowlevel.current_statistics().tasks_living
    run = Run()
    await run.through(stream)
    assert stream.is_closed
    assert trio.lowlevel.current_statistics().tasks_living == tasks
    assert run.seconds <= PATIENCE
    assert list(run.results) == list(STEPS)
    return run


def check_calls(run: Run, words: int) -> None:
    """The handler heard the peer's whole words in order, and of the end once and last."""
    names = [name for name in run.handler.names if name != "request_timed_out"]
    assert names == [*WORDS[:words], "connection_closed"]


def check_later(run: Run, failed: str) -> None:
    """After the step that failed, every other one fails as over, without being sent."""
    names = list(STEPS)
    later = names[names.index(failed) + 1 : -1]
    for name in later:
        error = run.errors[name]
        assert isinstance(error, ConnectionEnded)
        assert error.delivery is Delivery.NOT_SENT


def failed_step(words: int) -> str | None:
    """The step that does not get what it waits for; None when all do."""
    return next((name for name, needed in NEEDS.items() if words < needed), None)


def test_the_conversation_is_worth_cutting() -> None:
    recorded = conversation()
    assert len(recorded.said) == len(WORDS)
    assert recorded.length > 800
    assert recorded.heard > 2000

    async def main() -> None:
        run = await cut_run(Replay(recorded.said, Cut.EOF))
        assert run.results == WHOLE
        assert run.heard is None
        assert run.handler.told_of_the_end is None
        check_calls(run, len(WORDS))

    trio.run(main, clock=MockClock(autojump_threshold=0))


@pytest.mark.parametrize("cut", [Cut.EOF, Cut.RESET])
def test_the_peer_is_cut_off_at_every_byte(cut: Cut) -> None:
    recorded = conversation()

    async def main() -> None:
        for position in range(recorded.length):
            run = await cut_run(Replay(recorded.said, cut, said_before=position))
            words = recorded.whole_at(position)
            failed = failed_step(words)
            assert failed is not None
            check_calls(run, words)
            check_later(run, failed)
            told = run.handler.told_of_the_end
            assert isinstance(told, ConnectionLost)
            assert isinstance(run.heard, ConnectionLost)
            assert run.seconds == 0
            if failed == "release":
                assert run.errors == {}  # releasing while the peer is gone returns
                continue
            error = run.errors[failed]
            assert isinstance(error, ConnectionLost)
            assert error is not told
            if position not in (0, *recorded.ends) and failed != "associate":
                # The peer had begun to answer.
                assert error.delivery is Delivery.SENT_WITHOUT_ANSWER
            if failed == "find":
                assert error.__notes__ == [f"found {words - 3}"]

    trio.run(main, clock=MockClock(autojump_threshold=0))


@pytest.mark.parametrize("cut", [Cut.EOF, Cut.RESET])
def test_the_client_is_cut_off_at_every_fifth_byte(cut: Cut) -> None:
    recorded = conversation()

    async def main() -> None:
        for position in range(0, recorded.heard, 5):
            run = await cut_run(Replay(recorded.said, cut, heard_before=position))
            words = recorded.said_after(position)
            failed = failed_step(words)
            assert failed is not None
            check_calls(run, words)
            check_later(run, failed)
            assert isinstance(run.handler.told_of_the_end, ConnectionLost)
            assert run.seconds == 0
            if failed != "release":
                error = run.errors[failed]
                assert isinstance(error, ConnectionLost)
                assert failed == "associate" or error.delivery in (
                    Delivery.NOT_SENT,
                    Delivery.PARTLY_SENT,
                )

    trio.run(main, clock=MockClock(autojump_threshold=0))


@pytest.mark.pitfall(2)
def test_the_peer_stops_reading_at_every_fifth_byte() -> None:
    recorded = conversation()
    expected = {
        "associate": AssociateTimeout,
        **dict.fromkeys(("echo", "store", "find"), ResponseTimeout),
        "release": ReleaseTimeout,
    }

    async def main() -> None:
        for position in range(0, recorded.heard, 5):
            run = await cut_run(Replay(recorded.said, Cut.SILENCE, heard_before=position))
            words = recorded.said_after(position)
            failed = failed_step(words)
            assert failed is not None
            check_calls(run, words)
            check_later(run, failed)
            assert isinstance(run.errors[failed], expected[failed])
            assert isinstance(run.handler.told_of_the_end, ConnectionEnded)
            timed_out = run.handler.names.count("request_timed_out")
            assert timed_out == (expected[failed] is ResponseTimeout)

    trio.run(main, clock=MockClock(autojump_threshold=0))


@pytest.mark.pitfall(2)
def test_the_peer_falls_silent_at_every_byte() -> None:
    recorded = conversation()

    async def main() -> None:
        for position in range(recorded.length):
            run = await cut_run(Replay(recorded.said, Cut.SILENCE, said_before=position))
            words = recorded.whole_at(position)
            failed = failed_step(words)
            assert failed is not None
            check_calls(run, words)
            if failed == "associate":
                assert isinstance(run.errors["associate"], AssociateTimeout)
                check_later(run, failed)
                continue
            # In silence every later request times out in its turn: the association lives.
            requests = [it for it in ("echo", "store", "find") if words < NEEDS[it]]
            assert all(isinstance(run.errors[it], ResponseTimeout) for it in requests)
            assert run.handler.names.count("request_timed_out") == len(requests)
            assert isinstance(run.errors["release"], ReleaseTimeout)

    trio.run(main, clock=MockClock(autojump_threshold=0))
