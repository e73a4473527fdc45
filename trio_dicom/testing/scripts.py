"""Scripts at work: in memory, on a port, or wherever something serves a stream."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

import trio
from attrs import define, field

from trio_dicom.testing.calling import Serve
from trio_dicom.testing.links import LinkEnd, memory_link
from trio_dicom.testing.scripted import ScriptedPeer
from trio_dicom.testing.serving import Serving, serving

__all__ = ["Script", "ScriptedServer", "open_scripted_server", "play", "playing", "scripted_peer"]

Script: TypeAlias = Callable[[ScriptedPeer], Awaitable[object]]
"""What a scripted peer does with its peer, from the first byte on."""

_ARTIM: Final = 30.0  # seconds for the other side to hang up when we have ended it (PS3.8 9.1.5)


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


def playing(script: Script) -> Serve:
    """What serves a stream by playing ``script`` on it, wherever the kit wants to have that.

    ::

        async with open_memory_association(playing(script), contexts=contexts) as association:
            ...

    When the script is over the other side may ask for release, which is granted, abort, or hang
    up; then the stream is closed. Where the script has ended the conversation itself, what still
    comes is dropped until the other side hangs up, for 30 seconds at most. When the script fails
    the stream is not closed: whoever started it has to hear of that before the other side hears
    that nobody is there any more.

    Args:
        script: Called with the peer.
    """

    async def serve(stream: trio.abc.Stream) -> None:
        await play(script, ScriptedPeer(stream))

    return serve


async def play(script: Script, peer: ScriptedPeer) -> None:
    """Play ``script`` to its end, and to that of the conversation.

    Args:
        script: Called with ``peer``.
        peer: What the script has in its hands.
    """
    await script(peer)
    with (
        suppress(trio.ClosedResourceError),  # the script has closed it
        trio.move_on_after(_ARTIM if peer.has_ended else math.inf),
    ):
        await peer.expect_end()
    await peer.aclose()


@define(eq=False)
class ScriptedServer:
    """A port on which scripts are played, one on each connection.

    Made by ``open_scripted_server``.

    Attributes:
        host: The address that it listens on.
        port: The TCP port that it listens on.
        connections: How many came so far.
    """

    host: str
    port: int
    connections: int = field(default=0, init=False)
    _scripts: tuple[Script, ...]
    _serving: Serving

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Play the next script on ``stream``; the block is cancelled if that fails."""
        number = self.connections
        self.connections += 1
        await self._serving.run(self._script(number), stream)

    def _script(self, number: int) -> Serve:
        if number < len(self._scripts):
            return playing(self._scripts[number])

        async def fail(_stream: trio.abc.Stream) -> None:
            await trio.lowlevel.checkpoint()
            raise AssertionError(f"connection {number + 1}, but no more than {number} scripts")

        return fail


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
        ExceptionGroup: Several scripts failed at once.
    """
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    host, port = listener.socket.getsockname()
    async with serving() as beside:
        server = ScriptedServer(host, port, scripts, beside)
        await beside.nursery.start(trio.serve_listeners, server.serve, [listener])
        yield server
