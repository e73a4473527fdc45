"""256 peers at once at one receiver, some of them slow, over real sockets."""

from __future__ import annotations

import resource
import sys
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from itertools import count, islice
from pathlib import Path

import pytest
import trio
from attrs import define, field
from trio.testing import wait_all_tasks_blocked

from tests.faults.keeping import Instance, half_files, instance, kept, lost, strange
from tests.operations.calling import CONTEXTS
from tests.operations.getting import pdus_of
from trio_dicom import (
    AssociationRejected,
    CStoreResponse,
    Receiver,
    RejectReason,
    open_association,
    open_receiver,
    propose,
)
from trio_dicom.lowlevel import AssociationAccept, ReleaseRequest, ReleaseResponse
from trio_dicom.testing import ScriptedPeer

PEERS = 256
SLOW_WRITERS = SLOW_READERS = SILENT = 8
EACH = 2  # instances of a peer that is in no hurry
UNREAD = 20  # instances that are answered before a slow reader reads the first answer
QUICK = PEERS - SLOW_WRITERS - SLOW_READERS - SILENT
DRIBBLE = 512  # bytes


@pytest.fixture
def many_descriptors() -> Generator[None, None, None]:
    """Room for both ends of each connection, and a file beside it."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 4 * PEERS + 200
    if before[1] != resource.RLIM_INFINITY and before[1] < needed:
        pytest.skip(f"the system allows {before[1]} descriptors, and {needed} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], needed), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@define(eq=False)
class Crowd:
    """Peers that all have their associations before the first one brings anything.

    Attributes:
        receiver: Whom they call.
        offered: What they brought, or began to bring.
        acknowledged: What they were told is stored.
        start: When they begin.
        quick_ones: How many of those that are in no hurry are at it.
        quick_are_done: When none is any more.
    """

    receiver: Receiver
    offered: list[Instance] = field(factory=list[Instance])
    acknowledged: list[Instance] = field(factory=list[Instance])
    start: trio.Event = field(factory=trio.Event)
    quick_ones: int = QUICK
    quick_are_done: trio.Event = field(factory=trio.Event)

    def offer(self, peer: int, number: int, size: int) -> Instance:
        it = instance(f"1.2.{peer}.{number}", size, message_id=number + 1)
        self.offered.append(it)
        return it

    async def quick(self, peer: int) -> None:
        async with open_association(
            self.receiver.host, self.receiver.port, contexts=CONTEXTS
        ) as association:
            await self.start.wait()
            for number in range(EACH):
                it = self.offer(peer, number, (peer * 7919 + number * 104_729) % 60_000 & ~1)
                response = await association.send_request(it.request)
                assert response.status.is_success
                self.acknowledged.append(it)
        self.quick_ones -= 1
        if not self.quick_ones:
            self.quick_are_done.set()

    @asynccontextmanager
    async def _associated(self) -> AsyncGenerator[ScriptedPeer, None]:
        stream = await trio.open_tcp_stream(self.receiver.host, self.receiver.port)
        async with stream:
            peer = ScriptedPeer(stream)
            await peer.send(propose(contexts=CONTEXTS, calling_ae="SLOW"))
            await peer.expect(AssociationAccept)
            await self.start.wait()
            yield peer

    async def _hear(self, peer: ScriptedPeer, *instances: Instance) -> None:
        for it in instances:
            answer = await peer.expect_message(CStoreResponse)
            assert answer.status.is_success
            assert answer.message_id_being_responded_to == it.request.message_id
            self.acknowledged.append(it)
        await peer.send(ReleaseRequest())
        await peer.expect(ReleaseResponse)

    async def slow_writer(self, number: int) -> None:
        it = self.offer(number, 0, 100_000)
        data = b"".join(pdus_of(it.request, 16_000))
        async with self._associated() as peer:
            for at in range(0, len(data), DRIBBLE):
                await peer.send_bytes(data[at : at + DRIBBLE])
                await trio.lowlevel.checkpoint()  # everybody else in between
            await self._hear(peer, it)

    async def slow_reader(self, number: int) -> None:
        instances = [self.offer(number, other, 2_000) for other in range(UNREAD)]
        async with self._associated() as peer:
            for it in instances:
                await peer.send_bytes(b"".join(pdus_of(it.request, 16_000)))
            await self.quick_are_done.wait()
            await self._hear(peer, *instances)

    async def silent(self, number: int) -> None:
        it = self.offer(number, 0, 3_000_000)
        async with self._associated() as peer:
            await peer.send_bytes(b"".join(pdus_of(it.request, 65_536)[:-1]))
            await self.quick_are_done.wait()


def descriptors() -> int:
    """How many are open; 0 where the system does not tell."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


async def test_256_peers_at_once_get_what_they_were_told(
    tmp_path: Path, many_descriptors: None
) -> None:
    before = descriptors()
    async with open_receiver(into=tmp_path / "in", max_associations=PEERS) as receiver:
        crowd = Crowd(receiver)
        async with trio.open_nursery() as nursery:
            numbers = count()
            for kind, how_many in (
                (crowd.slow_writer, SLOW_WRITERS),
                (crowd.slow_reader, SLOW_READERS),
                (crowd.silent, SILENT),
                (crowd.quick, QUICK),
            ):
                for number in islice(numbers, how_many):
                    nursery.start_soon(kind, number)
            with trio.fail_after(60):
                while receiver.associations < PEERS:
                    await trio.lowlevel.checkpoint()
            with pytest.raises(AssociationRejected) as full:
                async with open_association(receiver.host, receiver.port, contexts=CONTEXTS):
                    raise AssertionError
            assert full.value.reason is RejectReason.LOCAL_LIMIT_EXCEEDED
            crowd.start.set()
        with trio.fail_after(20):
            while receiver.associations:
                await wait_all_tasks_blocked(0.01)
        # One more, after all of that.
        async with open_association(receiver.host, receiver.port, contexts=CONTEXTS) as late:
            assert (await late.c_echo()).status.is_success
    found = kept(tmp_path / "in")
    quick = QUICK * EACH
    assert len(crowd.acknowledged) == quick + SLOW_WRITERS + SLOW_READERS * UNREAD
    assert lost(crowd.acknowledged, found) == []
    assert strange(crowd.acknowledged, found) == []
    assert half_files(tmp_path / "in") == []
    assert descriptors() <= before + 2  # what the interpreter opened for itself meanwhile
    sys.stdout.write(
        f"{PEERS} associations at once, {len(crowd.offered)} instances offered, "
        f"{len(crowd.acknowledged)} acknowledged, {threading.active_count()} threads at the end\n"
    )
