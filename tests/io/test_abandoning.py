"""Requests whose caller was cancelled or has left."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.disk import BLOCK, slow_disk, stored_request, threads_ended
from tests.io.recording import Recorder
from tests.io.talking import (
    Call,
    ask,
    find_request,
    get_request,
    is_silent,
    move_request,
    patient,
    quick,
    store_request,
    talking,
)
from trio_dicom import (
    CCancelRequest,
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CStoreRequest,
    CStoreResponse,
    Request,
)

CANCELLABLE: list[Callable[[], Request]] = [find_request, get_request, move_request]


@pytest.mark.scenario("B48")
@pytest.mark.pitfall(1, 19)
@pytest.mark.parametrize("build", CANCELLABLE)
@pytest.mark.parametrize("status", [0x0000, 0xFE00, 0xA700])
async def test_leaving_early_sends_c_cancel_on_its_context_and_drains(
    build: Callable[[], Request], status: int
) -> None:
    recorder = Recorder()
    async with talking(handler=recorder) as (connection, peer):
        async with connection.open_request(build()) as responses:
            request = await peer.receive_message()
            assert isinstance(request, Request)
            context_id = peer.last_context_id
            await peer.reply(request, 0xFF00, data_set=patient("A"))
            await responses.receive()
        cancel = await peer.expect_message(CCancelRequest)
        assert peer.last_context_id == context_id
        assert cancel.message_id_being_responded_to == request.message_id
        async with trio.open_nursery() as nursery:
            again = await Call.begin(nursery, connection, find_request("B"))
            assert await is_silent(peer)  # the slot stays taken until the final response
            for name in "CD":
                await peer.reply(request, 0xFF00, data_set=patient(name))
            await peer.reply(request, status)
            second = await peer.expect_message(CFindRequest)
            await peer.reply(second, 0x0000)
            assert await again.status() == 0x0000
    # Nobody hears of what nobody wants.
    assert recorder.names.count("request_pending") == 1
    assert recorder.names.count("request_completed") == 1


@pytest.mark.scenario("B48")
@pytest.mark.pitfall(1)
async def test_the_next_query_sees_its_own_matches_alone() -> None:
    async with talking(window=2) as (connection, peer):
        async with connection.open_request(find_request("first")):
            first = await peer.expect_message(CFindRequest)
        await peer.expect_message(CCancelRequest)
        async with connection.open_request(find_request("second")) as responses:
            second = await peer.expect_message(CFindRequest)
            await peer.reply(first, 0xFF00, data_set=patient("wrong"))
            await peer.reply(second, 0xFF00, data_set=patient("right"))
            await peer.reply(first, 0xFF00, data_set=patient("wrong"))
            await peer.reply(first, 0xFE00)
            await peer.reply(second, 0x0000)
            matches = [match async for match in responses]
            identifiers = [match.decoded_data_set() for match in matches]
            assert [str(it.PatientName) for it in identifiers if it is not None] == ["right"]


@pytest.mark.scenario("B48")
@pytest.mark.parametrize("build", CANCELLABLE)
async def test_a_request_that_times_out_is_cancelled_at_the_peer(
    build: Callable[[], Request], autojump_clock: MockClock
) -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, build(), idle_timeout=10)
        request = await peer.receive_message()
        assert isinstance(request, Request)
        await call.failure()
        cancel = await peer.expect_message(CCancelRequest)
        assert cancel.message_id_being_responded_to == request.message_id
        assert connection.is_send_queue_empty


async def test_other_requests_get_no_c_cancel(autojump_clock: MockClock) -> None:
    async with talking(window=3) as (connection, peer), trio.open_nursery() as nursery:
        left = await Call.begin(nursery, connection, store_request())
        timed_out = await Call.begin(nursery, connection, CEchoRequest(), idle_timeout=1)
        await timed_out.failure()
        await left.cancel()
        store = await peer.expect_message(CStoreRequest)
        await peer.expect_message(CEchoRequest)
        assert await is_silent(peer)
        await peer.reply(store, 0x0000)


async def test_after_the_grace_the_slot_is_free(autojump_clock: MockClock) -> None:
    options = quick(cancel_grace=20, idle=1000)
    async with talking(options=options) as (connection, peer), trio.open_nursery() as nursery:
        query = await Call.begin(nursery, connection, find_request())
        request = await peer.expect_message(CFindRequest)
        begun = trio.current_time()
        await query.cancel()
        assert trio.current_time() == begun  # leaving does not wait
        await peer.expect_message(CCancelRequest)
        echo = await Call.begin(nursery, connection, CEchoRequest())
        await trio.sleep(19)
        await peer.reply(request, 0xFF00)  # no reason to be more patient
        later = await peer.expect_message(CEchoRequest)
        assert trio.current_time() - begun == 20
        await peer.reply(request, 0xFE00)
        await peer.reply(later, 0x0000)
        assert await echo.status() == 0x0000
        assert later.message_id != request.message_id


@pytest.mark.scenario("B48")
@pytest.mark.parametrize("how", ["left", "timed out", "after the grace"])
async def test_instances_that_still_arrive_are_read_whole_and_refused(
    how: str, autojump_clock: MockClock
) -> None:
    stored: list[CStoreRequest] = []

    class Inbox(Recorder):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            stored.append(request)
            return CStoreResponse(status=0x0000)

    async with (
        talking(handler=Inbox(), options=quick(cancel_grace=5)) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        idle = 10 if how == "timed out" else 1000
        call = await Call.begin(nursery, connection, get_request(), idle_timeout=idle)
        request = await peer.expect_message(CGetRequest)
        await peer.send_message(store_request(message_id=1), context_id=3)
        assert (await peer.expect_message(CStoreResponse)).status.code == 0x0000
        if how == "timed out":
            await call.failure()
        else:
            await call.cancel()
        await peer.expect_message(CCancelRequest)
        if how == "after the grace":
            await trio.sleep(6)
        await peer.send_message(store_request(50_000, message_id=2), context_id=3)
        refused = await peer.expect_message(CStoreResponse)
        assert refused.status.code == 0xA700
        assert refused.message_id_being_responded_to == 2
        assert len(stored) == 1
        # The next C-GET gets its own.
        await peer.reply(request, 0xFE00)
        again = await Call.begin(nursery, connection, get_request())
        second = await peer.expect_message(CGetRequest)
        await peer.send_message(store_request(message_id=3), context_id=3)
        assert (await peer.expect_message(CStoreResponse)).status.code == 0x0000
        await peer.reply(second, 0x0000)
        assert await again.status() == 0x0000


@pytest.mark.scenario("B66")
@pytest.mark.parametrize("window", [1, 2])
async def test_a_message_on_the_wire_is_finished_when_its_caller_is_cancelled(
    window: int, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    async with (
        talking(handler=recorder, capacity=1000, window=window) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        left = await Call.begin(nursery, connection, store_request(8000))
        other = await Call.begin(nursery, connection, CEchoRequest())
        await left.cancel()
        assert left.response is left.error is None
        assert connection.can_still_process_p_data_tf
        store = await peer.expect_message(CStoreRequest)
        assert len(store.dataset().PixelData) == 8000 - 12
        if window == 1:
            assert await is_silent(peer)  # its slot stays taken until the answer
            await peer.reply(store, 0x0000)
        echo = await peer.expect_message(CEchoRequest)
        await peer.reply(echo, 0x0000)
        assert await other.status() == 0x0000
        if window == 2:
            await peer.reply(store, 0x0000)
        await connection.wait_send_queue_empty()
    # The late answer is dropped: it is no answer to nobody, and nobody hears of it.
    assert caplog.records == []
    assert recorder.names.count("request_completed") == 1


async def test_a_stuck_message_whose_caller_left_is_cut_in_the_end(
    autojump_clock: MockClock,
) -> None:
    async with (
        talking(capacity=1000, options=quick(idle=10)) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        left = await Call.begin(nursery, connection, store_request(8000))
        await left.cancel()
        assert connection.can_still_process_p_data_tf
        await trio.sleep(11)
        assert not connection.can_still_process_p_data_tf
        assert connection.is_send_queue_empty
        await peer.aclose()


async def test_an_abandoned_request_that_nobody_answers_frees_its_slot_in_the_end(
    autojump_clock: MockClock,
) -> None:
    recorder = Recorder()
    async with (
        talking(handler=recorder, options=quick(idle=10)) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        left = await Call.begin(nursery, connection, CEchoRequest())
        await left.cancel()
        await peer.expect_message(CEchoRequest)
        echo = await Call.begin(nursery, connection, CEchoRequest())
        request = await peer.expect_message(CEchoRequest)
        assert trio.current_time() == 10
        await peer.reply(request, 0x0000)
        assert await echo.status() == 0x0000
    assert "request_timed_out" not in recorder.names  # its one outcome was the cancellation


@pytest.mark.scenario("B47")
async def test_cancelled_before_its_first_byte_a_request_is_never_sent(tmp_path: Path) -> None:
    with slow_disk(hangs_at=1) as disk:
        async with talking() as (connection, peer), trio.open_nursery() as nursery:
            call = await Call.begin(
                nursery, connection, stored_request(tmp_path / "file", 2 * BLOCK)
            )
            await disk.reached.wait()
            await call.cancel()  # its first block is still being read
            assert connection.is_send_queue_empty
            assert connection.can_still_process_p_data_tf
            nursery.start_soon(ask, connection, CEchoRequest())
            await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
            await wait_all_tasks_blocked()
            disk.let_go.set()
            await threads_ended(connection)
            assert all(file.closed for file in disk.files)


@pytest.mark.scenario("B27")
async def test_late_pending_responses_after_a_timeout_are_dropped(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    async with talking(handler=recorder) as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, find_request(), idle_timeout=10)
        request = await peer.expect_message(CFindRequest)
        await call.failure()
        await peer.expect_message(CCancelRequest)
        with caplog.at_level(logging.WARNING, "trio_dicom"):
            await peer.reply(request, 0xFF00, data_set=patient("SECRET"))
            await peer.reply(request, 0xFE00)
            await wait_all_tasks_blocked()
        assert "SECRET" not in caplog.text
    assert recorder.names.count("request_timed_out") == 1
    assert "request_pending" not in recorder.names
    assert "request_completed" not in recorder.names
