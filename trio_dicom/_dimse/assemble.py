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
        partial: The message whose data set is still coming, without that data set.
    """

    limits: Limits
    open_sink: OpenSink | None = field(default=None, init=False)
    sink: DataSetSink | None = field(default=None, init=False)
    partial: Message | None = field(default=None, init=False)
    _sunk: int = field(default=0, init=False)
    _context_id: int | None = field(default=None, init=False)
    _received: bytearray = field(factory=bytearray, init=False, repr=False)
    _empty_fragments: int = field(default=0, init=False)
    # The matches of a query have one command set, byte for byte, so the last one is kept.
    _command_set: bytes | bytearray = field(default=b"", init=False, repr=False)
    _command: DecodedCommand | None = field(default=None, init=False)

    @property
    def idle(self) -> bool:
        """Whether no message has begun."""
        return self._context_id is None

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
            return self._take_command(pdv)
        return self._take_data(pdv, transfer_syntax)

    def _take_command(self, pdv: PresentationDataValue) -> Message | None:
        if self.partial is not None:
            raise _fault("a command fragment where the data set should go on")
        command_set = self._collected(pdv, self.limits.command_set, "command set")
        return self._end_command(command_set) if pdv.is_last else None

    def _take_data(self, pdv: PresentationDataValue, transfer_syntax: UID) -> Message | None:
        message = self.partial
        if message is None:
            raise _fault("a data set fragment without a command set that announces it")
        if self.sink is None:
            data = self._collected(pdv, self.limits.data_set, "data set")
            if not pdv.is_last:
                return None
            encoded = EncodedDataSet(data, transfer_syntax, limits=self.limits)
            message = message.with_data_set(encoded)
        else:
            self._check(self._sunk, pdv, self.limits.instance, "data set")
            self._sunk += len(pdv.data)
            self.sink.take(pdv.data)
            if not pdv.is_last:
                return None
            self.sink.finish()
        self._reset()
        return message

    def _collected(self, pdv: PresentationDataValue, limit: int, what: str) -> bytes | bytearray:
        """All of the set so far, this fragment included."""
        self._check(len(self._received), pdv, limit, what)
        # Copied: a view would keep alive all that was read together with it.
        if pdv.is_last and not self._received:
            return bytes(pdv.data)
        self._received += pdv.data
        return self._received

    def _check(self, before: int, pdv: PresentationDataValue, limit: int, what: str) -> None:
        size = len(pdv.data)
        if before + size > limit:
            raise _fault(f"a {what} of more than {limit} bytes")
        if not size and not pdv.is_last:
            self._empty_fragments += 1
            if self._empty_fragments > _MAX_EMPTY_FRAGMENTS:
                raise _fault(f"a {what} in endless empty fragments")

    def _end_command(self, command_set: bytes | bytearray) -> Message | None:
        command = self._command
        if command is None or command_set != self._command_set:
            try:
                command = decode_command(command_set)
            except PDUError as error:
                raise _fault(str(error)) from error
            self._command_set, self._command = command_set, command
        message = command.message
        if not command.has_data_set:
            self._reset()
            return message
        self.partial = message
        self._received = bytearray()
        if self.open_sink is not None and isinstance(message, CStoreRequest):
            assert self._context_id is not None  # feed has seen to it
            self.sink = self.open_sink(self._context_id, message)
        return None

    def _reset(self) -> None:
        self._context_id = None
        self.partial = None
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
