"""The members of a connection that tell how it stands."""

from __future__ import annotations

import socket

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints, memory_stream_pair, wait_all_tasks_blocked

from tests.interop.certificates import Certificates
from tests.io.loopback import listening, oblige, over_tls
from tests.io.recording import REQUEST, Recorder, associated, connected, serve
from trio_dicom import (
    AbortSource,
    AssociateTimeout,
    AssociationAborted,
    AssociationReleased,
    CEchoRequest,
    ConnectionLost,
    RemoteProtocolError,
    open_connection,
    wrap_stream,
)
from trio_dicom.testing import ConversationEnd, ScriptedPeer, memory_link

# --- start_listener ----------------------------------------------------------------------


async def test_nothing_is_read_before_the_listener_is_started() -> None:
    async with connected(start_listener=False) as (connection, peer, nursery):
        listener = connection.listener
        assert not listener.running
        nursery.start_soon(serve, peer)
        async with trio.open_nursery() as asking:
            asking.start_soon(connection.send_association_request, REQUEST)
            await wait_all_tasks_blocked()
            # The answer is there and nobody has read it.
            assert peer.accepted is not None
            assert connection.association is None
            connection.start_listener()
            assert connection.listener.running
        assert connection.association is not None
        assert connection.listener is listener


async def test_starting_the_listener_again_does_nothing() -> None:
    async with connected() as (connection, peer, nursery):
        assert connection.listener.running
        await wait_all_tasks_blocked()
        before = trio.lowlevel.current_statistics().tasks_living
        for _ in range(3):
            connection.start_listener()
        await wait_all_tasks_blocked()
        # A second reader would have raised BusyResourceError, too.
        assert trio.lowlevel.current_statistics().tasks_living == before
        nursery.start_soon(serve, peer)
        await connection.send_association_request(REQUEST)
        await connection.aclose()
        connection.start_listener()
        assert not connection.listener.running


async def test_a_connection_whose_listener_never_started_can_be_left() -> None:
    recorder = Recorder()
    async with connected(start_listener=False, handler=recorder) as (connection, peer, _):
        await connection.aclose()
        await connection.listener.wait()
        connection.start_listener()
        assert not connection.listener.running
        await peer.expect_closed()
    assert recorder.calls == [("connection_closed", None)]


async def test_without_a_listener_no_answer_is_heard(autojump_clock: MockClock) -> None:
    recorder = Recorder()
    async with connected(start_listener=False, handler=recorder) as (connection, peer, nursery):
        nursery.start_soon(serve, peer)
        with pytest.raises(AssociateTimeout):
            await connection.send_association_request(REQUEST)
        await connection.aclose()
    assert isinstance(recorder.told_of_the_end, AssociationAborted)
    assert trio.current_time() == 30


# --- listener ----------------------------------------------------------------------------


async def test_the_listener_can_be_waited_for_and_ends_in_order() -> None:
    async with associated() as (connection, peer), trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(connection.listener.wait)
        await wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 2
        nursery.start_soon(serve, peer)
        await connection.aclose()
        assert not connection.listener.running
        with assert_checkpoints():
            await connection.listener.wait()


@pytest.mark.parametrize(
    "how, error",
    [
        ("eof", ConnectionLost),
        ("reset", ConnectionLost),
        ("abort", AssociationAborted),
        ("nonsense", RemoteProtocolError),
    ],
)
async def test_the_listener_says_what_ended_it(how: str, error: type[Exception]) -> None:
    async with associated() as (connection, peer), trio.open_nursery() as nursery:

        async def end() -> None:
            match how:
                case "eof":
                    await peer.aclose()
                case "reset":
                    await peer.reset()
                case "abort":
                    await peer.abort(AbortSource.USER)
                case _:
                    await peer.send_bytes(b"nonsense")
                    await serve(peer)

        nursery.start_soon(end)
        errors: list[Exception] = []
        for _ in range(2):
            with pytest.raises(error) as caught:
                await connection.listener.wait()
            errors.append(caught.value)
        assert errors[0] is not errors[1]


# --- network_stream ----------------------------------------------------------------------


async def test_a_stream_without_a_socket_has_no_addresses() -> None:
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, ScriptedPeer(theirs))
        async with wrap_stream(ours) as connection:
            stream = connection.network_stream
            assert stream.stream is ours
            assert stream.local_host is stream.local_port is None
            assert stream.remote_host is stream.remote_port is None
            assert not stream.is_tls
            assert stream.peer == "the peer"
            await connection.send_association_request(REQUEST)


async def test_a_name_for_the_peer_is_used_in_errors() -> None:
    ours, theirs = memory_link()
    async with wrap_stream(ours, peer="the archive") as connection:
        theirs.close()
        with pytest.raises(ConnectionLost, match="the archive"):
            await connection.send_association_request(REQUEST)


async def test_a_socket_has_both_addresses() -> None:
    async with listening(oblige) as (host, port), open_connection(host, port) as connection:
        stream = connection.network_stream
        assert isinstance(stream.stream, trio.SocketStream)
        assert (stream.local_host, stream.local_port) == stream.stream.socket.getsockname()
        assert (stream.remote_host, stream.remote_port) == (host, port)
        assert not stream.is_tls


async def test_tls_has_the_addresses_of_its_socket(certificates: Certificates) -> None:
    context = certificates.client_context()
    async with (
        listening(over_tls(certificates.server_context())) as (host, port),
        open_connection(host, port, tls=context) as connection,
    ):
        stream = connection.network_stream
        assert isinstance(stream.stream, trio.SSLStream)
        assert (stream.remote_host, stream.remote_port) == (host, port)
        assert stream.is_tls


async def test_a_unix_socket_has_no_hosts() -> None:
    left, right = (trio.SocketStream(trio.socket.from_stdlib_socket(it)) for it in pair())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, ScriptedPeer(right))
        async with wrap_stream(left) as connection:
            assert connection.network_stream.remote_host is None
            await connection.send_association_request(REQUEST)


def pair() -> tuple[socket.socket, socket.socket]:
    pair = socket.socketpair()
    for it in pair:
        it.setblocking(False)
    return pair


# --- aclose and async with ---------------------------------------------------------------


async def test_the_stream_is_ours_and_closed_at_the_end() -> None:
    ours, theirs = memory_link()
    async with wrap_stream(ours):
        pass
    with pytest.raises(trio.ClosedResourceError):
        await ours.send_all(b"x")
    assert await theirs.receive_some() == b""


async def test_closing_is_a_checkpoint_each_time() -> None:
    async with connected() as (connection, _, _nursery):
        for _ in range(2):
            with assert_checkpoints():
                await connection.aclose()
        with assert_checkpoints():
            await connection.send_association_release_request()
        with pytest.raises(ConnectionLost):
            await connection.send_request(CEchoRequest())


async def test_closing_tells_the_peer_in_order() -> None:
    async with associated() as (connection, peer), trio.open_nursery() as nursery:
        ends: list[ConversationEnd | None] = []

        async def note() -> None:
            ends.append(await serve(peer))

        nursery.start_soon(note)
        await connection.aclose()
        with pytest.raises(AssociationReleased):
            await connection.send_request(CEchoRequest())
    assert ends == [ConversationEnd.RELEASED]
