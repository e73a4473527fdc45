"""A scripted peer in memory, and scripts on a port."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio
from attrs import define, field

from trio_dicom.testing.links import LinkEnd, memory_link
from trio_dicom.testing.scripted import ScriptedPeer
from trio_dicom.testing.serving import settled
from trio_dicom.testing.stage import Script, Stage, staging

__all__ = ["ScriptedServer", "open_scripted_server", "scripted_peer"]


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
    _stage: Stage

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Play the next script on ``stream``; the block is cancelled if that fails."""
        number = self.connections
        self.connections += 1
        await self._stage.play(self._script(number), stream)

    def _script(self, number: int) -> Script:
        if number < len(self._scripts):
            return self._scripts[number]

        async def fail(_peer: ScriptedPeer) -> None:
            await trio.lowlevel.checkpoint()
            raise AssertionError(f"connection {number + 1}, but no more than {number} scripts")

        return fail


@asynccontextmanager
async def open_scripted_server(
    *scripts: Script, needs_all: bool = True
) -> AsyncGenerator[ScriptedServer, None]:
    """A port on loopback where scripts are played, until the block is left.

    ::

        async with open_scripted_server(busy, welcoming) as server:
            await program_under_test(server.host, server.port)

    The first connection gets the first script, and so on. What a script raises ends the block,
    and comes out of it as it is. Scripts that are not over at the end of the block are cancelled.

    Args:
        scripts: One for each connection.
        needs_all: Whether there has to be a connection for each of them, on which something comes
            if the script expects something.

    Raises:
        AssertionError: There were more connections than scripts, or less, or one expected
            another thing.
        ExceptionGroup: Several scripts failed at once.
    """
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    host, port = listener.socket.getsockname()
    async with staging() as stage:
        server = ScriptedServer(host, port, scripts, stage)
        await stage.serving.nursery.start(trio.serve_listeners, server.serve, [listener])
        yield server
        await settled()  # what was done last may be another thing than a script expects
        error = stage.left_alone(scripts[server.connections :])
        if needs_all and error is not None:
            raise error
