"""How long a C-MOVE may be silent, when all of its work is done elsewhere."""

from __future__ import annotations

import math

import pytest
import trio
from trio.testing import MockClock

from tests.operations.calling import Keeper, bringing, calling, receiving
from tests.operations.getting import c_store, ct, pdus_of
from tests.operations.moving import deliver, move_to, moving, originated
from trio_dicom import (
    CStoreRequest,
    CStoreResponse,
    ResponseTimeout,
)
from trio_dicom.testing import ScriptedPeer

IDLE = 10.0


@pytest.fixture
def autojump_clock() -> MockClock:
    """One that gives the threads time that look at instances."""
    return MockClock(autojump_threshold=0.02)


async def fails_after(retrieval: trio.abc.ReceiveChannel[object]) -> float:
    """When the C-MOVE times out."""
    with pytest.raises(ResponseTimeout):
        await retrieval.receive()
    return trio.current_time()


async def slowly(peer: ScriptedPeer, request: CStoreRequest, pause: float) -> None:
    """Send an instance, and wait before each PDU but the first."""
    for number, pdu in enumerate(pdus_of(request, 256)):
        if number:
            await trio.sleep(pause)
        await peer.send_bytes(pdu)


@pytest.mark.scenario("B37")
async def test_a_move_to_somebody_else_may_be_silent_for_ever(autojump_clock: MockClock) -> None:
    async with (
        moving() as (association, peer),
        move_to(association, peer, "OTHER") as (it, request),
    ):
        await trio.sleep(80_000)
        await peer.reply(request, 0x0000)
        assert (await it.final()).status.is_success


async def test_with_a_limit_its_silence_is_too_long(autojump_clock: MockClock) -> None:
    async with (
        moving() as (association, peer),
        move_to(association, peer, "OTHER", idle_timeout=IDLE) as (retrieval, _),
    ):
        assert await fails_after(retrieval) == pytest.approx(IDLE)


@pytest.mark.scenario("B37")
@pytest.mark.parametrize("originator", [True, False])
async def test_every_pdu_at_our_receiver_is_a_sign_of_life(
    autojump_clock: MockClock, originator: bool
) -> None:
    async with (
        receiving(Keeper()) as receiver,
        moving() as (association, peer),
        move_to(association, peer, receiver=receiver, idle_timeout=IDLE) as (retrieval, request),
        bringing(receiver) as archive,
        trio.open_nursery() as nursery,
    ):
        fields = originated(request) if originator else {}
        data_set = ct("1.2.3", size=2_000, StudyInstanceUID="1.2")
        instance = c_store("1.2.3", 1, data_set=data_set, **fields)
        nursery.start_soon(slowly, archive, instance, 8.0)
        assert (await archive.expect_message(CStoreResponse)).status.is_success
        assert trio.current_time() > 5 * IDLE
        begun = trio.current_time()
        assert await fails_after(retrieval) == pytest.approx(begun + IDLE)


async def test_what_is_brought_for_one_move_is_no_sign_of_life_for_another(
    autojump_clock: MockClock,
) -> None:
    async with (
        receiving(Keeper()) as receiver,
        moving(window=2) as (association, peer),
        move_to(association, peer, receiver=receiver, idle_timeout=IDLE) as (_, one),
        move_to(association, peer, receiver=receiver, idle_timeout=IDLE) as (second, _two),
        bringing(receiver) as archive,
        trio.open_nursery() as nursery,
    ):
        data_set = ct("1.2.3", size=2_000)
        instance = c_store("1.2.3", 1, data_set=data_set, **originated(one))
        nursery.start_soon(slowly, archive, instance, 4.0)
        assert await fails_after(second) == pytest.approx(IDLE)
        nursery.cancel_scope.cancel()


@pytest.mark.scenario("B69")
async def test_our_own_slowness_is_not_the_peers_silence(autojump_clock: MockClock) -> None:
    class Slow(Keeper):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            await trio.sleep(5 * IDLE)
            return await super().on_c_store_request(request)

    async with (
        receiving(Slow()) as receiver,
        moving() as (association, peer),
        move_to(association, peer, receiver=receiver, idle_timeout=IDLE) as (retrieval, request),
    ):
        assert (await deliver(receiver, **originated(request))).status.is_success
        # And one that ends before the answer, whose silence is no longer ours.
        with trio.move_on_after(1):
            async with calling(receiver) as archive:
                instance = c_store("1.2.4", 1, **originated(request))
                await archive.connection.send_request(instance)
                await trio.sleep(2)
        begun = trio.current_time()
        assert begun == pytest.approx(5 * IDLE + 1)
        ended = await fails_after(retrieval)
        assert begun + IDLE - 1 <= ended <= begun + IDLE + 1


@pytest.mark.parametrize("comes", ["an echo", "an instance", "a request for an association"])
async def test_strangers_at_the_receiver_show_nothing_of_a_move(
    autojump_clock: MockClock, comes: str
) -> None:
    async def disturb() -> None:
        while True:
            await trio.sleep(4)
            async with calling(receiver, calling_ae="STRANGER") as stranger:
                if comes == "an echo":
                    await stranger.c_echo()
                elif comes == "an instance":
                    fields = {"move_originator_ae": "OTHER", "move_originator_message_id": 1}
                    await stranger.send_request(c_store("1.9", 1, **fields), idle_timeout=math.inf)

    class Stuck(Keeper):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            await trio.sleep_forever()
            raise AssertionError

    async with (
        receiving(Stuck()) as receiver,
        moving() as (association, peer),
        move_to(association, peer, receiver=receiver, idle_timeout=IDLE) as (retrieval, _),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(disturb)
        assert await fails_after(retrieval) == pytest.approx(IDLE)
        nursery.cancel_scope.cancel()
