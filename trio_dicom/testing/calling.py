"""Associations with a server in memory, and with those that an archive knows by title."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeAlias

import trio

from trio_dicom._operations.query_models import extension_items
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._protocol.extended import QueryExtension
from trio_dicom._protocol.negotiation import propose
from trio_dicom._wire.user_items import ExtendedNegotiation
from trio_dicom.association import Association, open_association
from trio_dicom.connection import wrap_stream
from trio_dicom.handler import ConnectionHandler
from trio_dicom.options import ConnectionOptions
from trio_dicom.testing.links import memory_link
from trio_dicom.testing.serving import serving

__all__ = ["Place", "Serve", "call", "open_memory_association"]

_GRACE = 5.0  # seconds

Serve: TypeAlias = Callable[[trio.abc.Stream], Awaitable[None]]

Place: TypeAlias = tuple[str, int] | Serve
"""Where somebody is: a host and a TCP port, or in memory what serves a stream, such as the
``serve`` of a ``MemoryArchive`` or a ``Receiver``.
"""


@asynccontextmanager
async def open_memory_association(
    serve: Serve,
    *,
    contexts: Iterable[PresentationContext],
    extended: Iterable[ExtendedNegotiation | QueryExtension] = (),
    called_ae: str = "ANY-SCP",
    calling_ae: str = "TRIO_DICOM",
    handler: ConnectionHandler | None = None,
    options: ConnectionOptions | None = None,
    max_operations_invoked: int = 1,
    max_operations_performed: int = 1,
    capacity: int | None = None,
) -> AsyncGenerator[Association, None]:
    """An association with a server in memory: as ``open_association``, without a network.

    ::

        archive = MemoryArchive()
        async with open_memory_association(archive.serve, contexts=[VERIFICATION]) as association:
            await association.c_echo()

    Args:
        serve: Serves one association on a stream until that has ended, such as the ``serve``
            of a ``MemoryArchive`` or a ``Receiver``. Where it goes on, it is cancelled five
            seconds later: an archive may have reports to bring to others.
        contexts: As for ``open_association``, like everything else.
        extended: SOP class extended negotiation, or what is asked of all queries.
        called_ae: The AE title of the server.
        calling_ae: Ours.
        handler: Whom to tell what happens.
        options: Timeouts, limits and the like.
        max_operations_invoked: How many of our requests to have open at once.
        max_operations_performed: How many of its own the server may have.
        capacity: As for ``memory_link``: how many bytes each direction holds before whoever
            writes has to wait, so that a server that does not read is felt; None for no limit.

    Raises:
        AssociationRejected: The server said no.
        ConnectionEnded: It hung up or aborted.
        Exception: What ``serve`` raised: then the block is cancelled.
    """
    contexts = list(contexts)
    request = propose(
        called_ae=called_ae,
        calling_ae=calling_ae,
        contexts=contexts,
        extended=extension_items(extended, contexts),
        max_operations_invoked=max_operations_invoked,
        max_operations_performed=max_operations_performed,
    )
    ours, theirs = memory_link(capacity=capacity)
    async with serving() as beside:
        beside.nursery.start_soon(beside.run, serve, theirs)
        async with wrap_stream(ours, handler=handler, options=options) as connection:
            yield Association(connection, await connection.send_association_request(request))
        # What it reports at the end may be sent on associations of their own.
        with trio.move_on_after(_GRACE):
            await beside.ended.wait()


@asynccontextmanager
async def call(
    place: Place, *, called_ae: str, calling_ae: str, contexts: Iterable[PresentationContext]
) -> AsyncGenerator[Association, None]:
    """An association with somebody, wherever that is.

    Args:
        place: Where.
        called_ae: The AE title there.
        calling_ae: The AE title here.
        contexts: What to speak about.

    Raises:
        TrioDicomError: As ``open_association``.
    """
    if callable(place):
        opened = open_memory_association(
            place, called_ae=called_ae, calling_ae=calling_ae, contexts=contexts
        )
    else:
        host, port = place
        opened = open_association(
            host, port, called_ae=called_ae, calling_ae=calling_ae, contexts=contexts
        )
    async with opened as association:
        yield association
