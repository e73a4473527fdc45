"""Writing many pieces at once, over a socket and over anything else."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from trio_dicom._io.gather import Gatherer

PIECES = [os.urandom(12), memoryview(os.urandom(700_000)), os.urandom(12), os.urandom(500_000)]
WHOLE = b"".join(PIECES)


@asynccontextmanager
async def sockets() -> AsyncGenerator[tuple[trio.SocketStream, trio.SocketStream], None]:
    ours, theirs = trio.socket.socketpair()
    async with trio.SocketStream(ours) as here, trio.SocketStream(theirs) as there:
        yield here, there


@asynccontextmanager
async def tcp() -> AsyncGenerator[tuple[trio.SocketStream, trio.SocketStream], None]:
    async with trio.open_nursery() as nursery:
        accepted: list[trio.SocketStream] = []
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener:
            port: int = listener.socket.getsockname()[1]

            async def accept() -> None:
                accepted.append(await listener.accept())

            nursery.start_soon(accept)
            here = await trio.open_tcp_stream("127.0.0.1", port)
            await wait_all_tasks_blocked()
        async with here, accepted[0] as there:
            yield here, there


async def received(stream: trio.abc.ReceiveStream, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = await stream.receive_some()
        assert chunk
        data += chunk
    return bytes(data)


@pytest.mark.parametrize("pieces", [PIECES, PIECES[:1], [b"few", b" bytes"], [b"xy" * 20] * 2000])
@pytest.mark.parametrize("at_once", [False, True])
async def test_what_is_given_in_pieces_comes_as_a_whole(
    pieces: list[bytes | memoryview], at_once: bool
) -> None:
    whole = b"".join(pieces)
    async with sockets() as (here, there), trio.open_nursery() as nursery:
        came: list[bytes] = []

        async def receive() -> None:
            came.append(await received(there, len(whole)))

        nursery.start_soon(receive)
        # The system takes it in several parts, which end anywhere.
        assert await Gatherer(here).send_all(pieces, at_once=at_once) == len(whole)
    assert came == [whole]


@pytest.mark.parametrize("pieces", [PIECES, PIECES[:1], [b"few", b" bytes"], [b"xy" * 20] * 2000])
async def test_what_the_system_does_not_take_at_once_is_left_to_write(
    pieces: list[bytes | memoryview],
) -> None:
    whole = b"".join(pieces)
    async with sockets() as (here, there):
        sent, rest = Gatherer(here).send_at_once(pieces)
        assert 0 < sent <= len(whole)
        assert b"".join(rest) == whole[sent:]
        assert await received(there, sent) == whole[:sent]


async def test_a_transport_that_is_broken_takes_nothing_at_once() -> None:
    async with sockets() as (here, there):
        await there.aclose()
        assert Gatherer(here).send_at_once(PIECES) == (0, PIECES)
        gatherer = Gatherer(here)
        await here.aclose()
        assert gatherer.send_at_once(PIECES) == (0, PIECES)


async def test_a_stream_that_is_no_socket_gets_one_piece() -> None:
    here, there = memory_stream_pair()
    assert await Gatherer(here).send_all(PIECES, at_once=True) == len(WHOLE)
    assert await there.receive_some() == WHOLE


async def test_a_peer_that_is_gone_breaks_the_transport() -> None:
    async with sockets() as (here, there):
        await there.aclose()
        with pytest.raises(trio.BrokenResourceError) as caught:
            await Gatherer(here).send_all(PIECES, at_once=True)
        assert isinstance(caught.value.__cause__, OSError)


async def test_a_socket_that_we_have_closed_takes_nothing() -> None:
    async with sockets() as (here, _):
        gatherer = Gatherer(here)
        await here.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await gatherer.send_all(PIECES, at_once=True)


async def test_a_write_that_is_stuck_can_be_cancelled() -> None:
    async with sockets() as (here, _), trio.open_nursery() as nursery:
        nursery.start_soon(lambda: Gatherer(here).send_all(PIECES * 10, at_once=True))
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


def waiting_room(stream: trio.SocketStream) -> int:
    """Bytes that may wait in the system for the peer to take them."""
    option = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
    assert isinstance(option, int)
    return option


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="not on this system")
async def test_large_writes_get_room_in_the_system_and_a_slow_link_little() -> None:
    async with tcp() as (here, there), trio.open_nursery() as nursery:
        least = waiting_room(here)
        gatherer = Gatherer(here)
        nursery.start_soon(received, there, 4 * len(WHOLE))
        await gatherer.send_all(PIECES, at_once=False)
        assert waiting_room(here) == least
        await gatherer.send_all(PIECES, at_once=True)
        assert waiting_room(here) == len(WHOLE)
        await gatherer.send_all(PIECES[:2], at_once=True)
        assert waiting_room(here) == len(WHOLE)
        gatherer.slow_down()
        assert waiting_room(here) == least
        await gatherer.send_all(PIECES, at_once=True)
        assert waiting_room(here) == len(WHOLE)
        nursery.cancel_scope.cancel()


async def test_what_has_no_waiting_room_needs_none() -> None:
    here, there = memory_stream_pair()
    gatherer = Gatherer(here)
    await gatherer.send_all([b"x" * 100_000], at_once=True)
    gatherer.slow_down()
    await gatherer.send_all([b"y"], at_once=False)
    assert await there.receive_some() == b"x" * 100_000 + b"y"
