"""From a peer and its options to an association, with every mistake found before any I/O."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Self

from attrs import field, frozen

from trio_dicom import (
    Association,
    ConnectionHandler,
    ConnectionOptions,
    Instrument,
    LocalProtocolError,
    PresentationContext,
    TrioDicomError,
    UserIdentity,
    open_association,
    propose,
)
from trio_dicom.cli.credentials import tls_context, user_identity
from trio_dicom.cli.exits import NoAssociation, UsageError
from trio_dicom.cli.options import PeerOptions
from trio_dicom.cli.peer import PORT, TLS_PORT, Peer, parse_peer
from trio_dicom.sop_classes import VERIFICATION

__all__ = ["Target"]


@frozen(kw_only=True)
class Target:
    """A peer that we can call.

    Attributes:
        peer: Whom, and where.
        calling_ae: Who we are.
        options: How patient we are, and so on.
        tls: How to encrypt, or None not to.
        server_name: The name that its certificate must carry, if not that of the host.
        user_identity: Who the user is, or None not to say.
    """

    peer: Peer
    calling_ae: str
    options: ConnectionOptions
    tls: ssl.SSLContext | None = field(repr=False)
    server_name: str | None
    user_identity: UserIdentity | None = field(repr=False)

    @classmethod
    def of(cls, peer: str, options: PeerOptions) -> Self:
        """What the command line says.

        Args:
            peer: ``AET@host:port``.
            options: The rest.

        Raises:
            UsageError: It makes no sense.
        """
        target = cls(
            peer=parse_peer(peer, default_port=TLS_PORT if options.tls else PORT),
            calling_ae=options.calling_ae,
            options=options.connection_options(),
            tls=tls_context(options),
            server_name=options.server_name,
            user_identity=user_identity(options),
        )
        # A trial, so that a long look at many files does not end with a wrong AE title.
        try:
            propose(
                called_ae=target.peer.ae_title,
                calling_ae=target.calling_ae,
                contexts=[VERIFICATION],
                max_length=target.options.max_length,
                user_identity=target.user_identity,
            ).encode()
        except TrioDicomError as error:
            raise UsageError(str(error)) from None
        return target

    @asynccontextmanager
    async def associate(
        self,
        contexts: Iterable[PresentationContext],
        *,
        handler: ConnectionHandler | None = None,
        instrument: Instrument | None = None,
    ) -> AsyncGenerator[Association, None]:
        """An association with the peer, until the block is left.

        Args:
            contexts: What to speak about.
            handler: Whom to tell what happens.
            instrument: Watches the wire.

        Raises:
            NoAssociation: There is none; the text says why.
            UsageError: What was typed cannot be asked for.
        """
        is_open = False
        try:
            async with open_association(
                self.peer.host,
                self.peer.port,
                called_ae=self.peer.ae_title,
                calling_ae=self.calling_ae,
                contexts=contexts,
                handler=handler,
                instrument=instrument,
                tls=self.tls,
                server_hostname=self.server_name,
                options=self.options,
                user_identity=self.user_identity,
            ) as association:
                is_open = True
                yield association
        except TrioDicomError as error:
            if is_open:
                raise
            if isinstance(error, LocalProtocolError):
                raise UsageError(str(error)) from error
            raise NoAssociation(str(error)) from error
