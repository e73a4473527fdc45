"""One association with a client, from its request to its end."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from benchmarks.sink.keeping import Keeper
from benchmarks.sink.matches import matches
from benchmarks.sink.pdus import (
    RELEASE_RESPONSE,
    Proposal,
    accepted,
    command_elements,
    data_pdu,
    response,
)
from benchmarks.sink.reading import Reader

__all__ = ["Counts", "serve"]

_STORE, _FIND, _ECHO, _CANCEL = 0x0001, 0x0020, 0x0030, 0x0FFF
_ARTIM = 5.0  # seconds
_SUCCESS, _PENDING, _UNRECOGNISED = 0x0000, 0xFF00, 0x0211


@dataclass
class Counts:
    """What came on an association.

    Attributes:
        released: 1 if it ended in order.
        instances: How many instances were stored.
        bytes: How long their data sets were, together.
        echoes: How many C-ECHO came.
        matches: How many matches were sent.
    """

    released: int = 0
    instances: int = 0
    bytes: int = 0
    echoes: int = 0
    matches: int = 0


def serve(
    connection: socket.socket, counts: Counts, *, match_count: int, keep: Path | None = None
) -> NoReturn:
    """Serve a client until the connection ends, which raises what ended it.

    Args:
        connection: With the client.
        counts: Is told what came.
        match_count: How many matches a query has.
        keep: Where instances go; if there is no such place they are dropped unseen.

    Raises:
        EOFError: The client closed it, as it does after a release.
        ValueError: The client sent what has no place there.
    """
    reader = Reader(connection)
    kind, length = struct.unpack(">BxI", reader.take(6))
    if kind != 0x01:
        raise ValueError(f"PDU {kind} instead of an association request")
    proposal = Proposal.of(reader.take(length))
    connection.sendall(accepted(proposal))
    messages = _Messages(connection, counts, match_count)
    keeper = Keeper(keep, proposal.agreed()) if keep else None
    while True:
        kind, length = struct.unpack(">BxI", reader.take(6))
        if kind == 0x05:
            reader.take(length)
            connection.sendall(RELEASE_RESPONSE)
            counts.released = 1
            # The client closes (PS3.8 9.2.3): closing before it would reset the connection
            # where TLS has something more to say.
            connection.settimeout(_ARTIM)
            reader.discard(1)
            raise ValueError("something follows the release")
        if kind != 0x04:
            raise ValueError(f"PDU {kind} in an association")
        while length:
            item, context, control = struct.unpack(">IBB", reader.take(6))
            length -= 4 + item
            if control & 1:
                messages.command(context, reader.take(item - 2), last=bool(control & 2))
                continue
            if keeper and (instance_uid := messages.instance_uid):
                fragment = reader.take(item - 2)
                keeper.fragment(context, instance_uid, fragment, last=bool(control & 2))
            else:
                reader.discard(item - 2)
            messages.data(item - 2, last=bool(control & 2))


class _Messages:
    """The messages of an association, and their answers."""

    def __init__(self, connection: socket.socket, counts: Counts, match_count: int) -> None:
        self._connection = connection
        self._counts = counts
        self._match_count = match_count
        self._command = b""
        self._context = 0
        self._request: dict[int, bytes] = {}
        self._length = 0

    def command(self, context: int, fragment: bytes, *, last: bool) -> None:
        self._command += fragment
        if last:
            self._context = context
            self._request = command_elements(self._command)
            self._command = b""
            if self._request[0x0800] == b"\x01\x01":
                self._answer()

    @property
    def instance_uid(self) -> bytes | None:
        """Of the instance that the message brings, if it brings one."""
        return self._request.get(0x1000)

    def data(self, length: int, *, last: bool) -> None:
        self._length += length
        if last:
            self._answer()

    def _answer(self) -> None:
        (command_field,) = struct.unpack("<H", self._request[0x0100])
        status = _SUCCESS
        if command_field == _STORE:
            self._counts.instances += 1
            self._counts.bytes += self._length
        elif command_field == _ECHO:
            self._counts.echoes += 1
        elif command_field == _FIND:
            pending = response(self._request, _PENDING, data_set=True)
            for block in matches(self._context, pending, self._match_count):
                self._connection.sendall(block)
            self._counts.matches += self._match_count
        elif command_field == _CANCEL:
            return  # what it cancels has been answered
        else:
            status = _UNRECOGNISED
        self._length = 0
        final = response(self._request, status, data_set=False)
        self._connection.sendall(data_pdu(self._context, final, command=True))
