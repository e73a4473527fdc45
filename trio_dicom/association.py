"""Level 2: an association and its services, which is what most programs use."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager

from trio_dicom._operations.c_services import CServices
from trio_dicom._operations.n_services import NServices
from trio_dicom._operations.query_models import extension_items
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._protocol.extended import QueryExtension
from trio_dicom._protocol.negotiation import propose
from trio_dicom._wire.user_items import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    UserIdentity,
)
from trio_dicom.connection import open_connection
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
    extended: Iterable[ExtendedNegotiation | QueryExtension] = (),
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
        extended: SOP class extended negotiation, for the service classes that have it. A
            ``QueryExtension`` is asked for each query/retrieve model among ``contexts``.
        common_extended: SOP class common extended negotiation.

    Raises:
        LocalProtocolError: A title, the port or the contexts are not possible. Nothing was sent.
        ConnectFailed: Name, port or TLS do not work; the cause says why.
        ConnectTimeout: They took longer than ``Timeouts.connect``.
        AssociationRejected: The peer said no.
        AssociateTimeout: The peer said nothing.
        ConnectionEnded: The peer hung up or aborted.
        RemoteProtocolError: What the peer said is no DICOM.
    """
    options = ConnectionOptions() if options is None else options
    contexts = list(contexts)
    request = propose(
        called_ae=called_ae,
        calling_ae=calling_ae,
        contexts=contexts,
        max_length=options.max_length,
        max_operations_invoked=max_operations_invoked,
        max_operations_performed=max_operations_performed,
        user_identity=user_identity,
        extended=extension_items(extended, contexts),
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


class Association(CServices, NServices):
    """An association that stands. Any number of tasks may use it at the same time.

    Made by ``open_association``, or of a connection on which an association was accepted.

    Attributes:
        connection: The connection underneath.
        negotiated: What was agreed.
    """

    __slots__ = ()

    async def release(self) -> None:
        """Release the association now. Leaving ``open_association`` does it, too.

        Raises:
            ReleaseTimeout: The peer did not answer; we aborted.
        """
        await self.connection.send_association_release_request()

    async def abort(self) -> None:
        """Abort the association now. Open requests end with ``AssociationAborted``."""
        await self.connection.send_abort()
