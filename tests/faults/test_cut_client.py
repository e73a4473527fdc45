"""A client cut off at every byte of every service: nobody waits, and everybody is told once."""

from __future__ import annotations

import gc
from operator import contains
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.faults.conversations import CONVERSATIONS, prepare
from tests.faults.conversing import Recording, Run, descriptors
from tests.faults.cutting import How, cut_all
from tests.io.arriving import is_clean, names_in
from tests.io.writing import small_blocks
from trio_dicom import (
    AssociationAborted,
    AssociationReleased,
    ConnectionEnded,
    ConnectionLost,
    Delivery,
    StoreResult,
)
from trio_dicom.testing import Cut, Fault, FaultyStream, Trickle

pytestmark = [pytest.mark.scenario("B39"), pytest.mark.pitfall(5)]


class Cutter:
    """Runs a conversation over broken links, and sees each time what came of it."""

    def __init__(self, recording: Recording, after: Recording, folder: Path) -> None:
        self.recording = recording
        self.conversation = recording.conversation
        self.after = after
        self.folder = folder
        self.cuts = 0
        self.tasks = trio.lowlevel.current_statistics().tasks_living
        self.descriptors = descriptors()
        self.whole = {path.name: path.read_bytes() for path in (folder / "in").iterdir()}
        self.clean_up()

    async def cut(
        self, how: How, *, sending: int | None = None, receiving: int | None = None
    ) -> None:
        """Cut one link, and see what came of it.

        Args:
            how: How it breaks.
            sending: Behind so many bytes of the client's.
            receiving: Behind so many of the peer's.
        """
        record = self.recording.record
        # In pieces, so that there is time to begin a file.
        pieces: list[Fault] = [Trickle(450)] if self.whole else []
        faults: list[Fault] = [Cut(it, how) for it in (sending, receiving) if it is not None]
        stream = FaultyStream(
            self.recording.stream(),
            sending=faults if receiving is None else (),
            receiving=pieces + faults if sending is None else pieces,
        )
        run = await self.run(self.recording, stream)
        if sending is not None:
            words = record.said_before(sending)
            if self.conversation.window > 1:  # some may be on their way when it breaks
                words = min(words, len(run.handler.names) - 1)
            failed = self.recording.step_at(sending)
            passed = sending
        else:
            assert receiving is not None
            words = record.whole_at(receiving)
            failed = self.recording.step_without(words)
            passed = stream.sent
        self.check_calls(run, words)
        self.check_end(run, words, failed)
        if receiving in record.ends:
            # Answered and cut off in the same moment: whoever waited may be told of either.
            owner = self.recording.owner(words - 1)
            if owner in run.errors and owner not in self.recording.whole.errors:
                failed = owner
        self.check_errors(run, words, failed, passed)
        self.check_files(words, passed)
        self.cuts += 1
        if self.cuts % 16 == 0:
            await self.converse_again()

    async def converse_again(self) -> None:
        """A new connection works, as does that of each cut until it is cut, too."""
        run = await self.run(self.after, FaultyStream(self.after.stream()))
        assert (run.noted, run.errors) == (self.after.whole.noted, {})

    async def run(self, recording: Recording, stream: FaultyStream) -> Run:
        """One client, which must leave nothing behind and wait for no timeout."""
        begun = trio.current_time()
        run = Run(recording.conversation, self.folder)
        await run.through(stream)
        assert trio.current_time() == begun
        replay = stream.stream
        assert replay.is_closed  # type: ignore[attr-defined]
        assert trio.lowlevel.current_statistics().tasks_living == self.tasks
        assert descriptors() == self.descriptors
        return run

    def check_calls(self, run: Run, words: int) -> None:
        """The handler heard the peer's whole words, in order, and of the end once and last."""
        tells = self.conversation.tells[:words]
        heard = [it for it in tells if it]
        names = run.handler.names[:-1]
        if tells and tells[-1] == "n_event_report_request" and len(names) < len(heard):
            heard.pop()  # an event whose peer is gone may be answered or not
        assert names == heard
        assert run.handler.names[-1] == "connection_closed"

    def check_end(self, run: Run, words: int, failed: str) -> None:
        """Whoever waits for the end is told of it, and of the same."""
        told = run.handler.told_of_the_end
        last = self.conversation.tells[words - 1] if words else None
        if failed == "abort":
            assert isinstance(told, AssociationAborted)
            assert not told.by_peer
        elif last == "" and self.conversation.is_released_by_peer:
            assert told is None
        else:
            assert type(told) is ConnectionLost
        assert type(run.heard) is type(told)
        assert told is None or told is not run.heard

    def check_errors(self, run: Run, words: int, failed: str, passed: int) -> None:
        """Each step has what the peer gave for it, or its own error, which says how far it came."""
        whole = self.recording.whole
        names = ["associate", *(it.name for it in self.conversation.steps)]
        requests = {it.name: it.requests for it in self.conversation.steps}
        if failed == "associate":
            assert type(run.errors.pop("associate")) is ConnectionLost
            assert not run.errors
            assert not run.noted
            return
        place = names.index(failed)
        for name in names[:place]:
            assert same(run.noted.get(name), whole.noted.get(name))
            assert type(run.errors.pop(name, None)) is type(whole.errors.get(name))
        for name in names[place:]:
            error = run.errors.pop(name, None)
            if requests[name] == 0 or len(run.noted[name]) == requests[name] > 1:
                assert error is None  # of many, each has its own
                continue
            assert isinstance(error, ConnectionEnded)
            if name != failed:
                assert error.delivery is Delivery.NOT_SENT
                assert not run.noted[name]
                continue
            if (
                self.conversation.is_released_by_peer
                and words > self.recording.words_of(name).start
            ):
                assert isinstance(error, AssociationReleased)
            else:
                assert type(error) is ConnectionLost
            if requests[name] == 1:
                begin, end = self.recording.requests[name]
                assert error.delivery in self.recording.deliveries(begin, end, passed)
                pending = min(words, self.recording.words_of(name).stop)
                tells = self.conversation.tells[:pending]
                mine = [tells[it] for it in self.recording.words_of(name) if it < pending]
                expected = whole.noted[name][: mine.count("request_pending")]
                # The first may come with the end, before its caller knows that he has asked.
                is_early = not run.noted[name] and len(expected) <= 1
                assert is_early or same(run.noted[name], expected)
            else:
                self.check_results(run.noted[name], words, passed)
        assert not run.errors

    def check_results(self, results: list[object], words: int, passed: int) -> None:
        """Of many instances, each that was on the wire has a result with what became of it."""
        answered = max(words - 1, 0)
        possible = [
            {Delivery.ANSWERED}
            if number < answered
            else self.recording.deliveries(begin, end, passed)
            for number, (begin, end) in enumerate(self.recording.messages)
            if number < answered or begin < passed
        ]
        found = [it.delivery for it in results if isinstance(it, StoreResult)]
        assert len(found) == len(results) >= len(possible)
        assert all(map(contains, possible, found))
        # The next one may have begun in the moment of the cut, and the others never did.
        assert Delivery.ANSWERED not in found[len(possible) :]
        assert set(found[len(possible) + 1 :]) <= {Delivery.NOT_SENT}

    def check_files(self, words: int, passed: int) -> None:
        """What is there is whole, and what we have acknowledged is there."""
        if not self.whole:
            return
        inbox = self.folder / "in"
        names = names_in(inbox)
        assert is_clean(inbox, *names)
        assert set(names) <= set(self.whole)
        for name in names:
            assert (inbox / name).read_bytes() == self.whole[name]
        came, acknowledged = self.recording.instances(words, passed)
        assert acknowledged <= len(names) <= came
        self.clean_up()

    def clean_up(self) -> None:
        for path in (self.folder / "in").iterdir():
            path.unlink()


def same(one: object, other: object) -> bool:
    return repr(one) == repr(other)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    prepare(tmp_path)
    return tmp_path


@pytest.mark.parametrize("how", ["eof", "reset"])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_link_is_cut_at_every_byte(name: str, how: How, folder: Path) -> None:
    async def main() -> None:
        recording = await CONVERSATIONS[name].recorded(folder)
        after = await CONVERSATIONS["echo"].recorded(folder)
        cutter = Cutter(recording, after, folder)
        said = {"sending": recording.record.asked, "receiving": recording.said}

        async def cut(direction: str, place: int) -> None:
            await cutter.cut(how, **{direction: place})

        print(f"{name}, {how}: {await cut_all(said, how, cut, cutter.converse_again)}")

    with small_blocks(400):
        # It never has to jump, unless something waits for a timeout.
        trio.run(main, clock=MockClock(autojump_threshold=5))
    gc.collect()  # what nobody closed says so
