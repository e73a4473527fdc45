"""A recorded peer plays its part once more, and notices when the other side does not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.recording import serve
from tests.io.talking import CT, instance, patient
from tests.operations.calling import bringing, receiving
from trio_dicom import (
    AbortSource,
    Association,
    CFindRequest,
    ConnectionOptions,
    CStoreRequest,
    PresentationContext,
    Request,
    TrioDicomError,
    open_receiver,
    propose,
    wrap_stream,
)
from trio_dicom.lowlevel import Abort, DataTransfer, PresentationDataValue
from trio_dicom.recording import Record, Recording, RecordKind, Side, read_recording
from trio_dicom.sop_classes import STUDY_ROOT_FIND, VERIFICATION
from trio_dicom.testing import (
    ConversationOver,
    FaultyStream,
    ScriptedPeer,
    Trickle,
    replay_peer,
    scripted_peer,
)

NAMES = ["Doe^Jane", "Doe^John"]
CONTEXTS = [VERIFICATION, STUDY_ROOT_FIND, PresentationContext(CT)]

Client = Callable[[Association], Awaitable[object]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace.jsonl"


async def archive(peer: ScriptedPeer) -> None:
    """Two matches to each query, and success to whatever is asked."""
    await peer.accept()
    with suppress(ConversationOver):
        while isinstance(asked := await peer.receive_message(), Request):
            for name in NAMES if isinstance(asked, CFindRequest) else ():
                await peer.reply(asked, 0xFF00, data_set=patient(name))
            await peer.reply(asked, 0x0000)


async def use(association: Association, *, name: str = "Doe^*", size: int = 40_000) -> list[str]:
    """Verify, find and store; the names that were found."""
    await association.c_echo()
    async with association.c_find(patient(name), level="STUDY") as matches:
        names = [str(it.identifier.PatientName) async for it in matches]
    request = CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2.3", data_set=instance(size))
    response = await association.connection.ask(request)
    assert response.status.is_success
    return names


async def associate(
    stream: trio.abc.Stream,
    use: Callable[[Association], Awaitable[object]],
    *,
    instrument: Recording | None = None,
    called_ae: str = "ARCHIVE",
    options: ConnectionOptions | None = None,
) -> object:
    """What comes of ``use`` on an association over ``stream``."""
    options = ConnectionOptions() if options is None else options
    async with wrap_stream(stream, instrument=instrument, options=options) as connection:
        request = propose(contexts=CONTEXTS, called_ae=called_ae, max_length=options.max_length)
        return await use(
            Association(connection, await connection.send_association_request(request))
        )


async def record(
    path: Path, use: Client = use, script: Callable[..., Awaitable[object]] = archive
) -> object:
    """What came of ``use`` when it was recorded."""
    async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:
        nursery.start_soon(script, peer)
        return await associate(stream, use, instrument=Recording(path, keeps_bytes=True))


async def test_the_same_program_gets_the_same_again(path: Path, autojump_clock: MockClock) -> None:
    names = await record(path)
    for _ in range(3):
        async with replay_peer(path) as stream:
            assert await associate(stream, use) == names == NAMES
    assert trio.current_time() == 0  # nothing waited for a clock


@pytest.mark.parametrize("fragment", [1_000, 4_096, 100_000])
async def test_fragments_of_another_length_and_another_reading_are_no_difference(
    path: Path, fragment: int, autojump_clock: MockClock
) -> None:
    names = await record(path)
    options = ConnectionOptions(max_length=2 * fragment, max_fragment_pdu=fragment)
    async with replay_peer(path) as peer:
        stream = FaultyStream(peer, sending=[Trickle(longest=97)], receiving=[Trickle(longest=7)])
        assert await associate(stream, use, options=options) == names


async def test_a_recording_of_a_replay_is_the_same_recording(
    path: Path, tmp_path: Path, autojump_clock: MockClock
) -> None:
    await record(path)
    again = tmp_path / "again.jsonl"
    async with replay_peer(path) as stream:
        await associate(stream, use, instrument=Recording(again, keeps_bytes=True))
    one, other = list(read_recording(path)), list(read_recording(again))
    assert [it.data for it in one] == [it.data for it in other]
    assert len(one) > 15


async def another_key(association: Association) -> None:
    await use(association, name="Roe^*")


async def another_instance(association: Association) -> None:
    await use(association, size=60_000)


async def another_message(association: Association) -> None:
    async with association.c_find(patient("*"), level="STUDY"):
        raise AssertionError("never here")


async def nothing_at_all(association: Association) -> None:
    await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    "client, word, difference",
    [
        (another_key, 4, "data_set.PatientName: expected 'Doe^*', but got 'Roe^*'"),
        (another_instance, 6, "data_set.PixelData: expected 39988 bytes, but got 59988 bytes"),
        (another_message, 2, "expected CEchoRequest on context 1, but got "),
        (nothing_at_all, 2, "expected CEchoRequest on context 1, but got "),
    ],
)
async def test_another_word_is_a_readable_difference(
    path: Path, client: Client, word: int, difference: str, autojump_clock: MockClock
) -> None:
    await record(path)
    with pytest.raises(AssertionError) as failed:
        async with replay_peer(path) as stream:
            await associate(stream, client)
    print(failed.value)
    assert f"from word number {word} " in str(failed.value)
    assert f"\n  {difference}" in str(failed.value)


async def test_another_title_is_a_difference(path: Path, autojump_clock: MockClock) -> None:
    await record(path)
    with pytest.raises(AssertionError, match="called_ae: expected 'ARCHIVE', but got 'OTHER'"):
        async with replay_peer(path) as stream:
            await associate(stream, use, called_ae="OTHER")


async def test_other_words_are_as_good_where_they_are_not_checked(
    path: Path, autojump_clock: MockClock
) -> None:
    names = await record(path)

    async def other(association: Association) -> list[str]:
        return await use(association, name="Somebody^Else", size=200)

    async with replay_peer(path, checks_words=False) as stream:
        assert await associate(stream, other, called_ae="OTHER") == names
    with pytest.raises(AssertionError, match="when it was recorded it said"):
        async with replay_peer(path, checks_words=False) as stream:
            await associate(stream, nothing_at_all)


async def test_to_say_less_is_a_difference(path: Path, autojump_clock: MockClock) -> None:
    await record(path)
    with pytest.raises(AssertionError, match="it said AssociationRequest next"):
        async with replay_peer(path):
            pass


async def test_to_say_more_is_a_difference(path: Path, autojump_clock: MockClock) -> None:
    await record(path, lambda it: it.c_echo())
    over = (RecordKind.RELEASE_RQ, RecordKind.RELEASE_RP)
    records = [it for it in read_recording(path) if it.kind not in over]
    with pytest.raises(AssertionError, match="expected nothing more, but got ReleaseRequest"):
        async with replay_peer(records) as stream:
            await associate(stream, lambda it: it.c_echo())


async def test_an_error_of_the_test_itself_comes_out_with_a_note(
    path: Path, autojump_clock: MockClock
) -> None:
    async def fail(association: Association) -> None:
        await association.c_echo()
        raise KeyError("of the test")

    await record(path)
    with pytest.raises(KeyError, match="of the test") as failed:
        async with replay_peer(path) as stream:
            await associate(stream, fail)
    assert "but got Abort" in failed.value.__notes__[0]


@pytest.mark.parametrize("how", ["aclose", "reset", "abort"])
async def test_an_end_in_the_middle_comes_at_the_same_place(
    path: Path, how: str, autojump_clock: MockClock
) -> None:
    async def leave(peer: ScriptedPeer) -> None:
        await peer.accept()
        await peer.receive_message()
        await getattr(peer, how)()
        await peer.aclose()

    async def echo(association: Association) -> str:
        with pytest.raises(TrioDicomError) as ended:
            await association.c_echo()
        return f"{type(ended.value).__name__} {ended.value}"

    with_error = await record(path, echo, leave)
    async with replay_peer(path) as stream:
        assert await associate(stream, echo) == with_error


async def test_an_answer_that_came_in_the_middle_of_a_message_comes_there_again(
    path: Path, autojump_clock: MockClock
) -> None:
    async def refuse(peer: ScriptedPeer) -> None:
        await peer.accept(max_length=1_000)
        for _ in range(10):
            await peer.receive_pdu()
        await peer.abort()
        await peer.aclose()

    async def store(association: Association) -> str:
        large = instance(3_000_000)
        request = CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2.3", data_set=large)
        with pytest.raises(TrioDicomError) as ended:
            await association.connection.ask(request)
        return str(ended.value)

    async with scripted_peer(capacity=2_000) as (stream, peer), trio.open_nursery() as nursery:
        nursery.start_soon(refuse, peer)
        ended = await associate(stream, store, instrument=Recording(path, keeps_bytes=True))
    async with replay_peer(path) as stream:
        assert await associate(stream, store) == ended


async def test_a_word_in_the_middle_of_a_message_waits_for_as_much_of_it(
    autojump_clock: MockClock,
) -> None:
    def fragment(data: bytes) -> bytes:
        pdv = PresentationDataValue(context_id=1, is_command=False, is_last=False, data=data)
        return DataTransfer((pdv,)).encode()

    abort = Abort(AbortSource.USER).encode()
    said = (
        (Side.US, RecordKind.P_DATA_TF, fragment(b"1234")),
        (Side.PEER, RecordKind.ABORT, abort),
    )
    records = [
        Record(time=0, association=1, by=by, kind=kind, length=len(data), data=data)
        for by, kind, data in said
    ]
    heard = b""

    async def listen() -> None:
        nonlocal heard
        heard = await stream.receive_some()

    async with replay_peer(records) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        for data in (b"1", b"2", b"3"):
            await stream.send_all(fragment(data))
            await wait_all_tasks_blocked()
            assert heard == b""
        await stream.send_all(fragment(b"4"))
    assert heard == abort


async def test_a_peer_that_called_us_calls_again(
    path: Path, tmp_path: Path, autojump_clock: MockClock
) -> None:
    recording = Recording(path, keeps_bytes=True)
    async with (
        receiving(tmp_path / "in", instrument=recording) as receiver,
        bringing(receiver) as peer,
    ):
        await peer.release()
    async with (
        open_receiver(into=tmp_path / "again") as receiver,
        replay_peer(path) as stream,
    ):
        await receiver.serve(stream)


async def test_several_associations_want_a_number(path: Path, autojump_clock: MockClock) -> None:
    recording = Recording(path, keeps_bytes=True)
    for _ in range(2):
        async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:
            nursery.start_soon(serve, peer)
            await associate(stream, lambda it: it.c_echo(), instrument=recording)
    async with replay_peer(path, association=2) as stream:
        await associate(stream, lambda it: it.c_echo())
    for number, says in (
        (None, r"\[1, 2\] were recorded: choose one"),
        (3, "no association 3"),
    ):
        with pytest.raises(ValueError, match=says):
            async with replay_peer(path, association=number):
                raise AssertionError("never here")


async def test_nobody_is_replayed_where_nothing_was_recorded() -> None:
    with pytest.raises(ValueError, match="no association in the recording"):
        async with replay_peer([]):
            raise AssertionError("never here")


async def test_without_bytes_there_is_nothing_to_say() -> None:
    record = Record(time=0, association=1, by=Side.PEER, kind=RecordKind.RELEASE_RQ, length=10)
    with pytest.raises(ValueError, match="without its bytes"):
        async with replay_peer([record]):
            raise AssertionError("never here")
