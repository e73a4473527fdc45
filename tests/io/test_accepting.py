"""Associations that a peer has asked us for, and peers that fall silent on them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.arriving import Arrival, Keeper, arrival, data_set, is_clean, limited
from tests.io.talking import EVERYTHING
from trio_dicom import (
    AssociationRequest,
    BaseHandler,
    CEchoRequest,
    ConnectionHandler,
    ContextResult,
    CStoreRequest,
    CStoreResponse,
    propose,
    response_to,
)
from trio_dicom._io.accepting import serve
from trio_dicom._io.events import EventTakers
from trio_dicom.lowlevel import Abort, AssociationAccept, answer
from trio_dicom.testing import ScriptedPeer, scripted_peer

IDLE = 10


def accept(request: AssociationRequest) -> AssociationAccept:
    """Agree to everything."""
    return answer(request, supported=lambda it: (ContextResult.ACCEPTANCE, it.transfer_syntaxes[0]))


async def serving(stream: trio.abc.Stream, handler: ConnectionHandler | None = None) -> None:
    await serve(
        stream,
        acceptance=accept,
        handler=BaseHandler() if handler is None else handler,
        events=EventTakers(),
        options=limited(idle=IDLE),
    )


@asynccontextmanager
async def calling(handler: ConnectionHandler) -> AsyncGenerator[ScriptedPeer, None]:
    """A peer that has called us, and has its association."""

    with trio.fail_after(100 * IDLE):
        async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:
            nursery.start_soon(serving, stream, handler)
            await peer.send(propose(contexts=EVERYTHING))
            peer.accepted = await peer.expect(AssociationAccept)
            yield peer
            await peer.aclose()


@pytest.mark.pitfall(33)
async def test_a_peer_that_aborts_before_it_has_asked_is_hung_up_on(
    autojump_clock: MockClock,
) -> None:
    async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:
        nursery.start_soon(serving, stream)
        await peer.abort()
        await peer.expect_closed()
    assert trio.current_time() == 0


@pytest.mark.pitfall(2)
async def test_a_peer_that_does_not_even_read_our_answer_to_its_request_is_given_up(
    autojump_clock: MockClock,
) -> None:
    with trio.fail_after(100 * IDLE):
        async with scripted_peer(capacity=64) as (stream, peer), trio.open_nursery() as nursery:
            nursery.start_soon(serving, stream)
            await peer.send(propose(contexts=EVERYTHING))
            await wait_all_tasks_blocked()
            # It may know what we would agree to, so for us its association stands.
            await peer.send_message(CEchoRequest(message_id=1), context_id=1)
    assert trio.current_time() == IDLE


async def is_aborted_at(peer: ScriptedPeer, seconds: float) -> bool:
    """Whether we give the peer up when it was silent for so long."""
    begun = trio.current_time()
    await peer.expect(Abort)
    return trio.current_time() - begun == seconds


async def begun(peer: ScriptedPeer) -> Arrival:
    coming = await arrival(peer)
    await coming.more(data_set()[:100])
    await wait_all_tasks_blocked()
    return coming


@pytest.mark.pitfall(32)
async def test_a_peer_that_stops_in_the_middle_of_an_instance_is_given_up(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    keeper = Keeper(tmp_path / "a.dcm")
    async with calling(keeper) as peer:
        coming = await begun(peer)
        await trio.sleep(IDLE - 1)
        await coming.more(data_set()[100:200])
        await wait_all_tasks_blocked()
        assert await is_aborted_at(peer, IDLE)
    assert keeper.arrived == []
    assert is_clean(tmp_path)


@pytest.mark.scenario("B69")
async def test_a_peer_is_waited_for_while_it_waits_for_us(autojump_clock: MockClock) -> None:
    class Slow(Keeper):
        async def c_store_sink(self, request: object) -> None:
            await trio.sleep(10 * IDLE)

    async with calling(Slow()) as peer:
        coming = await begun(peer)
        await coming.more(data_set()[100:], is_last=True)
        assert (await coming.answer()).status.code == 0x0000
        assert await is_aborted_at(peer, IDLE)


@pytest.mark.scenario("B39")
async def test_a_peer_that_hangs_up_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    async with calling(Keeper(tmp_path / "a.dcm")) as peer:
        await begun(peer)
    assert is_clean(tmp_path)


@pytest.mark.pitfall(32)
async def test_a_byte_now_and_then_is_no_sign_of_life(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with calling(Keeper(tmp_path / "a.dcm")) as peer, trio.open_nursery() as nursery:

        async def trickle() -> None:
            for byte in b"\x04\x00\x00\x00\x10\x00" + bytes(100):
                await peer.send_bytes(bytes([byte]))
                await trio.sleep(IDLE / 2)

        nursery.start_soon(trickle)
        assert await is_aborted_at(peer, IDLE)
        nursery.cancel_scope.cancel()


async def test_the_silence_of_a_peer_begins_with_our_answer(autojump_clock: MockClock) -> None:
    class Slow(Keeper):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            await trio.sleep(IDLE * 3 - 1)
            return response_to(request, 0x0000)

    async with calling(Slow(None)) as peer:
        coming = await arrival(peer)
        assert (await coming.whole(data_set())).status.is_success
        assert await is_aborted_at(peer, IDLE)
