"""From P-DATA-TF to messages: which context, which message, how much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from attrs import define, field
from pydicom.uid import UID

from trio_dicom._dimse.assemble import DataSetSink, MessageAssembler
from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom._protocol.events import FragmentReceived, MessageReceived
from trio_dicom._wire.data import DataTransfer, PresentationDataValue
from trio_dicom.errors import RemoteProtocolError
from trio_dicom.options import Limits

__all__ = ["MessageReader", "SinkFor"]

SinkFor: TypeAlias = Callable[[CStoreRequest, NegotiatedContext], DataSetSink]
"""Makes the sink for an instance that begins to arrive."""

_NOTHING: Iterator[PresentationDataValue] = iter(())


@define(eq=False)
class MessageReader:
    """Reads the P-DATA-TF of one association, fragment by fragment and in order.

    This runs for every PDU of every transfer: nothing here formats, looks up states or
    copies what the assembler does not copy anyway.

    Attributes:
        limits: How long a message may get.
        sink_for: Takes the data sets of C-STORE requests while they arrive, if somebody does.
    """

    limits: Limits
    sink_for: SinkFor | None = None
    _accepted: dict[int, tuple[NegotiatedContext, UID]] = field(
        factory=dict[int, tuple[NegotiatedContext, UID]], init=False
    )
    _assembler: MessageAssembler = field(init=False)
    # What is left of a PDU in which a message ended, and whether anything is.
    _unread: Iterator[PresentationDataValue] = field(default=_NOTHING, init=False)
    has_unread: bool = field(default=False, init=False)
    _message_size: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._assembler = MessageAssembler(self.limits)
        if (sink_for := self.sink_for) is not None:
            self._assembler.open_sink = lambda context_id, request: sink_for(
                request, self._accepted[context_id][0]
            )

    @property
    def is_amid_message(self) -> bool:
        """Whether a message has begun whose end has not come."""
        return not self._assembler.idle

    def accept(self, contexts: Iterable[NegotiatedContext]) -> None:
        """Take messages on those of ``contexts`` that were accepted."""
        self._accepted = {
            context.context_id: (context, context.transfer_syntax)
            for context in contexts
            if context.transfer_syntax is not None
        }

    def read(self, body: memoryview) -> MessageReceived | FragmentReceived:
        """What a P-DATA-TF brought: the first message that it completed, else a fragment.

        When ``has_unread`` is true afterwards, ``read_on`` may have more.

        Args:
            body: The PDU without its header.

        Raises:
            PDUError: It is no P-DATA-TF.
            RemoteProtocolError: What it brought cannot come here, or is no message.
        """
        pdvs = DataTransfer.decode(body).pdvs
        self._unread = iter(pdvs)
        message = self.read_on()
        if message is not None:
            return message
        return FragmentReceived(
            context=self._accepted[pdvs[-1].context_id][0],
            message=self._assembler.partial,
            size=sum([len(pdv.data) for pdv in pdvs]),
        )

    def read_on(self) -> MessageReceived | None:
        """The next message that the last P-DATA-TF completed, if it did.

        Raises:
            RemoteProtocolError: What it brought cannot come here, or is no message.
        """
        for pdv in self._unread:
            found = self._accepted.get(pdv.context_id)
            if found is None:
                raise RemoteProtocolError(
                    f"the peer sent a message on context {pdv.context_id}, which is not accepted"
                )
            context, transfer_syntax = found
            self._message_size += len(pdv.data)
            is_streamed = self._assembler.sink is not None
            message = self._assembler.feed(pdv, transfer_syntax)
            if message is not None:
                size, self._message_size = self._message_size, 0
                self.has_unread = True
                return MessageReceived(
                    context=context, message=message, size=size, is_streamed=is_streamed
                )
        self.has_unread = False
        return None

    def forget(self) -> None:
        """Drop what is unread: the association is over."""
        self._unread = _NOTHING
        self.has_unread = False
