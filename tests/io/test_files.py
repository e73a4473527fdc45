"""Files that hang, fail or are not there while they are sent."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
import trio
from pydicom.uid import ImplicitVRLittleEndian
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.disk import BLOCK, SlowDisk, slow_disk, stored, stored_request, threads_ended
from tests.io.talking import Call, ask, find_request, instance, is_silent, quick, talking
from trio_dicom import (
    Association,
    AssociationAborted,
    AssociationReleased,
    CEchoRequest,
    ClientConnection,
    ConnectionOptions,
    CStoreRequest,
    Delivery,
    LocalProtocolError,
    ResponseTimeout,
    SourceFailed,
    c_store_request,
    contexts_for_files,
)
from trio_dicom.lowlevel import Abort, DataTransfer, ReleaseRequest, ReleaseResponse
from trio_dicom.testing import ScriptedPeer

SMALL = ConnectionOptions(max_fragment_pdu=1024)


async def _echo(connection: ClientConnection, peer: ScriptedPeer) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, connection, CEchoRequest())
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)


async def test_a_file_goes_from_the_disk_to_the_wire_as_it_is(tmp_path: Path) -> None:
    size = 5 * BLOCK + 100
    with slow_disk() as disk:
        async with talking() as (connection, peer), trio.open_nursery() as nursery:
            call = await Call.begin(nursery, connection, stored_request(tmp_path / "file", size))
            request = await peer.expect_message(CStoreRequest)
            assert request.data_set == instance(size)
            await peer.reply(request, 0x0000)
            assert await call.status() == 0x0000
            await threads_ended(connection)
            assert len(disk.files) == 6
            assert all(file.closed for file in disk.files)


@pytest.mark.parametrize("block", [1, 2], ids=["before the first write", "between two writes"])
async def test_a_dead_mount_does_not_hold_up_an_abort(
    block: int, tmp_path: Path, mock_clock: MockClock
) -> None:
    with slow_disk(hangs_at=block) as disk:
        async with (
            talking(options=SMALL) as (connection, peer),
            trio.open_nursery() as nursery,
        ):
            call = await Call.begin(
                nursery, connection, stored_request(tmp_path / "file", 4 * BLOCK)
            )
            await disk.reached.wait()
            nursery.start_soon(connection.send_abort)
            error = await call.failure()
            assert isinstance(error, AssociationAborted)
            assert error.delivery is (Delivery.NOT_SENT if block == 1 else Delivery.PARTLY_SENT)
            while isinstance(pdu := await peer.receive_pdu(), DataTransfer):
                assert not any(pdv.is_last for pdv in pdu.pdvs if not pdv.is_command)
            assert isinstance(pdu, Abort)
            await peer.aclose()
        # The connection is closed while the read still hangs; then the thread cleans up.
        assert not disk.files[-1].closed
        disk.let_go.set()
        await threads_ended(connection)
        assert all(file.closed for file in disk.files)


async def test_a_dead_mount_does_not_hold_up_closing_for_ever(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    with slow_disk(hangs_at=1) as disk:
        async with (
            talking(options=quick(release=5)) as (connection, peer),
            trio.open_nursery() as nursery,
        ):
            call = await Call.begin(nursery, connection, stored_request(tmp_path / "file", BLOCK))
            await disk.reached.wait()
            nursery.start_soon(connection.aclose)
            await wait_all_tasks_blocked()
            assert not call.ended.is_set()
            mock_clock.jump(5)
            assert isinstance(await call.failure(), AssociationAborted)
            await peer.expect(Abort)
            await peer.aclose()


@pytest.mark.scenario("B42")
@pytest.mark.parametrize("block", [1, 2], ids=["before the first write", "between two writes"])
async def test_a_dead_mount_does_not_hold_up_the_answer_to_a_release(
    block: int, tmp_path: Path, mock_clock: MockClock
) -> None:
    with slow_disk(hangs_at=block) as disk:
        async with (
            talking(options=SMALL) as (connection, peer),
            trio.open_nursery() as nursery,
        ):
            call = await Call.begin(
                nursery, connection, stored_request(tmp_path / "file", 4 * BLOCK)
            )
            await disk.reached.wait()
            await peer.send(ReleaseRequest())
            assert isinstance(await call.failure(), AssociationReleased)
            while isinstance(pdu := await peer.receive_pdu(), DataTransfer):
                pass
            assert isinstance(pdu, ReleaseResponse)
            await peer.aclose()


@pytest.mark.scenario("B69")
async def test_the_timeout_for_the_whole_ends_what_a_dead_mount_holds_up(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    with slow_disk(hangs_at=1) as disk:
        async with (
            talking(options=quick(idle=10), window=2) as (connection, peer),
            trio.open_nursery() as nursery,
        ):
            request = stored_request(tmp_path / "file", BLOCK)
            hanging = await Call.begin(nursery, connection, request, timeout=100)
            await disk.reached.wait()
            behind = await Call.begin(nursery, connection, CEchoRequest())
            mock_clock.jump(99)
            await wait_all_tasks_blocked()
            assert not hanging.ended.is_set()
            assert not behind.ended.is_set()
            mock_clock.jump(1)
            assert isinstance(await hanging.failure(), ResponseTimeout)
            await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
            assert await behind.status() == 0x0000


@pytest.mark.scenario("B69")
async def test_a_slow_disk_is_not_the_silence_of_the_peer(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    with slow_disk(hangs_at=2) as disk:
        async with (
            talking(options=quick(idle=10)) as (connection, peer),
            trio.open_nursery() as nursery,
        ):
            call = await Call.begin(
                nursery, connection, stored_request(tmp_path / "file", 2 * BLOCK)
            )
            await disk.reached.wait()
            mock_clock.jump(1000)
            await wait_all_tasks_blocked()
            disk.let_go.set()
            await peer.reply(await peer.expect_message(CStoreRequest), 0x0000)
            assert await call.status() == 0x0000


@pytest.mark.scenario("B61")
@pytest.mark.parametrize("kind", ["missing", "folder"])
async def test_a_file_that_cannot_be_opened_costs_only_its_request(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    request = stored_request(path, BLOCK)
    path.unlink()
    if kind == "folder":
        path.mkdir()
    async with talking() as (connection, peer):
        with pytest.raises(LocalProtocolError, match="the association lives") as caught:
            await connection.send_request(request)
        assert isinstance(caught.value.__cause__, OSError)
        assert await is_silent(peer)
        assert connection.is_send_queue_empty
        await _echo(connection, peer)


@pytest.mark.scenario("B61")
async def test_a_disk_that_fails_in_the_middle_breaks_the_association(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_read = SlowDisk.read

    def fail_at_the_third(self: SlowDisk, file: BinaryIO, view: memoryview) -> int:
        if len(self.files) == 2:
            raise OSError("the disk is broken")
        return really_read(self, file, view)

    monkeypatch.setattr(SlowDisk, "read", fail_at_the_third)
    with slow_disk() as disk:
        async with (
            talking(options=SMALL, window=2) as (connection, peer),
            trio.open_nursery() as nursery,
        ):
            path = tmp_path / "file"
            call = await Call.begin(nursery, connection, stored_request(path, 4 * BLOCK))
            other = await Call.begin(nursery, connection, find_request())
            error = await call.failure()
            assert isinstance(error, SourceFailed)
            assert error.delivery is Delivery.PARTLY_SENT
            assert str(error.__cause__) == "the disk is broken"
            left = await other.failure()
            assert isinstance(left, AssociationAborted)
            assert left.delivery is Delivery.NOT_SENT
            data = bytearray()
            while isinstance(pdu := await peer.receive_pdu(), DataTransfer):
                [pdv] = pdu.pdvs
                assert pdv.is_command or not pdv.is_last
                data += b"" if pdv.is_command else pdv.data
            assert data == path.read_bytes()[: len(data)]  # never padded
            assert 0 < len(data) <= 2 * BLOCK
            assert isinstance(pdu, Abort)
            await peer.aclose()
        await threads_ended(connection)
        assert all(file.closed for file in disk.files)


async def test_a_file_that_is_never_sent_is_never_opened(tmp_path: Path) -> None:
    with slow_disk() as disk:
        async with talking() as (connection, peer), trio.open_nursery() as nursery:
            await Call.begin(nursery, connection, CEchoRequest())
            queued = await Call.begin(nursery, connection, stored_request(tmp_path / "file", BLOCK))
            await queued.cancel()
            await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
    assert disk.files == []


@asynccontextmanager
async def dead_mount(path: Path) -> AsyncGenerator[None, None]:
    """Opening ``path`` hangs: nobody writes to the pipe."""
    os.mkfifo(path)
    try:
        yield
    finally:
        # The threads that hang can go.
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))


async def store_by_path(connection: ClientConnection, path: Path) -> None:
    association = connection.association
    assert association is not None
    await Association(connection, association).c_store(path)


async def send_converted(connection: ClientConnection, path: Path) -> None:
    other = path.with_suffix(".other")
    data_set = stored(other, BLOCK)
    other.rename(other.with_suffix(".gone"))
    other.symlink_to(path)
    request = CStoreRequest(
        sop_class_uid=data_set.sop_class_uid, sop_instance_uid="1.2.3", data_set=data_set
    )
    await connection.send_request(request)


async def look_for_contexts(_: ClientConnection, path: Path) -> None:
    await contexts_for_files([path])


async def make_request(_: ClientConnection, path: Path) -> None:
    await c_store_request(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("use", [store_by_path, send_converted, look_for_contexts, make_request])
async def test_a_dead_mount_does_not_hold_up_a_cancellation(
    use: Callable[[ClientConnection, Path], Awaitable[None]], tmp_path: Path
) -> None:
    path = tmp_path / "pipe"
    accept = {"transfer_syntaxes": [ImplicitVRLittleEndian]}
    async with talking(accept=accept) as (connection, peer), dead_mount(path):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(use, connection, path)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await _echo(connection, peer)
