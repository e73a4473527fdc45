"""The few PDUs and command sets that the sink needs (PS3.8 9.3, PS3.7 9.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = [
    "RELEASE_RESPONSE",
    "Proposal",
    "accepted",
    "command_elements",
    "data_pdu",
    "element",
    "response",
]

RELEASE_RESPONSE = struct.pack(">BxI4x", 0x06, 4)

_MAX_LENGTH = 131_072
_EXPLICIT = b"1.2.840.10008.1.2.1"
_IMPLICIT = b"1.2.840.10008.1.2"
# Whatever the SOP class is: those with this root are queries, whose answers lie prepared.
_QUERIES = b"1.2.840.10008.5.1.4.1.2."
_HEADER = struct.Struct("<HHI")
_SHORT = struct.Struct("<H")
_SHORTS = struct.Struct("<" + 4 * "HHIH")  # four elements of two bytes each
_GROUP_LENGTH = struct.Struct("<HHII")
_COMMAND = 0x01
_LAST = 0x02


@dataclass
class Proposal:
    """What is of interest in an A-ASSOCIATE-RQ, taken from what follows its PDU header."""

    titles: bytes
    application_context: bytes = b""
    contexts: dict[int, tuple[bytes, list[bytes]]] = field(default_factory=dict)
    window: bytes | None = None

    @classmethod
    def of(cls, body: bytes) -> Proposal:
        """Read it."""
        proposal = cls(titles=body[4:36])
        for kind, value in _items(body[68:]):
            if kind == 0x10:
                proposal.application_context = value
            elif kind == 0x20:
                parts = list(_items(value[4:]))
                (abstract,) = (part for number, part in parts if number == 0x30)
                syntaxes = [part for number, part in parts if number == 0x40]
                proposal.contexts[value[0]] = (abstract.rstrip(b"\0"), syntaxes)
            elif kind == 0x50:
                proposal.window = dict(_items(value)).get(0x53)
        return proposal

    def agreed(self) -> dict[int, bytes]:
        """The transfer syntax of each context.

        It is Explicit VR Little Endian if that is proposed, the first one otherwise; for the
        queries it is Implicit VR Little Endian.
        """
        syntaxes = {}
        for number, (abstract, proposed) in self.contexts.items():
            wanted = _IMPLICIT if abstract.startswith(_QUERIES) else _EXPLICIT
            found = (each for each in proposed if each.rstrip(b"\0") == wanted)
            syntaxes[number] = next(found, proposed[0])
        return syntaxes


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(data):
        kind, length = struct.unpack_from(">BxH", data, offset)
        yield kind, data[offset + 4 : offset + 4 + length]
        offset += 4 + length


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def accepted(proposal: Proposal) -> bytes:
    """The A-ASSOCIATE-AC that accepts all of it.

    A window is granted as proposed.
    """
    items = [_item(0x10, proposal.application_context)]
    for number, syntax in proposal.agreed().items():
        items.append(_item(0x21, bytes([number, 0, 0, 0]) + _item(0x40, syntax)))
    user = _item(0x51, struct.pack(">I", _MAX_LENGTH)) + _item(0x52, b"2.25.4711")
    if proposal.window is not None:
        user += _item(0x53, proposal.window)
    items.append(_item(0x50, user))
    body = struct.pack(">H2x", 1) + proposal.titles + bytes(32) + b"".join(items)
    return struct.pack(">BxI", 0x02, len(body)) + body


def data_pdu(context: int, data: bytes, *, command: bool) -> bytes:
    """A P-DATA-TF PDU with one fragment, which is the last of its kind."""
    control = _LAST | (_COMMAND if command else 0)
    return struct.pack(">BxIIBB", 0x04, len(data) + 6, len(data) + 2, context, control) + data


def command_elements(command: bytes) -> dict[int, bytes]:
    """The values of a command set, by element number."""
    values = {}
    start, end = 0, len(command)
    while start < end:
        _, number, length = _HEADER.unpack_from(command, start)
        start += 8 + length
        values[number] = command[start - length : start]
    return values


def element(tag: int, value: bytes) -> bytes:
    """An element in Implicit VR Little Endian."""
    return _HEADER.pack(tag >> 16, tag & 0xFFFF, len(value)) + value


def response(request: dict[int, bytes], status: int, *, data_set: bool) -> bytes:
    """The command set of the answer to a request."""
    (command_field,) = _SHORT.unpack(request[0x0100])
    (message_id,) = _SHORT.unpack(request[0x0110])
    body = element(0x0002, request[0x0002]) + _SHORTS.pack(
        *(0, 0x0100, 2, command_field | 0x8000),
        *(0, 0x0120, 2, message_id),
        *(0, 0x0800, 2, 0x0001 if data_set else 0x0101),
        *(0, 0x0900, 2, status),
    )
    if 0x1000 in request:
        body += element(0x1000, request[0x1000])
    return _GROUP_LENGTH.pack(0, 0x0000, 4, len(body)) + body
