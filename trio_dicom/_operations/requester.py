"""What every service of an association stands on: sending a request, taking its answers."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager

import trio
from attrs import define, field

from trio_dicom._dimse.base import Request, Response
from trio_dicom._io.responses import ResponseChannel
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom._protocol.negotiation import NegotiatedAssociation
from trio_dicom.connection import ClientConnection
from trio_dicom.handler import EventTaker, InstanceHandler

__all__ = ["Requester"]


@define(eq=False)
class Requester:
    """An association that requests can be sent on.

    Attributes:
        connection: The connection underneath.
        negotiated: What was agreed.
    """

    connection: ClientConnection
    negotiated: NegotiatedAssociation
    _reads_files: trio.CapacityLimiter = field(init=False)

    def __attrs_post_init__(self) -> None:
        # As in the connection: one file can be read while another hangs on a dead mount.
        self._reads_files = trio.CapacityLimiter(2)

    async def send_request(
        self,
        request: Request,
        *,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Send any request and return its final response. Pending ones go to the handler only.

        Args:
            request: What to send.
            context: The presentation context to use, where the choice is not ours.
            idle_timeout: Seconds of the peer's silence that are too many. None: as in
                ``Timeouts``; ``math.inf``: no limit once it is sent.
            timeout: Seconds for the whole, from the first transmission on. None: as in
                ``Timeouts``; ``math.inf``: no limit.

        Raises:
            NoAcceptedContext: The peer accepted no context for it. Nothing was sent.
            LocalProtocolError: Its data set is malformed, or, except in an instance, has text
                beyond ASCII and no ``SpecificCharacterSet`` that declares it. Likewise.
            ResponseTimeout: The peer was silent for too long. The association lives.
            ConnectionEnded: The association has ended, or ends meanwhile.
            WouldDeadlock: This task must first take the responses that wait for it.
        """
        return await self.connection.ask(
            request, context=context, idle_timeout=idle_timeout, timeout=timeout
        )

    def open_request(
        self,
        request: Request,
        *,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
        instances: InstanceHandler | None = None,
    ) -> AbstractAsyncContextManager[ResponseChannel]:
        """Send any request and receive its answers as a channel.

        See ``ClientConnection.open_request``.

        Args:
            request: What to send.
            context: As for ``send_request``.
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.
            instances: Who takes the instances that a C-GET brings; None: the connection's
                handler.
        """
        return self.connection.open_request(
            request,
            context=context,
            idle_timeout=idle_timeout,
            timeout=timeout,
            instances=instances,
        )

    def events(self, take: EventTaker) -> AbstractContextManager[None]:
        """Let ``take`` see the N-EVENT-REPORTs of the peer while the block is open.

        See ``EventSource``.

        Args:
            take: Answers an event, or returns None to leave it to the next.
        """
        return self.connection.events(take)
