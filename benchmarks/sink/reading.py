"""Taking a stream of bytes apart: small things are looked at, long ones dropped unseen."""

from __future__ import annotations

import socket
import ssl
import sys

__all__ = ["Reader"]

# Holds a small message whole. Each read copies at most so much, whatever a client sends.
_WINDOW = 8 * 1024
# For what is dropped, of all connections: nobody looks at it.
_DISCARDED = memoryview(bytearray(4 * 1024 * 1024))
# So that what a client does is measured, and not how it waits for a delayed acknowledgement.
# The servers of others show that. Linux alone has it, and it holds for the next read.
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class Reader:
    """What comes from a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._window = memoryview(bytearray(_WINDOW))
        self._start = self._end = 0
        # Linux drops bytes of TCP without copying them if asked to. TLS has to decrypt them.
        truncates = sys.platform == "linux" and not isinstance(connection, ssl.SSLSocket)
        self._flags = socket.MSG_TRUNC if truncates else 0

    def take(self, count: int) -> bytes:
        """The next bytes, all of them.

        Raises:
            EOFError: There are fewer.
        """
        if count > _WINDOW:
            return b"".join(self.take(min(_WINDOW, count - i)) for i in range(0, count, _WINDOW))
        while self._end - self._start < count:
            if self._start:
                kept = bytes(self._window[self._start : self._end])
                self._window[: len(kept)] = kept
                self._start, self._end = 0, len(kept)
            if _QUICKACK is not None:
                self._connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
            self._end += self._received(self._window[self._end :], 0)
        self._start += count
        return bytes(self._window[self._start - count : self._start])

    def discard(self, count: int) -> None:
        """Drop the next bytes, all of them.

        Raises:
            EOFError: There are fewer.
        """
        held = self._end - self._start
        if count <= held:
            self._start += count
            return
        self._start = self._end = 0
        count -= held
        while count:
            count -= self._received(_DISCARDED[:count], self._flags)

    def _received(self, buffer: memoryview, flags: int) -> int:
        count = self._connection.recv_into(buffer, len(buffer), flags)
        if not count:
            raise EOFError
        return count
