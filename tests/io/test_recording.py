"""What a recording holds of what was said, and what it never holds."""

from __future__ import annotations

import errno
import gc
import json
import logging
import os
import ssl
import stat
from pathlib import Path

import pytest
import trio
from attrs import define
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.faults.conversing import descriptors
from tests.interop.certificates import Certificates
from tests.interop.programs import free_port
from tests.io.loopback import listening, over_tls
from tests.io.recording import serve
from tests.io.talking import patient, store_request, talking
from tests.operations.calling import CONTEXTS, bringing, receiving
from tests.secrecy import leaks
from trio_dicom import (
    AbortSource,
    Association,
    CEchoRequest,
    CFindRequest,
    ConnectFailed,
    ConnectionLost,
    ConnectionOptions,
    TrioDicomError,
    open_association,
    propose,
    username_and_passcode,
    wrap_stream,
)
from trio_dicom.lowlevel import Abort
from trio_dicom.recording import Record, Recording, RecordKind, Side, read_recording
from trio_dicom.sop_classes import STUDY_ROOT_FIND, VERIFICATION
from trio_dicom.testing import scripted_peer

PASSCODE = "a-passcode-of-ours"
NAME = "Recorded^Patient"


def said(records: list[Record]) -> list[str]:
    """Who did what, in short."""
    return [f"{it.by.value}: {it.kind.value}" for it in records]


def of_pdus(*, by: Side, records: list[Record]) -> bytes:
    """The bytes of one side."""
    return b"".join(it.data or b"" for it in records if it.by is by)


@define(eq=False)
class Late(trio.abc.SendStream):
    """Returns from a write when everything that follows from it has happened."""

    stream: trio.abc.Stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.stream.send_all(data)
        await wait_all_tasks_blocked()

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self.stream.aclose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace.jsonl"


async def test_every_pdu_of_both_sides_is_a_line_in_its_order(
    path: Path, autojump_clock: MockClock
) -> None:
    async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:
        nursery.start_soon(serve, peer)
        async with wrap_stream(stream, instrument=Recording(path)) as connection:
            request = propose(contexts=[VERIFICATION])
            association = Association(
                connection, await connection.send_association_request(request)
            )
            await association.c_echo()
    records = list(read_recording(path))
    assert said(records) == [
        "us: connection",
        "us: A-ASSOCIATE-RQ",
        "peer: A-ASSOCIATE-AC",
        "us: P-DATA-TF",
        "peer: P-DATA-TF",
        "us: A-RELEASE-RQ",
        "peer: A-RELEASE-RP",
        "us: close",
    ]
    assert {it.association for it in records} == {1}
    assert [it.time for it in records] == [0.0] * 8  # on Trio's clock, which stands still here
    assert sum(it.length for it in records if it.by is Side.US) == len(peer.received)
    assert [it.data for it in records] == [None] * 8
    echo, answer = (it.summary["fragments"][0]["message"] for it in records[3:5])
    assert (echo["name"], echo["message_id"]) == ("C-ECHO-RQ", 1)
    assert (answer["name"], answer["status"], answer["kind"]) == ("C-ECHO-RSP", 0, "success")


async def test_a_call_from_which_no_connection_came_is_a_line_as_well(path: Path) -> None:
    recording = Recording(path)
    with pytest.raises(ConnectFailed) as raised:
        async with open_association(
            "127.0.0.1", free_port(), contexts=[VERIFICATION], instrument=recording
        ):
            raise AssertionError
    (record,) = read_recording(path)
    assert (record.association, record.by) == (1, Side.US)
    assert record.kind is RecordKind.NO_CONNECTION
    assert record.summary["why"] == str(raised.value)


@pytest.mark.parametrize("capacity", [1, 7, 100, 5_000, None])
async def test_the_bytes_are_those_that_were_said_however_the_link_takes_them(
    path: Path, capacity: int | None, autojump_clock: MockClock
) -> None:
    recording = Recording(path, keeps_bytes=True)
    async with talking(instrument=recording, capacity=capacity) as (connection, peer):
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(
                    connection.send_request, store_request(3_000, uid=f"1.2.{number}")
                )
                await peer.reply(await peer.receive_message(), 0x0000)
            nursery.start_soon(connection.send_request, CEchoRequest())
            await peer.reply(await peer.receive_message(), 0x0000)
        heard, answered = bytes(peer.received), bytes(peer.sent)
    records = list(read_recording(path))
    assert of_pdus(by=Side.US, records=records).startswith(heard)
    assert of_pdus(by=Side.PEER, records=records).startswith(answered)
    assert RecordKind.NO_PDU not in {it.kind for it in records}
    # Each answer stands behind the whole of its request.
    ends = [
        (it.by, fragment.get("message", {}).get("name"))
        for it in records
        if it.kind is RecordKind.P_DATA_TF
        for fragment in it.summary["fragments"]
        if fragment["is_last"] and (fragment["of"] == "data set" or it.by is Side.PEER)
    ]
    assert ends == [(Side.US, None), (Side.PEER, "C-STORE-RSP")] * 3 + [(Side.PEER, "C-ECHO-RSP")]


async def test_an_answer_stands_behind_its_request_even_where_it_comes_before_the_write_returns(
    path: Path, autojump_clock: MockClock
) -> None:
    async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:
        nursery.start_soon(serve, peer)
        late = trio.StapledStream(Late(stream), stream)
        async with wrap_stream(late, instrument=Recording(path)) as connection:
            await connection.send_association_request(propose(contexts=[VERIFICATION]))
            await connection.send_request(CEchoRequest())
    assert [it.by for it in read_recording(path)][1:5] == [Side.US, Side.PEER] * 2


@pytest.mark.parametrize("keeps_bytes", [False, True])
async def test_nothing_about_patients_and_no_secret_is_in_it_unless_it_keeps_bytes(
    path: Path, keeps_bytes: bool, autojump_clock: MockClock
) -> None:
    options = ConnectionOptions(allow_plain_password=True)
    request = propose(
        contexts=[STUDY_ROOT_FIND], user_identity=username_and_passcode("somebody", PASSCODE)
    )
    find = CFindRequest(sop_class_uid=STUDY_ROOT_FIND.abstract_syntax, data_set=patient(NAME))
    recording = Recording(path, keeps_bytes=keeps_bytes)
    async with (
        scripted_peer() as (stream, peer),
        trio.open_nursery() as nursery,
        wrap_stream(stream, instrument=recording, options=options) as connection,
    ):
        nursery.start_soon(peer.accept)
        await connection.send_association_request(request)
        async with connection.open_request(find) as responses:
            asked = await peer.expect_message(CFindRequest)
            await peer.reply(asked, 0xFF00, data_set=patient(NAME))
            await peer.reply(asked, 0xC001, error_comment=f"I do not like {NAME}")
            await responses.final()
        nursery.start_soon(serve, peer)
    records = list(read_recording(path))
    text = b"".join(it.encode() for it in records).decode()
    assert not leaks(text)
    assert not [it for it in (PASSCODE, NAME, "somebody") if it in text]
    assert "username and passcode" in text
    data = b"".join(it.data or b"" for it in records)
    assert [it.encode() in data for it in (PASSCODE, NAME, "somebody")] == [keeps_bytes] * 3


@pytest.mark.skipif(os.name != "posix", reason="there are no modes elsewhere")
def test_nobody_but_the_owner_may_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        Recording(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_there_already_is_never_overwritten(path: Path) -> None:
    path.write_text("something of worth")
    with pytest.raises(FileExistsError):
        Recording(path)
    assert path.read_text() == "something of worth"


async def test_several_associations_in_one_file_are_told_apart(
    path: Path, autojump_clock: MockClock
) -> None:
    recording = Recording(path)
    async with (
        talking(instrument=recording) as (first, peer),
        talking(instrument=recording) as (second, other),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(first.send_request, CEchoRequest())
        nursery.start_soon(second.send_request, CEchoRequest())
        for it in (peer, other):
            await it.reply(await it.receive_message(), 0x0000)
    records = list(read_recording(path))
    assert {it.association for it in records} == {1, 2}
    one, two = ([it for it in records if it.association == number] for number in (1, 2))
    assert said(one) == said(two)
    assert records.index(one[0]) < records.index(two[0]) < records.index(one[-1])


async def test_a_receiver_records_its_peers(
    path: Path, tmp_path: Path, autojump_clock: MockClock
) -> None:
    recording = Recording(path)
    async with receiving(tmp_path / "in", instrument=recording) as receiver:
        for _ in range(2):
            async with bringing(receiver) as peer:
                await peer.release()
    records = list(read_recording(path))
    assert said([it for it in records if it.association == 2])[:3] == [
        "peer: connection",
        "peer: A-ASSOCIATE-RQ",
        "us: A-ASSOCIATE-AC",
    ]


async def test_over_tls_it_is_what_was_encrypted(path: Path, certificates: Certificates) -> None:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificates.server_cert, certificates.server_key)
    client = ssl.create_default_context(cafile=str(certificates.ca))
    async with (
        listening(over_tls(server)) as (host, port),
        open_association(
            host,
            port,
            contexts=[VERIFICATION],
            tls=client,
            instrument=Recording(path, keeps_bytes=True),
        ) as association,
    ):
        await association.c_echo()
    kinds = [it.kind for it in read_recording(path)]
    assert kinds[1] is RecordKind.ASSOCIATE_RQ
    assert RecordKind.RELEASE_RP in kinds
    assert RecordKind.NO_PDU not in kinds


@pytest.mark.parametrize(
    "words, kinds",
    [
        (b"HTTP/1.1 400 Bad Request", [RecordKind.NO_PDU]),
        (b"\x02\0\0\0", [RecordKind.NO_PDU, RecordKind.END_OF_FILE]),
        (b"\x02\0\0\0\0\x01\0", [RecordKind.ASSOCIATE_AC]),
        (Abort(AbortSource.USER).encode(), [RecordKind.ABORT]),
        (b"", [RecordKind.END_OF_FILE]),
    ],
    ids=["no PDU", "half a PDU", "a broken PDU", "an abort", "nothing"],
)
async def test_whatever_a_peer_says_is_in_it(
    path: Path, words: bytes, kinds: list[RecordKind], autojump_clock: MockClock
) -> None:
    recording = Recording(path, keeps_bytes=True)
    async with scripted_peer() as (stream, peer), wrap_stream(stream, instrument=recording) as it:
        await peer.send_bytes(words)
        await peer.eof()
        with pytest.raises(TrioDicomError):
            await it.send_association_request(propose(contexts=CONTEXTS))
    records = [it for it in read_recording(path) if it.by is Side.PEER]
    assert [it.kind for it in records][: len(kinds)] == kinds
    assert of_pdus(by=Side.PEER, records=records) == words


async def test_a_reset_is_in_it(path: Path, autojump_clock: MockClock) -> None:
    async with talking(instrument=Recording(path)) as (connection, peer):
        await peer.reset()
        with pytest.raises(ConnectionLost):
            await connection.send_request(CEchoRequest())
    records = list(read_recording(path))
    assert said(records)[-2:] == ["peer: reset", "us: close"]
    assert records[-2].summary == {"why": "the link was reset"}


async def test_a_full_disk_ends_the_recording_and_nothing_else(
    path: Path,
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    real, room = os.write, [1_000]

    def write(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = real(descriptor, data[: room[0]])
        room[0] -= taken
        return taken

    recording = Recording(path)
    async with talking(instrument=recording) as (connection, peer):
        with monkeypatch.context() as patch:
            patch.setattr("trio_dicom.recording.writing.os.write", write)
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(connection.send_request, CEchoRequest())
                    await peer.reply(await peer.receive_message(), 0x0000)
    assert len(list(read_recording(path))) < 8
    warnings = [it.getMessage() for it in caplog.records if it.levelno >= logging.WARNING]
    assert warnings == [f"the recording in {path} ends here: No space left on device"]


@pytest.mark.parametrize("most", [1, 7, 100])
async def test_a_disk_that_takes_a_line_in_pieces_gets_all_of_it(
    path: Path, most: int, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(
            "trio_dicom.recording.writing.os.write", lambda to, data: real(to, data[:most])
        )
        async with talking(instrument=Recording(path)):
            pass
    assert said(list(read_recording(path)))[-1] == "us: close"


async def test_a_closed_recording_writes_to_no_file_that_has_its_descriptor_now(
    path: Path, tmp_path: Path, autojump_clock: MockClock
) -> None:
    recording = Recording(path)
    async with talking(instrument=recording):
        recording.close()
        # Whoever opens something next gets the lowest descriptor: one of these is the old one.
        others = [(tmp_path / f"other {number}").open("wb") for number in range(10)]
    for it in others:
        it.close()
    assert b"".join((tmp_path / f"other {number}").read_bytes() for number in range(10)) == b""
    assert not [it for it in read_recording(path) if it.kind is RecordKind.CLOSE]


async def test_it_is_closed_with_its_last_user_or_before(
    path: Path, tmp_path: Path, autojump_clock: MockClock
) -> None:
    opened = descriptors()
    async with talking(instrument=Recording(path)):
        pass
    with Recording(tmp_path / "other.jsonl") as other:
        async with talking(instrument=other):
            other.close()
    assert said(list(read_recording(tmp_path / "other.jsonl")))[-1] == "peer: A-ASSOCIATE-AC"
    gc.collect()
    assert descriptors() <= opened


def test_a_recording_that_is_cut_off_in_its_last_line_can_be_read(path: Path) -> None:
    records = [
        Record(time=it, association=1, by=Side.US, kind=RecordKind.ABORT, data=b"\0\1\2\3")
        for it in range(3)
    ]
    *before, last = (it.encode() for it in records)
    for cut in range(len(last) - 1):
        path.write_bytes(b"".join(before) + last[:cut])
        assert list(read_recording(path)) == records[:-1]
    path.write_bytes(b"".join(before) + last[:-1])
    assert list(read_recording(path)) == records


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{}",
        '{"time": 0, "association": 1, "by": "us", "what": "nothing"}',
        "{",
        "\xff",
        "[" * 99_999,
    ],
    ids=["nothing", "a list", "no members", "no kind", "half", "no text", "too deep"],
)
def test_what_is_no_recording_says_where(path: Path, line: str) -> None:
    record = Record(time=0.5, association=1, by=Side.US, kind=RecordKind.RELEASE_RQ, length=10)
    path.write_bytes(record.encode() + line.encode("latin-1") + b"\n" + record.encode())
    with pytest.raises(ValueError, match="line 2"):
        list(read_recording(path))


def test_a_record_is_the_same_when_it_is_read() -> None:
    record = Record(
        time=1.25,
        association=7,
        by=Side.PEER,
        kind=RecordKind.ABORT,
        length=3,
        summary={"source": "user"},
        data=b"\0\1\2",
    )
    assert Record.decode(record.encode()) == record
    assert json.loads(record.encode())["bytes"] == "AAEC"
    assert "\\x00" not in repr(record)
