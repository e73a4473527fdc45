"""Peers behind real sockets on loopback, with and without TLS."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from tests.io.recording import serve
from trio_dicom.testing import ScriptedPeer

__all__ = ["listening", "oblige", "over_tls", "refusing_tls"]

Serve = Callable[[trio.SocketStream], Awaitable[None]]


async def oblige(stream: trio.abc.Stream) -> None:
    await serve(ScriptedPeer(stream))


def over_tls(context: ssl.SSLContext) -> Serve:
    """An obliging peer behind TLS."""

    async def oblige_over_tls(stream: trio.SocketStream) -> None:
        await oblige(trio.SSLStream(stream, context, server_side=True, https_compatible=True))

    return oblige_over_tls


def refusing_tls(context: ssl.SSLContext) -> Serve:
    """A peer whose handshake fails: it says why, as other stacks do and Trio does not."""

    async def refuse(stream: trio.SocketStream) -> None:
        came, going = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(came, going, server_side=True)
        has_failed = False
        while not has_failed:
            came.write(await stream.receive_some())
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                has_failed = True
            await stream.send_all(going.read())
        await stream.send_eof()
        while await stream.receive_some():
            pass

    return refuse


@asynccontextmanager
async def listening(
    handler: Serve, host: str = "127.0.0.1"
) -> AsyncGenerator[tuple[str, int], None]:
    """A peer on loopback, on a port that the system chooses."""
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host=host)
        nursery.start_soon(trio.serve_listeners, handler, [listener])
        yield host, listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()
