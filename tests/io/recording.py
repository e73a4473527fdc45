"""A handler that writes down what it is told, and an association to tell it about."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import trio

from trio_dicom import (
    BaseHandler,
    ClientConnection,
    ConnectionHandler,
    ConnectionOptions,
    Instrument,
    PresentationContext,
    propose,
    wrap_stream,
)
from trio_dicom.lowlevel import Abort
from trio_dicom.testing import ConversationEnd, ScriptedPeer, scripted_peer

__all__ = [
    "CONTEXTS",
    "CT",
    "ECHO",
    "FIND",
    "REQUEST",
    "Recorder",
    "associated",
    "connected",
    "serve",
]

ECHO = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
CONTEXTS = [PresentationContext(uid) for uid in (ECHO, CT, FIND)]
REQUEST = propose(contexts=CONTEXTS)


class Recorder(BaseHandler):
    """Keeps its calls in order: the name of each without ``on_``, and its arguments."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    @property
    def names(self) -> list[str]:
        """What was called, without the arguments."""
        return [call[0] for call in self.calls]

    @property
    def told_of_the_end(self) -> Any:
        """What ``on_connection_closed`` was told, which came once and last."""
        assert self.names.count("connection_closed") == 1
        name, told = self.calls[-1]
        assert name == "connection_closed"
        return told

    async def on_receive_association_accept(self, association: Any) -> None:
        self.calls.append(("receive_association_accept", association))

    async def on_receive_association_reject(self, result: Any, source: Any, reason: Any) -> None:
        self.calls.append(("receive_association_reject", result, source, reason))

    async def on_receive_association_release_response(self) -> None:
        self.calls.append(("receive_association_release_response",))

    async def on_receive_abort(self, source: Any, reason: Any) -> None:
        self.calls.append(("receive_abort", source, reason))

    async def on_connection_closed(self, exception: Exception | None) -> None:
        self.calls.append(("connection_closed", exception))

    async def on_request_pending(self, request: Any, response: Any) -> None:
        self.calls.append(("request_pending", request, response))

    async def on_request_completed(self, request: Any, response: Any) -> None:
        self.calls.append(("request_completed", request, response))

    async def on_request_timed_out(self, request: Any, timeout: float) -> None:
        self.calls.append(("request_timed_out", request, timeout))


async def serve(peer: ScriptedPeer) -> ConversationEnd | None:
    """Be an obliging peer from here on; None when the script had closed the link already."""
    try:
        return await peer.serve_until_closed()
    except trio.ClosedResourceError:
        return None
    except AssertionError:
        # Whoever is cancelled while he is being released may abort after our answer.
        if not peer.pdus or not isinstance(peer.pdus[-1], Abort):
            raise
        await peer.aclose()
        return ConversationEnd.ABORTED


@asynccontextmanager
async def connected(
    *,
    handler: ConnectionHandler | None = None,
    instrument: Instrument | None = None,
    options: ConnectionOptions | None = None,
    capacity: int | None = None,
    start_listener: bool = True,
) -> AsyncGenerator[tuple[ClientConnection, ScriptedPeer, trio.Nursery], None]:
    """A connection without an association, its peer, and a nursery that outlives it.

    Args:
        handler: As for ``wrap_stream``.
        instrument: Likewise.
        options: Likewise.
        capacity: As for ``scripted_peer``.
        start_listener: As for ``wrap_stream``.
    """
    async with (
        scripted_peer(capacity=capacity) as (stream, peer),
        trio.open_nursery() as nursery,
        wrap_stream(
            stream,
            handler=handler,
            instrument=instrument,
            options=options,
            start_listener=start_listener,
        ) as connection,
    ):
        yield connection, peer, nursery


@asynccontextmanager
async def associated(
    *, offer: int = 1, accept: dict[str, Any] | None = None, **connection: Any
) -> AsyncGenerator[tuple[ClientConnection, ScriptedPeer], None]:
    """A connection whose association stands, and its peer, who obliges when the block ends.

    Args:
        offer: The window that is proposed, and accepted unless ``accept`` says otherwise.
        accept: As for ``ScriptedPeer.accept``.
        **connection: As for ``connected``.
    """
    request = propose(contexts=CONTEXTS, max_operations_invoked=offer)
    answer = {"window": None if offer == 1 else (offer, 1), **(accept or {})}
    async with connected(**connection) as (client, peer, nursery):
        async with trio.open_nursery() as handshake:
            handshake.start_soon(lambda: peer.accept(**answer))
            await client.send_association_request(request)
        yield client, peer
        nursery.start_soon(serve, peer)
