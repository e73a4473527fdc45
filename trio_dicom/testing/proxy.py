"""A port before a server's port, and a faulty link between the two: for any client and server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import trio
from attrs import define, field

from trio_dicom._io.ports import open_for
from trio_dicom.testing.faults import Clog, Cut, Fault, Stall, checked
from trio_dicom.testing.faulty_stream import FaultyStream
from trio_dicom.testing.links import reset

__all__ = ["FaultyProxy", "open_faulty_proxy"]

Faults: TypeAlias = Iterable[Fault] | Callable[[int], Iterable[Fault]]


@define(eq=False)
class FaultyProxy:
    """A port that passes on what it gets, with faults.

    Made by ``open_faulty_proxy``.

    Attributes:
        host: The address that it listens on.
        port: The TCP port that it listens on.
        connections: How many came so far.
        links: How many there are now.
        broken: What broke those that are over, by the number of their connection: that of a
            link which its ends have closed is not among them.
    """

    host: str
    port: int
    connections: int = field(default=0, init=False)
    links: int = field(default=0, init=False)
    broken: dict[int, Cut | Stall | Clog] = field(factory=dict[int, Cut | Stall | Clog], init=False)
    _server: tuple[str, int]
    _sending: Callable[[int], Iterable[Fault]]
    _receiving: Callable[[int], Iterable[Fault]]

    async def serve(self, client: trio.SocketStream) -> None:
        """Pass on what one client and the server say, until both have ended.

        Nor does it last longer when the client has, and nothing of the server's can reach it.

        Args:
            client: Its connection, on which nothing was said yet.
        """
        number = self.connections
        self.connections += 1
        self.links += 1
        try:
            await self._serve(client, number)
        finally:
            self.links -= 1

    async def _serve(self, client: trio.SocketStream, number: int) -> None:
        sending, receiving = checked(self._sending(number)), checked(self._receiving(number))
        try:
            server = await trio.open_tcp_stream(*self._server)
        except OSError:
            await trio.aclose_forcefully(client)
            return
        link = FaultyStream(server, sending=sending, receiving=receiving)
        try:
            async with client, link:
                await _pass_on(client, link)
        finally:
            if link.broken_by is not None:
                self.broken[number] = link.broken_by


@asynccontextmanager
async def open_faulty_proxy(
    host: str, port: int, *, sending: Faults = (), receiving: Faults = ()
) -> AsyncGenerator[FaultyProxy, None]:
    """A port on loopback that leads to a server over a faulty link, until the block is left.

    Every connection has the same faults from its first byte on, or its own::

        async with open_faulty_proxy(
            host, port, receiving=lambda number: random_faults(seed + number, 10_000)
        ) as proxy:
            ...

    Args:
        host: Where the server is.
        port: Its TCP port.
        sending: What is wrong with what the client sends. A function is called with the
            number of the connection, from 0, and says what is wrong with that one.
        receiving: What is wrong with what it receives, likewise.
    """
    faults = _for_each(sending), _for_each(receiving)
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    address = listener.socket.getsockname()
    proxy = FaultyProxy(address[0], address[1], (host, port), *faults)
    async with open_for([listener], proxy.serve):
        yield proxy


def _for_each(faults: Faults) -> Callable[[int], Iterable[Fault]]:
    """The faults of a connection by its number."""
    if callable(faults):
        return faults
    same = checked(faults)
    return lambda _: same


async def _pass_on(client: trio.SocketStream, link: FaultyStream) -> None:
    has_said_all = trio.Event()

    async def both() -> None:
        async with trio.open_nursery() as pumps:
            pumps.start_soon(_pump, link, client)
            await _pump(client, link)
            has_said_all.set()
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(both)
        await has_said_all.wait()
        await link.wait_stuck()
        nursery.cancel_scope.cancel()


async def _pump(source: trio.abc.Stream, to: trio.abc.HalfCloseableStream) -> None:
    """Pass on what ``source`` says, and how it ends."""
    # Who no longer takes anything says why to the other pump, which reads from him.
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        while data := await _received(source, to):
            await to.send_all(data)
        await to.send_eof()


async def _received(source: trio.abc.Stream, to: trio.abc.Stream) -> bytes | bytearray:
    try:
        return await source.receive_some(65_536)
    except trio.BrokenResourceError:
        # Below the faults, none of which it is.
        reset(to.stream if isinstance(to, FaultyStream) else to)
        await trio.aclose_forcefully(to)
        raise
