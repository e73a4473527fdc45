"""A peer that falls silent, or stops reading, at every byte: each wait has its end."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.faults.conversations import CONVERSATIONS, prepare
from tests.faults.conversing import Recording, Run, descriptors
from tests.faults.cutting import places
from trio_dicom import (
    AssociateTimeout,
    ConnectionEnded,
    ConnectionLost,
    Delivery,
    ReleaseTimeout,
    ResponseTimeout,
)
from trio_dicom.testing import Clog, FaultyStream, Stall

pytestmark = [pytest.mark.scenario("B34", "B39"), pytest.mark.pitfall(2, 5)]

# No threads, for which a clock that jumps would not wait.
NAMES = ["echo", "data set", "find", "n-services"]
FAULTS = ["says nothing", "hears nothing", "reads nothing"]
# A peer may be silent after a C-MOVE, and has to read it all the same.
CASES = [(name, fault) for name in NAMES for fault in FAULTS] + [("move", "reads nothing")]
ASSOCIATE, IDLE, RELEASE, ABORT, CALLBACKS, GRACE = 30, 60, 30, 1, 5, 30


def silent(fault: str, recording: Recording, place: int) -> FaultyStream:
    """A link to the peer that has ``fault`` behind so many bytes."""
    match fault:
        case "says nothing":
            return FaultyStream(recording.stream(), receiving=[Stall(place)])
        case "hears nothing":
            return FaultyStream(recording.stream(), sending=[Stall(place)])
        case _:
            return FaultyStream(recording.stream(), sending=[Clog(place)])


async def converse(recording: Recording, stream: FaultyStream, folder: Path) -> Run:
    """One client, which must leave nothing behind, and be done in time."""
    tasks, opened = trio.lowlevel.current_statistics().tasks_living, descriptors()
    begun = trio.current_time()
    run = Run(recording.conversation, folder)
    await run.through(stream)
    assert trio.lowlevel.current_statistics().tasks_living == tasks
    assert descriptors() == opened
    requests = sum(it.requests for it in recording.conversation.steps)
    assert trio.current_time() - begun <= (
        ASSOCIATE + requests * IDLE + GRACE + RELEASE + ABORT + CALLBACKS
    )
    return run


def check_calls(run: Run, recording: Recording, words: int) -> None:
    """The handler heard the peer's whole words, of each timeout once, and of the end last."""
    timeouts = [it for it in run.errors.values() if isinstance(it, ResponseTimeout)]
    names = run.handler.names
    assert names.count("request_timed_out") == len(timeouts)
    names = [it for it in names if it != "request_timed_out"]
    heard = [it for it in recording.conversation.tells[:words] if it]
    assert names == [*heard, "connection_closed"]


def check_errors(run: Run, recording: Recording, failed: str, fault: str, place: int) -> None:
    """Each step from the failed one on has an error that says how far it came."""
    if failed == "associate":
        assert isinstance(run.errors.pop("associate"), AssociateTimeout)
        assert not run.errors
        return
    steps = [it.name for it in recording.conversation.steps]
    for name in steps[steps.index(failed) :]:
        error = run.errors.pop(name, None)
        if name == "release":
            # After half a message nothing can be released, and leaving has aborted.
            assert isinstance(error, ReleaseTimeout) or fault == "reads nothing"
        elif name != failed and fault == "reads nothing":
            assert isinstance(error, ConnectionEnded)
            assert error.delivery is Delivery.NOT_SENT
        else:
            # An answer of ours that nobody takes ends it, too, and in the same moment.
            assert isinstance(error, ResponseTimeout | ConnectionLost)
            assert isinstance(error, ResponseTimeout) or fault == "reads nothing"
            begin, end = recording.requests[name]
            is_cut = fault == "reads nothing" and place < end
            # Of a write that is stuck nobody knows whether anything of it went out.
            expected = Delivery.PARTLY_SENT if is_cut else Delivery.SENT_WITHOUT_ANSWER
            assert error.delivery is expected or begin == place
    assert not run.errors


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_a_peer_falls_silent_at_every_byte(name: str, fault: str, tmp_path: Path) -> None:
    prepare(tmp_path)

    async def main() -> None:
        recording = await CONVERSATIONS[name].recorded(tmp_path)
        data = recording.said if fault == "says nothing" else recording.record.asked
        at = places(data, fault)
        for place in at:
            stream = silent(fault, recording, place)
            try:
                run = await converse(recording, stream, tmp_path)
                if fault == "says nothing":
                    words = recording.record.whole_at(place)
                    failed = recording.step_without(words)
                else:
                    words = recording.record.said_after(place)
                    failed = recording.step_unheard(place)
                check_calls(run, recording, words)
                check_errors(run, recording, failed, fault, place)
            except BaseException as error:
                error.add_note(f"the peer {fault} behind byte {place} of {len(data)}")
                raise
        print(f"{name}: {len(at)} of {len(data)} bytes behind which the peer {fault}")

    trio.run(main, clock=MockClock(autojump_threshold=0))
