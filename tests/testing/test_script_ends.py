"""Conversations that a script ends, or that end while it speaks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_dicom import (
    AbortSource,
    AssociationRequest,
    CEchoRequest,
    ConnectionEnded,
    CStoreRequest,
    PresentationContext,
    propose,
)
from trio_dicom._wire.framing import PDUBuffer
from trio_dicom._wire.pdus import decode_body
from trio_dicom.lowlevel import (
    Abort,
    DataTransfer,
    ReleaseRequest,
    ReleaseResponse,
    decode_pdu,
)
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import (
    ConversationEnd,
    ConversationOver,
    LinkEnd,
    ScriptedPeer,
    made_up_instances,
    memory_link,
    message_bytes,
    open_memory_association,
    playing,
    reset,
    scripted_peer,
)

Step = Callable[[ScriptedPeer], Awaitable[object]]

REQUEST = propose(contexts=[VERIFICATION], calling_ae="CALLER")
ENDS: dict[str, Step] = {
    "abort": ScriptedPeer.abort,
    "an abort that is sent": lambda peer: peer.send(Abort(AbortSource.PROVIDER)),
    "eof": ScriptedPeer.eof,
    "reset": ScriptedPeer.reset,
    "aclose": ScriptedPeer.aclose,
    "release": ScriptedPeer.release,
}


def echoes(*message_ids: int) -> list[bytes]:
    """P-DATA-TF PDUs of one C-ECHO-RQ each."""
    return [b"".join(in_pieces(it, size=1000)) for it in message_ids]


def in_pieces(message_id: int, *, size: int = 20) -> list[bytes]:
    """A C-ECHO-RQ as P-DATA-TF PDUs of so many bytes of it."""
    data = message_bytes(
        CEchoRequest(message_id=message_id),
        context_id=1,
        transfer_syntax=ImplicitVRLittleEndian,
        max_fragment=size,
    )
    buffer = PDUBuffer.unlimited()
    buffer.feed(data)
    pieces: list[bytes] = []
    while (found := buffer.next_pdu()) is not None:
        pieces.append(decode_body(*found).encode())
    return pieces


def in_one_pdu(*pdus: bytes) -> DataTransfer:
    """What they carry, as one P-DATA-TF."""
    pdvs = [pdv for it in pdus for pdv in _transfer(it).pdvs]
    return DataTransfer(tuple(pdvs))


def _transfer(data: bytes) -> DataTransfer:
    pdu = decode_pdu(data)
    assert isinstance(pdu, DataTransfer)
    return pdu


async def associated(stream: trio.abc.Stream, peer: ScriptedPeer) -> None:
    await stream.send_all(REQUEST.encode())
    await peer.accept()
    await stream.receive_some()


# --- by the script ---------------------------------------------------------------------


@pytest.mark.parametrize("end", [it for it in ENDS if it != "release"])
@pytest.mark.parametrize("read", [0, 1], ids=["before it is read", "while it is read"])
async def test_what_was_under_way_when_the_script_ended_it_fails_no_test(
    end: str, read: int
) -> None:
    """Of a C-STORE in several PDUs, which go on for as long as they can."""
    [instance] = made_up_instances(size=100_000)
    pdus = message_bytes(
        CStoreRequest(
            message_id=1, sop_class_uid=CTImageStorage, sop_instance_uid="1.2", data_set=instance
        ),
        context_id=1,
        transfer_syntax=ExplicitVRLittleEndian,
        max_fragment=10_000,
    )

    async def script(peer: ScriptedPeer) -> None:
        await peer.accept()
        for _ in range(read):
            await peer.receive_pdu()
        await ENDS[end](peer)

    ours, theirs = memory_link()
    await ours.send_all(REQUEST.encode() + pdus)  # the peer reads it all at once
    async with trio.open_nursery() as nursery:
        nursery.start_soon(playing(script), theirs)
        await wait_all_tasks_blocked()
        if end in {"abort", "an abort that is sent", "eof"}:
            await ours.send_all(pdus + ReleaseRequest().encode() + b"no PDU at all")
            await wait_all_tasks_blocked()
            assert nursery.child_tasks, "it reads on until we hang up"
        ours.close()


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_a_program_is_told_at_once_that_the_script_has_ended_it(
    end: Step, autojump_clock: MockClock
) -> None:
    async def script(peer: ScriptedPeer) -> None:
        await peer.accept()
        await peer.reply(await peer.expect_message(CStoreRequest), 0x0000)
        await end(peer)

    with pytest.raises(ConnectionEnded):  # noqa: PT012
        async with open_memory_association(
            playing(script), contexts=[PresentationContext(CTImageStorage)]
        ) as association:
            for instance in made_up_instances(4, size=50_000):
                await association.c_store(instance)
    assert trio.current_time() == 0


async def test_a_program_that_does_not_hang_up_is_waited_for_no_longer_than_by_a_real_peer(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = memory_link()
    await playing(ScriptedPeer.abort)(theirs)
    assert trio.current_time() == 30
    assert await ours.receive_some() == Abort(AbortSource.USER).encode()
    assert await ours.receive_some() == b""


async def test_a_script_may_wait_itself_for_a_program_that_it_has_aborted() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        await stream.send_all(b"".join(echoes(1, 2)))
        await peer.expect_message(CEchoRequest)
        await peer.abort()
        stream.close()
        await peer.expect_closed()
        assert await peer.expect_end() is ConversationEnd.CLOSED


async def test_a_script_that_has_ended_nothing_hears_whatever_comes() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        await stream.send_all(b"".join(echoes(1)))
        with pytest.raises(AssertionError, match="expected the end of the conversation, but got C"):
            await peer.expect_end()


# --- by release ------------------------------------------------------------------------


async def test_data_that_was_under_way_is_no_reason_to_refuse_a_release() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        await stream.send_all(b"".join(echoes(1, 2)) + ReleaseResponse().encode())
        await peer.release()
        assert [type(it) for it in peer.pdus[1:]] == [DataTransfer, DataTransfer, ReleaseResponse]
        assert await stream.receive_some() == ReleaseRequest().encode()
        assert await stream.receive_some() == b""


async def test_an_acceptor_that_collides_answers_last() -> None:
    async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:
        await associated(stream, peer)
        await stream.send_all(ReleaseRequest().encode())
        nursery.start_soon(peer.release)
        await wait_all_tasks_blocked()
        assert await stream.receive_some() == ReleaseRequest().encode()
        await stream.send_all(ReleaseResponse().encode())
        assert await stream.receive_some() == ReleaseResponse().encode()
        await wait_all_tasks_blocked()
        await stream.send_all(b"".join(echoes(1)))  # it is still open, but nobody cares
        stream.close()
        assert await peer.expect_end() is ConversationEnd.CLOSED


async def test_a_requestor_that_collides_answers_first() -> None:
    async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:
        await peer.send(REQUEST)
        await stream.receive_some()
        await stream.send_all(ReleaseRequest().encode())
        nursery.start_soon(peer.release)
        await wait_all_tasks_blocked()
        assert await stream.receive_some() == ReleaseRequest().encode() + ReleaseResponse().encode()
        await stream.send_all(ReleaseResponse().encode())
        assert await stream.receive_some() == b""


async def test_a_release_that_collides_with_that_of_a_client_is_over_at_once(
    autojump_clock: MockClock,
) -> None:
    async def script(peer: ScriptedPeer) -> None:
        await peer.accept()
        await wait_all_tasks_blocked()
        await peer.release()

    async with open_memory_association(playing(script), contexts=[VERIFICATION]) as association:
        await association.release()
    assert trio.current_time() == 0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Abort(AbortSource.USER), "expected ReleaseResponse, but the other side aborted"),
        (REQUEST, "expected ReleaseResponse, but got AssociationRequest from CALLER"),
    ],
    ids=lambda it: type(it).__name__,
)
async def test_a_release_that_is_not_granted_fails_the_test(
    answer: Abort | AssociationRequest, message: str
) -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(answer.encode())
        with pytest.raises(AssertionError, match=message):
            await peer.release()


# --- while it speaks -------------------------------------------------------------------

SPEAKING: dict[str, Step] = {
    "Abort": ScriptedPeer.abort,
    "ReleaseRequest": ScriptedPeer.release,
    "ReleaseRequest, ReleaseResponse": lambda it: it.send(ReleaseRequest(), ReleaseResponse()),
    "bytes": lambda it: it.send_bytes(b"x"),
    "CEchoRequest": lambda it: it.send_message(CEchoRequest(message_id=1)),
    "CEchoResponse": lambda it: it.reply(CEchoRequest(message_id=1), 0x0000),
}


@pytest.mark.parametrize("hang_up", [LinkEnd.close, reset], ids=["closed", "reset"])
@pytest.mark.parametrize(("what", "say"), SPEAKING.items(), ids=SPEAKING)
async def test_what_cannot_be_said_any_more_ends_the_script_like_what_does_not_come(
    what: str, say: Step, hang_up: Callable[[LinkEnd], None]
) -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        hang_up(stream)
        expected = f"wanted to send {what} to CALLER, but the other side has hung up"
        with pytest.raises(ConversationOver, match=f"^{expected}$") as over:
            await say(peer)
    assert over.value.how is ConversationEnd.RESET


async def test_an_end_of_file_that_cannot_be_sent_ends_the_script_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(_link: LinkEnd) -> None:
        raise trio.BrokenResourceError  # as a socket does

    monkeypatch.setattr(LinkEnd, "send_eof", fail)
    async with scripted_peer() as (_stream, peer):
        with pytest.raises(ConversationOver, match="wanted to send the end of file, but the other"):
            await peer.eof()


async def test_a_release_that_nobody_waits_for_is_told_as_what_did_not_come() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        await stream.send_all(ReleaseRequest().encode())
        stream.close()
        with pytest.raises(ConversationOver, match="expected CEchoRequest, but the other side res"):
            await peer.expect_message(CEchoRequest)


async def test_an_answer_that_comes_too_late_hides_no_error_of_the_program(
    autojump_clock: MockClock,
) -> None:
    async def late(peer: ScriptedPeer) -> None:
        await peer.accept()
        request = await peer.expect_message(CEchoRequest)
        await trio.sleep(100)
        await peer.reply(request, 0x0000)

    with pytest.raises(LookupError, match="of its own") as error:  # noqa: PT012
        async with open_memory_association(playing(late), contexts=[VERIFICATION]) as association:
            with pytest.raises(trio.TooSlowError), trio.fail_after(10):
                await association.c_echo()
            await association.abort()
            await trio.sleep(300)
            raise LookupError("of its own")
    [note] = error.value.__notes__
    assert "wanted to send CEchoResponse to TRIO_DICOM, but the other side has hung up" in note


# --- PDU by PDU ------------------------------------------------------------------------


async def test_a_message_is_not_passed_over_because_another_ended_in_its_pdu() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        both = in_one_pdu(*echoes(1, 2))
        await stream.send_all(both.encode() + ReleaseRequest().encode())
        await peer.expect_message(CEchoRequest, message_id=1)
        with pytest.raises(AssertionError, match="expected ReleaseRequest, but got DataTransfer"):
            await peer.expect(ReleaseRequest)
        await peer.expect(ReleaseRequest)
        assert [type(it) for it in peer.pdus[1:]] == [DataTransfer, ReleaseRequest]


async def test_what_is_left_of_a_pdu_is_the_next_one() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        first, second = echoes(1, 2)
        await stream.send_all(in_one_pdu(first, second).encode())
        await peer.expect_message(CEchoRequest, message_id=1)
        assert (await peer.receive_pdu()).encode() == second


async def test_what_is_left_of_a_pdu_is_a_part_of_the_next_message() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        [first] = echoes(1)
        begun, *rest = in_pieces(2)
        await stream.send_all(in_one_pdu(first, begun).encode() + b"".join(rest))
        await peer.expect_message(CEchoRequest, message_id=1)
        assert (await peer.receive_pdu()).encode() == begun
        await peer.expect_message(CEchoRequest, message_id=2)


async def test_a_message_that_began_in_pdus_taken_one_by_one_can_still_be_received() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        data = b"".join(in_pieces(1))
        await stream.send_all(data)
        await peer.receive_pdu()
        await peer.expect(DataTransfer)
        await peer.expect_message(CEchoRequest, message_id=1)
        assert b"".join(DataTransfer((it,)).encode() for it in peer.last_fragments) == data


async def test_a_message_that_was_taken_as_a_pdu_is_not_received_again() -> None:
    async with scripted_peer() as (stream, peer):
        await associated(stream, peer)
        await stream.send_all(b"".join(echoes(1, 2)))
        await peer.expect(DataTransfer)
        await peer.expect_message(CEchoRequest, message_id=2)
