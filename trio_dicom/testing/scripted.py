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

from typing import Any, TypeVar, Unpack

import trio
from attrs import define, field

from trio_dicom._dimse.fragment import max_fragment as largest_fragment
from trio_dicom._dimse.message import Message, Request, response_to
from trio_dicom._protocol.agreement import DEFAULT_MAX_LENGTH, max_length_of
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.control import Abort, AssociationReject, ReleaseRequest, ReleaseResponse
from trio_dicom._wire.data import DataTransfer
from trio_dicom._wire.pdus import Pdu
from trio_dicom.reasons import AbortReason, AbortSource, RejectReason, RejectResult
from trio_dicom.status import Status
from trio_dicom.testing.answers import Acceptance, acceptance_of
from trio_dicom.testing.conversation import ConversationEnd, ConversationOver
from trio_dicom.testing.exchange import Exchange
from trio_dicom.testing.expecting import check
from trio_dicom.testing.links import reset
from trio_dicom.testing.mistakes import check_message, check_pdu, unexpected
from trio_dicom.testing.outgoing import message_bytes

__all__ = ["ScriptedPeer"]

PduT = TypeVar("PduT", bound=Pdu)
MessageT = TypeVar("MessageT", bound=Message)

_LONGEST_PDU = 131_072  # of ours, in bytes, whatever the other side takes


@define(eq=False)
class ScriptedPeer(Exchange):
    """The far end of a stream, in the hands of a test.

    One task at a time may receive, and one may send.

    A script that does not ask for A-RELEASE-RQ by ``expect`` or ``receive_pdu`` need not
    care for it: it is answered, and the call that met it raises ``ConversationOver``. So does
    whatever cannot be sent any more.

    Attributes:
        stream: Our end of the stream.
        answers_release: Whether A-RELEASE-RQ is answered. Otherwise the call that met it waits
            until the other side has given up.
        is_strict: Whether what can be understood, but breaks rules of the encoding or comes on a
            context that was not accepted, fails the script as soon as it is received.
        request: The A-ASSOCIATE-RQ that came, once it did.
        accepted: The A-ASSOCIATE-AC that was sent, once it was.
        received: Every byte that came.
        sent: Every byte that was sent.
        pdus: Every PDU that was taken from what came, in order.
        last_context_id: The context of the last message that came.
        last_fragments: The fragments of the last message that came, in order.
        awaited: What it waits for, in words, while it waits for the other side; else None.
        has_ended: Whether we have ended the conversation: aborted it, closed the transport or
            our half of it. Whatever still comes is nothing to us then (PS3.8 Table 9-9, AA-6).
    """

    answers_release: bool = field(default=True, kw_only=True)

    # --- receiving --------------------------------------------------------------------

    async def receive_pdu(self) -> Pdu:
        """The next PDU, whatever it is. Nothing is answered.

        Where a message has ended within a P-DATA-TF, it is what is left of that. A message that
        begins in PDUs that are taken one by one, and does not end there, can still be received.

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
            TypeError: That is no class of a PDU.
        """
        __tracebackhide__ = True
        check_pdu(pdu_class, fields)
        expected = pdu_class.__name__
        pdu = await self._next_pdu(expected)
        if not isinstance(pdu, pdu_class):
            await self._mind_the_end(pdu, expected)
            raise unexpected(expected, pdu)
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
        return await self._await_message("a message")

    async def expect_message(self, message_class: type[MessageT], /, **fields: object) -> MessageT:
        """The next message, which must be of that class, with these fields.

        ::

            await peer.expect_message(
                CFindRequest,
                sop_class_uid=STUDY_ROOT_FIND.abstract_syntax,
                data_set={"PatientID": "1", "StudyDate": ""},
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
            TypeError: That is no class of a message.
        """
        __tracebackhide__ = True
        check_message(message_class, fields)
        message = await self._await_message(message_class.__name__)
        if not isinstance(message, message_class):
            raise unexpected(message_class.__name__, message)
        check(fields, message)
        return message

    async def expect_end(self) -> ConversationEnd:
        """The end of the conversation, orderly or not, and nothing before; how it ended.

        Where we have ended it, by ``abort``, ``eof`` or otherwise, the other side may not know that
        yet: what still comes is dropped until it has closed or reset the transport.

        Raises:
            AssertionError: Something else comes.
        """
        __tracebackhide__ = True
        if self.has_ended:
            return await self._drain()
        try:
            message = await self._await_message("the end")
        except ConversationOver as over:
            if over.how is ConversationEnd.RELEASED:
                await self.expect_closed()
            return over.how
        raise unexpected("the end of the conversation", message)

    async def expect_closed(self) -> None:
        """Read until the other side has closed or reset the transport.

        Raises:
            AssertionError: Something else comes before that, and we have not ended the
                conversation.
        """
        if self.has_ended:
            await self._drain()
            return
        try:
            pdu = await self._next_pdu("the end")
        except ConversationOver:
            return
        raise unexpected("the end of the transport", pdu)

    async def _await_message(self, expected: str) -> Message:
        await trio.lowlevel.checkpoint()
        while (message := self._next_message()) is None:
            pdu = await self._read(expected)
            await self._mind_the_end(pdu, expected)
            if not isinstance(pdu, DataTransfer):
                raise unexpected(expected, pdu)
            self._add(pdu)
        return message

    async def _mind_the_end(self, pdu: Pdu, expected: str) -> None:
        """Do what an orderly peer does at the end of the conversation, and say so."""
        if isinstance(pdu, ReleaseRequest):
            while not self.answers_release:
                await self._mind_the_end(await self._read(expected), expected)
            try:
                await self.send(ReleaseResponse())
                how = ConversationEnd.RELEASED
            except ConversationOver as over:  # it did not wait for the answer
                how = over.how
            raise ConversationOver.instead_of(expected, how)
        if isinstance(pdu, Abort):
            await self.aclose()
            raise ConversationOver.instead_of(expected, ConversationEnd.ABORTED, pdu)

    # --- sending ----------------------------------------------------------------------

    async def send(self, *pdus: Pdu) -> None:
        """Send PDUs in one write, allowed or not.

        Raises:
            ConversationOver: The other side has hung up, like in all that sends.
        """
        for pdu in pdus:
            self._agreed.sent(pdu)
            if isinstance(pdu, AssociationAccept):
                self.accepted = pdu
            self.has_ended |= isinstance(pdu, Abort)
        names = ", ".join(type(pdu).__name__ for pdu in pdus)
        await self._write(b"".join([pdu.encode() for pdu in pdus]), names)

    async def send_bytes(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, be they a PDU, half of one, or nonsense."""
        await self._write(data, "bytes")

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
        data = message_bytes(
            message,
            context_id=context_id,
            transfer_syntax=self._agreed.syntax_of(context_id),
            max_fragment=max_fragment,
            is_last=is_last,
        )
        await self._write(data, type(message).__name__)

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
        """Ask for release, expect to get it, and close the transport (PS3.8 Table 9-8, AR-3).

        Data that was under way is dropped; its PDUs are among ``pdus``. Where the other side asks
        for release at the same time, each gets it: whoever has asked for the association answers
        first (PS3.8 7.2.2). As its acceptor we leave it to the other side to close the transport.

        Raises:
            AssertionError: Something else comes.
            ConversationOver: The other side ended the conversation instead.
        """
        __tracebackhide__ = True
        expected = ReleaseResponse.__name__
        await self.send(ReleaseRequest())
        is_due = False  # an answer of ours
        while not isinstance(pdu := await self._next_pdu(expected), ReleaseResponse):
            if isinstance(pdu, ReleaseRequest):
                if is_due := self.request is not None:
                    continue
                await self.send(ReleaseResponse())
            elif not isinstance(pdu, DataTransfer):
                await self._mind_the_end(pdu, expected)
                raise unexpected(expected, pdu)
        if is_due:
            await self.send(ReleaseResponse())
            self.has_ended = True
        else:
            await self.aclose()

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

    # --- the transport ----------------------------------------------------------------

    async def eof(self) -> None:
        """Send nothing more, but go on receiving."""
        if not isinstance(self.stream, trio.abc.HalfCloseableStream):
            raise TypeError(f"{type(self.stream).__name__} cannot be closed by half")
        self.has_ended = True
        with self._sending("the end of file"):
            await self.stream.send_eof()

    async def reset(self) -> None:
        """Break the transport as a TCP reset does; what is on its way may be lost."""
        reset(self.stream)
        await self.aclose()

    async def aclose(self) -> None:
        """Close the transport without a word."""
        await self._close()
