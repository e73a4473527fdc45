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

__all__ = ["CONTEXTS", "CT", "ECHO", "FIND", "REQUEST", "Recorder", "associated", "serve"]

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
async def associated(
    *,
    handler: ConnectionHandler | None = None,
    instrument: Instrument | None = None,
    options: ConnectionOptions | None = None,
    capacity: int | None = None,
    offer: int = 1,
    **accept: Any,
) -> AsyncGenerator[tuple[ClientConnection, ScriptedPeer], None]:
    """A connection whose association stands, and its peer, who obliges when the block ends.

    Args:
        handler: As for ``wrap_stream``.
        instrument: Likewise.
        options: Likewise.
        capacity: As for ``scripted_peer``.
        offer: The window that is proposed.
        **accept: As for ``ScriptedPeer.accept``.
    """
    request = propose(contexts=CONTEXTS, max_operations_invoked=offer)
    if offer != 1:
        accept.setdefault("window", (offer, 1))
    async with (
        scripted_peer(capacity=capacity) as (stream, peer),
        trio.open_nursery() as nursery,
        wrap_stream(stream, handler=handler, instrument=instrument, options=options) as connection,
    ):
        async with trio.open_nursery() as handshake:
            handshake.start_soon(lambda: peer.accept(**accept))
            await connection.send_association_request(request)
        yield connection, peer
        nursery.start_soon(serve, peer)
