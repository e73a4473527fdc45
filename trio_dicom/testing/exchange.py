"""What goes to and fro between a scripted peer and the other side: bytes, PDUs and messages."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager

import trio
from attrs import define, field

from trio_dicom._dimse.assemble import MessageAssembler
from trio_dicom._dimse.message import Message, Request
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.data import DataTransfer, PresentationDataValue
from trio_dicom._wire.framing import PDUBuffer
from trio_dicom._wire.pdus import Pdu, decode_body
from trio_dicom.options import Limits
from trio_dicom.testing.agreed import Agreed
from trio_dicom.testing.breaches import of_command_set, of_pdu
from trio_dicom.testing.conversation import ConversationEnd, ConversationOver
from trio_dicom.testing.expecting import fail_with

__all__ = ["Exchange"]


@define(eq=False)
class Exchange:
    """One side of it, without a state machine: what a ``ScriptedPeer`` stands on.

    The attributes are those of ``ScriptedPeer``, where scripts find them explained.
    """

    stream: trio.abc.Stream
    is_strict: bool = field(default=True, kw_only=True)
    request: AssociationRequest | None = field(default=None, init=False)
    accepted: AssociationAccept | None = field(default=None, init=False)
    received: bytearray = field(factory=bytearray, init=False, repr=False)
    sent: bytearray = field(factory=bytearray, init=False, repr=False)
    pdus: list[Pdu] = field(factory=list[Pdu], init=False, repr=False)
    last_context_id: int = field(default=1, init=False)
    last_fragments: tuple[PresentationDataValue, ...] = field(default=(), init=False, repr=False)
    awaited: str | None = field(default=None, init=False)
    has_ended: bool = field(default=False, init=False)
    _context_of_message: dict[int, int] = field(factory=dict[int, int], init=False, repr=False)

    _buffer: PDUBuffer = field(factory=PDUBuffer.unlimited, init=False, repr=False)
    # Of no message so far, and how many of them have been given out with their PDUs.
    _unread: deque[PresentationDataValue] = field(
        factory=deque[PresentationDataValue], init=False, repr=False
    )
    _given: int = field(default=0, init=False)
    _begun: list[PresentationDataValue] = field(
        factory=list[PresentationDataValue], init=False, repr=False
    )
    _assembler: MessageAssembler = field(
        factory=lambda: MessageAssembler(Limits(data_set=sys.maxsize)), init=False, repr=False
    )
    _agreed: Agreed = field(factory=Agreed, init=False, repr=False)

    async def _next_pdu(self, expected: str) -> Pdu:
        """The next PDU; where a message ended within the last one, what is left of that.

        Args:
            expected: What that should be, in words.

        Raises:
            AssertionError: It breaks rules.
            ConversationOver: The other side closed or reset the transport instead.
            PDUError: What it sent is no PDU.
        """
        __tracebackhide__ = True
        await trio.lowlevel.checkpoint()
        left = tuple(self._unread)[self._given :]
        pdu = DataTransfer(left) if left else await self._read(expected)
        if not left and isinstance(pdu, DataTransfer):
            self._add(pdu)
        self._given = len(self._unread)
        return pdu

    def _next_message(self) -> Message | None:
        """The next message of what was read, or None: then more has to be added.

        One that has begun in PDUs that were given out is not lost, one that ended in them is.

        Raises:
            AssertionError: Its command set breaks rules.
            RemoteProtocolError: Its fragments make no message.
        """
        __tracebackhide__ = True
        while self._unread:
            pdv = self._unread.popleft()
            was_given = self._given > 0
            self._given -= was_given
            self._begun.append(pdv)
            message = self._assembler.feed(pdv, self._agreed.syntax_of(pdv.context_id))
            if message is None:
                continue
            fragments, self._begun = self._begun, []
            if was_given:
                continue
            if self.is_strict:
                command_set = b"".join([it.data for it in fragments if it.is_command])
                what = f"the command set of {type(message).__name__} breaks rules"
                fail_with(what, of_command_set(command_set, message))
            self.last_context_id = pdv.context_id
            self.last_fragments = tuple(fragments)
            if isinstance(message, Request) and message.message_id is not None:
                self._context_of_message[message.message_id] = pdv.context_id
            return message
        return None

    def _add(self, pdu: DataTransfer) -> None:
        """Have ``_next_message`` see what was read."""
        self._unread.extend(pdu.pdvs)

    async def _read(self, expected: str) -> Pdu:
        """The next PDU of the stream. As ``_next_pdu``, which sees what is left of the last one."""
        __tracebackhide__ = True
        await trio.lowlevel.checkpoint()
        while (found := self._buffer.next_pdu()) is None:
            self._buffer.feed(await self._receive(expected))
        self.pdus.append(pdu := decode_body(*found))
        if self.is_strict:
            what = f"expected {expected}, but the {type(pdu).__name__} breaks rules"
            fail_with(what, of_pdu(found[1], pdu, self._agreed))
        self._agreed.received(pdu)
        if isinstance(pdu, AssociationRequest):
            self.request = pdu
        return pdu

    async def _drain(self) -> ConversationEnd:
        """Let the other side say what it wants until it has closed or reset the transport."""
        while True:
            try:
                await self._receive("the end")
            except ConversationOver as over:
                return over.how

    async def _receive(self, expected: str) -> bytes | bytearray:
        self.awaited = expected
        try:
            data = await self.stream.receive_some()
        except trio.BrokenResourceError:
            raise ConversationOver.instead_of(expected, ConversationEnd.RESET) from None
        finally:
            self.awaited = None
        if not data:
            raise ConversationOver.instead_of(expected, ConversationEnd.CLOSED)
        self.received += data
        return data

    async def _write(self, data: bytes | bytearray | memoryview, what: str) -> None:
        """Send bytes.

        Args:
            data: The bytes.
            what: What they are, in words.

        Raises:
            ConversationOver: The other side has hung up.
        """
        self.sent += data
        with self._sending(what):
            await self.stream.send_all(data)

    @contextmanager
    def _sending(self, what: str) -> Generator[None, None, None]:
        """A block that sends something.

        Args:
            what: What, in words.

        Raises:
            ConversationOver: The other side has hung up.
        """
        try:
            yield
        except trio.BrokenResourceError:
            to_whom = "" if self.request is None else f" to {self.request.calling_ae}"
            raise ConversationOver(
                ConversationEnd.RESET,
                f"wanted to send {what}{to_whom}, but the other side has hung up",
            ) from None

    async def _close(self) -> None:
        """Close the transport without a word."""
        self.has_ended = True
        await trio.aclose_forcefully(self.stream)
