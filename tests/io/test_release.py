"""The association is released: by us, by the peer, by both at once, or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints, wait_all_tasks_blocked

from tests.io.asking import Outcomes, ask, asked, check_shared_by_nobody
from tests.io.recording import REQUEST, Recorder, associated, connected, serve
from trio_dicom import (
    AbortSource,
    Association,
    AssociationAborted,
    AssociationReleased,
    CEchoRequest,
    CEchoResponse,
    ClientConnection,
    ConnectionOptions,
    Delivery,
    ReleaseTimeout,
    Timeouts,
    wrap_stream,
)
from trio_dicom.lowlevel import Abort, ReleaseRequest, ReleaseResponse
from trio_dicom.testing import ScriptedPeer, memory_link

ends = pytest.mark.parametrize(
    "end", [ClientConnection.send_association_release_request, ClientConnection.aclose]
)
End = Callable[[ClientConnection], Awaitable[None]]


@ends
async def test_a_release_is_asked_for_answered_and_told(end: End) -> None:
    recorder = Recorder()
    async with associated(handler=recorder) as (connection, peer):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(end, connection)
            await peer.expect(ReleaseRequest)
            await peer.send(ReleaseResponse())
            await peer.expect_closed()  # whoever asked closes
        assert peer.received.endswith(bytes.fromhex("05 00 00000004 00000000"))
        with pytest.raises(AssociationReleased) as caught:
            await connection.send_request(CEchoRequest())
        assert caught.value.delivery is Delivery.NOT_SENT
        before = bytes(peer.received)
        with assert_checkpoints():
            await end(connection)  # once more does nothing
        assert peer.received == before
    assert recorder.names[1:] == ["receive_association_release_response", "connection_closed"]
    assert recorder.told_of_the_end is None


async def test_leaving_the_block_releases() -> None:
    recorder = Recorder()
    async with associated(handler=recorder) as (_, peer):
        pass
    assert peer.pdus[1:] == [ReleaseRequest()]
    assert recorder.told_of_the_end is None


@pytest.mark.scenario("B41")
@pytest.mark.parametrize("leave", [ScriptedPeer.aclose, ScriptedPeer.reset])
@ends
async def test_a_release_returns_when_the_peer_is_gone(
    end: End, leave: Callable[[ScriptedPeer], Awaitable[None]], autojump_clock: MockClock
) -> None:
    recorder = Recorder()
    async with associated(handler=recorder) as (connection, peer):
        await leave(peer)
        await end(connection)
        assert trio.current_time() == 0
    assert recorder.names == ["receive_association_accept", "connection_closed"]


@pytest.mark.scenario("B41")
async def test_open_requests_finish_before_the_release_and_new_ones_are_refused() -> None:
    outcomes: Outcomes = []
    recorder = Recorder()
    async with associated(offer=3, handler=recorder) as (connection, peer):
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(ask, connection, outcomes)
            open_ones = [await peer.expect_message(CEchoRequest) for _ in range(3)]
            await wait_all_tasks_blocked()
            nursery.start_soon(connection.send_association_release_request)
            await wait_all_tasks_blocked()
            with pytest.raises(AssociationReleased):
                await connection.send_request(CEchoRequest())
            assert peer.pdus[-1] != ReleaseRequest()
            for request in open_ones:
                await peer.reply(request, 0x0000)
            # Those that waited for the window were asked before the release: they go, too.
            for _ in range(2):
                await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
            await peer.expect(ReleaseRequest)
            await peer.send(ReleaseResponse())
        assert [type(it) for it in outcomes] == [CEchoResponse] * 5
    assert recorder.names.count("request_completed") == 5
    assert recorder.told_of_the_end is None


@pytest.mark.scenario("B41")
@pytest.mark.parametrize("explicit", [True, False])
async def test_what_is_not_released_in_time_is_aborted(
    explicit: bool, autojump_clock: MockClock
) -> None:
    outcomes: Outcomes = []
    recorder = Recorder()
    options = ConnectionOptions(timeouts=Timeouts(release=9, abort=2))
    async with (
        associated(offer=3, handler=recorder, options=options) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        await asked(connection, peer, nursery, outcomes)
        if explicit:
            with pytest.raises(ReleaseTimeout, match="within 9 s") as caught:
                await connection.send_association_release_request()
            assert caught.value.seconds == 9
            assert trio.current_time() == 9
        await connection.aclose()
        assert trio.current_time() == 11
        assert [type(it) for it in outcomes] == [AssociationAborted] * 5
        check_shared_by_nobody(outcomes)
        assert await peer.expect(Abort) == Abort(AbortSource.USER)
    assert isinstance(recorder.told_of_the_end, AssociationAborted)


@pytest.mark.scenario("B41")
async def test_a_release_that_is_never_answered_is_aborted(autojump_clock: MockClock) -> None:
    recorder = Recorder()
    async with associated(handler=recorder) as (connection, peer):
        with pytest.raises(ReleaseTimeout):
            await connection.send_association_release_request()
        assert trio.current_time() == Timeouts().release
        await peer.expect(ReleaseRequest)
        await peer.expect(Abort)
    assert isinstance(recorder.told_of_the_end, AssociationAborted)


@pytest.mark.scenario("B41")
async def test_a_late_answer_arrives_while_the_release_waits() -> None:
    """Without the answer there is no release, except for one that nobody waits for."""
    recorder = Recorder()
    async with associated(offer=2, handler=recorder) as (connection, peer):
        await connection.send_request(CEchoRequest(), idle_timeout=5)
        request = await peer.expect_message(CEchoRequest)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.send_association_release_request)
            await wait_all_tasks_blocked()
            await peer.reply(request, 0x0000)
            await peer.expect(ReleaseRequest)
            # An answer that the peer had on its way, to nobody.
            await peer.reply(request, 0x0000)
            await peer.send(ReleaseResponse())
    assert recorder.names == [
        "receive_association_accept",
        "request_completed",
        "receive_association_release_response",
        "connection_closed",
    ]


@pytest.mark.scenario("B42")
@pytest.mark.pitfall(20)
async def test_a_peer_that_releases_first_gets_its_answer() -> None:
    outcomes: Outcomes = []
    recorder = Recorder()
    async with associated(offer=3, handler=recorder) as (connection, peer):
        async with trio.open_nursery() as nursery:
            await asked(connection, peer, nursery, outcomes)
            await peer.release()
        assert peer.received.endswith(bytes.fromhex("06 00 00000004 00000000"))
        assert [type(it) for it in outcomes] == [AssociationReleased] * 5
        assert all("the peer released" in str(it) for it in outcomes)
        check_shared_by_nobody(outcomes)
        with pytest.raises(AssociationReleased):
            await connection.send_request(CEchoRequest())
        await peer.aclose()
        await connection.listener.wait()
    assert recorder.names == ["receive_association_accept", "connection_closed"]
    assert recorder.told_of_the_end is None


@pytest.mark.scenario("B42")
@pytest.mark.pitfall(20)
@pytest.mark.parametrize("reads", [True, False])
async def test_a_peer_that_released_and_does_not_close_is_not_waited_for(
    reads: bool, autojump_clock: MockClock
) -> None:
    recorder = Recorder()
    options = ConnectionOptions(timeouts=Timeouts(artim=7))
    capacity = None if reads else 4  # less than our answer
    async with associated(handler=recorder, options=options, capacity=capacity) as it:
        connection, peer = it
        async with trio.open_nursery() as nursery:
            await peer.send(ReleaseRequest())
            if reads:
                nursery.start_soon(peer.expect, ReleaseResponse)
            await connection.listener.wait()
        assert trio.current_time() == 7
    assert recorder.told_of_the_end is None


@pytest.mark.scenario("B42", "B44")
@pytest.mark.pitfall(20)
@pytest.mark.parametrize("closes", [True, False])
async def test_a_peer_that_releases_gets_its_answer_also_where_that_ends_our_block(
    closes: bool, autojump_clock: MockClock
) -> None:
    recorder = Recorder()
    options = ConnectionOptions(timeouts=Timeouts(abort=3))
    ours, theirs = memory_link()
    peer = ScriptedPeer(theirs)

    async def release() -> None:
        await peer.accept()
        await peer.expect_message(CEchoRequest)
        await peer.send(ReleaseRequest())
        await peer.expect(ReleaseResponse)
        if closes:
            await peer.aclose()

    async def echo() -> None:
        async with wrap_stream(ours, handler=recorder, options=options) as connection:
            agreed = await connection.send_association_request(REQUEST)
            await Association(connection, agreed).c_echo()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(release)
        with pytest.raises(AssociationReleased):
            await echo()
    assert trio.current_time() == (0 if closes else 3)
    assert recorder.told_of_the_end is None
    assert peer.received.endswith(ReleaseResponse().encode())


@pytest.mark.scenario("B42")
@pytest.mark.pitfall(20)
async def test_a_release_collision_as_the_standard_has_it() -> None:
    """We asked for the association, so we answer first (PS3.8 7.2.2)."""
    recorder = Recorder()
    async with associated(handler=recorder) as (connection, peer), trio.open_nursery() as nursery:
        nursery.start_soon(connection.send_association_release_request)
        await peer.expect(ReleaseRequest)
        await peer.send(ReleaseRequest())
        await peer.expect(ReleaseResponse)
        await wait_all_tasks_blocked()
        assert connection.listener.running
        await peer.send(ReleaseResponse())
        await peer.expect_closed()
    assert recorder.names == [
        "receive_association_accept",
        "receive_association_release_response",
        "connection_closed",
    ]
    assert recorder.told_of_the_end is None


@pytest.mark.scenario("B42")
async def test_a_release_of_ours_while_the_peer_has_released() -> None:
    recorder = Recorder()
    async with associated(handler=recorder) as (connection, peer):
        await peer.send(ReleaseRequest())
        await peer.expect(ReleaseResponse)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.send_association_release_request)
            await wait_all_tasks_blocked()
            await peer.aclose()
    assert recorder.told_of_the_end is None
    assert not any(isinstance(it, Abort | ReleaseRequest) for it in peer.pdus)


async def test_two_tasks_may_release_and_close_at_the_same_time() -> None:
    recorder = Recorder()
    async with associated(handler=recorder) as (connection, peer), trio.open_nursery() as nursery:
        nursery.start_soon(serve, peer)
        for _ in range(2):
            nursery.start_soon(connection.send_association_release_request)
            nursery.start_soon(connection.aclose)
    assert [it for it in peer.pdus if isinstance(it, ReleaseRequest)] == [ReleaseRequest()]
    assert recorder.told_of_the_end is None


@ends
async def test_another_task_may_end_it_while_a_release_is_on_its_way(end: End) -> None:
    recorder = Recorder()
    async with associated(handler=recorder) as (connection, peer), trio.open_nursery() as nursery:
        nursery.start_soon(connection.send_association_release_request)
        await peer.expect(ReleaseRequest)
        nursery.start_soon(end, connection)
        await wait_all_tasks_blocked()
        await peer.send(ReleaseResponse())
        await peer.expect_closed()
    assert recorder.told_of_the_end is None


@pytest.mark.scenario("B67")
async def test_the_block_may_be_left_while_a_callback_has_asked_for_release() -> None:
    class Closing(Recorder):
        connection: ClientConnection

        async def on_request_completed(self, request: object, response: object) -> None:
            await self.connection.aclose()

    async def answer_late(peer: ScriptedPeer) -> None:
        await peer.accept()
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        await peer.expect(ReleaseRequest)
        await wait_all_tasks_blocked()
        await peer.send(ReleaseResponse())
        await peer.expect_closed()

    handler = Closing()
    async with connected(handler=handler) as (connection, peer, nursery):
        handler.connection = connection
        nursery.start_soon(answer_late, peer)
        await connection.send_association_request(REQUEST)
        await ask(connection, [])
    assert handler.told_of_the_end is None


@pytest.mark.scenario("B41", "B42")
@ends
async def test_the_peer_may_release_while_ours_waits_for_an_open_request(end: End) -> None:
    recorder = Recorder()
    outcomes: Outcomes = []
    async with associated(handler=recorder) as (connection, peer), trio.open_nursery() as nursery:
        nursery.start_soon(ask, connection, outcomes)
        await peer.expect_message(CEchoRequest)
        nursery.start_soon(end, connection)
        await wait_all_tasks_blocked()
        await peer.release()
    [outcome] = outcomes
    assert isinstance(outcome, AssociationReleased)
    assert recorder.told_of_the_end is None
    assert not any(isinstance(it, Abort | ReleaseRequest) for it in peer.pdus)


@pytest.mark.scenario("B44")
async def test_closing_that_is_cancelled_aborts(autojump_clock: MockClock) -> None:
    outcomes: Outcomes = []
    async with associated() as (connection, peer), trio.open_nursery() as nursery:
        nursery.start_soon(ask, connection, outcomes)
        await peer.expect_message(CEchoRequest)
        with trio.move_on_after(3):
            await connection.aclose()
        await peer.expect(Abort)
        await peer.aclose()
        await connection.listener.ended.wait()
    assert trio.current_time() == 3
    [outcome] = outcomes
    assert isinstance(outcome, AssociationAborted)
    assert not outcome.by_peer


async def test_closing_forcefully_aborts() -> None:
    async with associated() as (connection, peer):
        await trio.aclose_forcefully(connection)
        await peer.expect(Abort)
