"""``AET@host:port``: how a peer is named on the command line."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from trio_dicom.cli.exits import UsageError

__all__ = ["PORT", "TLS_PORT", "Peer", "parse_peer"]

PORT: Final = 104  # IANA calls it acr-nema
TLS_PORT: Final = 2762  # and this one dicom-tls

_LAST_PORT: Final = 65_535
_EXAMPLE: Final = "PEER is AET@host:port, such as ARCHIVE@pacs.example:104 or ARCHIVE@[::1]:104"
# An address in brackets, or anything without colons; then perhaps a port.
_PLACE: Final = re.compile(r"(?:\[(?P<address>[^\[\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>.*))?")


@frozen(kw_only=True)
class Peer:
    """Whom to call, and where.

    Attributes:
        ae_title: Its AE title.
        host: Its name or address, without brackets.
        port: Its TCP port.
    """

    ae_title: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


def parse_peer(text: str, *, default_port: int = PORT) -> Peer:
    """The peer that ``text`` names.

    Args:
        text: ``AET@host:port``; an IPv6 address stands in brackets.
        default_port: The port where ``text`` gives none.

    Raises:
        UsageError: It names none, and why not.
    """
    # The last one: an AE title may hold an @, a host does not.
    ae_title, at, place = text.rpartition("@")
    if not at:
        raise UsageError(f"{text!r} has no AE title. {_EXAMPLE}.")
    if not ae_title.strip():
        raise UsageError(f"{text!r} has no AE title before the @. {_EXAMPLE}.")
    if not place:
        raise UsageError(f"{text!r} has no host after the @. {_EXAMPLE}.")
    match = _PLACE.fullmatch(place)
    if match is None:
        raise UsageError(f"{place!r} is no host. An IPv6 address needs brackets. {_EXAMPLE}.")
    return Peer(
        ae_title=ae_title,
        host=match["address"] or match["name"],
        port=default_port if match["port"] is None else _parse_port(match["port"]),
    )


def _parse_port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) <= _LAST_PORT:
        return int(text)
    raise UsageError(f"{text!r} is no port: it is a number from 1 to {_LAST_PORT}. {_EXAMPLE}.")
