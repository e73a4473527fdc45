"""Cancelled at any step of any task: nothing stays open, and nothing hangs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from pydicom import dcmread
from trio.testing import MockClock

from tests.interop.certificates import Certificates
from tests.io.cancelling import StepCanceller, marked
from tests.io.conversation import QUERY, STORE
from tests.io.recording import CONTEXTS, FIND, Recorder, associated, serve
from trio_dicom import (
    Association,
    CEchoRequest,
    CFindRequest,
    ClientConnection,
    CStoreRequest,
    open_association,
    open_connection,
)
from trio_dicom._dimse.part10 import read_head
from trio_dicom.lowlevel import Abort, ReleaseRequest
from trio_dicom.testing import LinkEnd, ScriptedPeer, memory_link

# The longest conversation here makes fewer steps.
MOST_STEPS = 1_000


async def store_data_set(association: Association, path: Path) -> None:
    assert (await association.c_store(dcmread(path))).status.is_success


async def store_file(association: Association, path: Path) -> None:
    assert (await association.c_store(path)).status.is_success


async def store_streamed_file(association: Association, path: Path) -> None:
    with path.open("rb") as file:
        stored = read_head(file, path)
    request = CStoreRequest(
        sop_class_uid=stored.sop_class_uid,
        sop_instance_uid=stored.sop_instance_uid,
        data_set=stored,
    )
    assert (await association.send_request(request)).status.is_success


Store = Callable[[Association, Path], Awaitable[None]]


async def whole_program(store: Store, path: Path, recorder: Recorder) -> None:
    async with open_association("peer", contexts=CONTEXTS, handler=recorder) as association:
        assert (await association.c_echo()).status.is_success
        await store(association, path)
        await association.release()


class Network:
    """Stands in for TCP: every connection leads to an obliging peer."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.stream: LinkEnd | None = None
        self.peer: ScriptedPeer | None = None

    async def connect(self, host: str, port: int, **_: object) -> LinkEnd:
        for _step in range(3):
            await trio.lowlevel.checkpoint()
        theirs, self.stream = memory_link()
        self.peer = ScriptedPeer(theirs)
        self.nursery.start_soon(serve, self.peer)
        return self.stream


async def is_closed(stream: LinkEnd) -> bool:
    try:
        await stream.send_all(b"")
    except trio.ClosedResourceError:
        return True
    return False


@pytest.mark.scenario("B44", "B46", "B47", "B49")
@pytest.mark.parametrize("store", [store_data_set, store_file, store_streamed_file])
def test_a_program_cancelled_at_any_step_leaves_nothing_open(
    store: Store, pydicom_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pydicom_files / "CT_small.dcm"

    async def cancel_after(steps: int) -> bool:
        recorder = Recorder()
        canceller = StepCanceller(steps)
        begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            network = Network(nursery)
            monkeypatch.setattr(trio, "open_tcp_stream", network.connect)
            tasks = trio.lowlevel.current_statistics().tasks_living
            await marked(canceller, lambda: whole_program(store, path, recorder))
            if network.stream is not None:
                assert await is_closed(network.stream)
        assert trio.lowlevel.current_statistics().tasks_living == tasks
        assert trio.current_time() - begun == 0  # the peer closes at once, so nobody waits
        if network.peer is not None:
            # It decoded whatever came: no PDU was left half.
            assert network.peer.received == b"".join(pdu.encode() for pdu in network.peer.pdus)
            if network.peer.pdus:
                assert isinstance(network.peer.pdus[-1], Abort | ReleaseRequest)
                _ = recorder.told_of_the_end
        return canceller.has_fired

    async def main() -> int:
        for steps in range(MOST_STEPS):
            if not await cancel_after(steps):
                return steps
        raise AssertionError("it never ends by itself")

    # Time stands still: a wait that only a timeout would end shows as a test that hangs.
    assert trio.run(main, clock=MockClock()) > 40


@pytest.mark.scenario("B46")
def test_a_tls_handshake_cancelled_at_any_step_leaves_nothing_open(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(stream: trio.abc.Stream) -> None:
        """The peer, who does not mind."""
        server = trio.SSLStream(stream, certificates.server_context(), server_side=True)
        with suppress(trio.BrokenResourceError):
            await server.do_handshake()
        await trio.aclose_forcefully(stream)

    async def connect_and_leave() -> None:
        tls = certificates.client_context()
        async with open_connection("localhost", 104, tls=tls):
            pass

    async def cancel_after(steps: int) -> bool:
        canceller = StepCanceller(steps)
        async with trio.open_nursery() as nursery:
            ours, theirs = memory_link()

            async def connect(*_: object, **__: object) -> LinkEnd:
                nursery.start_soon(refuse, theirs)
                return ours

            monkeypatch.setattr(trio, "open_tcp_stream", connect)
            await marked(canceller, connect_and_leave)
            assert await is_closed(ours)
        return canceller.has_fired

    async def main() -> int:
        for steps in range(1, MOST_STEPS):  # the first is taken before there is a stream
            if not await cancel_after(steps):
                return steps
        raise AssertionError("it never ends by itself")

    assert trio.run(main, clock=MockClock()) > 5


async def echo(connection: ClientConnection) -> None:
    async with connection.open_request(CEchoRequest()) as responses:
        assert (await responses.final()).status.is_success


async def send_echo(connection: ClientConnection) -> None:
    await connection.send_request(CEchoRequest())


async def store(connection: ClientConnection) -> None:
    async with connection.open_request(STORE) as responses:
        assert (await responses.final()).status.is_success


async def find(connection: ClientConnection) -> None:
    query = CFindRequest(sop_class_uid=FIND, data_set=QUERY)
    async with connection.open_request(query) as responses:
        assert [match async for match in responses] == []
        await responses.final()


async def two_echoes(connection: ClientConnection) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo, connection)
        nursery.start_soon(echo, connection)


async def queue_is_empty(connection: ClientConnection) -> None:
    await connection.wait_send_queue_empty()
    await connection.send_next_message()


@pytest.mark.scenario("B47", "B49", "B66")
@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("operation", [echo, send_echo, store, find, two_echoes, queue_is_empty])
def test_after_an_operation_cancelled_at_any_step_the_next_one_works(
    operation: Callable[[ClientConnection], Awaitable[None]], window: int
) -> None:
    async def cancel_after(steps: int) -> bool:
        canceller = StepCanceller(steps)
        recorder = Recorder()
        async with (
            associated(handler=recorder, offer=window) as (connection, peer),
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(serve, peer)
            await marked(canceller, lambda: operation(connection))
            association = connection.association
            assert association is not None
            response = await Association(connection, association).c_echo()
            assert response.status.is_success
            await connection.wait_send_queue_empty()
            assert connection.can_still_process_p_data_tf
            await connection.aclose()
        assert recorder.told_of_the_end is None
        assert peer.received == b"".join(pdu.encode() for pdu in peer.pdus)
        return canceller.has_fired

    async def main() -> None:
        for steps in range(MOST_STEPS):
            if not await cancel_after(steps):
                return
        raise AssertionError("it never ends by itself")

    trio.run(main, clock=MockClock(autojump_threshold=0))
