"""Messages in: fragments put together again, within limits (PS3.7 6.3, PS3.8 Annex E)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import define, field
from pydicom.uid import UID

from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.message import DecodedCommand, Message, decode_command
from trio_dicom.errors import PDUError, RemoteProtocolError
from trio_dicom.options import Limits
from trio_dicom.reasons import AbortReason, AbortSource

if TYPE_CHECKING:
    from trio_dicom._wire.data import PresentationDataValue

__all__ = ["DataSetSink", "MessageAssembler", "OpenSink"]

# The standard does not forbid fragments without bytes. A few are odd, endless ones are an
# attack: they would keep the association busy without ever running into a limit.
_MAX_EMPTY_FRAGMENTS = 64


class DataSetSink(Protocol):
    """Takes the data set of one message while it arrives."""

    def take(self, data: bytes | memoryview) -> None:
        """The next bytes. They are its own: nobody writes into them afterwards."""
        ...

    def finish(self) -> None:
        """That was the last of it. What never finishes has no end."""
        ...


OpenSink: TypeAlias = Callable[[int, CStoreRequest], DataSetSink]
"""Makes the sink for an instance that begins to arrive, on the context of that number."""


@define(eq=False)
class MessageAssembler:
    """Takes fragments in the order of the wire and gives messages.

    After an error the association is aborted, so there is no way on from there.

    Attributes:
        limits: How long a command set and a data set may get.
        open_sink: Where the data sets of C-STORE requests go instead of into memory; None:
            they are collected like all others.
        sink: The one that takes the data set of the message that has begun, if one does.
    """

    limits: Limits
    open_sink: OpenSink | None = field(default=None, init=False)
    sink: DataSetSink | None = field(default=None, init=False)
    _sunk: int = field(default=0, init=False)
    _context_id: int | None = field(default=None, init=False)
    _received: bytearray = field(factory=bytearray, init=False)
    _command: DecodedCommand | None = field(default=None, init=False)
    _partial: Message | None = field(default=None, init=False)
    _empty_fragments: int = field(default=0, init=False)

    @property
    def idle(self) -> bool:
        """Whether no message has begun."""
        return self._context_id is None

    @property
    def partial(self) -> Message | None:
        """The message whose data set is still coming, without that data set."""
        if self._partial is None and self._command is not None:
            self._partial = self._command.message(None)
        return self._partial

    def feed(self, pdv: PresentationDataValue, transfer_syntax: UID) -> Message | None:
        """Take the next fragment; the message, if it was the last one.

        A message whose data set went into a sink is without it.

        Args:
            pdv: The fragment.
            transfer_syntax: That of its presentation context.

        Raises:
            RemoteProtocolError: The fragment cannot follow those before it, or makes
                the message too long, or its command set is broken.
        """
        if self._context_id is None:
            self._context_id = pdv.context_id
        elif pdv.context_id != self._context_id:
            raise _fault(
                f"a fragment on context {pdv.context_id} inside a message on {self._context_id}"
            )
        if pdv.is_command:
            self._take_command(pdv)
            if not pdv.is_last:
                return None
            return self._end_command()
        self._take_data(pdv)
        if not pdv.is_last:
            return None
        return self._end_data(transfer_syntax)

    def _take_command(self, pdv: PresentationDataValue) -> None:
        if self._command is not None:
            raise _fault("a command fragment where the data set should go on")
        self._take(pdv, self.limits.command_set, "command set")

    def _take_data(self, pdv: PresentationDataValue) -> None:
        if self._command is None:
            raise _fault("a data set fragment without a command set that announces it")
        if self.sink is None:
            self._take(pdv, self.limits.data_set, "data set")
            return
        self._check(self._sunk, pdv, self.limits.instance, "data set")
        self._sunk += len(pdv.data)
        self.sink.take(pdv.data)

    def _take(self, pdv: PresentationDataValue, limit: int, what: str) -> None:
        self._check(len(self._received), pdv, limit, what)
        # Copied: a view would keep alive all that was read together with it.
        self._received += pdv.data

    def _check(self, before: int, pdv: PresentationDataValue, limit: int, what: str) -> None:
        size = len(pdv.data)
        if before + size > limit:
            raise _fault(f"a {what} of more than {limit} bytes")
        if not size and not pdv.is_last:
            self._empty_fragments += 1
            if self._empty_fragments > _MAX_EMPTY_FRAGMENTS:
                raise _fault(f"a {what} in endless empty fragments")

    def _end_command(self) -> Message | None:
        try:
            command = decode_command(self._received)
        except PDUError as error:
            raise _fault(str(error)) from error
        if not command.has_data_set:
            self._reset()
            return command.message(None)
        self._command = command
        self._received = bytearray()
        if self.open_sink is not None and command.message_type is CStoreRequest:
            assert self._context_id is not None  # feed has seen to it
            assert isinstance(self.partial, CStoreRequest)
            self.sink = self.open_sink(self._context_id, self.partial)
        return None

    def _end_data(self, transfer_syntax: UID) -> Message:
        assert self._command is not None  # _take_data has seen to it
        if self.sink is None:
            message = self._command.message(EncodedDataSet(self._received, transfer_syntax))
        else:
            assert self.partial is not None
            message = self.partial
            self.sink.finish()
        self._reset()
        return message

    def _reset(self) -> None:
        self._context_id = None
        self._command = None
        self._partial = None
        self.sink = None
        self._sunk = 0
        self._received = bytearray()
        self._empty_fragments = 0


def _fault(what: str) -> RemoteProtocolError:
    """A DIMSE fault: the upper layer did its part, so we abort as its user (PS3.8 9.3.8)."""
    return RemoteProtocolError(
        f"the peer sent {what}",
        abort_source=AbortSource.USER,
        abort_reason=AbortReason.NOT_SPECIFIED,
    )
