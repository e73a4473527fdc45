"""The silence of the peer, and what does not count as such."""

from __future__ import annotations

import time
from math import inf

import pytest
import trio
from pydicom.uid import ImplicitVRLittleEndian
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.recording import Recorder
from tests.io.talking import (
    Call,
    ask,
    find_request,
    quick,
    store_request,
    talking,
)
from trio_dicom import (
    AssociationAborted,
    CEchoRequest,
    CEchoResponse,
    CFindRequest,
    ConnectionOptions,
    CStoreRequest,
    Delivery,
    ResponseTimeout,
    Timeouts,
)
from trio_dicom.lowlevel import Abort
from trio_dicom.testing import message_bytes


@pytest.mark.scenario("B30", "B35")
async def test_silence_costs_one_request_and_the_association_is_released_in_order(
    autojump_clock: MockClock,
) -> None:
    recorder = Recorder()
    async with talking(handler=recorder) as (connection, peer), trio.open_nursery() as nursery:
        begun = trio.current_time()
        call = await Call.begin(nursery, connection, CEchoRequest(), idle_timeout=7)
        error = await call.failure()
        assert trio.current_time() - begun == 7
        assert isinstance(error, ResponseTimeout)
        assert error.delivery is Delivery.SENT_WITHOUT_ANSWER
        assert error.seconds == 7
        assert "7 s" in str(error)
        assert connection.can_still_process_p_data_tf
        assert connection.is_send_queue_empty
        late = await peer.expect_message(CEchoRequest)
        second = await Call.begin(nursery, connection, CEchoRequest())
        request = await peer.expect_message(CEchoRequest)
        await peer.reply(late, 0x0110)  # which is not the answer to the second
        await wait_all_tasks_blocked()
        assert second.response is None
        await peer.reply(request, 0x0000)
        assert await second.status() == 0x0000
    assert recorder.names == [
        "receive_association_accept",
        "request_timed_out",
        "request_completed",
        "receive_association_release_response",
        "connection_closed",
    ]
    _, asked, seconds = recorder.calls[1]
    assert (asked.message_id, seconds) == (late.message_id, 7)
    assert recorder.told_of_the_end is None


async def test_the_id_of_a_request_without_an_answer_is_not_used_again(
    autojump_clock: MockClock,
) -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, CEchoRequest(), idle_timeout=1)
        await call.failure()
        lost = (await peer.expect_message(CEchoRequest)).message_id
        connection._link.table._last_id = 0  # as if they had all been used in between
        await Call.begin(nursery, connection, CEchoRequest())
        request = await peer.expect_message(CEchoRequest)
        assert request.message_id != lost
        await peer.reply(request, 0x0000)


@pytest.mark.scenario("B31")
@pytest.mark.pitfall(3)
async def test_pending_responses_are_signs_of_life(autojump_clock: MockClock) -> None:
    options = quick(idle=10)
    async with talking(options=options) as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, find_request())
        request = await peer.expect_message(CFindRequest)
        for _ in range(10):
            await trio.sleep(9)
            await peer.reply(request, 0xFF00)
        await trio.sleep(9)
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000


@pytest.mark.scenario("B32")
async def test_one_pending_response_and_then_silence_is_too_little(
    autojump_clock: MockClock,
) -> None:
    options = quick(idle=10)
    async with talking(options=options) as (connection, peer), trio.open_nursery() as nursery:
        begun = trio.current_time()
        call = await Call.begin(nursery, connection, find_request())
        request = await peer.expect_message(CFindRequest)
        await trio.sleep(9)
        await peer.reply(request, 0xFF00)
        assert isinstance(await call.failure(), ResponseTimeout)
        assert trio.current_time() - begun == 19


@pytest.mark.scenario("B33")
@pytest.mark.pitfall(3)
async def test_a_slow_transfer_is_no_silence(autojump_clock: MockClock) -> None:
    options = ConnectionOptions(timeouts=Timeouts(idle=10), max_fragment_pdu=1024)
    async with (
        talking(options=options, capacity=1024) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        begun = trio.current_time()
        call = await Call.begin(nursery, connection, store_request(20_000))
        while len(peer.received) < 20_000:
            await trio.sleep(3)  # three seconds a kilobyte
            peer.received += (data := await peer.stream.receive_some(1024))
            peer._buffer.feed(data)
        await peer.reply(await peer.expect_message(CStoreRequest), 0x0000)
        assert await call.status() == 0x0000
        assert trio.current_time() - begun > 50


@pytest.mark.scenario("B33")
async def test_a_total_that_is_too_short_ends_a_slow_transfer(autojump_clock: MockClock) -> None:
    options = ConnectionOptions(timeouts=Timeouts(idle=10), max_fragment_pdu=1024)
    async with (
        talking(options=options, capacity=1024) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        begun = trio.current_time()
        call = await Call.begin(nursery, connection, store_request(20_000), timeout=16)
        while not call.ended.is_set():
            await trio.sleep(3)  # which is never when it times out
            await peer.stream.receive_some(1024)
        error = await call.failure()
        assert isinstance(error, ResponseTimeout)
        assert error.delivery is Delivery.PARTLY_SENT
        assert error.seconds == 16
        assert call.at - begun == 16
        await peer.aclose()


@pytest.mark.scenario("B33")
async def test_a_total_timeout_takes_no_notice_of_pending_responses(
    autojump_clock: MockClock,
) -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        begun = trio.current_time()
        call = await Call.begin(nursery, connection, find_request(), timeout=15)
        request = await peer.expect_message(CFindRequest)
        for _ in range(3):
            await trio.sleep(4)
            await peer.reply(request, 0xFF00)
        assert isinstance(await call.failure(), ResponseTimeout)
        assert trio.current_time() - begun == 15


@pytest.mark.scenario("B32")
@pytest.mark.pitfall(2, 32)
async def test_half_an_answer_and_then_silence_is_too_little(autojump_clock: MockClock) -> None:
    answer = message_bytes(
        CEchoResponse(status=0x0000, message_id_being_responded_to=1),
        context_id=1,
        transfer_syntax=ImplicitVRLittleEndian,
        max_fragment=1000,
    )
    async with (
        talking(options=quick(idle=30, release=5)) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, CEchoRequest())
        await peer.expect_message(CEchoRequest)
        for byte in answer[:20]:
            await trio.sleep(1)
            await peer.send_bytes(bytes([byte]))  # which is no sign of life yet
        assert isinstance(await call.failure(), ResponseTimeout)
        assert call.at == 30
        await peer.send_bytes(answer[20:])
        echo = await Call.begin(nursery, connection, CEchoRequest())
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        assert await echo.status() == 0x0000


@pytest.mark.scenario("B36")
async def test_all_of_a_queue_time_out_one_after_the_other(autojump_clock: MockClock) -> None:
    recorder = Recorder()
    options = quick(idle=10)
    async with (
        talking(handler=recorder, options=options) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        begun = trio.current_time()
        calls = [await Call.begin(nursery, connection, CEchoRequest()) for _ in range(4)]
        for number, call in enumerate(calls, start=1):
            error = await call.failure()
            assert isinstance(error, ResponseTimeout)
            assert error.delivery is Delivery.SENT_WITHOUT_ANSWER
            # Waiting for the slot has cost none of the time.
            assert trio.current_time() - begun == 10 * number
        ids = [(await peer.expect_message(CEchoRequest)).message_id for _ in calls]
        assert len(set(ids)) == 4
    assert recorder.names.count("request_timed_out") == 4


@pytest.mark.scenario("B36")
async def test_a_timeout_can_end_the_association_instead(autojump_clock: MockClock) -> None:
    options = ConnectionOptions(timeouts=Timeouts(idle=10), on_timeout="abort")
    recorder = Recorder()
    async with (
        talking(handler=recorder, options=options) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        first = await Call.begin(nursery, connection, CEchoRequest())
        second = await Call.begin(nursery, connection, CEchoRequest())
        assert isinstance(await first.failure(), ResponseTimeout)
        error = await second.failure()
        assert isinstance(error, AssociationAborted)
        assert not error.by_peer
        assert error.delivery is Delivery.NOT_SENT
        await peer.expect_message(CEchoRequest)
        await peer.expect(Abort)
        await peer.aclose()
    assert recorder.names == [
        "receive_association_accept",
        "request_timed_out",
        "connection_closed",
    ]
    assert isinstance(recorder.told_of_the_end, AssociationAborted)


@pytest.mark.scenario("B38")
async def test_the_clock_of_the_system_may_jump(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        talking(options=quick(idle=10)) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, CEchoRequest())
        request = await peer.expect_message(CEchoRequest)
        for years in (-30, 30):
            moved = time.time() + years * 365 * 86_400
            monkeypatch.setattr(time, "time", lambda moved=moved: moved)
            await trio.sleep(4)
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000


async def test_infinity_is_no_timeout_and_none_is_the_default(autojump_clock: MockClock) -> None:
    options = quick(idle=10, total=20)
    async with talking(options=options) as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, CEchoRequest(), idle_timeout=inf, timeout=inf)
        request = await peer.expect_message(CEchoRequest)
        await trio.sleep(80_000)
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000
        begun = trio.current_time()
        with pytest.raises(ResponseTimeout):
            await ask(connection, CEchoRequest(), idle_timeout=inf)
        assert trio.current_time() - begun == 20


async def test_the_handler_hears_of_a_timeout_before_the_caller(autojump_clock: MockClock) -> None:
    heard: list[str] = []

    class Slow(Recorder):
        async def on_request_timed_out(self, request: object, timeout: float) -> None:
            await trio.sleep(1)
            heard.append("handler")

    options = quick(idle=2)
    async with talking(handler=Slow(), options=options, capacity=100) as (connection, peer):
        with pytest.raises(ResponseTimeout) as timed_out:
            await connection.send_request(store_request(5000))
        heard.append("caller")
        assert heard == ["handler", "caller"]
        assert timed_out.value.delivery is Delivery.PARTLY_SENT
        await peer.aclose()
