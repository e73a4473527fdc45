"""TLS that works, and the many ways in which it does not."""

from __future__ import annotations

import gc
import ssl

import pytest
import trio
from trio.testing import MockClock

from tests.interop.certificates import Certificates
from tests.io.loopback import listening, oblige, over_tls, refusing_tls
from tests.io.recording import CONTEXTS, REQUEST, Recorder
from trio_dicom import (
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    RemoteProtocolError,
    Timeouts,
    open_association,
    open_connection,
)
from trio_dicom._io.acknowledging import AcknowledgingStream
from trio_dicom.lowlevel import ReleaseRequest, ReleaseResponse
from trio_dicom.testing import ScriptedPeer, memory_link


@pytest.mark.scenario("B10")
@pytest.mark.pitfall(23)
async def test_a_peer_that_does_not_know_tls_and_waits(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = memory_link()

    async def connect(*_: object, **__: object) -> trio.abc.Stream:
        return ours

    monkeypatch.setattr(trio, "open_tcp_stream", connect)
    with pytest.raises(ConnectTimeout, match=r"no TLS .*may not expect TLS"):
        async with open_connection("peer", 104, tls=ssl.create_default_context()):
            raise AssertionError("never here")
    assert trio.current_time() == Timeouts().connect
    assert await theirs.receive_some()  # our part of the handshake
    assert await theirs.receive_some() == b""


@pytest.mark.scenario("B10")
@pytest.mark.pitfall(23)
async def test_a_plain_peer_that_answers_a_handshake_with_a_pdu() -> None:
    async def plain(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(bytes.fromhex("07 00 00000004 00 00 02 01"))
        await stream.aclose()

    async with listening(plain) as (host, port):
        with pytest.raises(ConnectFailed, match="may not expect TLS") as caught:
            async with open_connection(host, port, tls=ssl.create_default_context()):
                raise AssertionError("never here")
        assert isinstance(caught.value.__cause__, ssl.SSLError)


@pytest.mark.scenario("B10")
@pytest.mark.pitfall(23)
async def test_a_peer_that_hangs_up_during_the_handshake() -> None:
    async with listening(trio.aclose_forcefully) as (host, port):
        with pytest.raises(ConnectFailed, match=r"TLS with .* failed") as caught:
            async with open_connection(host, port, tls=ssl.create_default_context()):
                raise AssertionError("never here")
        assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.scenario("B10")
@pytest.mark.pitfall(23)
async def test_a_tls_peer_on_what_we_take_for_a_plain_port() -> None:
    async def alert(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(bytes.fromhex("15 0301 0002 02 46"))  # fatal: protocol version
        await stream.send_eof()
        while await stream.receive_some():
            pass

    async with listening(alert) as (host, port):
        with pytest.raises(RemoteProtocolError, match="TLS alert: it expects TLS"):
            async with open_association(host, port, contexts=CONTEXTS):
                raise AssertionError("never here")


@pytest.mark.scenario("B10")
@pytest.mark.pitfall(23)
async def test_a_tls_peer_that_hangs_up_on_a_plain_request() -> None:
    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.aclose()

    async with listening(hang_up) as (host, port):
        with pytest.raises(ConnectionLost, match="may expect TLS on this port"):
            async with open_association(host, port, contexts=CONTEXTS):
                raise AssertionError("never here")


@pytest.mark.scenario("B10")
@pytest.mark.pitfall(23)
async def test_a_certificate_that_nobody_vouches_for(certificates: Certificates) -> None:
    async with listening(refusing_tls(certificates.server_context())) as (host, port):
        with pytest.raises(ConnectFailed, match="authority") as caught:
            async with open_connection(host, port, tls=ssl.create_default_context()):
                raise AssertionError("never here")
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


@pytest.mark.scenario("B10")
@pytest.mark.pitfall(23)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_that_is_missing(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    """With TLS 1.3 our handshake succeeds, and only the first read tells."""
    context = certificates.client_context(with_certificate=False)
    context.minimum_version = context.maximum_version = version
    recorder = Recorder()
    async with listening(refusing_tls(certificates.server_context())) as (host, port):
        with pytest.raises(ConnectFailed, match=r"TLS .* failed") as caught:
            async with open_association(
                host, port, contexts=CONTEXTS, tls=context, handler=recorder
            ):
                raise AssertionError("never here")
    assert isinstance(caught.value.__cause__, ssl.SSLError)
    if version is ssl.TLSVersion.TLSv1_3:
        assert "client certificate" in str(caught.value)
        assert isinstance(recorder.told_of_the_end, ConnectFailed)


@pytest.mark.scenario("B65")
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_the_callers_own_tls_context_is_used(certificates: Certificates, name: str) -> None:
    async with listening(over_tls(certificates.server_context())) as (host, port):
        context = certificates.client_context()
        async with open_connection(host, port, tls=context, server_hostname=name) as connection:
            assert connection.network_stream.is_tls
            assert connection.network_stream.remote_port == port
            stream = connection.network_stream.stream
            assert isinstance(stream, trio.SSLStream)
            assert isinstance(stream.transport_stream, AcknowledgingStream)
            await connection.send_association_request(REQUEST)


@pytest.mark.scenario("B65")
async def test_another_name_than_that_of_the_certificate_is_refused(
    certificates: Certificates,
) -> None:
    async with listening(over_tls(certificates.server_context())) as (host, port):
        context = certificates.client_context()
        with pytest.raises(ConnectFailed, match="host name"):
            async with open_connection(host, port, tls=context, server_hostname="other.example"):
                raise AssertionError("never here")


@pytest.mark.pitfall(23)
@pytest.mark.parametrize("in_order", [True, False])
async def test_an_end_of_file_without_close_notify_is_an_ordinary_one(
    certificates: Certificates, in_order: bool
) -> None:
    async def rude(stream: trio.SocketStream) -> None:
        context = certificates.server_context()
        peer = ScriptedPeer(trio.SSLStream(stream, context, server_side=True))
        await peer.accept()
        if in_order:
            await peer.expect(ReleaseRequest)
            await peer.send(ReleaseResponse())
        await stream.aclose()  # the socket, behind the back of TLS

    recorder = Recorder()
    context = certificates.client_context()
    async with (
        listening(rude) as (host, port),
        open_connection(host, port, tls=context, handler=recorder) as connection,
    ):
        await connection.send_association_request(REQUEST)
        if not in_order:
            with pytest.raises(ConnectionLost, match="closed by the peer"):
                await connection.listener.wait()
    ended = recorder.told_of_the_end
    assert ended is None if in_order else isinstance(ended, ConnectionLost)


async def test_a_name_that_tls_cannot_ask_for_leaves_no_socket_open() -> None:
    async with listening(oblige) as (host, port):
        with pytest.raises(ConnectFailed, match=r"'\.example'"):
            async with open_connection(
                host, port, tls=ssl.create_default_context(), server_hostname=".example"
            ):
                raise AssertionError("never here")
        gc.collect()  # a socket left open would warn
