"""What else shows that the peer is at work: sub-operations, and answers to other requests."""

from __future__ import annotations

import pytest
import trio
from pydicom.uid import ExplicitVRLittleEndian
from trio.testing import MockClock

from tests.io.recording import Recorder
from tests.io.talking import (
    CT_ID,
    Call,
    find_request,
    get_request,
    move_request,
    quick,
    store_request,
    talking,
)
from trio_dicom import (
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    CStoreRequest,
    CStoreResponse,
    ResponseTimeout,
)
from trio_dicom.testing import message_bytes


class Keeping(Recorder):
    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        return CStoreResponse(status=0x0000)


@pytest.mark.scenario("B33", "B37")
async def test_one_long_sub_operation_is_no_silence(autojump_clock: MockClock) -> None:
    async with (
        talking(options=quick(idle=10), handler=Keeping()) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, get_request())
        request = await peer.expect_message(CGetRequest)
        data = message_bytes(
            store_request(20_000, message_id=1),
            context_id=CT_ID,
            transfer_syntax=ExplicitVRLittleEndian,
            max_fragment=4000,
        )
        for start in range(0, len(data), 4000):
            await trio.sleep(9)
            await peer.send_bytes(data[start : start + 4000])
        assert (await peer.expect_message(CStoreResponse)).status.code == 0x0000
        await trio.sleep(9)
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000


@pytest.mark.scenario("B37")
async def test_sub_operations_are_signs_of_life_without_pending_responses(
    autojump_clock: MockClock,
) -> None:
    async with (
        talking(options=quick(idle=10), handler=Keeping()) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, get_request())
        request = await peer.expect_message(CGetRequest)
        for number in range(1, 6):
            await trio.sleep(9)
            await peer.send_message(store_request(message_id=number), context_id=CT_ID)
            await peer.expect_message(CStoreResponse)
        await trio.sleep(9)
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000


@pytest.mark.scenario("B37")
async def test_an_answer_of_ours_to_a_sub_operation_is_a_sign_of_life_when_it_goes_out(
    autojump_clock: MockClock,
) -> None:
    async with (
        talking(options=quick(idle=10), handler=Keeping(), window=2, capacity=1000) as (
            connection,
            peer,
        ),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, get_request())
        request = await peer.expect_message(CGetRequest)
        store = await Call.begin(nursery, connection, store_request(8000))
        await peer.send_message(store_request(message_id=1), context_id=CT_ID)
        await trio.sleep(9)  # the answer waits behind the instance that we send
        await peer.reply(await peer.expect_message(CStoreRequest), 0x0000)
        await peer.expect_message(CStoreResponse)
        await trio.sleep(9)
        await peer.reply(request, 0x0000)
        assert await call.status() == await store.status() == 0x0000


@pytest.mark.scenario("B37")
async def test_c_move_has_its_own_patience(autojump_clock: MockClock) -> None:
    options = quick(idle=10)
    async with talking(options=options) as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, move_request())
        request = await peer.expect_message(CMoveRequest)
        await trio.sleep(10_000)
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000
    options = quick(idle=10, move_idle=100)
    async with talking(options=options) as (connection, peer), trio.open_nursery() as nursery:
        begun = trio.current_time()
        call = await Call.begin(nursery, connection, move_request())
        assert isinstance(await call.failure(), ResponseTimeout)
        assert trio.current_time() - begun == 100


@pytest.mark.scenario("B37")
async def test_an_answer_to_an_earlier_request_starts_the_later_clocks_anew(
    autojump_clock: MockClock,
) -> None:
    async with (
        talking(options=quick(idle=10), window=3) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        begun = trio.current_time()
        calls = [await Call.begin(nursery, connection, CEchoRequest()) for _ in range(3)]
        requests = [await peer.expect_message(CEchoRequest) for _ in range(3)]
        await trio.sleep(9)
        await peer.reply(requests[1], 0x0000)
        assert await calls[1].status() == 0x0000
        assert isinstance(await calls[0].failure(), ResponseTimeout)  # it is an earlier one
        assert trio.current_time() - begun == 10
        await trio.sleep(8)
        await peer.reply(requests[2], 0x0000)
        assert await calls[2].status() == 0x0000


@pytest.mark.scenario("B37")
async def test_pending_responses_to_an_earlier_request_show_that_the_peer_is_at_work(
    autojump_clock: MockClock,
) -> None:
    async with (
        talking(options=quick(idle=10), window=2) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        query = await Call.begin(nursery, connection, find_request())
        echo = await Call.begin(nursery, connection, CEchoRequest())
        request = await peer.expect_message(CFindRequest)
        for _ in range(3):
            await trio.sleep(9)
            await peer.reply(request, 0xFF00)
        await peer.reply(request, 0x0000)
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        assert await query.status() == await echo.status() == 0x0000
