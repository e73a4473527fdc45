"""We abort: because the peer broke the protocol, because we failed, or because we want to."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints, wait_all_tasks_blocked

from tests.io.asking import BIG, Outcomes, asked, check_shared_by_nobody
from tests.io.recording import CT, REQUEST, Recorder, associated, connected, serve
from trio_dicom import (
    AbortReason,
    AbortSource,
    AssociationAborted,
    CEchoRequest,
    ConnectionOptions,
    CStoreRequest,
    RemoteProtocolError,
    ResponseTimeout,
    Timeouts,
    wrap_stream,
)
from trio_dicom.lowlevel import Abort, ReleaseResponse
from trio_dicom.testing import ConversationOver, scripted_peer

# What breaks the protocol, and the A-ABORT that answers it.
BROKEN = {
    "an unknown PDU": (b"\x99\0\0\0\0\4\0\0\0\0", Abort(AbortSource.PROVIDER, AbortReason(1))),
    "an unexpected PDU": (
        ReleaseResponse().encode(),
        Abort(AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU),
    ),
    "a PDV that lies": (
        bytes.fromhex("04 00 00000006 00000099 01 03"),
        Abort(AbortSource.PROVIDER, AbortReason.INVALID_PDU_PARAMETER_VALUE),
    ),
    "data before a command": (
        bytes.fromhex("04 00 00000008 00000004 01 02 0000"),
        Abort(AbortSource.USER),
    ),
}


@pytest.mark.scenario("B43")
@pytest.mark.parametrize("closes", [True, False])
@pytest.mark.parametrize("nonsense, abort", BROKEN.values(), ids=BROKEN)
async def test_a_peer_that_breaks_the_protocol_is_aborted_and_read_to_its_end(
    nonsense: bytes, abort: Abort, closes: bool, autojump_clock: MockClock
) -> None:
    outcomes: Outcomes = []
    recorder = Recorder()
    options = ConnectionOptions(timeouts=Timeouts(abort=4))
    async with (
        associated(offer=3, handler=recorder, options=options) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        await asked(connection, peer, nursery, outcomes)
        await peer.send_bytes(nonsense)
        assert await peer.expect(Abort) == abort
        # We still read: closing now would send a reset, which eats our A-ABORT.
        await wait_all_tasks_blocked()
        await peer.send_bytes(nonsense)
        assert all(type(it) is RemoteProtocolError for it in outcomes)
        assert {it.abort_source for it in outcomes} == {abort.source}
        assert len({id(it) for it in outcomes}) == 5
        with pytest.raises(AssociationAborted) as later:
            await connection.send_request(CEchoRequest())
        assert not later.value.by_peer
        assert (later.value.source, later.value.reason) == (abort.source, abort.reason)
        if closes:
            await peer.aclose()
        await connection.aclose()
        assert trio.current_time() == (0 if closes else 4)
    assert isinstance(recorder.told_of_the_end, RemoteProtocolError)


class Bug(Exception):
    pass


async def fail(stream: trio.abc.Stream, recorder: Recorder, bug: Bug) -> None:
    async with wrap_stream(stream, handler=recorder) as connection:
        await connection.send_association_request(REQUEST)
        raise bug


@pytest.mark.scenario("B44")
async def test_an_exception_of_the_body_comes_out_alone_after_an_abort() -> None:
    recorder = Recorder()
    bug = Bug()
    async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:
        nursery.start_soon(serve, peer)
        with pytest.raises(Bug) as caught:
            await fail(stream, recorder, bug)
        assert caught.value is bug
        assert bug.__context__ is None
        assert peer.pdus[1:] == [Abort(AbortSource.USER)]
        ended = recorder.told_of_the_end
        assert isinstance(ended, AssociationAborted)
        assert not ended.by_peer


@pytest.mark.scenario("B44")
@pytest.mark.pitfall(2)
@pytest.mark.parametrize("reads", [True, False])
async def test_a_cancelled_body_aborts_within_the_abort_timeout(
    reads: bool, autojump_clock: MockClock
) -> None:
    """The peer does not close, and in the worst case does not even read."""
    recorder = Recorder()
    options = ConnectionOptions(timeouts=Timeouts(abort=2))
    async with scripted_peer(capacity=512) as (stream, peer):
        with trio.move_on_after(10) as scope:
            async with (
                wrap_stream(stream, handler=recorder, options=options) as connection,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(peer.accept)
                await connection.send_association_request(REQUEST)
                if not reads:
                    request = CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2", data_set=BIG)
                    nursery.start_soon(connection.send_request, request)
                nursery.start_soon(trio.sleep_forever)
        assert scope.cancelled_caught
        assert trio.current_time() == 12
        # A write that was cut is followed by nothing, not even an A-ABORT.
        with suppress(ConversationOver):
            while True:
                await peer.receive_pdu()
        assert [it for it in peer.pdus if isinstance(it, Abort)] == [
            Abort(AbortSource.USER)
        ] * reads
        assert isinstance(recorder.told_of_the_end, AssociationAborted)


async def test_an_abort_overtakes_what_is_queued_and_ends_every_request() -> None:
    outcomes: Outcomes = []
    recorder = Recorder()
    async with (
        associated(offer=3, handler=recorder) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        await asked(connection, peer, nursery, outcomes)
        nursery.start_soon(serve, peer)
        with assert_checkpoints():
            await connection.send_abort(AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU)
        # It is over when it returns: the peer heard of it, and so has the handler.
        assert peer.pdus[-1] == Abort(AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU)
        ended = recorder.told_of_the_end
        assert isinstance(ended, AssociationAborted)
        assert not ended.by_peer
        assert connection.is_send_queue_empty
        assert not connection.listener.running
        with assert_checkpoints():
            await connection.send_abort()
        await wait_all_tasks_blocked()
        for error in outcomes:
            assert isinstance(error, AssociationAborted)
            assert error.reason is AbortReason.UNEXPECTED_PDU
        check_shared_by_nobody(outcomes)
    assert len([it for it in peer.pdus if isinstance(it, Abort)]) == 1


async def test_an_abort_of_a_connection_without_an_association_closes_it() -> None:
    recorder = Recorder()
    async with connected(handler=recorder) as (connection, peer, _):
        await connection.send_abort()
        assert recorder.told_of_the_end is None
        await peer.expect_closed()
        assert peer.received == b""


@pytest.mark.pitfall(6)
async def test_after_a_write_that_was_cut_not_even_an_abort_follows(
    autojump_clock: MockClock,
) -> None:
    options = ConnectionOptions(timeouts=Timeouts(idle=5))
    async with associated(capacity=512, options=options) as (connection, peer):
        request = CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2", data_set=BIG)
        with pytest.raises(ResponseTimeout):
            await connection.send_request(request)

        async def read_again() -> None:
            with suppress(ConversationOver):
                while True:
                    await peer.receive_pdu()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_again)
            await connection.send_abort()
        assert Abort(AbortSource.USER).encode() not in peer.received
