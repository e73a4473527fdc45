"""Requests wait for a slot of the window, and answers find their own caller."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.io.talking import (
    Call,
    Sent,
    ask,
    find_request,
    get_request,
    is_silent,
    store_request,
    talking,
)
from trio_dicom import (
    CCancelRequest,
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    ConnectionOptions,
    CStoreRequest,
)
from trio_dicom.testing import ScriptedPeer


@pytest.mark.scenario("B22", "B25")
async def test_in_a_window_of_one_a_request_waits_for_the_answer_to_the_one_before() -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        first = await Call.begin(nursery, connection, CEchoRequest())
        second = await Call.begin(nursery, connection, CEchoRequest())
        request = await peer.expect_message(CEchoRequest)
        assert await is_silent(peer)
        await peer.reply(request, 0x0000)
        assert (await peer.expect_message(CEchoRequest)).message_id != request.message_id
        assert await first.status() == 0x0000
        assert second.response is None
        await peer.reply(CEchoRequest(message_id=2), 0x0001)
        assert await second.status() == 0x0001


@pytest.mark.scenario("B22")
async def test_a_pending_response_frees_no_slot() -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        query = await Call.begin(nursery, connection, find_request())
        echo = await Call.begin(nursery, connection, CEchoRequest())
        request = await peer.expect_message(CFindRequest)
        await peer.reply(request, 0xFF00)
        assert await is_silent(peer)
        await peer.reply(request, 0x0000)
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        assert await query.status() == await echo.status() == 0x0000


@pytest.mark.scenario("B23")
@pytest.mark.pitfall(1)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_answers_in_any_order_reach_their_own_callers(order: tuple[int, ...]) -> None:
    async with talking(window=3) as (connection, peer), trio.open_nursery() as nursery:
        calls = [await Call.begin(nursery, connection, CEchoRequest()) for _ in range(4)]
        requests = [await peer.expect_message(CEchoRequest) for _ in range(3)]
        assert await is_silent(peer)  # the fourth waits
        for number in order:
            await peer.reply(requests[number], 0xC000 + number)
            assert await calls[number].status() == 0xC000 + number
        assert calls[3].response is None
        await peer.reply(await peer.expect_message(CEchoRequest), 0xC003)
        assert await calls[3].status() == 0xC003


@pytest.mark.scenario("B24")
@pytest.mark.parametrize(
    "offered, answered, window",
    [
        (0, (3, 1), 3),
        (2, (0, 1), 2),
        (2, (8, 1), 2),
        (2, None, 1),
        (3, (2, 1), 2),
        (1, (5, 5), 1),
    ],
)
async def test_the_window_is_what_both_agree_to(
    offered: int, answered: tuple[int, int] | None, window: int
) -> None:
    async with (
        talking(window=offered, accept={"window": answered}) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        for _ in range(5):
            await Call.begin(nursery, connection, CEchoRequest())
        requests = [await peer.expect_message(CEchoRequest) for _ in range(window)]
        assert await is_silent(peer)
        for request in requests:
            await peer.reply(request, 0x0000)
        for _ in range(5 - window):
            await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)


async def _serve_echoes(peer: ScriptedPeer, count: int) -> None:
    for _ in range(count):
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)


@pytest.mark.scenario("B24")
async def test_a_thousand_requests_in_an_unlimited_window_all_go_out_at_once() -> None:
    count = 1000
    async with talking(window=0) as (connection, peer), trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(ask, connection, CEchoRequest())
        requests = [await peer.expect_message(CEchoRequest) for _ in range(count)]
        assert len({request.message_id for request in requests}) == count
        assert not connection.is_send_queue_empty
        for request in reversed(requests):
            await peer.reply(request, 0x0000)
        await connection.wait_send_queue_empty()


@pytest.mark.scenario("B47")
async def test_a_request_that_was_cancelled_in_the_queue_is_never_sent() -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        await Call.begin(nursery, connection, CEchoRequest())
        queued = await Call.begin(nursery, connection, store_request())
        await Call.begin(nursery, connection, find_request())
        await queued.cancel()
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        await peer.reply(await peer.expect_message(CFindRequest), 0x0000)
        assert await is_silent(peer)


async def test_a_second_c_get_waits_for_the_first_and_others_overtake_it() -> None:
    async with talking(window=3) as (connection, peer), trio.open_nursery() as nursery:
        first = await Call.begin(nursery, connection, get_request("first"))
        second = await Call.begin(nursery, connection, get_request("second"))
        echo = await Call.begin(nursery, connection, CEchoRequest())
        request = await peer.expect_message(CGetRequest)
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        assert await echo.status() == 0x0000
        assert await is_silent(peer)
        await peer.reply(request, 0x0000)
        assert await first.status() == 0x0000
        request = await peer.expect_message(CGetRequest)
        identifier = request.identifier
        assert identifier is not None
        assert identifier.PatientName == "second"
        await peer.reply(request, 0x0000)
        assert await second.status() == 0x0000


@pytest.mark.scenario("B70")
@pytest.mark.pitfall(7, 8)
async def test_what_we_owe_goes_out_before_a_thousand_that_wait_for_the_window() -> None:
    sent = Sent()
    async with talking(instrument=sent) as (connection, peer), trio.open_nursery() as nursery:
        query = await Call.begin(nursery, connection, find_request())
        for _ in range(1000):
            nursery.start_soon(ask, connection, CEchoRequest())
        request = await peer.expect_message(CFindRequest)
        await peer.send_message(CEchoRequest(message_id=7), context_id=1)
        assert (await peer.receive_message()).operation == "C-ECHO"
        await query.cancel()
        assert isinstance(await peer.receive_message(), CCancelRequest)
        assert [name for name, _ in sent.messages] == [
            "CFindRequest",
            "CEchoResponse",
            "CCancelRequest",
        ]
        nursery.start_soon(_serve_echoes, peer, 1000)
        await peer.reply(request, 0xFE00)


@pytest.mark.scenario("B70")
async def test_an_answer_waits_for_one_message_and_goes_before_the_next() -> None:
    sent = Sent()
    options = ConnectionOptions(max_fragment_pdu=1024)
    async with (
        talking(instrument=sent, capacity=4096, window=0, options=options) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        for _ in range(3):
            await Call.begin(nursery, connection, store_request(20_000))
        # The first of them fills the link: the rest of it comes before anything else.
        await peer.send_message(CEchoRequest(message_id=7), context_id=1)
        await wait_all_tasks_blocked()
        operations = [await peer.receive_message() for _ in range(4)]
        assert [type(message).__name__ for message in operations] == [
            "CStoreRequest",
            "CEchoResponse",
            "CStoreRequest",
            "CStoreRequest",
        ]
        for message in operations:
            if isinstance(message, CStoreRequest):
                await peer.reply(message, 0x0000)


async def test_the_queue_is_empty_when_nothing_waits_and_nothing_is_open() -> None:
    async with talking() as (connection, peer), trio.open_nursery() as nursery:
        assert connection.is_send_queue_empty
        assert not connection.is_send_next_message_required
        await Call.begin(nursery, connection, CEchoRequest())
        assert not connection.is_send_queue_empty
        assert not connection.is_send_next_message_required  # open, but nothing is queued
        await Call.begin(nursery, connection, CEchoRequest())
        assert connection.is_send_next_message_required

        emptied = trio.Event()

        async def wait_for_empty() -> None:
            await connection.wait_send_queue_empty()
            emptied.set()

        nursery.start_soon(wait_for_empty)
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        request = await peer.expect_message(CEchoRequest)
        await wait_all_tasks_blocked()
        assert not connection.is_send_next_message_required
        assert not emptied.is_set()
        await peer.reply(request, 0x0000)
        await emptied.wait()
        assert connection.is_send_queue_empty


async def test_the_sender_needs_no_next_message_while_it_transmits() -> None:
    async with (
        talking(capacity=1024, window=2) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        await Call.begin(nursery, connection, store_request(4000))
        await Call.begin(nursery, connection, CEchoRequest())
        await Call.begin(nursery, connection, CEchoRequest())
        assert not connection.is_send_next_message_required  # it is stuck in the first
        requests = [await peer.expect_message(CStoreRequest)]
        echo = await peer.expect_message(CEchoRequest)
        await wait_all_tasks_blocked()
        assert connection.is_send_next_message_required  # the third waits for a slot
        await peer.reply(requests[0], 0x0000)
        await peer.reply(echo, 0x0000)
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)


async def test_send_next_message_returns_when_all_that_the_window_admits_is_sent() -> None:
    async with (
        talking(capacity=1024, window=2) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        await Call.begin(nursery, connection, store_request(4000))
        await Call.begin(nursery, connection, CEchoRequest())
        await Call.begin(nursery, connection, CEchoRequest())
        sent = trio.Event()

        async def wait_until_sent() -> None:
            await connection.send_next_message()
            sent.set()

        nursery.start_soon(wait_until_sent)
        await wait_all_tasks_blocked()
        assert not sent.is_set()
        store = await peer.expect_message(CStoreRequest)
        echo = await peer.expect_message(CEchoRequest)
        await wait_all_tasks_blocked()
        assert sent.is_set()  # although the third waits for a slot
        await peer.reply(store, 0x0000)
        await peer.reply(echo, 0x0000)
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)


async def test_send_request_returns_when_its_last_byte_is_written() -> None:
    async with talking(capacity=1024) as (connection, peer), trio.open_nursery() as nursery:
        returned = trio.Event()

        async def send() -> None:
            await connection.send_request(store_request(4000))
            returned.set()

        nursery.start_soon(send)
        await wait_all_tasks_blocked()
        assert not returned.is_set()
        request = await peer.expect_message(CStoreRequest)
        await wait_all_tasks_blocked()
        assert returned.is_set()
        assert not connection.is_send_queue_empty  # the answer is still to come
        await peer.reply(request, 0x0000)
