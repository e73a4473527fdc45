"""A peer of which nothing is known but its bytes, and what must hold whatever they are."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final, TypeVar
from unittest.mock import patch

import trio
from attrs import define, field
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.replay import Cut
from trio_dicom import Limits, PDUError
from trio_dicom.lowlevel import Pdu, PDUBuffer, decode_body

__all__ = [
    "A_LOT",
    "DRIBBLED",
    "HOW",
    "LIMITS",
    "Lockstep",
    "folder",
    "no_bugs",
    "run",
    "stream_of",
    "written",
]

T = TypeVar("T")

LIMITS = Limits(
    pdu_length=1 << 17,
    associate_length=1 << 15,
    command_set=1 << 12,
    data_set=1 << 17,
    in_memory=1 << 12,
    instance=1 << 20,
    buffered_responses=1 << 16,
)
"""Small ones, so that inputs of a few kilobytes come up against them."""

HOW: Final = b"\0\0"
"""One PDU after the other, and then the end of file: how an input begins that is a conversation."""
DRIBBLED: Final = b"\11\0"
"""A few bytes at a time."""
A_LOT: Final = b"\4\0" + LIMITS.pdu_length.to_bytes(4, "big") + bytes(10)
"""The beginning of a P-DATA-TF as long as is allowed."""

ENDINGS = tuple(Cut)
CLOGGED_AFTER = (None, 0, 300, 1000)  # bytes of ours that the peer takes


@define(eq=False)
class Lockstep(trio.abc.Stream):
    """Says the next thing when the other side has nothing left to do but to wait.

    Attributes:
        chunks: What it says, one after the other.
        ending: What comes after that.
        takes: How many bytes it reads before it stops reading, or None for all.
        heard: What it has read.
        is_closed: Whether the other side has closed.
    """

    chunks: deque[bytes]
    ending: Cut
    takes: int | None
    heard: bytearray = field(factory=bytearray)
    is_closed: bool = False
    _closed: trio.Event = field(factory=trio.Event)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        if self.is_closed:
            raise trio.ClosedResourceError
        if self.takes is not None and len(self.heard) + len(data) > self.takes:
            await self._closed.wait()
            raise trio.ClosedResourceError
        self.heard += data

    async def wait_send_all_might_not_block(self) -> None:
        raise NotImplementedError

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await wait_all_tasks_blocked()
        if not self.is_closed and self.chunks:
            return self.chunks.popleft()
        if not self.is_closed and self.ending is Cut.SILENCE:
            await self._closed.wait()
        if self.is_closed:
            raise trio.ClosedResourceError
        if self.ending is Cut.RESET:
            raise trio.BrokenResourceError
        return b""

    async def aclose(self) -> None:
        self.is_closed = True
        self._closed.set()
        await trio.lowlevel.checkpoint()


def stream_of(data: bytes) -> Lockstep:
    """The peer whose bytes are ``data``, the first two of which say how it behaves."""
    how, clog = (*data[:2], 0, 0)[:2]
    rest = data[2:]
    size = (None, None, len(rest) or 1, 7)[how // len(ENDINGS) % 4]
    chunks = _pdus(rest) if size is None else _pieces(rest, size)
    return Lockstep(deque(chunks), ENDINGS[how % len(ENDINGS)], CLOGGED_AFTER[clog % 4])


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def _pdus(data: bytes) -> Iterator[bytes]:
    """Cut where the lengths say, be they true or not."""
    while data:
        end = 6 + int.from_bytes(data[2:6], "big")
        yield data[:end]
        data = data[end:]


def written(stream: Lockstep) -> list[Pdu]:
    """The PDUs that we wrote, which are whole and sound.

    Only where the peer stopped reading may the last one be missing; half of one never
    goes out in this stream, which takes writes whole.
    """
    buffer = PDUBuffer(max_length=1 << 20)
    buffer.feed(bytes(stream.heard))
    pdus: list[Pdu] = []
    try:
        while (found := buffer.next_pdu()) is not None:
            pdus.append(decode_body(*found))
    except PDUError as error:
        raise AssertionError(f"we wrote what is no PDU: {error}") from error
    assert not buffer.pending, "we wrote half a PDU"
    return pdus


class _Bugs(logging.Handler):
    """Keeps what was logged with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.records.append(record)


@contextmanager
def no_bugs() -> Generator[None, None, None]:
    """See that nothing was swallowed in the block but what a peer can cause."""
    logger, bugs = logging.getLogger("trio_dicom"), _Bugs()
    logger.addHandler(bugs)
    propagates, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.propagate = propagates
        logger.removeHandler(bugs)
    for record in bugs.records:
        assert record.exc_info is not None
        raise AssertionError(record.getMessage()) from record.exc_info[1]


@cache
def _inboxes() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="trio_dicom-fuzz-")


@contextmanager
def folder() -> Generator[Path, None, None]:
    """A folder for one input, in one that nothing else may get into."""
    outside = Path(_inboxes().name)
    inbox = outside / "in"
    inbox.mkdir()
    try:
        yield inbox
        assert not list(inbox.glob(".*")), "a half file is left"
        assert list(outside.iterdir()) == [inbox], "a file outside its folder"
    finally:
        shutil.rmtree(inbox)


def run(main: Callable[[], Awaitable[T]], *, within: float) -> T:
    """Run ``main`` on a clock that jumps, with what threads do done at once.

    The clock would jump while they work.

    Args:
        main: What to run.
        within: Seconds on that clock after which it counts as hanging.
    """

    async def bounded() -> T:
        with trio.fail_after(within):
            return await main()

    async def run_sync(function: Callable[..., object], *arguments: object, **_: object) -> object:
        await trio.lowlevel.checkpoint()
        return function(*arguments)

    with patch.object(trio.to_thread, "run_sync", run_sync):
        return trio.run(bounded, clock=MockClock(autojump_threshold=0))
