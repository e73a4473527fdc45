"""A socket that acknowledges at once whatever it receives, for what is read behind our back."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

import trio
from attrs import frozen

__all__ = ["AcknowledgingStream", "acknowledge_at_once"]

_TCP_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)


def acknowledge_at_once(sock: trio.socket.SocketType) -> None:
    """Acknowledge what has come, and what comes next, without the delay that Linux likes.

    Many peers write a PDU in two writes with Nagle's algorithm on. They hold the second one
    back until the first is acknowledged, which Linux delays for 40 ms unless it is told, before
    each receive, not to.
    """
    if _TCP_QUICKACK is not None:
        with suppress(OSError):  # a broken connection, which the receive reports better
            sock.setsockopt(socket.IPPROTO_TCP, _TCP_QUICKACK, 1)


@frozen(eq=False)
class AcknowledgingStream(trio.abc.HalfCloseableStream):
    """A stream of a socket for TLS, which reads several times where its user reads once.

    After its handshake a server of TLS 1.3 sends tickets, which are nothing to read for a user.
    While they wait to be acknowledged, it holds its first answer back.

    Attributes:
        stream: That of the socket. Any other has nothing to acknowledge.
    """

    stream: trio.abc.HalfCloseableStream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """See ``trio.abc.SendStream``."""
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """See ``trio.abc.SendStream``."""
        await self.stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """See ``trio.abc.ReceiveStream``."""
        if isinstance(self.stream, trio.SocketStream):
            acknowledge_at_once(self.stream.socket)
        return await self.stream.receive_some(max_bytes)

    async def send_eof(self) -> None:
        """See ``trio.abc.HalfCloseableStream``."""
        await self.stream.send_eof()

    async def aclose(self) -> None:
        """See ``trio.abc.AsyncResource``."""
        await self.stream.aclose()
