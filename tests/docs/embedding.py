"""What the tests of embedded programs share: peers in memory and on loopback, and processes."""

from __future__ import annotations

import runpy
import struct
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import trio
from attrs import define, field
from pydicom.uid import ExplicitVRLittleEndian

from tests.interop.programs import HOST
from trio_dicom import (
    Association,
    CEchoRequest,
    CFindRequest,
    EncodedDataSet,
    MessageData,
    PresentationContext,
    propose,
    wrap_stream,
)
from trio_dicom.testing import ConversationEnd, ConversationOver, ScriptedPeer, memory_link

__all__ = [
    "EXAMPLES",
    "UNREADABLE",
    "Ends",
    "Serve",
    "all_of",
    "example",
    "listening",
    "opening",
    "program_of",
    "silent",
    "within",
    "worklist_server",
]

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
Serve: TypeAlias = Callable[[trio.abc.Stream], Awaitable[None]]


@cache
def example(name: str) -> dict[str, Any]:
    """What an example defines."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def opening(
    nursery: trio.Nursery, serve: Serve, *contexts: PresentationContext
) -> Callable[[], AbstractAsyncContextManager[Association]]:
    """Opens associations over links in memory, at whose other ends ``serve`` runs."""

    @asynccontextmanager
    async def open_it() -> AsyncGenerator[Association, None]:
        ours, theirs = memory_link()
        nursery.start_soon(serve, theirs)
        async with wrap_stream(ours, peer="the peer") as connection:
            agreed = await connection.send_association_request(propose(contexts=contexts))
            yield Association(connection, agreed)

    return open_it


@asynccontextmanager
async def listening(serve: Serve) -> AsyncGenerator[int, None]:
    """A port of loopback on which ``serve`` runs for each who connects."""
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host=HOST)
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


@define(eq=False)
class Ends:
    """How the associations of a peer ended, as it saw it.

    Attributes:
        seen: In their order.
        begun: How many requests there were.
    """

    seen: list[ConversationEnd] = field(factory=list[ConversationEnd])
    begun: int = 0
    _changes: trio.lowlevel.ParkingLot = field(factory=trio.lowlevel.ParkingLot)

    def begin(self) -> None:
        self.begun += 1
        self._changes.unpark_all()

    def add(self, how: ConversationEnd) -> None:
        self.seen.append(how)
        self._changes.unpark_all()

    async def until_begun(self, count: int = 1) -> None:
        while self.begun < count:
            await self._changes.park()

    async def until_seen(self, count: int = 1) -> None:
        while len(self.seen) < count:
            await self._changes.park()


def worklist_server(
    items: Sequence[MessageData], ends: Ends, *, is_silent: bool = False, status: int = 0x0000
) -> Serve:
    """Answers every query with ``items`` and ``status``, or with nothing at all."""

    async def serve(stream: trio.abc.Stream) -> None:
        peer = ScriptedPeer(stream)
        try:
            await peer.accept()
            while True:
                request = await peer.receive_message()
                if not isinstance(request, CFindRequest):
                    continue  # a C-CANCEL of what is answered already
                ends.begin()
                for item in () if is_silent else items:
                    await peer.reply(request, 0xFF00, data_set=item)
                if not is_silent:
                    await peer.reply(request, status)
        except ConversationOver as over:
            if over.how is ConversationEnd.RELEASED:
                await peer.expect_closed()
            ends.add(over.how)
        finally:
            with suppress(trio.ClosedResourceError):
                await peer.aclose()

    return serve


def silent(ends: Ends, *, echoes: int = 0) -> Serve:
    """Answers so many echoes, and then nothing."""

    async def serve(stream: trio.abc.Stream) -> None:
        peer = ScriptedPeer(stream)
        try:
            await peer.accept()
            for _ in range(echoes):
                await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
            await peer.receive_message()
            ends.begin()
            await peer.receive_message()
        except ConversationOver as over:
            ends.add(over.how)
            await peer.aclose()

    return serve


@asynccontextmanager
async def program_of(name: str, *arguments: object) -> AsyncGenerator[trio.Process, None]:
    """An example as a process of its own, warnings being errors; killed if it does not end."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *map(str, arguments)]
    process = await trio.lowlevel.open_process(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        with trio.fail_after(30):
            yield process
            await process.wait()
    finally:
        with trio.CancelScope(shield=True):
            if process.poll() is None:
                process.kill()
            await process.wait()
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                await stream.aclose()


async def all_of(stream: trio.abc.ReceiveStream | None) -> str:
    """What a process says there until it ends."""
    assert stream is not None
    return b"".join([part async for part in stream]).decode()  # type: ignore[attr-defined]


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


# What a worklist server may say in the place of an item, and nobody can read.
UNREADABLE = {
    "cut off": EncodedDataSet(b"\x10\0\x10\0PN\xff\x7f", ExplicitVRLittleEndian),
    "text for a sequence": EncodedDataSet(
        _element(0x0010_0010, b"PN", b"Secret^Sue") + _element(0x0040_0100, b"LO", b"Sue's step"),
        ExplicitVRLittleEndian,
    ),
    "a number without end": EncodedDataSet(
        _element(0x0010_0010, b"PN", b"Secret^Sue") + _element(0x0010_0020, b"IS", b"9" * 5_000),
        ExplicitVRLittleEndian,
    ),
}


def within(seconds: float, condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds, which happens in other threads and processes."""
    patience = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < patience
        time.sleep(0.01)
