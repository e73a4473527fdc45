"""What the wire of a guest tells about the C-MOVEs that it works for."""

from __future__ import annotations

from attrs import define

from trio_dicom._dimse.base import Message
from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
from trio_dicom._operations.guest import Guest
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom._protocol.events import FragmentReceived
from trio_dicom._wire.pdus import Pdu
from trio_dicom.instrument import Instrument, Tap, tap_of

__all__ = ["Watching"]


@define(eq=False)
class Watching:
    """Tells a guest what it has to know, and passes everything on to the user's instrument."""

    _guest: Guest
    _other: Instrument | None

    def tap(self, peer: str, *, is_acceptor: bool) -> Tap | None:
        """See ``Instrument``."""
        return tap_of(self._other, peer, is_acceptor=is_acceptor)

    def bytes_sent(self, count: int) -> None:
        """See ``Instrument``."""
        if self._other is not None:
            self._other.bytes_sent(count)

    def bytes_received(self, count: int) -> None:
        """See ``Instrument``."""
        self._guest.heard()
        if self._other is not None:
            self._other.bytes_received(count)

    def pdu_sent(self, pdu: Pdu) -> None:
        """See ``Instrument``."""
        if self._other is not None:
            self._other.pdu_sent(pdu)

    def event_received(self, event: object) -> None:
        """See ``Instrument``."""
        if isinstance(event, FragmentReceived) and isinstance(event.message, CStoreRequest):
            self._guest.announced(event.message)
        if self._other is not None:
            self._other.event_received(event)

    def message_sent(self, message: Message, context: NegotiatedContext) -> None:
        """See ``Instrument``."""
        if isinstance(message, CStoreResponse):
            self._guest.has_answered(message.message_id_being_responded_to)
        if self._other is not None:
            self._other.message_sent(message, context)

    def message_received(self, message: Message, context: NegotiatedContext) -> None:
        """See ``Instrument``."""
        if isinstance(message, CStoreRequest):
            self._guest.has_instance(message)
        if self._other is not None:
            self._other.message_received(message, context)
