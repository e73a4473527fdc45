"""Writing many pieces at once without joining them first."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import trio
from attrs import define, field

from trio_dicom._io.transport import socket_stream, stream_error

__all__ = ["Gatherer"]

# Fewer bytes than this are joined: that costs less than telling the system of each piece.
_FEW: Final = 16 * 1024
# More pieces than this do not go into one system call (IOV_MAX is 1024 on Linux).
_MANY: Final = 512
# What Trio sets: so few bytes may wait in the system for the peer to take them.
_LEAST_UNSENT: Final = 16 * 1024

_TCP_NOTSENT_LOWAT: Final[int | None] = getattr(socket, "TCP_NOTSENT_LOWAT", None)


@define(eq=False)
class Gatherer:
    """Writes pieces to a stream: over a plain socket where they lie, joined over any other.

    An image is some megabytes in fragments of a hundred kilobytes, each with a header of
    twelve bytes before it. To join them would be to copy the image once more.
    """

    _stream: trio.abc.Stream
    _socket: trio.socket.SocketType | None = field(init=False)
    _transport: trio.SocketStream | None = field(init=False)
    _send_nowait: Callable[[bytes], int] | None = field(init=False)
    _unsent: int = field(default=_LEAST_UNSENT, init=False)

    def __attrs_post_init__(self) -> None:
        self._transport = socket_stream(self._stream)
        is_plain = self._transport is self._stream and os.name == "posix"
        self._socket = self._transport.socket if self._transport and is_plain else None
        # The links of our test kit have it, so that what is tested there is what happens here.
        self._send_nowait = getattr(self._stream, "send_nowait", None)

    async def send_all(self, parts: Sequence[bytes | memoryview], *, at_once: bool) -> int:
        """Write all of ``parts``, as ``trio.abc.SendStream.send_all`` does.

        Args:
            parts: What to write.
            at_once: Let the system take as many bytes that the peer has not taken yet. It
                otherwise stops a large write in the middle, to go on when nearly all of it is
                gone, which lets a fast wire run dry.

        Returns:
            How many bytes they were.

        Raises:
            trio.BrokenResourceError: The transport is broken.
            trio.ClosedResourceError: It was closed.
        """
        size = sum([len(part) for part in parts])
        if at_once:
            self.make_room(size)
        if self._socket is None or size < _FEW or len(parts) > _MANY:
            await self._stream.send_all(parts[0] if len(parts) == 1 else b"".join(parts))
            return size
        try:
            await _send_all(self._socket, parts, size)
        except OSError as error:
            raise stream_error(error) from error
        return size

    @property
    def can_send_at_once(self) -> bool:
        """Whether ``send_at_once`` can do anything here: not through TLS."""
        return self._socket is not None or self._send_nowait is not None

    def send_at_once(
        self, parts: Sequence[bytes | memoryview]
    ) -> tuple[int, list[bytes | memoryview]]:
        """Write what the system takes of ``parts`` without waiting.

        Returns:
            How many bytes that is, and what is left.
        """
        size = sum([len(part) for part in parts])
        if self._socket is None or size < _FEW or len(parts) > _MANY:
            parts = [b"".join(parts)]
        sent = 0
        if self._socket is not None:
            with suppress(OSError):  # it takes nothing now, or never again
                sent = os.writev(self._socket.fileno(), parts)
        elif self._send_nowait is not None:
            sent = self._send_nowait(bytes(parts[0]))
        return sent, [] if sent == size else _without(parts, sent)

    def make_room(self, size: int) -> None:
        """Let ``size`` bytes at the least wait in the system for the peer to take them."""
        if size > self._unsent:
            self._let_wait(size)

    def slow_down(self) -> None:
        """Let few bytes wait in the system: a write then returns when the peer has taken it."""
        if self._unsent != _LEAST_UNSENT:
            self._let_wait(_LEAST_UNSENT)

    def _let_wait(self, size: int) -> None:
        self._unsent = size
        if self._transport is not None and _TCP_NOTSENT_LOWAT is not None:
            with suppress(OSError):  # no TCP, or a broken connection, which the write reports
                self._transport.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, size)


async def _send_all(
    sock: trio.socket.SocketType, parts: Sequence[bytes | memoryview], left: int
) -> None:
    while True:
        sent = await sock.sendmsg(parts)
        left -= sent
        if not left:
            return
        parts = _without(parts, sent)


def _without(parts: Sequence[bytes | memoryview], sent: int) -> list[bytes | memoryview]:
    """What is left of ``parts`` behind the first ``sent`` bytes."""
    for number, part in enumerate(parts):
        if sent < len(part):
            return [memoryview(part)[sent:], *parts[number + 1 :]]
        sent -= len(part)
    return []
