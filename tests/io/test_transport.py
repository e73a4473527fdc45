"""The stream underneath: its two ends, and acknowledging at once."""

from __future__ import annotations

import os
import socket
import struct
from typing import Any

import pytest
import trio
import trio.testing

from trio_dicom import KeepAlive, NetworkStream
from trio_dicom._io.acknowledging import AcknowledgingStream
from trio_dicom._io.transport import set_keepalive

HOST = "127.0.0.1"


async def connected_pair() -> tuple[trio.SocketStream, trio.SocketStream]:
    (listener,) = await trio.open_tcp_listeners(0, host=HOST)
    async with listener:
        port = listener.socket.getsockname()[1]
        client = await trio.open_tcp_stream(HOST, port)
        return client, await listener.accept()


class RecordingSocket:
    """Stands in for the socket and remembers the options that were set."""

    def __init__(self, calls: list[object], *, broken: bool = False) -> None:
        self.calls = calls
        self.broken = broken

    def setsockopt(self, *option: Any) -> None:
        self.calls.append(option)
        if self.broken:
            raise OSError("transport endpoint is not connected")


class RecordingStream(trio.abc.ReceiveStream):
    """Remembers when it was read."""

    def __init__(self, calls: list[object], *chunks: bytes) -> None:
        self.calls = calls
        self.chunks = list(chunks)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        self.calls.append("receive")
        return self.chunks.pop(0)

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


def recording_stream(calls: list[object], *, broken: bool = False) -> NetworkStream:
    receive = RecordingStream(calls, b"first", b"")
    network = NetworkStream(trio.StapledStream(trio.testing.MemorySendStream(), receive))
    network._socket = RecordingSocket(calls, broken=broken)  # type: ignore[assignment]
    return network


async def test_both_ends_of_a_socket_are_known() -> None:
    client, server = await connected_pair()
    async with client, server:
        network = NetworkStream(client)
        assert (network.local_host, network.local_port) == client.socket.getsockname()
        assert (network.remote_host, network.remote_port) == server.socket.getsockname()
        assert not network.is_tls
        assert network.peer == f"{HOST}:{network.remote_port}"


def test_a_stream_in_memory_has_no_addresses() -> None:
    stream, _ = trio.testing.memory_stream_pair()
    network = NetworkStream(stream)
    assert network.stream is stream
    assert (network.local_host, network.local_port) == (None, None)
    assert (network.remote_host, network.remote_port) == (None, None)
    assert network.peer == "the peer"


async def test_a_peer_that_is_gone_already_has_no_address() -> None:
    client, server = await connected_pair()
    linger_zero = struct.pack("ii", 1, 0)
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_zero)
    server.socket.close()  # a reset
    async with client:
        with pytest.raises((trio.BrokenResourceError, OSError)):
            await client.receive_some()
        network = NetworkStream(client, "archive")
        assert network.remote_host is None
        assert network.peer == "archive"


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux alone has TCP_QUICKACK")
async def test_acknowledgements_are_not_delayed_before_each_receive() -> None:
    calls: list[object] = []
    network = recording_stream(calls)
    assert await network.receive_some() == b"first"
    assert await network.receive_some() == b""
    quickack = (socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    assert calls == [quickack, "receive", quickack, "receive"]


async def test_a_socket_that_takes_no_options_any_more_is_read_all_the_same() -> None:
    network = recording_stream([], broken=True)
    assert await network.receive_some() == b"first"


class Plentiful(trio.abc.ReceiveStream):
    """Gives as many bytes as it is told to, if that many are asked for."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = list(sizes)
        self.asked: list[int | None] = []

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        assert max_bytes is not None
        self.asked.append(max_bytes // 1024)
        return bytes(min(self.sizes.pop(0), max_bytes))

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("sizes", "asked"),
    [
        ([100] * 3, [64] * 3),
        ([10**6] * 6, [64, 128, 256, 512, 512, 512]),
        # Slices, each behind a command, do not make it small again.
        ([10**6] * 4 + [200, 10**6] * 2, [64, 128, 256, 512] + [512] * 4),
        ([10**6] * 4 + [100] * 6, [64, 128, 256, 512, 512, 512, 256, 128, 64, 64]),
        ([10**6, 40_000, 40_000], [64, 128, 128]),
    ],
)
async def test_more_is_asked_for_while_much_comes(sizes: list[int], asked: list[int]) -> None:
    receive = Plentiful(*sizes)
    network = NetworkStream(trio.StapledStream(trio.testing.MemorySendStream(), receive))
    for _ in asked:
        await network.receive_some()
    assert receive.asked == asked


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux alone has TCP_QUICKACK")
async def test_a_real_socket_is_asked_to_acknowledge_at_once() -> None:
    client, server = await connected_pair()
    async with client, server:
        network = NetworkStream(client)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        await server.send_all(b"x")
        assert await network.receive_some() == b"x"
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK) == 1


async def test_a_socket_is_read_whether_it_was_waited_for_or_not() -> None:
    client, server = await connected_pair()
    async with client, server, trio.open_nursery() as nursery:
        network = NetworkStream(client)
        for size in (1, 2, 200_000, 300_000, 3, 4):
            nursery.start_soon(server.send_all, bytes([size % 256]) * size)
            came = b""
            while len(came) < size:
                came += await network.receive_some()
            assert came == bytes([size % 256]) * size
        await server.aclose()
        assert await network.receive_some() == b""


async def test_a_socket_that_is_readable_for_no_reason_is_waited_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after a datagram with a wrong checksum, or where two wait for one byte: see select(2)."""

    async def readable_already(descriptor: int) -> None:
        await trio.lowlevel.checkpoint()

    client, server = await connected_pair()
    async with client, server, trio.open_nursery() as nursery:
        came: list[bytes | bytearray] = []

        async def receive() -> None:
            came.append(await NetworkStream(client).receive_some())

        with monkeypatch.context() as patch:
            patch.setattr(trio.lowlevel, "wait_readable", readable_already)
            nursery.start_soon(receive)
            await trio.testing.wait_all_tasks_blocked()
        assert not came
        await server.send_all(b"x")
        while not came:
            await trio.lowlevel.checkpoint()
        assert came == [b"x"]


async def test_what_has_the_number_of_a_socket_that_was_closed_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody closes the stream in the tick in which it becomes readable, and opens a file."""
    client, server = await connected_pair()
    number = client.socket.fileno()
    waited = trio.lowlevel.wait_readable
    reading, writing = os.pipe()
    os.write(writing, b"secret")

    async def closed_meanwhile(sock: Any) -> None:
        await waited(sock)
        client.socket.close()
        os.dup2(reading, number)

    monkeypatch.setattr(trio.lowlevel, "wait_readable", closed_meanwhile)
    async with server:
        await server.send_all(b"x")
        try:
            with pytest.raises(trio.ClosedResourceError):
                await NetworkStream(client).receive_some()
        finally:
            for descriptor in (reading, writing, number):
                os.close(descriptor)


async def test_a_socket_that_is_closed_while_it_is_read_says_so() -> None:
    client, server = await connected_pair()
    network = NetworkStream(client)
    async with server, trio.open_nursery() as nursery:

        async def receive() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await network.receive_some()

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        await client.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await network.receive_some()


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux alone has TCP_QUICKACK")
async def test_what_tls_reads_for_itself_is_acknowledged_at_once_too() -> None:
    """Such as the tickets behind the handshake, which nobody sees who reads from it."""
    client, server = await connected_pair()
    async with AcknowledgingStream(client) as stream, server:
        for number in range(3):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            await server.send_all(bytes([number]))
            assert await stream.receive_some() == bytes([number])
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK) == 1
        await stream.wait_send_all_might_not_block()
        await stream.send_all(b"x")
        await stream.send_eof()
        assert await server.receive_some() == b"x"
        assert await server.receive_some() == b""
        assert NetworkStream(stream).remote_port == server.socket.getsockname()[1]


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="not on this platform")
async def test_keepalive_is_set_as_asked() -> None:
    client, server = await connected_pair()
    async with client, server:
        set_keepalive(client, KeepAlive(idle=11, interval=7, count=3))
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 11
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 7
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3


async def test_nagles_algorithm_is_off() -> None:
    client, server = await connected_pair()
    async with client, server:
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
