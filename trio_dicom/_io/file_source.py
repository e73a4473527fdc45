"""A data set that lies in a file, read while it is sent."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from functools import partial
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio
from attrs import define, field

if TYPE_CHECKING:
    from outcome import Outcome

__all__ = ["Buffers", "FileSource"]

# Bytes. A hop into a thread costs about 100 us whatever it reads, and what is longer does not
# stay in the processor's cache until it is sent.
_BLOCK = 1024 * 1024
_NOTHING: Final = memoryview(b"")

# Says to read only what lies in memory already. Linux has it, for most of its file systems.
_RWF_NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)


@define(eq=False)
class Buffers:
    """Buffers of one block that nobody uses just now: the pages of a new one cost time.

    Attributes:
        most: How many are kept. A file that is being sent uses two.
    """

    most: int = 2
    _free: list[memoryview] = field(factory=list[memoryview])

    def take(self) -> memoryview:
        """A buffer, with whatever was in it before."""
        return self._free.pop() if self._free else memoryview(bytearray(_BLOCK))

    def give(self, buffer: memoryview) -> None:
        """Let others have it. Never one into which a thread may still write."""
        if len(self._free) < self.most:
            self._free.append(buffer)


@define(eq=False)
class _Read:
    """One block on its way from the disk.

    Attributes:
        buffer: What it goes into.
        position: Where in the file it begins, in bytes.
        size: How many bytes there should be.
        is_started: Whether a thread is at it, or was.
        result: How many there were, or what the system said instead; None before.
        done: Set when the thread has returned.
    """

    buffer: memoryview
    position: int
    size: int
    is_started: bool = False
    result: Outcome[int] | None = None
    done: trio.Event = field(factory=trio.Event)


@define(eq=False)
class FileSource:
    """A data set that lies in a file: see ``Source``.

    What the system has in memory is read at once, which takes less than to wake a thread. What
    it has to fetch is read in threads, and from then on one block ahead of the sender. A read
    that is cancelled is abandoned, so that a dead network mount cannot hold anybody up. It
    takes its buffer with it, and the thread closes the file, whenever it returns.

    Args:
        path: The file.
        offset: Where in it the data set begins, in bytes.
        size: How long the data set is there, in bytes.
        limiter: Bounds the threads of one connection, stuck ones included.
        buffers: Where buffers come from and go to.
        unit: Blocks are multiples of so many bytes, unless that is more than a block has.
        padding: Bytes to add at the end, for deflated data sets of odd length (PS3.5 A.5).
    """

    _path: Path
    _offset: int
    _size: int
    _limiter: trio.CapacityLimiter
    _buffers: Buffers = field(factory=Buffers)
    _unit: int = 1
    _padding: bytes = b""
    length: int = field(init=False)
    _file: _File = field(init=False)
    # Where the next read begins, and how many bytes no read has asked for.
    _position: int = field(init=False)
    _left: int = field(init=False)
    _next: _Read | None = field(default=None, init=False)
    _buffer: memoryview = field(default=_NOTHING, init=False)
    _block: memoryview = field(default=_NOTHING, init=False)
    _is_on_disk: bool = field(default=False, init=False)
    _is_short: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.length = self._size + len(self._padding)
        self._position, self._left = self._offset, self._size
        self._file = _File(self._path)

    def take(self, size: int) -> memoryview | None:
        """See ``Source``."""
        if not (self._block or self._is_short or self._read_at_once()):
            return None
        block, self._block = self._block[:size], self._block[size:]
        return block

    def whole(self, most: int) -> None:
        """See ``Source``: never all at once."""

    async def fetch(self) -> None:
        """See ``Source``."""
        self._give_back()
        read, self._next = self._next or self._next_read(), None
        if not read.is_started:
            await self._limiter.acquire_on_behalf_of(read)
            self._start(read)
        await read.done.wait()
        assert read.result is not None
        self._keep(read, read.result.unwrap())
        # One thread of the connection is left to others, whose files may lie elsewhere.
        if self._is_on_disk and self._left and self._limiter.available_tokens > 1:
            self._next = self._next_read()
            self._limiter.acquire_on_behalf_of_nowait(self._next)
            self._start(self._next)

    def close(self) -> None:
        """See ``Source``."""
        self._give_back()
        self._file.close()

    def _read_at_once(self) -> bool:
        """Read the next block if it lies in memory, and say whether it does."""
        if self._is_on_disk or not self._file.is_open:
            return False
        self._give_back()
        self._next = self._next_read()
        if self._file.read_at_once(self._next):
            self._keep(self._next, self._next.size)
            self._next = None
        else:
            self._is_on_disk = True
        return not self._is_on_disk

    def _next_read(self) -> _Read:
        buffer = self._buffers.take()
        longest = len(buffer) - len(buffer) % self._unit or len(buffer)
        read = _Read(buffer, self._position, min(self._left, longest))
        self._position += read.size
        self._left -= read.size
        return read

    def _keep(self, read: _Read, came: int) -> None:
        """Have what ``read`` brought as the current block."""
        self._buffer = read.buffer
        if came < read.size:
            # Shorter than it was. What there is may be odd, and no message comes of it.
            self._is_short = True
            return
        end = came
        if read.position + came == self._offset + self._size:
            # With the last bytes, not after them: without it their number may be odd.
            end += len(self._padding)
            read.buffer[came:end] = self._padding
        self._block = read.buffer[:end]

    def _give_back(self) -> None:
        if self._buffer:
            self._buffers.give(self._buffer)
        self._buffer = self._block = _NOTHING

    def _start(self, read: _Read) -> None:
        token = trio.lowlevel.current_trio_token()

        def deliver(result: Outcome[int]) -> None:
            with suppress(trio.RunFinishedError):  # the program has ended, and so has its use
                token.run_sync_soon(self._finish, read, result)

        read.is_started = True
        trio.lowlevel.start_thread_soon(partial(self._file.read, read), deliver)

    def _finish(self, read: _Read, result: Outcome[int]) -> None:
        self._limiter.release_on_behalf_of(read)
        read.result = result
        read.done.set()


class _File:
    """The half of a ``FileSource`` that lives in threads, one at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None
        self._reading = False
        self._closed = False
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether it can be read without opening it first, which may take long."""
        return self._file is not None

    def read(self, read: _Read) -> int:
        """Read a block, and say how many bytes came.

        Raises:
            OSError: What the system says.
        """
        with self._lock:
            if self._closed:
                return 0
            self._reading = True
        try:
            if self._file is None:
                self._file = self._path.open("rb", buffering=0)
            self._file.seek(read.position)
            return _read_fully(self._file, read.buffer[: read.size])
        finally:
            self._stop_reading()

    def read_at_once(self, read: _Read) -> bool:
        """Read a block if it lies in memory, and say whether it does.

        What is wrong with it is said by ``read``, which then follows.
        """
        if self._file is None or _RWF_NOWAIT is None:
            return False
        view = read.buffer[: read.size]
        try:
            return os.preadv(self._file.fileno(), [view], read.position, _RWF_NOWAIT) == read.size
        except OSError:  # it does not, or this file system cannot tell
            return False

    def close(self) -> None:
        """Close the file, or have the thread that is reading it do so afterwards."""
        with self._lock:
            self._closed = True
            if not self._reading:
                self._close_file()

    def _stop_reading(self) -> None:
        with self._lock:
            self._reading = False
            if self._closed:
                self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _read_fully(file: FileIO, view: memoryview) -> int:
    """Fill ``view``; less of it only at the end of the file: raw reads may return early."""
    came = 0
    while came < len(view):
        if not (count := file.readinto(view[came:])):
            break
        came += count
    return came
