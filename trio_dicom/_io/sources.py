"""Where the bytes of a data set come from while it is sent."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import BinaryIO, Protocol

import trio
from attrs import define, field

from trio_dicom._dimse.encoded import MessageData, StoredDataSet
from trio_dicom._dimse.transcode import encode_data_set
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.errors import LocalProtocolError

__all__ = ["BytesSource", "FileSource", "Source", "encoded_source"]

# A hop into a thread costs about 100 us whatever it reads, so each one reads a lot.
_BLOCK = 4 * 1024 * 1024
_NOTHING = memoryview(b"")


class Source(Protocol):
    """The bytes of one data set, read once from front to back.

    Attributes:
        length: Bytes in all.
    """

    length: int

    async def read(self, size: int) -> memoryview:
        """The next bytes: at most ``size``, and none only if the source is too short.

        Raises:
            OSError: What the file behind it says.
        """
        ...

    def close(self) -> None:
        """Let go of what is behind it. May be called in any state, more than once."""
        ...


@define(eq=False)
class BytesSource:
    """A data set that lies in memory: reading it never waits."""

    _data: memoryview = field(converter=memoryview)
    _position: int = field(default=0, init=False)
    length: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.length = len(self._data)

    async def read(self, size: int) -> memoryview:
        """See ``Source``."""
        start = self._position
        self._position = min(start + size, self.length)
        return self._data[start : self._position]

    def close(self) -> None:
        """See ``Source``."""
        self._data = _NOTHING


@define(eq=False)
class FileSource:
    """A data set that lies in a file, read in worker threads when it is needed.

    A read that is cancelled is abandoned, so that a dead network mount cannot hold
    anybody up; the thread then closes the file itself, whenever it returns.

    Args:
        path: The file.
        offset: Where in it the data set begins, in bytes.
        size: How long the data set is there, in bytes.
        limiter: Bounds the threads of one connection, stuck ones included.
        padding: Bytes to add at the end, for deflated data sets of odd length (PS3.5 A.5).
    """

    _path: Path
    _offset: int
    _size: int
    _limiter: trio.CapacityLimiter
    _padding: bytes = b""
    length: int = field(init=False)
    _block: memoryview = field(default=_NOTHING, init=False)
    _reader: _BlockReader | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.length = self._size + len(self._padding)

    async def read(self, size: int) -> memoryview:
        """See ``Source``."""
        if not self._block:
            self._block = memoryview(await self._next_block())
        block, self._block = self._block[:size], self._block[size:]
        return block

    async def _next_block(self) -> bytes:
        if self._reader is None:
            self._reader = _BlockReader(self._path, self._offset)
        wanted = min(self._size, _BLOCK)
        block = await trio.to_thread.run_sync(
            self._reader.read, wanted, abandon_on_cancel=True, limiter=self._limiter
        )
        if isinstance(block, OSError):
            raise block
        if len(block) < wanted:
            # Shorter than it was. What there is may be odd, and no message comes of it.
            return b""
        self._size -= wanted
        # With the last bytes, not after them: without it their number may be odd.
        return block if self._size else block + self._padding

    def close(self) -> None:
        """See ``Source``."""
        self._block = _NOTHING
        if self._reader is not None:
            self._reader.close()


class _BlockReader:
    """The half of a ``FileSource`` that lives in threads, one at a time."""

    def __init__(self, path: Path, offset: int) -> None:
        self._path = path
        self._offset = offset
        self._file: BinaryIO | None = None
        self._reading = False
        self._closed = False
        self._lock = threading.Lock()

    def read(self, size: int) -> bytes | OSError:
        """Read up to ``size`` bytes. An error is a value: an abandoned one has no taker."""
        with self._lock:
            if self._closed:
                return b""
            self._reading = True
        try:
            return self._read(size)
        except OSError as error:
            return error
        finally:
            self._stop_reading()

    def _read(self, size: int) -> bytes:
        if self._file is None:
            self._file = self._path.open("rb", buffering=0)
            self._file.seek(self._offset)
        return _read_fully(self._file, size)

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


def _read_fully(file: BinaryIO, size: int) -> bytes:
    """Up to ``size`` bytes, fewer only at the end: raw reads may return early."""
    block = file.read(size)
    if len(block) == size:
        return block
    blocks = [block]
    while block and (size := size - len(block)):
        block = file.read(size)
        blocks.append(block)
    return b"".join(blocks)


def encoded_source(data: MessageData, context: NegotiatedContext) -> BytesSource | None:
    """``data`` in the transfer syntax of ``context``, or None where nothing has to be sent.

    Raises:
        LocalProtocolError: It lies in a file.
        NotConvertible: It cannot be brought into that transfer syntax.
    """
    if isinstance(data, StoredDataSet):
        raise LocalProtocolError("a data set that lies in a file can only be sent by a request")
    if data is None or context.transfer_syntax is None:
        return None
    encoded = encode_data_set(data, context.transfer_syntax)
    return BytesSource(encoded) if encoded else None
