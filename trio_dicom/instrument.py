"""Watching a connection from beside it: instruments see the wire and cannot answer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from trio_dicom._dimse.message import Message
    from trio_dicom._protocol.contexts import NegotiatedContext
    from trio_dicom._wire.pdus import Pdu

__all__ = ["Instrument", "LoggingInstrument"]


class Instrument(Protocol):
    """What happens on the wire, told synchronously: return soon and do not raise.

    The byte counts are of the transport: with TLS, before encryption.
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
