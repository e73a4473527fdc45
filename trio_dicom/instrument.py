"""Watching a connection from beside it: instruments see the wire and cannot answer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from trio_dicom._dimse.message import Message
    from trio_dicom._protocol.contexts import NegotiatedContext
    from trio_dicom._wire.pdus import Pdu

__all__ = [
    "BaseInstrument",
    "Instrument",
    "LoggingInstrument",
    "Tap",
    "tap_of",
    "tell_failed_attempt",
]


class Instrument(Protocol):
    """What happens on the wire, told synchronously: return soon and do not raise.

    The byte counts are of the transport: with TLS, before encryption.

    One that wants the bytes themselves has one more method::

        def tap(self, peer: str, *, is_acceptor: bool) -> Tap | None: ...

    It is called when a connection begins, on which nothing was said yet, with the name of the
    peer, and whether it has called us. What it returns is told of that connection alone; it
    returns None where it does not want to be.

    One that wants to know of the attempts to call a peer from which no connection came has
    another one::

        def connect_failed(self, peer: str, error: Exception) -> None: ...

    The error is what ``open_connection`` raises.
    """

    def bytes_sent(self, count: int) -> None:
        """``count`` bytes were handed to the transport in one write."""
        ...

    def bytes_received(self, count: int) -> None:
        """``count`` bytes came in one read; 0 is the end of file."""
        ...

    def pdu_sent(self, pdu: Pdu) -> None:
        """A PDU other than P-DATA-TF is about to be written."""
        ...

    def event_received(self, event: object) -> None:
        """The protocol machine made an event of what came, other than a message."""
        ...

    def message_sent(self, message: Message, context: NegotiatedContext) -> None:
        """The last byte of a DIMSE message was written."""
        ...

    def message_received(self, message: Message, context: NegotiatedContext) -> None:
        """A DIMSE message has come completely."""
        ...


class Tap(Protocol):
    """Gets the bytes of one connection, before encryption: return soon and do not raise.

    They hold whatever is said: patients, passwords and tickets.
    """

    def sent(self, data: bytes) -> None:
        """``data`` is about to be written, or was. If the connection breaks, it may not arrive."""
        ...

    def received(self, data: bytes | bytearray) -> None:
        """``data`` came in one read; nothing is the end of file."""
        ...

    def broke(self, why: str) -> None:
        """The transport broke while we were reading, as after a reset, or TLS did not work.

        Args:
            why: In words, and what may be behind it.
        """
        ...

    def closed(self) -> None:
        """We have closed the transport. Nothing follows."""
        ...


def tap_of(instrument: Instrument | None, peer: str, *, is_acceptor: bool) -> Tap | None:
    """Whom to tell the bytes of a new connection; None where nobody wants them.

    Args:
        instrument: Who watches.
        peer: The name of the peer.
        is_acceptor: Whether it has called us.
    """
    # Asked by name: most instruments have no such method, and need none.
    tap = getattr(instrument, "tap", None)
    return None if tap is None else tap(peer, is_acceptor=is_acceptor)


def tell_failed_attempt(instrument: Instrument | None, peer: str, error: Exception) -> None:
    """Tell whoever wants to know that there will be no connection.

    Args:
        instrument: Who watches.
        peer: The name of the peer.
        error: Why.
    """
    connect_failed = getattr(instrument, "connect_failed", None)
    if connect_failed is not None:
        connect_failed(peer, error)


class BaseInstrument:
    """Watches nothing. Inherit from it, and write only what you want to be told."""

    def bytes_sent(self, count: int) -> None:
        """See ``Instrument``."""

    def bytes_received(self, count: int) -> None:
        """See ``Instrument``."""

    def pdu_sent(self, pdu: Pdu) -> None:
        """See ``Instrument``."""

    def event_received(self, event: object) -> None:
        """See ``Instrument``."""

    def message_sent(self, message: Message, context: NegotiatedContext) -> None:
        """See ``Instrument``."""

    def message_received(self, message: Message, context: NegotiatedContext) -> None:
        """See ``Instrument``."""


class LoggingInstrument:
    """Writes the conversation to a logger: no data sets, no secrets, no patients.

    Args:
        logger: Where to; ``trio_dicom.wire`` by default.
        level: The level of each line.
    """

    def __init__(self, logger: logging.Logger | None = None, level: int = logging.DEBUG) -> None:
        self._logger = logger if logger is not None else logging.getLogger("trio_dicom.wire")
        self._level = level

    def bytes_sent(self, count: int) -> None:
        """See ``Instrument``."""
        self._logger.log(self._level, "> %d bytes", count)

    def bytes_received(self, count: int) -> None:
        """See ``Instrument``."""
        self._logger.log(self._level, "< %d bytes", count)

    def pdu_sent(self, pdu: Pdu) -> None:
        """See ``Instrument``."""
        self._logger.log(self._level, "> %r", pdu)

    def event_received(self, event: object) -> None:
        """See ``Instrument``."""
        self._logger.log(self._level, "< %r", event)

    def message_sent(self, message: Message, context: NegotiatedContext) -> None:
        """See ``Instrument``."""
        self._logger.log(self._level, "> %r on context %d", message, context.context_id)

    def message_received(self, message: Message, context: NegotiatedContext) -> None:
        """See ``Instrument``."""
        self._logger.log(self._level, "< %r on context %d", message, context.context_id)
