"""What a client has written, judged byte by byte: whole PDUs and messages, in their order."""

from __future__ import annotations

from attrs import define, field
from pydicom.uid import ExplicitVRLittleEndian

from trio_dicom import Limits, Message
from trio_dicom.lowlevel import (
    Abort,
    AssociationRequest,
    DataTransfer,
    MessageAssembler,
    Pdu,
    PDUBuffer,
    ReleaseRequest,
    ReleaseResponse,
    decode_body,
)

__all__ = ["Transcript"]

_LONG = 2**30


@define(eq=False)
class Transcript:
    """Takes what a requestor writes, and fails at the first thing that must not be there.

    Attributes:
        pdus: What came whole.
        messages: What came whole, likewise, each with its context.
        asked_for_release: Whether the peer has asked, so that an answer is in order.
    """

    pdus: list[Pdu] = field(factory=list[Pdu])
    messages: list[tuple[int, Message]] = field(factory=list[tuple[int, Message]])
    asked_for_release: bool = False
    _buffer: PDUBuffer = field(factory=PDUBuffer.unlimited)
    _assembler: MessageAssembler = field(
        factory=lambda: MessageAssembler(Limits(data_set=_LONG, instance=_LONG))
    )

    @classmethod
    def of(cls, data: bytes | bytearray) -> Transcript:
        """That of a whole conversation."""
        transcript = cls()
        transcript.feed(data)
        return transcript

    @property
    def is_between_pdus(self) -> bool:
        """Whether no PDU has begun that has not ended."""
        return not self._buffer.pending

    @property
    def is_between_messages(self) -> bool:
        """Whether no message has begun that has not ended."""
        return self.is_between_pdus and self._assembler.idle

    @property
    def partial(self) -> tuple[int, Message] | None:
        """The message of which the command set came, but not yet all of its data set."""
        message, context_id = self._assembler.partial, self._assembler._context_id
        return None if message is None or context_id is None else (context_id, message)

    @property
    def last(self) -> Pdu | None:
        """The last PDU that came whole."""
        return self.pdus[-1] if self.pdus else None

    def feed(self, data: bytes | bytearray) -> list[tuple[int, Message]]:
        """Take the next bytes; the messages that end in them."""
        before = len(self.messages)
        self._buffer.feed(data)
        while (found := self._buffer.next_pdu()) is not None:
            self._take(decode_body(*found))
        return self.messages[before:]

    def _take(self, pdu: Pdu) -> None:
        assert not isinstance(self.last, Abort), f"{pdu} after an A-ABORT"
        kinds = {type(it) for it in self.pdus}
        match pdu:
            case AssociationRequest():
                assert not self.pdus, "a second A-ASSOCIATE-RQ"
            case DataTransfer():
                assert AssociationRequest in kinds, "P-DATA before an association"
                over = kinds & {ReleaseRequest, ReleaseResponse}
                assert not over, f"P-DATA after {over}"
                for pdv in pdu.pdvs:
                    # Raises for a fragment that is glued to a message which it is not of.
                    message = self._assembler.feed(pdv, ExplicitVRLittleEndian)
                    if message is not None:
                        self.messages.append((pdv.context_id, message))
            case ReleaseRequest():
                assert ReleaseRequest not in kinds, "a second A-RELEASE-RQ"
            case ReleaseResponse():
                assert self.asked_for_release, "an A-RELEASE-RP that nobody asked for"
                assert ReleaseResponse not in kinds, "a second A-RELEASE-RP"
            case Abort():
                pass
            case _:
                raise AssertionError(f"a requestor does not send {pdu}")
        self.pdus.append(pdu)
