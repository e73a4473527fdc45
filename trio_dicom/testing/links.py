"""Links in memory: two ends of a stream that behave like those of a TCP connection."""

from __future__ import annotations

import operator
import socket
import struct
from typing import cast

import trio
from attrs import define, field, validators

__all__ = ["LinkEnd", "memory_link", "reset"]


def memory_link(*, capacity: int | None = None, lockstep: bool = False) -> tuple[LinkEnd, LinkEnd]:
    """Two connected streams.

    Unlike those of ``trio.testing`` they can fill up like a socket whose peer does not
    read, and they can be reset.

    Args:
        capacity: How many bytes each direction holds before ``send_all`` blocks, at
            least 1; None for no limit.
        lockstep: ``send_all`` returns when the other end has received all of it, and raises
            ``trio.BrokenResourceError`` if that ends before.
    """
    there, back = _Pipe(capacity, lockstep), _Pipe(capacity, lockstep)
    return LinkEnd(there, back), LinkEnd(back, there)


def reset(stream: trio.abc.Stream) -> None:
    """Have ``stream`` break its connection as a TCP reset does, at the latest when it is closed.

    Raises:
        TypeError: It is no socket, with or without TLS, and of the kit's own streams none.
    """
    if isinstance(stream, trio.SSLStream):
        reset(cast("trio.SSLStream[trio.abc.Stream]", stream).transport_stream)
    elif isinstance(stream, trio.SocketStream):
        if stream.socket.fileno() >= 0:  # else it is closed already
            # Lingering for no time at all is what turns closing into a reset.
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif (break_it := getattr(stream, "reset", None)) is not None:
        break_it()
    else:
        raise TypeError(f"{type(stream).__name__} cannot be reset")


@define(eq=False)
class _Pipe:
    """One direction: what was sent and is not received yet."""

    capacity: int | None = field(validator=validators.optional(validators.ge(1)))
    is_lockstep: bool = False
    held: bytearray = field(factory=bytearray, init=False, repr=False)
    is_finished: bool = field(default=False, init=False)  # the sender will send no more
    is_abandoned: bool = field(default=False, init=False)  # the receiver will take no more
    is_reset: bool = field(default=False, init=False)
    _waiting: trio.lowlevel.ParkingLot = field(factory=trio.lowlevel.ParkingLot, init=False)

    def room(self, wanted: int) -> int:
        """How many of ``wanted`` bytes fit now."""
        return wanted if self.capacity is None else min(wanted, self.capacity - len(self.held))

    def changed(self) -> None:
        """Wake whoever waits for this direction."""
        self._waiting.unpark_all()

    async def wait(self) -> None:
        """Return when something has changed."""
        await self._waiting.park()

    def finish(self) -> None:
        self.is_finished = True
        self.changed()

    # What is held then stays, and nobody receives it: so whoever sends in lockstep knows of it.

    def abandon(self) -> None:
        self.is_abandoned = True
        self.changed()

    def reset(self) -> None:
        self.is_reset = True
        self.changed()


@define(eq=False)
class LinkEnd(trio.abc.HalfCloseableStream):
    """One end of a ``memory_link``."""

    _outgoing: _Pipe
    _incoming: _Pipe
    _is_closed: bool = field(default=False, init=False)
    _has_sent_eof: bool = field(default=False, init=False)
    _sending: trio.Lock = field(factory=trio.Lock, init=False)
    _receiving: trio.Lock = field(factory=trio.Lock, init=False)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As ``trio.abc.SendStream.send_all``: blocks while the link is full."""
        self._claim(self._sending, "sending")
        try:
            await trio.lowlevel.checkpoint()
            pipe, view, at = self._outgoing, memoryview(data).cast("B"), 0
            self._check_sendable()
            while at < len(view) or (pipe.is_lockstep and pipe.held):
                self._check_sendable()
                taken = pipe.room(len(view) - at)
                if taken:
                    pipe.held += view[at : at + taken]
                    pipe.changed()
                    at += taken
                else:
                    await pipe.wait()
        finally:
            self._sending.release()

    def send_nowait(self, data: bytes | bytearray | memoryview) -> int:
        """Send the beginning of ``data`` for which there is room now.

        Returns:
            How many bytes that is; 0 also where ``send_all`` would raise, and in lockstep.
        """
        pipe = self._outgoing
        is_broken = pipe.is_reset or pipe.is_abandoned or self._is_closed or self._has_sent_eof
        if is_broken or pipe.is_lockstep or self._sending.locked():
            return 0
        taken = pipe.room(len(data))
        pipe.held += data[:taken]
        pipe.changed()
        return taken

    async def wait_send_all_might_not_block(self) -> None:
        """As ``trio.abc.SendStream.wait_send_all_might_not_block``."""
        self._claim(self._sending, "sending")
        try:
            await trio.lowlevel.checkpoint()
            while not self._is_closed and self._is_stuck():
                await self._outgoing.wait()
            if self._is_closed:
                raise trio.ClosedResourceError("this end was closed")
        finally:
            self._sending.release()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """As ``trio.abc.ReceiveStream.receive_some``."""
        if max_bytes is not None and operator.index(max_bytes) < 1:
            raise ValueError("max_bytes must be at least 1")
        self._claim(self._receiving, "receiving")
        try:
            await trio.lowlevel.checkpoint()
            pipe = self._incoming
            while True:
                if self._is_closed:
                    raise trio.ClosedResourceError("this end was closed")
                if pipe.is_reset:
                    raise trio.BrokenResourceError("the link was reset")
                if pipe.held or pipe.is_finished:
                    break
                await pipe.wait()
            data = bytes(pipe.held[:max_bytes])
            del pipe.held[:max_bytes]
            pipe.changed()
            return data
        finally:
            self._receiving.release()

    async def send_eof(self) -> None:
        """End our direction; the other one goes on."""
        self._claim(self._sending, "sending")
        try:
            await trio.lowlevel.checkpoint()
            if self._is_closed:
                raise trio.ClosedResourceError("this end was closed")
            self._has_sent_eof = True
            self._outgoing.finish()
        finally:
            self._sending.release()

    async def wait_abandoned(self) -> None:
        """Return when nobody receives what is sent here any more: an end was closed, or reset."""
        await trio.lowlevel.checkpoint()
        pipe = self._outgoing
        while not (pipe.is_abandoned or pipe.is_reset or self._is_closed):
            await pipe.wait()

    def reset(self) -> None:
        """Break both directions at once, as a TCP reset does; what is on its way is lost."""
        self._outgoing.reset()
        self._incoming.reset()

    def close(self) -> None:
        """Close this end; what it has sent can still be received."""
        if not self._is_closed:
            self._is_closed = True
            self._outgoing.finish()
            self._incoming.abandon()

    async def aclose(self) -> None:
        """As ``close``."""
        self.close()
        await trio.lowlevel.checkpoint()

    def _check_sendable(self) -> None:
        if self._is_closed or self._has_sent_eof:
            raise trio.ClosedResourceError("this end sends no more")
        if self._outgoing.is_reset:
            raise trio.BrokenResourceError("the link was reset")
        if self._outgoing.is_abandoned:
            raise trio.BrokenResourceError("the other end was closed")

    def _is_stuck(self) -> bool:
        pipe = self._outgoing
        return not (pipe.room(1) or pipe.is_reset or pipe.is_abandoned)

    @staticmethod
    def _claim(lock: trio.Lock, what: str) -> None:
        try:
            lock.acquire_nowait()
        except trio.WouldBlock:
            raise trio.BusyResourceError(f"another task is {what} already") from None
