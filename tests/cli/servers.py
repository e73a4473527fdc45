"""Servers on loopback that misbehave."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import trio

from tests.interop.programs import HOST
from trio_dicom.testing import ScriptedPeer

__all__ = ["answers_all_but_the_first", "listening"]


async def answers_all_but_the_first(stream: trio.SocketStream) -> None:
    """A peer that is silent to the first request and obliges with the others."""
    peer = ScriptedPeer(stream)
    await peer.accept()
    await peer.receive_message()
    await peer.serve_until_closed()


@asynccontextmanager
async def listening(
    behave: Callable[[trio.SocketStream], Awaitable[None]],
) -> AsyncGenerator[str, None]:
    """The address, as ``AET@host:port``, of a server that does this with each connection."""
    async with trio.open_nursery() as nursery:

        async def serve(stream: trio.SocketStream) -> None:
            async with stream:
                await behave(stream)

        (listener,) = await nursery.start(
            partial(trio.serve_tcp, serve, 0, host=HOST),
        )
        yield f"NOBODY@{HOST}:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()
