"""A recorded peer that called us in the midst of a conversation calls again at the same place."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio
from attrs import define
from pydicom import Dataset
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.operations.calling import Keeper
from trio_dicom import (
    AbortSource,
    Association,
    CEchoRequest,
    CStoreRequest,
    CStoreResponse,
    Receiver,
    Timeouts,
    open_receiver,
    propose,
    wrap_stream,
)
from trio_dicom.lowlevel import Abort, AssociationAccept
from trio_dicom.recording import Record, Recording, RecordKind, Side, read_recording
from trio_dicom.sop_classes import STUDY_ROOT_MOVE, VERIFICATION
from trio_dicom.testing import (
    ConversationOver,
    FaultyStream,
    MemoryArchive,
    ScriptedPeer,
    Trickle,
    made_up_instances,
    memory_link,
    patient_clock,
    replay_peer,
    scripted_peer,
)

OURS = "TRIOSTORE"
INSTANCES = made_up_instances(3)
UIDS = [it.SOPInstanceUID for it in INSTANCES]

Serve = Callable[[trio.abc.Stream], Awaitable[None]]
Program = Callable[[Association, Receiver], Awaitable[None]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace.jsonl"


@define(eq=False)
class Slow(Keeper):
    """Takes its time for each instance."""

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        await trio.sleep(7)
        return await super().on_c_store_request(request)


async def bring(association: Association, receiver: Receiver) -> None:
    """The program: it has a study moved to itself."""
    query = Dataset()
    query.StudyInstanceUID = INSTANCES[0].StudyInstanceUID
    async with association.c_move(
        query, level="STUDY", receiver=receiver, check=False
    ) as retrieval:
        await retrieval.final()


async def ask_nothing(association: Association, receiver: Receiver) -> None:
    """A program that does not."""
    await association.c_echo()


async def run(
    stream: trio.abc.Stream,
    receiver: Receiver,
    program: Program,
    *,
    instrument: Recording | None = None,
) -> None:
    """Run ``program`` on an association over ``stream``."""
    async with wrap_stream(stream, instrument=instrument) as connection:
        request = propose(contexts=[STUDY_ROOT_MOVE, VERIFICATION], calling_ae=OURS)
        negotiated = await connection.send_association_request(request)
        await program(Association(connection, negotiated), receiver)


@asynccontextmanager
async def receiving(
    keeper: Keeper | None = None, instrument: Recording | None = None
) -> AsyncGenerator[Receiver, None]:
    """A receiver of ours. It keeps what comes in files, for which the clock waits."""
    keeper = Keeper() if keeper is None else keeper
    with patient_clock():
        async with open_receiver(into=keeper, ae_title=OURS, instrument=instrument) as receiver:
            yield receiver


async def record(path: Path, *programs: Program) -> None:
    """Record associations with an archive, one after the other, in which it calls us."""
    recording = Recording(path, keeps_bytes=True)
    async with receiving(instrument=recording) as receiver, trio.open_nursery() as nursery:
        archive = MemoryArchive(destinations={OURS: receiver.serve})
        for data_set in INSTANCES:
            archive.instances.add(data_set)
        for program in programs:
            ours, theirs = memory_link()
            nursery.start_soon(archive.serve, theirs)
            await run(ours, receiver, program, instrument=recording)


def said_by_peer(path: Path) -> list[tuple[int, RecordKind, bytes | None]]:
    """What came, over all connections."""
    records = read_recording(path)
    return [(it.association, it.kind, it.data) for it in records if it.by is Side.PEER]


async def test_all_connections_go_on_in_the_order_in_which_they_did(
    path: Path, tmp_path: Path, autojump_clock: MockClock
) -> None:
    await record(path, bring)
    said = said_by_peer(path)
    runs = 20  # in each of which Trio shuffles its tasks
    for number in range(runs):
        again = tmp_path / f"again-{number}.jsonl"
        recording, keeper = Recording(again, keeps_bytes=True), Keeper()
        async with (
            receiving(keeper, recording) as receiver,
            replay_peer(path, calls=receiver.serve) as stream,
        ):
            await run(stream, receiver, bring, instrument=recording)
        assert keeper.uids == UIDS
        assert said_by_peer(again) == said
    assert {number for number, _, _ in said} == {1, 2}
    assert trio.current_time() == 0  # nothing waited for a clock
    print(f"{runs} replays of {len(said)} records")


async def test_over_links_that_bring_a_few_bytes_at_a_time_too(
    path: Path, autojump_clock: MockClock
) -> None:
    await record(path, bring)
    keeper = Keeper()

    def trickling(stream: trio.abc.Stream) -> FaultyStream:
        return FaultyStream(stream, sending=[Trickle(longest=97)], receiving=[Trickle(longest=7)])

    async with receiving(keeper) as receiver:

        async def serve(stream: trio.abc.Stream) -> None:
            await receiver.serve(trickling(stream))

        async with replay_peer(path, calls=serve) as stream:
            await run(trickling(stream), receiver, bring)
    assert keeper.uids == UIDS


async def test_an_answer_waits_for_that_on_the_other_connection(
    path: Path, autojump_clock: MockClock
) -> None:
    progress: list[tuple[float, int | None]] = []

    async def watch(association: Association, receiver: Receiver) -> None:
        query = Dataset()
        query.StudyInstanceUID = INSTANCES[0].StudyInstanceUID
        async with association.c_move(query, level="STUDY", receiver=receiver) as retrieval:
            progress.extend([(trio.current_time(), step.completed) async for step in retrieval])

    await record(path, bring)
    async with (
        receiving(Slow()) as receiver,
        replay_peer(path, calls=receiver.serve) as stream,
    ):
        await run(stream, receiver, watch)
    assert progress == [(7, 1), (14, 2)]  # and the final one is no progress
    assert trio.current_time() == 21


async def test_another_answer_on_its_call_is_a_difference(
    path: Path, autojump_clock: MockClock
) -> None:
    await record(path, bring)
    with pytest.raises(AssertionError) as failed:
        async with (
            receiving(Keeper(status=0xA700)) as receiver,
            replay_peer(path, calls=receiver.serve) as stream,
        ):
            await run(stream, receiver, bring)
    print(failed.value)
    assert "word number 2 of association 2 (CStoreResponse" in str(failed.value)
    assert "status: expected '0000H', but got 'A700H'" in str(failed.value)


async def test_to_leave_its_call_is_a_difference(path: Path, autojump_clock: MockClock) -> None:
    async def accept_and_leave(stream: trio.abc.Stream) -> None:
        peer = ScriptedPeer(stream)
        await peer.accept()
        await peer.aclose()

    await record(path, bring)
    with pytest.raises(AssertionError, match="it said CStoreResponse on context 1 next"):
        async with receiving() as receiver, replay_peer(path, calls=accept_and_leave) as stream:
            await run(stream, receiver, bring)

    async def leave(stream: trio.abc.Stream) -> None:
        await stream.aclose()

    with pytest.raises(AssertionError, match=r"left association 2, but .* said AssociationAccept"):
        async with receiving() as receiver, replay_peer(path, calls=leave) as stream:
            await run(stream, receiver, bring)


async def test_nobody_is_called_before_the_program_asks_for_it(
    path: Path, autojump_clock: MockClock
) -> None:
    async def refuse(stream: trio.abc.Stream) -> None:
        raise AssertionError("never here")

    await record(path, bring)
    with pytest.raises(AssertionError, match="expected CMoveRequest"):
        async with receiving() as receiver, replay_peer(path, calls=refuse) as stream:
            await run(stream, receiver, ask_nothing)


async def test_what_the_called_raise_comes_out(path: Path, autojump_clock: MockClock) -> None:
    async def fail(stream: trio.abc.Stream) -> None:
        raise KeyError("of the test")

    await record(path, bring)
    with pytest.raises(KeyError, match="of the test"):
        async with receiving() as receiver, replay_peer(path, calls=fail) as stream:
            await run(stream, receiver, bring)


async def test_each_association_has_its_calls(path: Path, autojump_clock: MockClock) -> None:
    await record(path, bring, ask_nothing, bring)
    own = [it.association for it in read_recording(path) if it.kind is RecordKind.CONNECTION]
    assert own == [1, 2, 3, 4, 5]
    for number, program in ((1, bring), (3, ask_nothing), (4, bring)):
        keeper = Keeper()
        async with (
            receiving(keeper) as receiver,
            replay_peer(path, association=number, calls=receiver.serve) as stream,
        ):
            await run(stream, receiver, program)
        assert keeper.uids == (UIDS if program is bring else [])
    async with receiving() as receiver:
        for none, says in ((None, "choose one"), (2, "no association 2")):
            with pytest.raises(ValueError, match=says):
                async with replay_peer(path, association=none, calls=receiver.serve):
                    raise AssertionError("never here")


async def record_a_call(path: Path, *, releases: bool) -> None:
    """Record a peer that calls us before it answers an echo, and releases that at last or stays."""
    recording, over = Recording(path, keeps_bytes=True), trio.Event()
    async with trio.open_nursery() as nursery, receiving(instrument=recording) as receiver:

        async def call(peer: ScriptedPeer) -> None:
            await peer.accept()
            echo = await peer.expect_message(CEchoRequest)
            ours, theirs = memory_link()
            nursery.start_soon(receiver.serve, theirs)
            caller = ScriptedPeer(ours)
            await caller.send(propose(contexts=[VERIFICATION], called_ae=OURS))
            await caller.expect(AssociationAccept)
            await peer.reply(echo, 0x0000)
            with suppress(ConversationOver):
                await peer.receive_message()
            if releases:
                await caller.release()
            over.set()

        async with scripted_peer() as (stream, peer):
            nursery.start_soon(call, peer)
            await run(stream, receiver, ask_nothing, instrument=recording)
        await over.wait()
        nursery.cancel_scope.cancel()


async def test_a_call_on_which_the_peer_stays_ends_with_the_block(
    path: Path, autojump_clock: MockClock
) -> None:
    await record_a_call(path, releases=False)
    ours = [it.kind for it in read_recording(path) if it.by is Side.US]
    assert ours[-2:] == [RecordKind.ABORT, RecordKind.CLOSE]
    begun = trio.current_time()
    async with receiving() as receiver, replay_peer(path, calls=receiver.serve) as stream:
        await run(stream, receiver, ask_nothing)
    # As long as a peer has to hang up that was aborted, and did not.
    assert trio.current_time() - begun == Timeouts().abort


async def test_a_call_that_the_program_does_not_end_is_given_up(
    path: Path, autojump_clock: MockClock
) -> None:
    async def accept_and_idle(stream: trio.abc.Stream) -> None:
        await ScriptedPeer(stream).accept()
        await trio.sleep_forever()

    await record_a_call(path, releases=True)
    begun = trio.current_time()
    with pytest.raises(AssertionError, match=r"association 2, .* said ReleaseResponse next"):
        async with (
            receiving() as receiver,
            replay_peer(path, calls=accept_and_idle, checks_words=False) as stream,
        ):
            await run(stream, receiver, ask_nothing)
    assert trio.current_time() - begun == 5


ABORT = Abort(AbortSource.USER).encode()


def line(association: int, by: Side, kind: RecordKind, data: bytes = b"") -> Record:
    return Record(time=0, association=association, by=by, kind=kind, length=len(data), data=data)


def calls_of(*associations: int) -> list[Record]:
    """We call, and the peer calls us on these, and says a word each."""
    records = [line(1, Side.US, RecordKind.CONNECTION)]
    for it in associations:
        records.append(line(it, Side.PEER, RecordKind.CONNECTION))
        records.append(line(it, Side.PEER, RecordKind.ABORT, ABORT))
    return records


async def test_a_word_waits_for_the_last_byte_of_that_before_it(
    autojump_clock: MockClock,
) -> None:
    came: list[int] = []

    async def listen(stream: trio.abc.Stream) -> None:
        for byte in ABORT:
            assert await stream.receive_some(1) == bytes([byte])
            came.append(byte)
            await wait_all_tasks_blocked()

    records = [*calls_of(2), line(1, Side.PEER, RecordKind.ABORT, ABORT)]
    async with replay_peer(records, calls=listen) as stream:
        assert await stream.receive_some() == ABORT
        assert bytes(came) == ABORT


async def test_a_call_that_never_came_leaves_something_unsaid(autojump_clock: MockClock) -> None:
    async def idle(stream: trio.abc.Stream) -> None:
        await trio.sleep_forever()

    records = [*calls_of(2, 3), line(3, Side.US, RecordKind.ABORT, ABORT)]
    with pytest.raises(AssertionError, match=r"left association 3, .* said Abort next"):
        async with replay_peer(records, calls=idle):
            await trio.lowlevel.checkpoint()
