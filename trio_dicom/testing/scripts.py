"""Scripts at work: in memory, on a port, or wherever something serves a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import trio
from attrs import define, field

from trio_dicom._io.lifetime import peeled
from trio_dicom.testing.links import LinkEnd, memory_link
from trio_dicom.testing.scripted import ScriptedPeer

__all__ = ["Script", "ScriptedServer", "open_scripted_server", "playing", "scripted_peer"]

Script: TypeAlias = Callable[[ScriptedPeer], Awaitable[object]]
"""What a scripted peer does with its peer, from the first byte on."""


@asynccontextmanager
async def scripted_peer(
    *, capacity: int | None = None
) -> AsyncGenerator[tuple[LinkEnd, ScriptedPeer], None]:
    """A stream for the program under test, and the peer at its other end.

    Both ends are closed when the block is left.

    Args:
        capacity: How many bytes each direction of the link holds before ``send_all``
            blocks, at least 1; None for no limit.
    """
    ours, theirs = memory_link(capacity=capacity)
    try:
        yield theirs, ScriptedPeer(ours)
    finally:
        ours.close()
        theirs.close()


def playing(script: Script) -> Callable[[trio.abc.Stream], Awaitable[None]]:
    """What serves a stream by playing ``script`` on it, wherever the kit wants to have that.

    ::

        async with open_memory_association(playing(script), contexts=contexts) as association:
            ...

    When the script is over the other side may ask for release, which is granted, abort, or hang
    up; then the stream is closed. When the script fails it is not: whoever started it has to hear
    of that before the other side hears that nobody is there any more.

    Args:
        script: Called with the peer.
    """

    async def serve(stream: trio.abc.Stream) -> None:
        peer = ScriptedPeer(stream)
        await script(peer)
        with suppress(trio.ClosedResourceError):  # the script has closed it
            await peer.expect_end()
        await peer.aclose()

    return serve


@define(eq=False)
class ScriptedServer:
    """A port on which scripts are played, one on each connection.

    Made by ``open_scripted_server``.

    Attributes:
        host: The address that it listens on.
        port: The TCP port that it listens on.
        connections: How many came so far.
        failure: What the first script raised that failed.
    """

    host: str
    port: int
    connections: int = field(default=0, init=False)
    failure: Exception | None = field(default=None, init=False)
    _scripts: tuple[Script, ...]
    _block: trio.CancelScope

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Play the next script on ``stream``; the block is cancelled if that fails."""
        number = self.connections
        self.connections += 1
        try:
            if number >= len(self._scripts):
                raise AssertionError(f"connection {number + 1}, but no more than {number} scripts")
            await playing(self._scripts[number])(stream)
        except Exception as failure:  # noqa: BLE001
            # Not raised here: Trio closes the stream before it looks at that, and the block would
            # hear first that nobody is there any more.
            self.failure = self.failure or failure
            self._block.cancel()


@asynccontextmanager
async def open_scripted_server(*scripts: Script) -> AsyncGenerator[ScriptedServer, None]:
    """A port on loopback where scripts are played, until the block is left.

    ::

        async with open_scripted_server(busy, welcoming) as server:
            await program_under_test(server.host, server.port)

    The first connection gets the first script, and so on. What a script raises ends the block,
    and comes out of it as it is. Scripts that are not over at the end of the block are cancelled.

    Args:
        scripts: One for each connection.

    Raises:
        AssertionError: There were more connections than scripts, or one expected another thing.
    """
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    host, port = listener.socket.getsockname()
    with peeled():
        async with trio.open_nursery() as nursery:
            server = ScriptedServer(host, port, scripts, nursery.cancel_scope)
            await nursery.start(trio.serve_listeners, server.serve, [listener])
            try:
                yield server
            except Exception as error:
                if server.failure is not None:
                    error.add_note(f"A script failed, too: {server.failure}")
                raise
            nursery.cancel_scope.cancel()
    if server.failure is not None:
        raise server.failure
