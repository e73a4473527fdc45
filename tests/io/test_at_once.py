"""What is written without waking the sender, and that of which only a part is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.recording import connected
from tests.io.talking import Call, Sent, ask, find_request, quick, store_request, talking
from trio_dicom import (
    AssociateTimeout,
    AssociationAborted,
    AssociationReleased,
    CCancelRequest,
    CEchoRequest,
    CEchoResponse,
    CFindRequest,
    ClientConnection,
    ConnectionLost,
    CStoreRequest,
    Delivery,
    RemoteProtocolError,
    ResponseTimeout,
    propose,
    wrap_stream,
)
from trio_dicom._io.ends import abort
from trio_dicom._io.outcomes import finish
from trio_dicom._io.pending import Failed
from trio_dicom.lowlevel import Abort, AssociationRequest
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import ScriptedPeer, scripted_peer


async def steps_to_send(size: int) -> int:
    """How many tasks run between a request of so many bytes and its last byte."""
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        await wait_all_tasks_blocked()
        counter = Steps()
        trio.lowlevel.add_instrument(counter)
        await Call.begin(nursery, connection, store_request(size))
        trio.lowlevel.remove_instrument(counter)
        await peer.reply(await peer.expect_message(CStoreRequest), 0x0000)
        return counter.of_sender


class Steps(trio.abc.Instrument):
    def __init__(self) -> None:
        self.of_sender = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.of_sender += task.name.endswith("_live")  # which writes


async def test_a_small_request_does_not_wake_the_sender_and_a_long_one_does() -> None:
    assert await steps_to_send(512) == 0
    assert await steps_to_send(1024 * 1024) > 0


async def test_requests_go_out_in_their_order_however_they_are_sent() -> None:
    sizes = (512, 200_000, 600, 700, 300_000, 800)
    async with talking(window=8) as (connection, peer), trio.open_nursery() as nursery:
        for size in sizes:
            nursery.start_soon(ask, connection, store_request(size, uid=f"1.{size}"))
            await trio.lowlevel.checkpoint()  # so that they are asked for in order
            await trio.lowlevel.checkpoint()
        requests = [await peer.expect_message(CStoreRequest) for _ in sizes]
        assert sorted(request.message_id or 0 for request in requests) == [1, 2, 3, 4, 5, 6]
        assert [request.message_id for request in requests] == [1, 2, 3, 4, 5, 6]
        for request in requests:
            assert request.data_set is not None
            assert request.sop_instance_uid == f"1.{len(request.data_set)}"
            await peer.reply(request, 0x0000)


@pytest.mark.parametrize("capacity", [1, 7, 80, 500])
async def test_what_does_not_go_at_once_follows(capacity: int) -> None:
    async with talking(capacity=capacity, window=2) as (connection, peer):
        for _ in range(3):
            async with trio.open_nursery() as nursery:
                first = await Call.begin(nursery, connection, store_request(512))
                second = await Call.begin(nursery, connection, CEchoRequest())
                await peer.reply(await peer.expect_message(CStoreRequest), 0x0000)
                await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
                assert await first.status() == await second.status() == 0x0000


@pytest.mark.pitfall(6)
@pytest.mark.parametrize("capacity", [1, 7, 80, 100, 150])
async def test_nothing_is_written_into_a_message_whose_rest_is_missing(capacity: int) -> None:
    async with talking(capacity=capacity, window=0) as (connection, peer):
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            # All before the sender has a chance to write the rest of the first.
            for number in range(5):
                nursery.start_soon(ask, connection, store_request(200, uid=f"1.{number}"))
            requests = [await peer.expect_message(CStoreRequest) for _ in range(5)]
            assert {request.sop_instance_uid for request in requests} == {
                f"1.{number}" for number in range(5)
            }
            for request in requests:
                await peer.reply(request, 0x0000)


@pytest.mark.pitfall(2, 6)
@pytest.mark.scenario("B34")
async def test_a_request_that_is_stuck_after_its_first_bytes_times_out_and_nothing_follows(
    autojump_clock: MockClock,
) -> None:
    async with (
        talking(capacity=10, options=quick(idle=10), window=2) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        stuck = await Call.begin(nursery, connection, CEchoRequest())
        waiting = await Call.begin(nursery, connection, CEchoRequest())
        error = await stuck.failure()
        assert isinstance(error, ResponseTimeout)
        assert error.delivery is Delivery.PARTLY_SENT
        assert not connection.can_still_process_p_data_tf
        error = await waiting.failure()
        assert isinstance(error, ConnectionLost)
        assert error.delivery is Delivery.NOT_SENT
        before = len(peer.received)
        await connection.aclose()
        await peer.aclose()
        assert len(peer.received) - before <= 10  # no A-ABORT inside the PDU that was begun


class AtOnce(Sent):
    """Does something as soon as a part of a message has gone out, before anything else can."""

    def __init__(self) -> None:
        super().__init__()
        self.action: Callable[[], None] | None = None

    def bytes_sent(self, count: int) -> None:
        action, self.action = self.action, None
        if action is not None:
            action()


async def test_an_abort_after_the_first_bytes_of_a_request_finishes_it_first() -> None:
    instrument = AtOnce()
    async with talking(capacity=10, instrument=instrument) as (connection, peer):
        instrument.action = lambda: abort(connection._link)
        async with trio.open_nursery() as nursery:
            call = await Call.begin(nursery, connection, CEchoRequest())
            await peer.expect_message(CEchoRequest)
            await peer.expect(Abort)
            error = await call.failure()
            assert isinstance(error, AssociationAborted)
            assert error.delivery is Delivery.SENT_WITHOUT_ANSWER


async def test_a_caller_that_leaves_after_the_first_bytes_leaves_a_whole_message() -> None:
    async with talking(capacity=10) as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, find_request())
        await call.cancel()
        other = await Call.begin(nursery, connection, CEchoRequest())
        request = await peer.expect_message(CFindRequest)
        cancel = await peer.expect_message(CCancelRequest)
        assert cancel.message_id_being_responded_to == request.message_id
        await peer.reply(request, 0xFE00)
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        assert await other.status() == 0x0000


@pytest.mark.scenario("B36")
async def test_no_request_goes_out_between_a_timeout_and_the_abort_that_it_brings(
    autojump_clock: MockClock,
) -> None:
    options = quick(idle=10)
    async with (
        talking(options=options) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        first = await Call.begin(nursery, connection, CEchoRequest())
        await Call.begin(nursery, connection, CEchoRequest())
        await peer.expect_message(CEchoRequest)
        assert isinstance(await first.failure(), ResponseTimeout)
        # By default the next one follows instead.
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)


@asynccontextmanager
async def socket_pair() -> AsyncGenerator[tuple[trio.SocketStream, ScriptedPeer], None]:
    ours, theirs = trio.socket.socketpair()
    async with trio.SocketStream(ours) as here, trio.SocketStream(theirs) as there:
        yield here, ScriptedPeer(there)


async def test_over_a_socket_it_is_the_same() -> None:
    async with (
        socket_pair() as (stream, peer),
        trio.open_nursery() as nursery,
        wrap_stream(stream) as connection,
    ):
        nursery.start_soon(peer.accept)
        await connection.send_association_request(propose(contexts=[VERIFICATION]))
        for _ in range(3):
            call = await Call.begin(nursery, connection, CEchoRequest())
            await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
            assert await call.status() == 0x0000
        nursery.start_soon(peer.serve_until_closed)


async def test_a_socket_that_broke_is_found_out_as_always() -> None:
    async with (
        socket_pair() as (stream, peer),
        trio.open_nursery() as nursery,
        wrap_stream(stream) as connection,
    ):
        nursery.start_soon(peer.accept)
        await connection.send_association_request(propose(contexts=[VERIFICATION]))
        await peer.aclose()
        with pytest.raises(ConnectionLost):
            await connection.ask(CEchoRequest())


@pytest.mark.scenario("B42")
async def test_the_end_of_a_small_request_is_written_though_the_peer_asks_for_release() -> None:
    instrument = AtOnce()
    async with talking(capacity=30, instrument=instrument) as (connection, peer):
        await wait_all_tasks_blocked()
        link = connection._link

        def release() -> None:
            # As if the peer had asked for it in this very moment.
            for entry in link.table.everything():
                finish(link, entry, Failed(link.released_error))
            link.sender.stop_reading()

        instrument.action = release
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_outcome_of, connection)
            await peer.expect_message(CEchoRequest)  # whole
        await wait_all_tasks_blocked()
        assert not link.sender.writer.is_cut


async def _outcome_of(connection: ClientConnection) -> None:
    with pytest.raises(AssociationReleased):
        await ask(connection, CEchoRequest())


@pytest.mark.scenario("B43")
@pytest.mark.parametrize("size", [3000, 3_000_000])
async def test_a_peer_that_talks_nonsense_while_a_long_message_goes_out_is_aborted(
    size: int,
) -> None:
    async with talking(capacity=1000) as (connection, peer):
        async with trio.open_nursery() as nursery:
            call = await Call.begin(nursery, connection, store_request(size))
            await peer.send_bytes(b"HTTP/1.1 400 Bad Request\r\n")
            assert isinstance(await call.failure(), RemoteProtocolError)
            received = bytearray()
            while data := await peer.stream.receive_some():
                received += data
            await peer.aclose()
        assert received.endswith(bytes.fromhex("07 00 00000004 0000 02 01"))


async def test_a_message_that_timed_out_is_cut_before_anybody_hears_of_it(
    autojump_clock: MockClock,
) -> None:
    async with talking(capacity=10, options=quick(idle=10)) as (connection, peer):
        with pytest.raises(ResponseTimeout):
            await connection.ask(CEchoRequest())
        assert not connection.can_still_process_p_data_tf
        await connection.aclose()
        await peer.aclose()


async def steps_of(act: Callable[[ClientConnection, ScriptedPeer], Awaitable[None]]) -> int:
    """How often the sender runs while ``act`` uses an association."""
    async with talking() as (connection, peer):
        await wait_all_tasks_blocked()
        counter = Steps()
        trio.lowlevel.add_instrument(counter)
        await act(connection, peer)
        trio.lowlevel.remove_instrument(counter)
        return counter.of_sender


async def test_to_ask_for_an_association_does_not_wake_the_sender() -> None:
    async with connected() as (connection, peer, nursery):
        await wait_all_tasks_blocked()
        counter = Steps()
        trio.lowlevel.add_instrument(counter)
        nursery.start_soon(peer.serve_until_closed)
        await connection.send_association_request(propose(contexts=[VERIFICATION]))
        assert counter.of_sender == 0
        await connection.aclose()
        # When there is nothing more to write, when it is closed, and when its nursery is.
        assert counter.of_sender <= 3
        trio.lowlevel.remove_instrument(counter)


async def test_an_answer_does_not_wake_the_sender() -> None:
    async def be_asked(connection: ClientConnection, peer: ScriptedPeer) -> None:
        await peer.send_message(CEchoRequest(message_id=7), context_id=1)
        answer = await peer.expect_message(CEchoResponse)
        assert answer.message_id_being_responded_to == 7
        assert connection._link.serving.owed == 0

    assert await steps_of(be_asked) == 0


@pytest.mark.parametrize("capacity", [1, 7, 80])
async def test_an_answer_that_does_not_go_at_once_follows(capacity: int) -> None:
    async with talking(capacity=capacity) as (connection, peer), trio.open_nursery() as nursery:
        await wait_all_tasks_blocked()
        await peer.send_message(CEchoRequest(message_id=7), context_id=1)
        await wait_all_tasks_blocked()
        call = await Call.begin(nursery, connection, CEchoRequest())  # into which it must not go
        answer = await peer.expect_message(CEchoResponse)
        assert answer.message_id_being_responded_to == 7
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        assert await call.status() == 0x0000
        assert connection._link.serving.owed == 0


@pytest.mark.parametrize("capacity", [1, 30, 205])
async def test_an_abort_follows_the_association_request_of_which_a_part_has_gone(
    capacity: int,
) -> None:
    async with scripted_peer(capacity=capacity) as (stream, peer), trio.open_nursery() as nursery:

        async def give_up() -> None:
            async with wrap_stream(stream) as connection:
                with trio.CancelScope() as scope:
                    nursery.start_soon(cancel_when_stuck, scope)
                    await connection.send_association_request(propose(contexts=[VERIFICATION]))

        async def cancel_when_stuck(scope: trio.CancelScope) -> None:
            await wait_all_tasks_blocked()
            scope.cancel()

        nursery.start_soon(give_up)
        await wait_all_tasks_blocked()
        await wait_all_tasks_blocked()
        await peer.expect(AssociationRequest)
        await peer.expect(Abort)
        await peer.expect_closed()


async def test_an_abort_in_the_very_moment_follows_the_whole_association_request() -> None:
    instrument = AtOnce()
    async with connected(instrument=instrument, capacity=30) as (connection, peer, nursery):
        await wait_all_tasks_blocked()
        instrument.action = lambda: abort(connection._link)

        async def read() -> None:
            await peer.expect(AssociationRequest)
            await peer.expect(Abort)
            await peer.expect_closed()

        nursery.start_soon(read)
        with pytest.raises(AssociationAborted):
            await connection.send_association_request(propose(contexts=[VERIFICATION]))


async def test_a_stuck_association_request_holds_the_end_no_longer_than_it_may(
    autojump_clock: MockClock,
) -> None:
    async with scripted_peer(capacity=30) as (stream, peer):
        with pytest.raises(AssociateTimeout):
            async with wrap_stream(stream, options=quick(associate=5, abort=2)) as connection:
                await connection.send_association_request(propose(contexts=[VERIFICATION]))
        assert trio.current_time() == 7
        assert len(peer.received) == 0
