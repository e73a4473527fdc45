"""What the sender has to write besides requests, and the bell that wakes it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from trio_dicom._dimse.headers import Bytes
    from trio_dicom._protocol.machine import AssociationMachine

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
    command: bytes = field(repr=False)
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

    def parts(self, machine: AssociationMachine, data_set: Bytes) -> list[bytes | memoryview]:
        """All of it as P-DATA-TF, with ``data_set``, which counts only where it has one."""
        parts = self.command_parts(machine)
        return parts if self.source is None else parts + self.data_parts(machine, data_set)

    def command_parts(self, machine: AssociationMachine) -> list[bytes | memoryview]:
        """Its command set as P-DATA-TF."""
        return machine.fragment(
            self.context.context_id, self.command, is_command=True, is_last=True
        )

    def data_parts(
        self, machine: AssociationMachine, data: Bytes, *, is_last: bool = True
    ) -> list[bytes | memoryview]:
        """The bytes ``data`` of its data set as P-DATA-TF."""
        payload = memoryview(data)
        return machine.fragment(self.context.context_id, payload, is_command=False, is_last=is_last)


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

    def queue(self, item: ControlPdu | OutgoingMessage) -> None:
        """Queue ``item``; the sender does not know of it yet."""
        self._control.append(item)

    def put(self, item: ControlPdu | OutgoingMessage) -> None:
        """Queue ``item`` and wake the sender."""
        self.queue(item)
        self.ring()

    @property
    def first(self) -> ControlPdu | OutgoingMessage | None:
        """The oldest control item, which stays, or None."""
        return self._control[0] if self._control else None

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
