"""What the sender has to write besides requests, and the bell that wakes it."""

from __future__ import annotations

from collections import deque

import trio
from attrs import define, field, frozen

from trio_dicom._dimse.message import Message, encode_command
from trio_dicom._io.sources import Source
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom._wire.pdus import (
    AssociationAccept,
    AssociationReject,
    AssociationRequest,
    ReleaseRequest,
    ReleaseResponse,
)

__all__ = ["ControlPdu", "Outbox", "OutgoingMessage"]

ControlPdu = (
    AssociationRequest | AssociationAccept | AssociationReject | ReleaseRequest | ReleaseResponse
)


@frozen
class OutgoingMessage:
    """A DIMSE message on its way to the wire.

    Attributes:
        message: What is said.
        context: The presentation context it goes on.
        command: Its command set, encoded.
        source: Its data set, in the transfer syntax of that context, or None.
    """

    message: Message
    context: NegotiatedContext
    command: bytes
    source: Source | None

    @classmethod
    def encode(
        cls, message: Message, context: NegotiatedContext, source: Source | None = None
    ) -> OutgoingMessage:
        """``message`` with its command set encoded, so that sending it cannot fail on it.

        Raises:
            LocalProtocolError: A field is missing, or does not fit.
        """
        command = encode_command(message, has_data_set=source is not None)
        return cls(message, context, command, source)


@define(eq=False)
class Outbox:
    """The control queue, which the sender empties before it takes a request.

    Requests wait in the pending table, because the window decides when they go.

    Attributes:
        is_ringing: Whether the bell has rung, and the sender has not heard it yet.
    """

    _control: deque[ControlPdu | OutgoingMessage] = field(
        factory=deque[ControlPdu | OutgoingMessage]
    )
    _bell: trio.MemorySendChannel[None] = field(init=False)
    _woken: trio.MemoryReceiveChannel[None] = field(init=False)
    is_ringing: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        # One waiting ring is enough: the sender looks at everything when it wakes.
        self._bell, self._woken = trio.open_memory_channel[None](1)

    def __len__(self) -> int:
        return len(self._control)

    def put(self, item: ControlPdu | OutgoingMessage) -> None:
        """Queue ``item`` and wake the sender."""
        self._control.append(item)
        self.ring()

    def take(self) -> ControlPdu | OutgoingMessage | None:
        """The oldest control item, or None."""
        return self._control.popleft() if self._control else None

    def drop_messages(self) -> list[OutgoingMessage]:
        """Take queued messages out: no P-DATA may follow a message that was cut."""
        dropped = [item for item in self._control if isinstance(item, OutgoingMessage)]
        self._control = deque(it for it in self._control if not isinstance(it, OutgoingMessage))
        return dropped

    def ring(self) -> None:
        """Wake the sender: there is something to do."""
        if not self.is_ringing:
            self.is_ringing = True
            self._bell.send_nowait(None)

    def hush(self) -> None:
        """Forget that the bell has rung: whoever calls this looks at everything now."""
        if self.is_ringing:
            self.is_ringing = False
            self._woken.receive_nowait()

    async def wait(self) -> None:
        """Return when the bell has rung since the last call."""
        await self._woken.receive()
        self.is_ringing = False
