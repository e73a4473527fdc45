"""A port of loopback that leads to a peer over links that break, as the dice say."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from enum import Enum

import trio
from attrs import define, field

from trio_dicom.testing.links import reset

__all__ = ["Fault", "FaultyPort", "faulty_port"]

_BLOCK = 16_384  # bytes
_PATIENCE = 2.0  # seconds
_FARTHEST = 3_000_000  # bytes after which a link breaks at the latest, if so much is said at all


class Fault(Enum):
    """How a link breaks after so many bytes in one direction."""

    CUT = "cut"
    RESET = "reset"
    SWALLOWING = "swallowing"  # it takes bytes, and they do not arrive
    CLOGGED = "clogged"  # it takes no more bytes


@define(eq=False)
class FaultyPort:
    """Links to a peer, each of which breaks in its own way.

    Attributes:
        port: Whom to connect to for such a link.
        broken: How many have broken in which way.
        links: How many there are now.
    """

    port: int
    broken: Counter[Fault] = field(factory=Counter[Fault])
    links: int = 0
    _target: tuple[str, int] = ("", 0)
    _dice: random.Random = field(factory=random.Random)

    async def serve(self, client: trio.SocketStream) -> None:
        self.links += 1
        try:
            await self._serve(client)
        finally:
            self.links -= 1

    async def _serve(self, client: trio.SocketStream) -> None:
        fault, forwards = self._dice.choice(tuple(Fault)), self._dice.random() < 0.6
        # Half of them early, where most is said, and half of them anywhere in what is long.
        dice = self._dice
        after = int(dice.choice((_FARTHEST ** dice.random(), _FARTHEST * dice.random())))
        async with client:
            try:
                server = await trio.open_tcp_stream(*self._target)
            except OSError:
                return
            async with server, trio.open_nursery() as nursery:

                async def pump(
                    source: trio.SocketStream, sink: trio.SocketStream, breaks: bool
                ) -> None:
                    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                        left = after
                        while data := await source.receive_some(_BLOCK):
                            if breaks and left < len(data):
                                await sink.send_all(data[:left])
                                self.broken[fault] += 1
                                await _break(fault, source, sink)
                                break
                            left -= len(data)
                            await sink.send_all(data)
                    nursery.cancel_scope.cancel()

                nursery.start_soon(pump, client, server, forwards)
                nursery.start_soon(pump, server, client, not forwards)


async def _break(fault: Fault, source: trio.SocketStream, sink: trio.SocketStream) -> None:
    match fault:
        case Fault.RESET:
            reset(source)
            reset(sink)
        case Fault.SWALLOWING:
            while await source.receive_some(_BLOCK):
                pass
        case Fault.CLOGGED:
            await trio.sleep(_PATIENCE)  # the end of what is not read is not seen
        case Fault.CUT:
            pass


@asynccontextmanager
async def faulty_port(
    host: str, port: int, dice: random.Random
) -> AsyncGenerator[FaultyPort, None]:
    """A port that leads to another one, badly, while the block is open."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    faulty = FaultyPort(listener.socket.getsockname()[1], target=(host, port), dice=dice)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, faulty.serve, [listener])
        yield faulty
        nursery.cancel_scope.cancel()
