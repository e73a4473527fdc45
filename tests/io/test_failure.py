"""The peer hangs up or aborts: everybody who waits is told, and told the truth."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.io.asking import BIG, Outcomes, ask, asked, check_shared_by_nobody
from tests.io.recording import CT, REQUEST, Recorder, associated
from trio_dicom import (
    AbortReason,
    AbortSource,
    AssociationAborted,
    AssociationRejected,
    CEchoRequest,
    ConnectionLost,
    CStoreRequest,
    CStoreResponse,
    Delivery,
    RejectReason,
    wrap_stream,
)
from trio_dicom.lowlevel import AssociationReject
from trio_dicom.testing import LinkEnd, ScriptedPeer, memory_link


@pytest.mark.scenario("B39")
@pytest.mark.parametrize("end", [ScriptedPeer.eof, ScriptedPeer.reset, ScriptedPeer.aclose])
async def test_every_open_request_ends_when_the_peer_hangs_up(
    end: Callable[[ScriptedPeer], Awaitable[None]],
) -> None:
    outcomes: Outcomes = []
    recorder = Recorder()
    async with associated(offer=3, handler=recorder) as (connection, peer):
        async with trio.open_nursery() as nursery:
            await asked(connection, peer, nursery, outcomes)
            await end(peer)
        assert all(type(it) is ConnectionLost for it in outcomes)
        check_shared_by_nobody(outcomes)
        with pytest.raises(ConnectionLost):
            await connection.send_request(CEchoRequest())
    assert isinstance(recorder.told_of_the_end, ConnectionLost)
    assert recorder.names == ["receive_association_accept", "connection_closed"]


@pytest.mark.scenario("B40")
async def test_every_open_request_ends_when_the_peer_aborts() -> None:
    outcomes: Outcomes = []
    recorder = Recorder()
    async with associated(offer=3, handler=recorder) as (connection, peer):
        async with trio.open_nursery() as nursery:
            await asked(connection, peer, nursery, outcomes)
            await peer.abort(AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU_PARAMETER)
        for error in outcomes:
            assert isinstance(error, AssociationAborted)
            assert error.by_peer
            assert error.source is AbortSource.PROVIDER
            assert error.reason is AbortReason.UNEXPECTED_PDU_PARAMETER
        check_shared_by_nobody(outcomes)
        await peer.expect_closed()  # we close at once: nobody waits for more
    assert recorder.calls[1:-1] == [
        ("receive_abort", AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU_PARAMETER)
    ]
    assert isinstance(recorder.told_of_the_end, AssociationAborted)


class DeafLink(trio.abc.Stream):
    """A link on which, once the peer has closed it, our write fails before we read."""

    def __init__(self, link: LinkEnd) -> None:
        self._link = link
        self.closed_by_peer = False
        self._failed = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.closed_by_peer:
            await trio.lowlevel.checkpoint()
            self._failed.set()
            raise trio.BrokenResourceError from BrokenPipeError(32, "Broken pipe")
        await self._link.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._link.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self.closed_by_peer:
            await self._failed.wait()
            await wait_all_tasks_blocked()
        return await self._link.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._link.aclose()


def store_answer(status: int) -> CStoreResponse:
    return CStoreResponse(status=status, message_id_being_responded_to=1)


@pytest.mark.scenario("B40")
@pytest.mark.parametrize("last_word", ["abort", "answer", "nothing"])
async def test_what_the_peer_said_before_our_write_failed_wins(last_word: str) -> None:
    ours, theirs = memory_link()
    link, peer = DeafLink(ours), ScriptedPeer(theirs)
    recorder = Recorder()
    async with (
        trio.open_nursery() as nursery,
        wrap_stream(link, handler=recorder) as connection,
    ):
        nursery.start_soon(peer.accept)
        await connection.send_association_request(REQUEST)
        # The listener waits in the link itself until the peer has said its last word.
        link.closed_by_peer = True
        request = CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2", data_set=BIG)
        outcomes: Outcomes = []

        async with trio.open_nursery() as storing:
            storing.start_soon(ask, connection, outcomes, request)
            await wait_all_tasks_blocked()
            assert not connection.can_still_process_p_data_tf
            assert outcomes == []  # the failed write alone ends nothing
            if last_word == "abort":
                await peer.abort(AbortSource.PROVIDER, AbortReason.NOT_SPECIFIED)
            elif last_word == "answer":
                await peer.send_message(store_answer(0xA700), context_id=3)
            await peer.aclose()
        [outcome] = outcomes
    match last_word:
        case "abort":
            assert isinstance(outcome, AssociationAborted)
            assert outcome.by_peer
            assert recorder.names[1:] == ["receive_abort", "connection_closed"]
        case "answer":
            assert isinstance(outcome, CStoreResponse)
            assert outcome.status.code == 0xA700
            assert recorder.names[1:] == ["request_completed", "connection_closed"]
        case _:
            assert isinstance(outcome, ConnectionLost)
            assert isinstance(outcome.__cause__, BrokenPipeError)
            assert outcome.delivery is Delivery.PARTLY_SENT
            assert recorder.names[1:] == ["connection_closed"]


@pytest.mark.scenario("B01", "B40")
async def test_a_rejection_sent_before_our_write_failed_wins() -> None:
    ours, theirs = memory_link()
    link, peer = DeafLink(ours), ScriptedPeer(theirs)
    link.closed_by_peer = True
    async with wrap_stream(link) as connection, trio.open_nursery() as nursery:

        async def reject() -> None:
            await wait_all_tasks_blocked()
            reason = RejectReason.TEMPORARY_CONGESTION
            await peer.send(AssociationReject(result=2, reason=reason))
            await peer.aclose()

        nursery.start_soon(reject)
        with pytest.raises(AssociationRejected):
            await connection.send_association_request(REQUEST)


async def test_after_the_end_nothing_counts_as_open_not_even_what_was_given_up() -> None:
    async with associated() as (connection, peer):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, connection, [])
            await peer.expect_message(CEchoRequest)
            nursery.cancel_scope.cancel()
        assert not connection.is_send_queue_empty  # the peer is still at work on it
        await peer.abort()
        await wait_all_tasks_blocked()
        assert connection.is_send_queue_empty
