"""Readers of standard output that go away: the command ends, at once and in order."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, field, frozen
from pydicom import Dataset
from pydicom.uid import CTImageStorage

from tests.cli.servers import listening
from tests.cli.test_process import environment, trio_dicom_command
from tests.interop.programs import HOST, free_port
from tests.interop.pynetdicom_peer import PynetdicomPeer
from tests.operations.calling import offer
from tests.operations.getting import c_store, ct, files_in
from trio_dicom import (
    CCancelRequest,
    CFindRequest,
    CMoveRequest,
    CStoreResponse,
    TrioDicomError,
    open_association,
)
from trio_dicom.sop_classes import storage_contexts
from trio_dicom.testing import ConversationOver, ScriptedPeer

FORMATS = pytest.mark.parametrize("options", [(), ("--json",)], ids=["lines", "json"])
CT = str(CTImageStorage)
KEY = ("-k", "StudyInstanceUID=1.2")


@frozen(kw_only=True)
class Ended:
    """How a command ended.

    Attributes:
        code: Its exit code.
        complaint: What it said on standard error.
    """

    code: int
    complaint: str


async def ended_by_its_reader(*arguments: object, with_stderr: bool = False) -> Ended:
    """Run a command, read a little of its output, and no more."""
    process = await trio.lowlevel.open_process(
        trio_dicom_command(*arguments),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if with_stderr else subprocess.PIPE,
    )
    assert process.stdout is not None
    complaint = b""
    try:
        with trio.fail_after(30):
            async with process.stdout:
                assert await process.stdout.receive_some(1)
            if process.stderr is not None:
                async with process.stderr:
                    complaint = b"".join([data async for data in process.stderr])
            code = await process.wait()
    finally:
        process.kill()  # does nothing to one that has ended
    return Ended(code=code, complaint=complaint.decode())


@define(eq=False)
class Sender:
    """An archive that never stops, unless it is told to.

    Attributes:
        port: Where it brings instances for a C-MOVE.
        finds: Whether it finds anything.
        statuses: What became of what it sent.
        heard: What it was told meanwhile.
    """

    port: int = 0
    finds: bool = False
    statuses: set[int] = field(factory=set[int])
    heard: list[object] = field(factory=list[object])

    async def __call__(self, stream: trio.SocketStream) -> None:
        peer = ScriptedPeer(stream)
        proposed = await peer.accept()
        with suppress(ConversationOver):
            request = await peer.receive_message()
            if isinstance(request, CMoveRequest):
                await self._until_it_hears(peer, partial(self._bring, request))
            elif isinstance(request, CFindRequest) and self.finds:
                await self._until_it_hears(peer, partial(self._find, peer, request))
            elif isinstance(request, CFindRequest):  # `get` asks which classes there are
                await peer.reply(request, 0x0000)
                await peer.serve_until_closed()
            else:
                ids = [it.context_id for it in proposed.contexts if it.abstract_syntax == CT]
                await self._send(peer, ids[0])

    async def _until_it_hears(self, peer: ScriptedPeer, act: Callable[[], Awaitable[None]]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(act)
            with suppress(ConversationOver):
                self.heard.append(await peer.receive_message())
            nursery.cancel_scope.cancel()

    async def _send(self, peer: ScriptedPeer, context_id: int) -> None:
        for number in count(1):
            instance = c_store(f"1.2.{number}", number % 0xFFFF)
            await peer.send_message(instance, context_id=context_id)
            answer = await peer.receive_message()
            if isinstance(answer, CCancelRequest):
                self.heard.append(answer)
                return
            assert isinstance(answer, CStoreResponse)
            self.statuses.add(answer.status.code)

    async def _bring(self, request: CMoveRequest) -> None:
        await bring_for_ever(
            self.port,
            self.statuses,
            move_originator_ae="TRIO_DICOM",
            move_originator_message_id=request.message_id,
        )

    async def _find(self, peer: ScriptedPeer, request: CFindRequest) -> None:
        match = Dataset()
        match.StudyInstanceUID = "1.2"
        with suppress(ConversationOver, trio.ClosedResourceError):
            while True:
                await peer.reply(request, 0xFF00, data_set=match)


async def bring_for_ever(port: int, statuses: set[int], **fields: Any) -> None:
    """Send instances to ``port`` until it wants no more."""
    with suppress(TrioDicomError):
        async with open_association(
            HOST, port, contexts=storage_contexts(CTImageStorage)
        ) as association:
            for number in count(1):
                uid = f"1.2.{number}"
                data_set = ct(uid, StudyInstanceUID="1.2")
                answer = await offer(association, uid, data_set=data_set, **fields)
                statuses.add(answer.status.code)


# --- the commands ----------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--json",), ("--csv",)], ids=["lines", "json", "csv"])
async def test_a_query_ends(options: tuple[str, ...]) -> None:
    sender = Sender(finds=True)
    async with listening(sender) as address:
        ended = await ended_by_its_reader("find", address, *KEY, *options)
    assert ended == Ended(code=1, complaint="")


@FORMATS
async def test_of_a_get_what_is_here_is_complete(tmp_path: Path, options: tuple[str, ...]) -> None:
    sender = Sender()
    async with listening(sender) as address:
        ended = await ended_by_its_reader("get", address, *KEY, "--into", tmp_path, *options)
    assert ended == Ended(code=1, complaint="")
    assert sender.statuses == {0x0000}
    assert all(name.endswith(".dcm") for name in files_in(tmp_path))


@FORMATS
async def test_of_a_move_what_is_here_is_complete(tmp_path: Path, options: tuple[str, ...]) -> None:
    sender = Sender(free_port())
    there = ("--into", tmp_path, "--receive-port", sender.port)
    async with listening(sender) as address:
        ended = await ended_by_its_reader("move", address, *KEY, *there, *options)
    assert ended == Ended(code=1, complaint="")
    assert sender.statuses == {0x0000}
    assert all(name.endswith(".dcm") for name in files_in(tmp_path))


@FORMATS
async def test_nothing_more_is_received(tmp_path: Path, options: tuple[str, ...]) -> None:
    port, statuses, endings = free_port(), set[int](), list[Ended]()

    async def receive() -> None:
        receive = ("receive", "--into", tmp_path, "--port", port)
        endings.append(await ended_by_its_reader(*receive, *options))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        while not statuses:
            await bring_for_ever(port, statuses)
            await trio.sleep(0.01)  # it begins to listen
    (ended,) = endings
    assert ended.code == 1
    assert ended.complaint == f"Listening at TRIO_DICOM@{HOST}:{port}. Ctrl-C ends it.\n"
    assert statuses == {0x0000}
    assert all(name.endswith(".dcm") for name in files_in(tmp_path))


@FORMATS
async def test_nothing_more_is_stored(
    peer: PynetdicomPeer, pydicom_files: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    for number in range(3_000):
        (tmp_path / f"{number:04}.dcm").symlink_to(pydicom_files / "CT_small.dcm")
    ended = await ended_by_its_reader("store", peer.address, tmp_path, *options)
    assert ended == Ended(code=1, complaint="")
    assert len(peer.received) < 3_000


# --- standard error goes, too ----------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--json",), ("-v",)], ids=["lines", "json", "verbose"])
async def test_a_reader_of_everything_that_goes_ends_the_command_as_well(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    sender = Sender()
    get = ("get", "--into", tmp_path, *KEY, *options)
    async with listening(sender) as address:
        ended = await ended_by_its_reader(*get, address, with_stderr=True)
    assert ended.code == 1
    assert sender.statuses <= {0x0000}
    assert all(name.endswith(".dcm") for name in files_in(tmp_path))
