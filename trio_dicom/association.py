"""Level 2: an association and its services, which is what most programs use."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from os import PathLike

import trio
from attrs import define, field
from pydicom import Dataset

from trio_dicom._dimse.base import Priority, Request, Response
from trio_dicom._dimse.c_messages import CEchoRequest
from trio_dicom._io.responses import ResponseChannel
from trio_dicom._operations.store import store_request
from trio_dicom._protocol.contexts import NegotiatedContext, PresentationContext
from trio_dicom._protocol.negotiation import NegotiatedAssociation, propose
from trio_dicom._wire.user_items import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    UserIdentity,
)
from trio_dicom.connection import ClientConnection, open_connection
from trio_dicom.handler import ConnectionHandler
from trio_dicom.instrument import Instrument
from trio_dicom.options import ConnectionOptions

__all__ = ["Association", "open_association"]


@asynccontextmanager
async def open_association(
    host: str,
    port: int = 104,
    *,
    called_ae: str = "ANY-SCP",
    calling_ae: str = "TRIO_DICOM",
    contexts: Iterable[PresentationContext],
    handler: ConnectionHandler | None = None,
    instrument: Instrument | None = None,
    tls: ssl.SSLContext | None = None,
    server_hostname: str | None = None,
    options: ConnectionOptions | None = None,
    max_operations_invoked: int = 1,
    max_operations_performed: int = 1,
    user_identity: UserIdentity | None = None,
    extended: Sequence[ExtendedNegotiation] = (),
    common_extended: Sequence[CommonExtendedNegotiation] = (),
) -> AsyncGenerator[Association, None]:
    """Connect to a peer and open an association with it.

    Leaving the block releases the association; an exception or a cancellation aborts it.
    Both are bounded by ``Timeouts``.

    Args:
        host: Name or address; of several addresses the quickest wins.
        port: TCP port. 104 is DICOM's own, 2762 that of DICOM over TLS.
        called_ae: The AE title of the peer, 1 to 16 characters.
        calling_ae: Ours, likewise. Many archives want to know it beforehand.
        contexts: What to speak about and how, at most 128.
        handler: Whom to tell what happens, and who answers what the peer asks.
        instrument: Watches the wire.
        tls: How to encrypt, or None not to.
        server_hostname: The name that the peer's certificate must carry, if not ``host``.
        options: Timeouts, limits and the like.
        max_operations_invoked: How many of our requests to have open at once, if the
            peer agrees; 0 for no limit.
        max_operations_performed: How many of its own the peer may have, likewise.
        user_identity: Who we are; see ``username_and_passcode`` and its siblings.
        extended: SOP class extended negotiation, for the service classes that have it.
        common_extended: SOP class common extended negotiation.

    Raises:
        LocalProtocolError: A title or the contexts are not possible. Nothing was sent.
        ConnectFailed: Name, port or TLS do not work; the cause says why.
        ConnectTimeout: They took longer than ``Timeouts.connect``.
        AssociationRejected: The peer said no.
        AssociateTimeout: The peer said nothing.
        ConnectionEnded: The peer hung up or aborted.
        RemoteProtocolError: What the peer said is no DICOM.
    """
    options = ConnectionOptions() if options is None else options
    request = propose(
        called_ae=called_ae,
        calling_ae=calling_ae,
        contexts=contexts,
        max_length=options.max_length,
        max_operations_invoked=max_operations_invoked,
        max_operations_performed=max_operations_performed,
        user_identity=user_identity,
        extended=extended,
        common_extended=common_extended,
    )
    async with open_connection(
        host,
        port,
        handler=handler,
        instrument=instrument,
        tls=tls,
        server_hostname=server_hostname,
        options=options,
    ) as connection:
        yield Association(connection, await connection.send_association_request(request))


@define(eq=False)
class Association:
    """An association that stands. Any number of tasks may use it at the same time.

    Made by ``open_association``, or of a connection on which an association was accepted.

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

    async def c_echo(
        self, *, idle_timeout: float | None = None, timeout: float | None = None
    ) -> Response:
        """Ask whether the peer is there (PS3.7 9.1.5).

        Args:
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.

        Returns:
            The response; its ``status`` is success, or the peer's reason why not.

        Raises:
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        return await self.send_request(CEchoRequest(), idle_timeout=idle_timeout, timeout=timeout)

    async def c_store(
        self,
        source: str | PathLike[str] | Dataset,
        *,
        priority: Priority = Priority.MEDIUM,
        move_originator_ae: str | None = None,
        move_originator_message_id: int | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Store an instance at the peer (PS3.7 9.1.1).

        A file whose transfer syntax was accepted is streamed as it is, undecoded. Otherwise
        it is re-encoded if that keeps every value. Pixel data is never recompressed, and a
        data set of yours is never changed.

        Args:
            source: A DICOM file, or a data set.
            priority: How urgent it is.
            move_originator_ae: Who asked for the C-MOVE that this is a part of, if it is.
            move_originator_message_id: The message ID of that C-MOVE.
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.

        Returns:
            The response; its ``status`` tells what became of the instance.

        Raises:
            NoAcceptedContext: The peer takes no such instance. The association lives.
            LocalProtocolError: There is no instance in it that could be stored.
            OSError: The file cannot be read.
            SourceFailed: The file broke while it was sent; the association was aborted.
            ResponseTimeout: As ``send_request``; so is ``ConnectionEnded``.
        """
        request = await store_request(
            source,
            self._reads_files,
            priority=priority,
            move_originator_ae=move_originator_ae,
            move_originator_message_id=move_originator_message_id,
        )
        return await self.send_request(request, idle_timeout=idle_timeout, timeout=timeout)

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
                ``Timeouts``; ``math.inf``: no limit.
            timeout: Seconds for the whole, from the first transmission on. None: as in
                ``Timeouts``; ``math.inf``: no limit.

        Raises:
            NoAcceptedContext: The peer accepted no context for it. Nothing was sent.
            ResponseTimeout: The peer was silent for too long. The association lives.
            ConnectionEnded: The association has ended, or ends meanwhile.
            WouldDeadlock: This task must first take the responses that wait for it.
        """
        async with self.open_request(
            request, context=context, idle_timeout=idle_timeout, timeout=timeout
        ) as responses:
            return await responses.final()

    def open_request(
        self,
        request: Request,
        *,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> AbstractAsyncContextManager[ResponseChannel]:
        """Send any request and receive its answers as a channel.

        See ``ClientConnection.open_request``.

        Args:
            request: What to send.
            context: As for ``send_request``.
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.
        """
        return self.connection.open_request(
            request, context=context, idle_timeout=idle_timeout, timeout=timeout
        )

    async def release(self) -> None:
        """Release the association now. Leaving ``open_association`` does it, too.

        Raises:
            ReleaseTimeout: The peer did not answer; we aborted.
        """
        await self.connection.send_association_release_request()

    async def abort(self) -> None:
        """Abort the association now. Open requests end with ``AssociationAborted``."""
        await self.connection.send_abort()
