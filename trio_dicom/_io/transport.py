"""The stream underneath a connection, and what is known about it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import trio
from attrs import define, field

from trio_dicom._io.acknowledging import AcknowledgingStream, acknowledge_at_once

if TYPE_CHECKING:
    from trio_dicom.options import KeepAlive

__all__ = ["NetworkStream", "remote_host", "set_keepalive", "socket_stream", "stream_error"]

# Bytes to ask for. A slice of 512 KiB should come in a few turns of the event loop instead of
# a dozen, but to have more than 64 KiB ready costs an answer of 100 bytes five times its own
# price: such memory comes from the operating system and goes back to it each time.
_LEAST_AT_ONCE = 64 * 1024
_MOST_AT_ONCE = 512 * 1024
# What makes it worth while to ask for less: so small a part came twice in a row.
_SMALL_PART = 8

# As in Trio's own stream: how the system says that we have closed the socket ourselves.
_CLOSED_BY_US = frozenset({errno.EBADF, errno.ENOTSOCK})


@define(eq=False)
class NetworkStream:
    """The Trio stream of a connection and its two ends.

    Attributes:
        stream: Any ``trio.abc.Stream``. The connection owns it.
        peer: The peer's name, for errors.
        local_host: Our address, or None without a socket.
        local_port: Our port, or None without a socket.
        remote_host: The peer's address, or None without a socket.
        remote_port: The peer's port, or None without a socket.
        is_tls: Whether what is written is encrypted.
    """

    stream: trio.abc.Stream
    peer: str = ""
    is_tls: bool = False
    local_host: str | None = None
    local_port: int | None = None
    remote_host: str | None = None
    remote_port: int | None = None
    _socket: trio.socket.SocketType | None = field(default=None, repr=False)
    _at_once: int = field(default=_LEAST_AT_ONCE, init=False, repr=False)
    _was_small: bool = field(default=False, init=False, repr=False)
    # Whether all that had come was taken, so that there is hardly more of it by now.
    _is_drained: bool = field(default=True, init=False, repr=False)
    _socket_is_all: bool = field(default=False, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._socket_is_all = isinstance(self.stream, trio.SocketStream)
        self.is_tls = isinstance(self.stream, trio.SSLStream)
        transport = socket_stream(self.stream)
        if transport is not None:
            self._socket = transport.socket
            self.local_host, self.local_port = _address(self._socket.getsockname)
            self.remote_host, self.remote_port = _address(self._socket.getpeername)
        if not self.peer:
            known = self.remote_host is not None
            self.peer = f"{self.remote_host}:{self.remote_port}" if known else "the peer"

    async def receive_some(self, *, acknowledge: bool = True) -> bytes | bytearray:
        """What the peer sent next, or nothing at the end of file.

        Args:
            acknowledge: Acknowledge at once what came before. What we write next does it,
                too, and an acknowledgement of its own costs as much as a small message:
                leave it out where the peer has nothing to add before we have written.
        """
        if acknowledge and self._socket is not None:
            acknowledge_at_once(self._socket)
        data = await self._receive()
        self._adapt(len(data))
        return data

    async def _receive(self) -> bytes | bytearray:
        if self._socket is None or not self._socket_is_all:
            return await self.stream.receive_some(self._at_once)
        # As the stream does it, which takes half as long again.
        try:
            if self._is_drained and os.name == "posix" and self._socket.fileno() >= 0:
                # To ask first, in vain, costs more than to read at last.
                await trio.lowlevel.wait_readable(self._socket)
                with suppress(BlockingIOError):
                    # Asked for anew: somebody may have closed it just now.
                    return os.read(self._socket.fileno(), self._at_once)
            return await self._socket.recv(self._at_once)
        except OSError as error:
            raise stream_error(error) from error

    def _adapt(self, size: int) -> None:
        """Ask for more or less next time, now that ``size`` bytes came."""
        self._is_drained = size < self._at_once
        if not self._is_drained:
            self._at_once = min(size * 2, _MOST_AT_ONCE)
        is_small = size * _SMALL_PART < self._at_once
        if is_small and self._was_small:
            self._at_once = max(self._at_once // 2, _LEAST_AT_ONCE)
        self._was_small = is_small


def set_keepalive(stream: trio.SocketStream, keepalive: KeepAlive) -> None:
    """Have the operating system probe a silent peer, as far as the platform can."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", keepalive.idle),
        ("TCP_KEEPINTVL", keepalive.interval),
        ("TCP_KEEPCNT", keepalive.count),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            stream.setsockopt(socket.IPPROTO_TCP, option, value)


def socket_stream(stream: trio.abc.Stream) -> trio.SocketStream | None:
    """The socket underneath ``stream``, if there is one."""
    while isinstance(stream, trio.SSLStream):
        stream = cast("trio.SSLStream[trio.abc.Stream]", stream).transport_stream
    if isinstance(stream, AcknowledgingStream):
        stream = stream.stream
    return stream if isinstance(stream, trio.SocketStream) else None


def remote_host(stream: trio.abc.Stream) -> str | None:
    """The address of the other end, or None without a socket."""
    transport = socket_stream(stream)
    return None if transport is None else _address(transport.socket.getpeername)[0]


def stream_error(error: OSError) -> Exception:
    """What a Trio stream raises where its socket says ``error``."""
    if error.errno in _CLOSED_BY_US:
        return trio.ClosedResourceError("this socket was already closed")
    return trio.BrokenResourceError(f"socket connection broken: {error}")


def _address(name_of: Callable[[], Any]) -> tuple[str | None, int | None]:
    """Host and port of one end; a Unix socket has neither, nor has one that was reset."""
    try:
        name = name_of()
    except OSError:
        return None, None
    match name[:2]:
        case (str(host), int(port)):
            return host, port
        case _:
            return None, None
