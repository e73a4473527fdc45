"""A recording as it is shown to people."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from pydicom.uid import ExplicitVRLittleEndian, RLELossless
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.recording import serve
from tests.io.talking import CT, find_request, store_request
from trio_dicom import (
    AbortReason,
    AbortSource,
    AssociationRequest,
    CFindRequest,
    ClientConnection,
    CMoveRequest,
    ContextResult,
    PresentationContext,
    RejectReason,
    TrioDicomError,
    propose,
    wrap_stream,
)
from trio_dicom.recording import Record, Recording, RecordKind, Side, read_recording, sequence
from trio_dicom.sop_classes import STUDY_ROOT_FIND, STUDY_ROOT_MOVE, VERIFICATION
from trio_dicom.testing import ScriptedPeer, acceptance_of, scripted_peer

CONVERSATION = """\
1 0.0000 > connection to the peer at noon
1 0.0000 > A-ASSOCIATE-RQ TRIO_DICOM to ARCHIVE, takes 131072 bytes, window 3/1, TRIO_DICOM_0_1
context 1: Verification SOP Class in Explicit VR Little Endian
context 3: Study Root Query/Retrieve Information Model - FIND in Explicit VR Little Endian
context 5: CT Image Storage in Explicit VR Little Endian or RLE Lossless
context 7: Study Root Query/Retrieve Information Model - MOVE in Explicit VR Little Endian
1 0.0000 < A-ASSOCIATE-AC TRIO_DICOM to ARCHIVE, takes 16384 bytes
context 1: Explicit VR Little Endian
context 3: Explicit VR Little Endian
context 5: refused: user rejection
context 7: Explicit VR Little Endian
1 0.0000 > C-FIND-RQ message 1, Study Root Query/Retrieve Information Model - FIND, context 3, \
98 bytes in 2 P-DATA-TF
1 0.0000 < C-FIND-RSP to message 1, FF00H (pending: matches are continuing), \
98 bytes in 2 P-DATA-TF
1 0.0000 < C-FIND-RSP to message 1, 0000H (success), 88 bytes in 1 P-DATA-TF
1 0.0000 > C-MOVE-RQ message 2, Study Root Query/Retrieve Information Model - MOVE, context 7, \
to INBOX, 112 bytes in 2 P-DATA-TF
1 0.0000 < C-MOVE-RSP to message 2, FF00H (pending: sub-operations are continuing), \
2 remaining, 1 completed, 0 failed, 0 warning, 128 bytes in 1 P-DATA-TF
1 0.0000 < C-MOVE-RSP to message 2, A801H (failure: move destination unknown), \
88 bytes in 1 P-DATA-TF
1 0.0000 > A-RELEASE-RQ
1 0.0000 < A-RELEASE-RP
1 0.0000 > closed
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace.jsonl"


def shown(path: Path) -> list[str]:
    """The lines, with one space between words and without the wall clock."""
    return [
        re.sub(r"at 20\S+", "at noon", " ".join(line.split()))
        for line in sequence(read_recording(path))
    ]


@asynccontextmanager
async def recorded(path: Path) -> AsyncGenerator[tuple[ClientConnection, ScriptedPeer], None]:
    """A connection that is recorded, and its peer, who obliges at the end."""
    async with (
        scripted_peer() as (stream, peer),
        trio.open_nursery() as nursery,
        wrap_stream(stream, instrument=Recording(path)) as connection,
    ):
        yield connection, peer
        nursery.start_soon(serve, peer)


async def test_a_whole_conversation(path: Path, autojump_clock: MockClock) -> None:
    models = (VERIFICATION, STUDY_ROOT_FIND, STUDY_ROOT_MOVE)
    contexts = [PresentationContext(it.abstract_syntax, ExplicitVRLittleEndian) for it in models]
    contexts.insert(2, PresentationContext(CT, (ExplicitVRLittleEndian, RLELossless)))
    move = CMoveRequest(
        sop_class_uid=STUDY_ROOT_MOVE.abstract_syntax,
        move_destination="INBOX",
        data_set=find_request().data_set,
    )
    async with recorded(path) as (connection, peer), trio.open_nursery() as nursery:
        nursery.start_soon(lambda: peer.accept(refuse={CT: ContextResult.USER_REJECTION}))
        await connection.send_association_request(
            propose(contexts=contexts, called_ae="ARCHIVE", max_operations_invoked=3)
        )
        async with connection.open_request(find_request()) as responses:
            asked = await peer.expect_message(CFindRequest)
            await peer.reply(asked, 0xFF00, data_set=find_request().data_set)
            await peer.reply(asked, 0x0000)
            await responses.final()
        nursery.start_soon(connection.send_request, move)
        asked = await peer.expect_message(CMoveRequest)
        await peer.reply(asked, 0xFF00, remaining=2, completed=1, failed=0, warning=0)
        await peer.reply(asked, 0xA801)
    assert "\n".join(shown(path)) + "\n" == CONVERSATION


async def test_an_instance_is_one_line_however_many_pdus_it_took(
    path: Path, autojump_clock: MockClock
) -> None:
    async with recorded(path) as (connection, peer), trio.open_nursery() as nursery:
        nursery.start_soon(lambda: peer.accept(max_length=1_000))
        await connection.send_association_request(propose(contexts=[PresentationContext(CT)]))
        nursery.start_soon(connection.send_request, store_request(10_000))
        await trio.sleep(2)
        await peer.reply(await peer.receive_message(), 0x0000)
    [line] = [it for it in shown(path) if "C-STORE-RQ" in it]
    assert line.endswith("bytes in 12 P-DATA-TF")


@pytest.mark.parametrize(
    "source, reason, words",
    [
        (AbortSource.USER, AbortReason.NOT_SPECIFIED, "by the user: not specified"),
        (AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU, "by the provider: unexpected pdu"),
    ],
)
async def test_an_abort_says_by_whom_and_why(
    path: Path, source: AbortSource, reason: AbortReason, words: str, autojump_clock: MockClock
) -> None:
    async with recorded(path) as (connection, peer):
        await peer.abort(source, reason)
        await peer.aclose()
        with pytest.raises(TrioDicomError):
            await connection.send_association_request(propose(contexts=[VERIFICATION]))
    assert f"1 0.0000 < A-ABORT {words}" in shown(path)


async def test_a_rejection_says_why(path: Path, autojump_clock: MockClock) -> None:
    async with recorded(path) as (connection, peer), trio.open_nursery() as nursery:
        nursery.start_soon(peer.reject, RejectReason.TEMPORARY_CONGESTION)
        with pytest.raises(TrioDicomError):
            await connection.send_association_request(propose(contexts=[VERIFICATION]))
    expected = "< A-ASSOCIATE-RJ permanent, provider presentation, temporary congestion"
    assert f"1 0.0000 {expected}" in shown(path)


async def test_what_was_cut_off_is_there_in_part(path: Path, autojump_clock: MockClock) -> None:
    async with recorded(path) as (connection, peer), trio.open_nursery() as nursery:
        nursery.start_soon(peer.accept)
        await connection.send_association_request(propose(contexts=[STUDY_ROOT_FIND]))
        async with connection.open_request(find_request()) as responses:
            asked = await peer.expect_message(CFindRequest)
            await peer.send_message(asked, is_last=False)
            await peer.send_bytes(b"\x05\0\0")
            await wait_all_tasks_blocked()
            await peer.aclose()
            with pytest.raises(TrioDicomError):
                await responses.final()
    lines = shown(path)
    assert "1 0.0000 < no PDU 3 bytes" in lines
    assert "1 0.0000 < end of file" in lines
    [cut] = [it for it in lines if "not all of it" in it]
    assert cut.startswith("1 0.0000 < C-FIND-RQ not all of it: message 1, ")


def test_a_recording_without_an_end_ends_where_it_does() -> None:
    record = Record(time=61.5, association=12, by=Side.PEER, kind=RecordKind.RELEASE_RQ, length=10)
    assert list(sequence([record])) == [" 12    61.5000  < A-RELEASE-RQ"]


def test_a_line_of_text_is_no_recording(path: Path) -> None:
    path.write_text("hello\n")
    with pytest.raises(ValueError, match="line 1"):
        shown(path)


@pytest.mark.parametrize("at", range(1, 6))
async def test_a_summary_that_somebody_has_spoilt_is_no_recording(
    path: Path, at: int, autojump_clock: MockClock
) -> None:
    """Whatever is left out or of another type, it is told in words or is of no matter."""
    async with recorded(path) as (connection, peer), trio.open_nursery() as nursery:
        nursery.start_soon(peer.accept)
        await connection.send_association_request(
            propose(contexts=[STUDY_ROOT_FIND], max_operations_invoked=2)
        )
        async with connection.open_request(find_request()) as responses:
            await peer.reply(await peer.expect_message(CFindRequest), 0x0000)
            await responses.final()
    records = list(read_recording(path))
    cases = refused = 0
    for spoilt in spoil(dict(records[at].summary)):
        cases += 1
        try:
            list(sequence([*records[:at], evolve(records[at], summary=spoilt)]))
        except ValueError as error:
            assert f"line {at + 1}: no {records[at].kind.value}" in str(error)  # noqa: PT017
            refused += 1
    print(f"{cases} summaries, {refused} refused")


def spoil(value: Any) -> Iterator[Any]:
    """The same with one thing in it left out, or another."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, it in list(items):
        rest = {**value} if isinstance(value, dict) else [*value]
        del rest[key]
        yield rest
        for other in (None, 0, "x", [], {}, *(spoil(it) if isinstance(it, dict | list) else ())):
            changed = {**value} if isinstance(value, dict) else [*value]
            changed[key] = other
            yield changed


async def test_what_a_peer_says_is_one_printable_line_each(
    path: Path, autojump_clock: MockClock
) -> None:
    title = b"\x1b[31mEVIL\x07\n\r\xe9 \x7f"

    async def answer(peer: ScriptedPeer) -> None:
        answered = bytearray(acceptance_of(await peer.expect(AssociationRequest)).encode())
        answered[10 : 10 + len(title)] = title
        await peer.send_bytes(answered)
        await peer.expect_end()

    async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:
        nursery.start_soon(answer, peer)
        async with wrap_stream(stream, instrument=Recording(path)) as connection:
            await connection.send_association_request(propose(contexts=[VERIFICATION]))
    lines = list(sequence(read_recording(path)))
    assert [it for it in lines if not it.isprintable()] == []
    [line] = [it for it in lines if "EVIL" in it]
    assert r"\x1b[31mEVIL\x07\n\r" in line


def test_a_summary_of_whatever_text_is_one_printable_line() -> None:
    said = Record(
        time=0,
        association=1,
        by=Side.PEER,
        kind=RecordKind.CONNECTION,
        summary={"peer": "\u202eEVIL\u2028\ud800", "at": "noon"},
    )
    [line] = sequence([said])
    assert line.endswith(r"connection      from \u202eEVIL\u2028\ud800 at noon")
