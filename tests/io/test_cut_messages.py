"""A message that was cut on the wire: nothing is glued to it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.disk import BLOCK, slow_disk, stored_request
from tests.io.recording import Recorder
from tests.io.talking import Call, find_request, is_silent, quick, store_request, talking
from trio_dicom import (
    AssociationAborted,
    AssociationReleased,
    CEchoRequest,
    CFindRequest,
    ConnectionLost,
    ConnectionOptions,
    CStoreRequest,
    Delivery,
    ResponseTimeout,
)
from trio_dicom.lowlevel import Abort, DataTransfer, PDUBuffer, ReleaseRequest, ReleaseResponse
from trio_dicom.testing import ConversationOver, ScriptedPeer


def pdus_in(data: bytes | bytearray) -> tuple[list[int], int]:
    """The types of the PDUs that lie whole in ``data``, and how many bytes are left."""
    buffer = PDUBuffer(max_length=2**20)
    buffer.feed(bytes(data))
    types: list[int] = []
    while (found := buffer.next_pdu()) is not None:
        types.append(int(found[0]))
    return types, buffer.pending


@pytest.mark.scenario("B34")
@pytest.mark.pitfall(2, 6)
async def test_a_write_that_is_stuck_ends_at_its_timeout(autojump_clock: MockClock) -> None:
    recorder = Recorder()
    async with (
        talking(handler=recorder, options=quick(idle=10), capacity=1000, window=3) as (
            connection,
            peer,
        ),
        trio.open_nursery() as nursery,
    ):
        sent = await Call.begin(nursery, connection, CEchoRequest(), idle_timeout=100)
        request = await peer.expect_message(CEchoRequest)
        begun = trio.current_time()
        stuck = await Call.begin(nursery, connection, store_request(8000))
        queued = await Call.begin(nursery, connection, CEchoRequest())
        assert connection.can_still_process_p_data_tf
        error = await stuck.failure()
        assert isinstance(error, ResponseTimeout)
        assert error.delivery is Delivery.PARTLY_SENT
        assert stuck.at - begun == 10

        error = await queued.failure()
        assert isinstance(error, ConnectionLost)
        assert error.delivery is Delivery.NOT_SENT
        assert queued.at == stuck.at
        assert not connection.can_still_process_p_data_tf
        with pytest.raises(ConnectionLost, match="cut") as later:
            await connection.send_request(CEchoRequest())
        assert later.value.delivery is Delivery.NOT_SENT

        # Answers to what was sent before still come; what the peer asks is not answered.
        await peer.send_message(CEchoRequest(message_id=5), context_id=1)
        await peer.reply(request, 0x0000)
        assert await sent.status() == 0x0000
        before = len(peer.received)
        await connection.aclose()
        assert trio.current_time() - stuck.at <= 1  # the abort timeout
        with suppress(ConversationOver):
            while True:
                await peer.receive_pdu()
        types, left = pdus_in(peer.received)
        assert types == [1, *[4] * types.count(4)]  # no A-ABORT is glued to half a PDU
        assert left > 0
        assert len(peer.received) <= before + 1000
    assert recorder.names == [
        "receive_association_accept",
        "request_timed_out",
        "request_completed",
        "connection_closed",
    ]


@pytest.mark.parametrize("by", ["release", "abort", "aclose"])
async def test_between_two_writes_release_and_abort_still_work(
    by: str, tmp_path: Path, mock_clock: MockClock
) -> None:
    options = ConnectionOptions(max_fragment_pdu=1030)  # four fragments are a block
    with slow_disk(hangs_at=2) as disk:
        async with (
            talking(options=options, window=2) as (connection, peer),
            trio.open_nursery() as nursery,
        ):
            request = stored_request(tmp_path / "file", 3 * BLOCK)
            call = await Call.begin(nursery, connection, request, timeout=10)
            query = await Call.begin(nursery, connection, find_request())
            await disk.reached.wait()
            await wait_all_tasks_blocked()
            mock_clock.jump(10)
            error = await call.failure()
            assert isinstance(error, ResponseTimeout)
            assert error.delivery is Delivery.PARTLY_SENT
            assert not connection.can_still_process_p_data_tf
            assert isinstance(await query.failure(), ConnectionLost)
            match by:
                case "release":
                    nursery.start_soon(connection.send_association_release_request)
                case "abort":
                    nursery.start_soon(connection.send_abort)
                case _:
                    nursery.start_soon(connection.aclose)
            last = await last_pdu(peer)
            assert isinstance(last, Abort if by == "abort" else ReleaseRequest)
            if by == "abort":
                await peer.aclose()
            else:
                await peer.send(ReleaseResponse())
                await peer.expect_closed()
            # Half a message, and none of its fragments says that it is the last.
            data = [pdv for pdu in peer.pdus if isinstance(pdu, DataTransfer) for pdv in pdu.pdvs]
            assert sum(len(pdv.data) for pdv in data if not pdv.is_command) == BLOCK
            assert not any(pdv.is_last for pdv in data if not pdv.is_command)


async def last_pdu(peer: ScriptedPeer) -> object:
    while isinstance(pdu := await peer.receive_pdu(), DataTransfer):
        pass
    return pdu


@pytest.mark.pitfall(6)
async def test_answers_and_cancels_that_we_owe_are_dropped_after_a_cut(
    autojump_clock: MockClock,
) -> None:
    async with (
        talking(options=quick(idle=10), capacity=1000, window=2) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        query = await Call.begin(nursery, connection, find_request(), idle_timeout=1000)
        found = await peer.expect_message(CFindRequest)
        stuck = await Call.begin(nursery, connection, store_request(8000))
        await peer.send_message(CEchoRequest(message_id=5), context_id=1)  # queued behind it
        assert isinstance(await stuck.failure(), ResponseTimeout)
        await wait_all_tasks_blocked()
        assert len(await peer.stream.receive_some()) == 1000  # what the link held of the message
        assert await is_silent(peer)
        await query.cancel()  # whose C-CANCEL cannot go
        assert await is_silent(peer)
        await peer.reply(found, 0xFE00)
        await connection.wait_send_queue_empty()
        await peer.aclose()


@pytest.mark.scenario("B40")
@pytest.mark.pitfall(4)
async def test_an_abort_while_we_send_ends_the_sending_at_once() -> None:
    async with talking(capacity=1000) as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, store_request(100_000))
        await peer.abort()
        error = await call.failure()
        assert isinstance(error, AssociationAborted)
        assert error.by_peer
        assert error.delivery is Delivery.PARTLY_SENT
        await peer.aclose()


@pytest.mark.scenario("B42")
async def test_a_release_by_the_peer_while_we_send_is_granted_after_the_message() -> None:
    async with talking(capacity=1000) as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, store_request(5000))
        await peer.send(ReleaseRequest())
        assert isinstance(await call.failure(), AssociationReleased)
        last = await last_pdu(peer)
        _types, left = pdus_in(peer.received)
        assert isinstance(last, ReleaseResponse)
        assert left == 0
        await peer.aclose()


@pytest.mark.pitfall(12, 18)
@pytest.mark.parametrize("max_length", [1024, 1025, 16_384])
@pytest.mark.parametrize("fragments", [1, 2])
@pytest.mark.parametrize("more", [-2, 0, 2])
async def test_the_last_fragment_says_so_and_the_command_has_a_pdu_of_its_own(
    max_length: int, fragments: int, more: int
) -> None:
    full = (max_length - 6) // 2 * 2
    size = fragments * full + more
    async with (
        talking(accept={"max_length": max_length}) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, store_request(size))
        request = await peer.expect_message(CStoreRequest)
        pdvs = [pdu.pdvs for pdu in peer.pdus[1:] if isinstance(pdu, DataTransfer)]
        assert all(len(it) == 1 for it in pdvs)
        [command, *data] = [it[0] for it in pdvs]
        assert (command.is_command, command.is_last) == (True, True)
        expected = [full] * (size // full) + ([size % full] if size % full else [])
        assert [len(pdv.data) for pdv in data] == expected
        assert [pdv.is_last for pdv in data] == [*[False] * (len(expected) - 1), True]
        assert not any(pdv.is_command for pdv in data)
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("max_length, longest", [(0, 131_072), (8, 8), (9, 8), (16, 16)])
async def test_no_limit_is_ours_and_a_tiny_one_is_kept(max_length: int, longest: int) -> None:
    async with (
        talking(accept={"max_length": max_length}) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, store_request(200_000 if longest > 16 else 64))
        request = await peer.expect_message(CStoreRequest)
        lengths = [len(pdu.encode()) - 6 for pdu in peer.pdus[1:]]
        assert max(lengths) == longest
        assert await is_silent(peer)
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000
