"""A peer that says what a test tells it to say, right or wrong.

It stands on the codec of the wire and on no state machine, so a script can break every
rule of the protocol::

    async with scripted_peer() as (stream, peer):
        nursery.start_soon(client_under_test, stream)
        await peer.accept(max_length=4096)
        request = await peer.expect_message(CEchoRequest)
        await peer.reply(request, 0x0000)
        await peer.send(Abort(AbortSource.USER))
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any, TypeVar, Unpack

import trio
from attrs import define, field

from trio_dicom._dimse.assemble import MessageAssembler
from trio_dicom._dimse.fragment import max_fragment as largest_fragment
from trio_dicom._dimse.message import Message, Request, response_to
from trio_dicom._protocol.agreement import DEFAULT_MAX_LENGTH, max_length_of
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.control import Abort, AssociationReject, ReleaseRequest, ReleaseResponse
from trio_dicom._wire.data import DataTransfer, PresentationDataValue
from trio_dicom._wire.framing import PDUBuffer
from trio_dicom._wire.pdus import Pdu, decode_body
from trio_dicom.options import Limits
from trio_dicom.reasons import AbortReason, AbortSource, RejectReason, RejectResult
from trio_dicom.status import Status
from trio_dicom.testing.agreed import Agreed
from trio_dicom.testing.answers import Acceptance, acceptance_of
from trio_dicom.testing.breaches import of_command_set, of_pdu
from trio_dicom.testing.conversation import ConversationEnd, ConversationOver
from trio_dicom.testing.expecting import check, fail_with
from trio_dicom.testing.links import reset
from trio_dicom.testing.outgoing import message_bytes

__all__ = ["ScriptedPeer"]

PduT = TypeVar("PduT", bound=Pdu)
MessageT = TypeVar("MessageT", bound=Message)

_LONGEST_PDU = 131_072  # of ours, in bytes, whatever the other side takes


@define(eq=False)
class ScriptedPeer:
    """The far end of a stream, in the hands of a test.

    One task at a time may receive, and one may send.

    A script that does not ask for A-RELEASE-RQ by ``expect`` or ``receive_pdu`` need not
    care for it: it is answered, and the call that met it raises ``ConversationOver``.

    Attributes:
        stream: Our end of the stream.
        answers_release: Whether it is answered. Otherwise the call that met it waits until the
            other side has given up.
        is_strict: Whether what can be understood, but breaks rules of the encoding or comes on a
            context that was not accepted, fails the script as soon as it is received.
        request: The A-ASSOCIATE-RQ that came, once it did.
        accepted: The A-ASSOCIATE-AC that was sent, once it was.
        received: Every byte that came.
        sent: Every byte that was sent.
        pdus: Every PDU that was taken from what came, in order.
        last_context_id: The context of the last message that came.
        last_fragments: The fragments of the last message that came, in order.
    """

    stream: trio.abc.Stream
    answers_release: bool = field(default=True, kw_only=True)
    is_strict: bool = field(default=True, kw_only=True)
    request: AssociationRequest | None = field(default=None, init=False)
    accepted: AssociationAccept | None = field(default=None, init=False)
    received: bytearray = field(factory=bytearray, init=False, repr=False)
    sent: bytearray = field(factory=bytearray, init=False, repr=False)
    pdus: list[Pdu] = field(factory=list[Pdu], init=False, repr=False)
    last_context_id: int = field(default=1, init=False)
    last_fragments: tuple[PresentationDataValue, ...] = field(default=(), init=False, repr=False)

    _buffer: PDUBuffer = field(factory=PDUBuffer.unlimited, init=False, repr=False)
    _unread: deque[PresentationDataValue] = field(
        factory=deque[PresentationDataValue], init=False, repr=False
    )
    _assembler: MessageAssembler = field(
        factory=lambda: MessageAssembler(Limits(data_set=sys.maxsize)), init=False, repr=False
    )
    _context_of_message: dict[int, int] = field(factory=dict[int, int], init=False, repr=False)
    _agreed: Agreed = field(factory=Agreed, init=False, repr=False)

    # --- receiving --------------------------------------------------------------------

    async def receive_pdu(self) -> Pdu:
        """The next PDU, whatever it is. Nothing is answered.

        Raises:
            AssertionError: It breaks rules.
            ConversationOver: The other side closed or reset the transport instead.
            PDUError: What it sent is no PDU.
        """
        return await self._next_pdu("a PDU")

    async def expect(self, pdu_class: type[PduT], /, **fields: object) -> PduT:
        """The next PDU, which must be of that class, with these fields.

        Args:
            pdu_class: The class.
            **fields: What is expected of its fields, as for ``expect_message``.

        Raises:
            AssertionError: It is another one, or breaks rules.
            ConversationOver: The other side ended the conversation instead.
        """
        __tracebackhide__ = True
        expected = pdu_class.__name__
        pdu = await self._next_pdu(expected)
        if not isinstance(pdu, pdu_class):
            await self._mind_the_end(pdu, expected)
            raise AssertionError(f"expected {expected}, but got {pdu}")  # noqa: TRY004
        check(fields, pdu)
        return pdu

    async def receive_message(self) -> Message:
        """The next message, assembled from its fragments.

        ``last_context_id`` and ``last_fragments`` then tell how it came.

        Raises:
            AssertionError: Something else came.
            ConversationOver: The other side ended the conversation instead.
            RemoteProtocolError: Its fragments make no message.
        """
        return await self._next_message("a message")

    async def expect_message(self, message_class: type[MessageT], /, **fields: object) -> MessageT:
        """The next message, which must be of that class, with these fields.

        ::

            await peer.expect_message(
                CFindRequest, sop_class_uid=STUDY_ROOT, data_set={"PatientID": "1", "StudyDate": ""}
            )

        Args:
            message_class: The class.
            **fields: What is expected of its fields: a value, a function that says yes or no, a
                list of things expected, or for a data set, an item or a PDU a mapping of those
                parts that matter. In a data set None stands for no such element, "" for an
                empty one; a ``Dataset`` must be the same, with its VRs.

        Raises:
            AssertionError: It is another one, or something else came. It tells all fields that
                differ, and of a data set the elements that were named here, no others. Or its
                bytes break a rule, and ``is_strict`` says that this matters.
            ConversationOver: The other side ended the conversation instead.
        """
        __tracebackhide__ = True
        message = await self._next_message(message_class.__name__)
        if not isinstance(message, message_class):
            raise AssertionError(f"expected {message_class.__name__}, but got {message}")  # noqa: TRY004
        check(fields, message)
        return message

    async def expect_end(self) -> ConversationEnd:
        """The end of the conversation, orderly or not, and nothing before; how it ended.

        Raises:
            AssertionError: Something else comes.
        """
        __tracebackhide__ = True
        try:
            message = await self._next_message("the end")
        except ConversationOver as over:
            if over.how is ConversationEnd.RELEASED:
                await self.expect_closed()
            return over.how
        except trio.BrokenResourceError:  # it hung up before its release was answered
            return ConversationEnd.RESET
        raise AssertionError(f"expected the end of the conversation, but got {message}")

    async def expect_closed(self) -> None:
        """Read until the other side has closed or reset the transport.

        Raises:
            AssertionError: Something else comes before that.
        """
        try:
            pdu = await self._next_pdu("the end")
        except ConversationOver:
            return
        raise AssertionError(f"expected the end of the transport, but got {pdu}")

    async def _next_message(self, expected: str) -> Message:
        __tracebackhide__ = True
        fragments: list[PresentationDataValue] = []
        while True:
            if not self._unread:
                pdu = await self._next_pdu(expected)
                await self._mind_the_end(pdu, expected)
                if not isinstance(pdu, DataTransfer):
                    raise AssertionError(f"expected {expected}, but got {pdu}")
                self._unread.extend(pdu.pdvs)
                continue
            pdv = self._unread.popleft()
            fragments.append(pdv)
            message = self._assembler.feed(pdv, self._agreed.syntax_of(pdv.context_id))
            if message is not None:
                if self.is_strict:
                    command_set = b"".join([it.data for it in fragments if it.is_command])
                    what = f"the command set of {type(message).__name__} breaks rules"
                    fail_with(what, of_command_set(command_set, message))
                self.last_context_id = pdv.context_id
                self.last_fragments = tuple(fragments)
                if isinstance(message, Request) and message.message_id is not None:
                    self._context_of_message[message.message_id] = pdv.context_id
                return message

    async def _next_pdu(self, expected: str) -> Pdu:
        __tracebackhide__ = True
        await trio.lowlevel.checkpoint()
        while (found := self._buffer.next_pdu()) is None:
            try:
                data = await self.stream.receive_some()
            except trio.BrokenResourceError:
                raise ConversationOver(ConversationEnd.RESET, expected) from None
            if not data:
                raise ConversationOver(ConversationEnd.CLOSED, expected)
            self.received += data
            self._buffer.feed(data)
        self.pdus.append(pdu := decode_body(*found))
        if self.is_strict:
            what = f"expected {expected}, but the {type(pdu).__name__} breaks rules"
            fail_with(what, of_pdu(found[1], pdu, self._agreed))
        self._agreed.received(pdu)
        if isinstance(pdu, AssociationRequest):
            self.request = pdu
        return pdu

    async def _mind_the_end(self, pdu: Pdu, expected: str) -> None:
        """Do what an orderly peer does at the end of the conversation, and say so."""
        if isinstance(pdu, ReleaseRequest):
            while not self.answers_release:
                await self._mind_the_end(await self._next_pdu(expected), expected)
            await self.send(ReleaseResponse())
            raise ConversationOver(ConversationEnd.RELEASED, expected)
        if isinstance(pdu, Abort):
            await self.aclose()
            raise ConversationOver(ConversationEnd.ABORTED, expected, pdu)

    # --- sending ----------------------------------------------------------------------

    async def send(self, *pdus: Pdu) -> None:
        """Send PDUs in one write, allowed or not."""
        for pdu in pdus:
            self._agreed.sent(pdu)
            if isinstance(pdu, AssociationAccept):
                self.accepted = pdu
        await self.send_bytes(b"".join([pdu.encode() for pdu in pdus]))

    async def send_bytes(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, be they a PDU, half of one, or nonsense."""
        self.sent += data
        await self.stream.send_all(data)

    async def send_message(
        self,
        message: Message,
        *,
        context_id: int | None = None,
        max_fragment: int | None = None,
        is_last: bool = True,
    ) -> None:
        """Send a message in one write.

        Args:
            message: With its message ID. Its data set, if it has one, is encoded for the
                context.
            context_id: The context to use, accepted or not; None for that of the last
                message that came.
            max_fragment: Bytes of the longest fragment; None for what the other side's
                maximum length allows.
            is_last: Whether the last fragment says that it is.
        """
        context_id = self.last_context_id if context_id is None else context_id
        if max_fragment is None:
            limit = DEFAULT_MAX_LENGTH if self.request is None else max_length_of(self.request)
            max_fragment = largest_fragment(limit, _LONGEST_PDU)
        await self.send_bytes(
            message_bytes(
                message,
                context_id=context_id,
                transfer_syntax=self._agreed.syntax_of(context_id),
                max_fragment=max_fragment,
                is_last=is_last,
            )
        )

    async def reply(
        self,
        request: Request,
        status: Status | int,
        *,
        max_fragment: int | None = None,
        **fields: Any,
    ) -> None:
        """Answer ``request`` on the context that it came on.

        Args:
            request: What is answered.
            status: What came of it.
            max_fragment: Bytes of the longest fragment; None for what the other side takes.
            **fields: More fields of the response, such as ``data_set``.
        """
        context_id = self._context_of_message.get(request.message_id or 0)
        await self.send_message(
            response_to(request, status, **fields),
            context_id=context_id,
            max_fragment=max_fragment,
        )

    # --- the association --------------------------------------------------------------

    async def accept(self, **answer: Unpack[Acceptance]) -> AssociationRequest:
        """Expect an association request and accept it; return the request.

        Args:
            **answer: As for ``acceptance_of``; without, every context is accepted.
        """
        request = await self.expect(AssociationRequest)
        await self.send(acceptance_of(request, **answer))
        return request

    async def reject(
        self,
        reason: RejectReason = RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED,
        result: RejectResult = RejectResult.PERMANENT,
    ) -> AssociationRequest:
        """Expect an association request and reject it; return the request."""
        request = await self.expect(AssociationRequest)
        await self.send(AssociationReject(result=result, reason=reason))
        return request

    async def release(self) -> None:
        """Ask for release and expect to get it."""
        await self.send(ReleaseRequest())
        await self.expect(ReleaseResponse)

    async def abort(
        self,
        source: AbortSource = AbortSource.USER,
        reason: AbortReason = AbortReason.NOT_SPECIFIED,
    ) -> None:
        """Send A-ABORT. The transport stays open: the other side may close it first."""
        await self.send(Abort(source, reason))

    async def serve_until_closed(self, status: int = 0x0000) -> ConversationEnd:
        """Accept whatever is asked for and answer every request with ``status``.

        Goes on from where the script stands until the end of the conversation; how it ended.
        """
        try:
            if self.accepted is None:
                await self.accept()
            while True:
                message = await self.receive_message()
                if isinstance(message, Request):
                    await self.reply(message, status)
        except ConversationOver as over:
            if over.how is ConversationEnd.RELEASED:
                await self.expect_closed()
            await self.aclose()
            return over.how
        except trio.BrokenResourceError:  # it hung up while we were answering
            return ConversationEnd.RESET

    # --- the transport ----------------------------------------------------------------

    async def eof(self) -> None:
        """Send nothing more, but go on receiving."""
        if not isinstance(self.stream, trio.abc.HalfCloseableStream):
            raise TypeError(f"{type(self.stream).__name__} cannot be closed by half")
        await self.stream.send_eof()

    async def reset(self) -> None:
        """Break the transport as a TCP reset does; what is on its way may be lost."""
        reset(self.stream)
        await self.aclose()

    async def aclose(self) -> None:
        """Close the transport without a word."""
        await trio.aclose_forcefully(self.stream)
