"""Certificates that are pinned by their fingerprint."""

from __future__ import annotations

import ssl

import pytest
import trio
from trio.testing import MockClock

from tests.io.authorities import Authority, fingerprint
from tests.io.loopback import listening, over_tls
from tests.io.recording import CONTEXTS, REQUEST, Recorder
from trio_dicom import (
    ConnectFailed,
    ConnectionOptions,
    ConnectTimeout,
    LocalProtocolError,
    Timeouts,
    open_association,
    open_connection,
    wrap_stream,
)
from trio_dicom.testing import memory_link

OURS = Authority()
LEAF, OTHER = OURS.leaf(), OURS.leaf()


def pinning(*fingerprints: str) -> ConnectionOptions:
    return ConnectionOptions(peer_fingerprints=fingerprints)


@pytest.mark.parametrize(
    "written",
    [
        fingerprint(LEAF),
        fingerprint(LEAF).lower(),
        fingerprint(LEAF).replace(":", ""),
        f" {fingerprint(LEAF)}\n",
    ],
    ids=["openssl", "small", "plain", "spaces"],
)
async def test_the_pinned_certificate_is_taken_however_it_is_written(written: str) -> None:
    async with (
        listening(over_tls(OURS.server(LEAF))) as (host, port),
        open_association(
            host, port, contexts=CONTEXTS, tls=OURS.client(), options=pinning(written)
        ) as association,
    ):
        assert (await association.c_echo()).status.is_success


async def test_one_of_several_is_enough() -> None:
    options = pinning(fingerprint(OTHER), fingerprint(LEAF))
    async with (
        listening(over_tls(OURS.server(LEAF))) as (host, port),
        open_connection(host, port, tls=OURS.client(), options=options) as connection,
    ):
        await connection.send_association_request(REQUEST)


async def test_another_certificate_of_the_same_authority_is_refused_and_named() -> None:
    """Such as that of a peer which has renewed its own: the old pin is worth nothing."""
    heard: list[bytes | bytearray] = []
    has_heard = trio.Event()

    async def listen(stream: trio.SocketStream) -> None:
        tls = trio.SSLStream(stream, OURS.server(OTHER), server_side=True, https_compatible=True)
        heard.append(await tls.receive_some())
        has_heard.set()

    recorder = Recorder()
    async with listening(listen) as (host, port):
        with pytest.raises(ConnectFailed, match="is not pinned") as caught:
            async with open_connection(
                host,
                port,
                tls=OURS.client(),
                options=pinning(fingerprint(LEAF)),
                handler=recorder,
            ):
                raise AssertionError("never here")
        await has_heard.wait()
    assert fingerprint(OTHER).replace(":", "").lower() in str(caught.value)
    assert heard == [b""]  # it learned nothing of us
    assert recorder.calls == []


async def test_a_pin_does_not_replace_what_the_context_demands() -> None:
    async with listening(over_tls(Authority().server(LEAF))) as (host, port):
        with pytest.raises(ConnectFailed, match="Give the authority"):
            async with open_connection(
                host, port, tls=Authority().client(), options=pinning(fingerprint(LEAF))
            ):
                raise AssertionError("never here")


async def test_a_pin_is_checked_where_the_context_demands_nothing() -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with listening(over_tls(OURS.server(LEAF))) as (host, port):
        async with open_connection(
            host, port, tls=context, options=pinning(fingerprint(LEAF))
        ) as connection:
            await connection.send_association_request(REQUEST)
        with pytest.raises(ConnectFailed, match="is not pinned"):
            async with open_connection(
                host, port, tls=context, options=pinning(fingerprint(OTHER))
            ):
                raise AssertionError("never here")


async def test_a_pin_without_tls_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(LocalProtocolError, match="peer_fingerprints"):
        async with open_connection("127.0.0.1", 1, options=pinning(fingerprint(LEAF))):
            raise AssertionError("never here")


async def test_a_plain_stream_with_a_pin_is_refused_and_closed() -> None:
    ours, theirs = memory_link()
    with pytest.raises(LocalProtocolError, match="peer_fingerprints"):
        async with wrap_stream(ours, options=pinning(fingerprint(LEAF))):
            raise AssertionError("never here")
    assert await theirs.receive_some() == b""


@pytest.mark.parametrize("leaf", [LEAF, OTHER], ids=["pinned", "another"])
async def test_a_stream_that_somebody_else_has_opened_is_checked_too(leaf: object) -> None:
    async with listening(over_tls(OURS.server(LEAF))) as (host, port):
        transport = await trio.open_tcp_stream(host, port)
        stream = trio.SSLStream(
            transport, OURS.client(), server_hostname=host, https_compatible=True
        )
        options = pinning(fingerprint(LEAF if leaf is LEAF else OTHER))
        if leaf is LEAF:
            async with wrap_stream(stream, options=options) as connection:
                await connection.send_association_request(REQUEST)
        else:
            with pytest.raises(ConnectFailed, match="is not pinned"):
                async with wrap_stream(stream, options=options):
                    raise AssertionError("never here")
            assert transport.socket.fileno() == -1


async def test_the_handshake_of_such_a_stream_has_the_time_of_a_connection(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = memory_link()
    stream = trio.SSLStream(ours, OURS.client(), server_hostname="localhost")
    options = ConnectionOptions(peer_fingerprints=fingerprint(LEAF), timeouts=Timeouts(connect=9))
    with pytest.raises(ConnectTimeout, match="within 9 s"):
        async with wrap_stream(stream, options=options):
            raise AssertionError("never here")
    assert trio.current_time() == 9
    assert await theirs.receive_some()  # our part of the handshake
    assert await theirs.receive_some() == b""


@pytest.mark.parametrize("wrong", ["", "AB:CD", "g" * 64, "a" * 63, "a" * 65, "sha256:" + "a" * 64])
def test_what_is_no_fingerprint_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        pinning(wrong)
