"""A receiver behind TLS: whom it lets in, and what it says of the others."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme
from trio.testing import MockClock

from tests.io.authorities import EXPIRED, Authority, fingerprint
from tests.io.loopback import listening
from tests.operations.calling import CONTEXTS, offer, receiving
from tests.operations.getting import study_query
from trio_dicom import (
    Association,
    AssociationAborted,
    AssociationRejected,
    CEchoRequest,
    CMoveRequest,
    ConnectFailed,
    ConnectionLost,
    ConnectionOptions,
    LocalProtocolError,
    Receiver,
    Timeouts,
    open_association,
    open_receiver,
    propose,
    response_to,
    wrap_stream,
)
from trio_dicom.recording import Recording, read_recording, sequence
from trio_dicom.sop_classes import STUDY_ROOT_MOVE
from trio_dicom.testing import ScriptedPeer, memory_link

OURS, OTHER = Authority(), Authority()
SCANNER = OURS.leaf("scanner.example")


@asynccontextmanager
async def calling(receiver: Receiver, **more: Any) -> AsyncGenerator[Association, None]:
    async with open_association(
        receiver.host, receiver.port, contexts=CONTEXTS, **more
    ) as association:
        yield association


async def said(caplog: pytest.LogCaptureFixture, receiver: Receiver) -> str:
    """What the receiver has logged of the one peer that it did not let in."""
    with trio.fail_after(5):
        while not caplog.records:
            await trio.testing.wait_all_tasks_blocked(0.001)
    (record,) = caplog.records
    assert record.exc_info is None
    assert receiver.associations == 0
    return record.getMessage()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_peer_with_a_certificate_brings_an_instance(
    version: ssl.TLSVersion, tmp_path: Path
) -> None:
    client = OURS.client(SCANNER, least=version, most=version)
    async with (
        open_receiver(into=tmp_path, tls=OURS.server(asks=True)) as receiver,
        calling(receiver, tls=client) as association,
    ):
        assert (await offer(association)).status.is_success


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        (None, "It has to show a certificate that we trust"),
        (OTHER.leaf("scanner.example"), "Give the authority that signed its certificate"),
        (OURS.leaf("scanner.example", **EXPIRED), "Its certificate has expired"),
    ],
    ids=["none", "of another authority", "expired"],
)
async def test_a_peer_without_a_good_certificate_is_not_let_in(
    caplog: pytest.LogCaptureFixture,
    version: ssl.TLSVersion,
    leaf: trustme.LeafCert | None,
    words: str,
) -> None:
    client = OURS.client(leaf, least=version, most=version)
    async with receiving(tls=OURS.server(asks=True)) as receiver:
        with pytest.raises((ConnectFailed, ConnectionLost)):
            async with calling(receiver, tls=client):
                raise AssertionError("never here")
        assert words in await said(caplog, receiver)


@pytest.mark.pitfall(23)
async def test_a_plain_peer_on_the_port_of_a_receiver_with_tls(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with receiving(tls=OURS.server()) as receiver:
        with pytest.raises(ConnectionLost, match="it may expect TLS on this port"):
            async with calling(receiver):
                raise AssertionError("never here")
        assert "The peer may not use TLS" in await said(caplog, receiver)


@pytest.mark.pitfall(23)
async def test_a_peer_with_tls_on_the_port_of_a_plain_receiver(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with receiving() as receiver:
        with pytest.raises(ConnectFailed, match="may not expect TLS on this port"):
            async with calling(receiver, tls=OURS.client()):
                raise AssertionError("never here")
        assert "it began a TLS handshake" in await said(caplog, receiver)


@pytest.mark.pitfall(32)
@pytest.mark.parametrize("every", [None, 5], ids=["silent", "a byte every 5 s"])
async def test_a_peer_that_never_ends_its_handshake_has_the_time_of_artim(
    autojump_clock: MockClock, every: float | None
) -> None:
    ours, theirs = memory_link()
    hello = await client_hello()

    async def trickle() -> None:
        for byte in hello if every is not None else b"":
            await trio.sleep(every or 0)
            await ours.send_all(bytes([byte]))

    options = ConnectionOptions(timeouts=Timeouts(artim=21))
    async with receiving(options=options) as receiver, trio.open_nursery() as nursery:
        nursery.start_soon(trickle)
        await receiver.serve(trio.SSLStream(theirs, OURS.server(), server_side=True))
        assert trio.current_time() == 21
        nursery.cancel_scope.cancel()
    assert await ours.receive_some() == b""


async def test_a_handshake_may_take_longer_than_the_silence_between_two_pdus(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = memory_link()
    options = ConnectionOptions(timeouts=Timeouts(idle=5, artim=21))
    async with receiving(options=options) as receiver, trio.open_nursery() as nursery:
        server = trio.SSLStream(theirs, OURS.server(), server_side=True)
        nursery.start_soon(receiver.serve, server)
        await trio.sleep(12)
        stream = trio.SSLStream(ours, OURS.client(), server_hostname="localhost")
        async with wrap_stream(stream) as connection:
            await connection.send_association_request(propose(contexts=CONTEXTS))
            assert (await connection.ask(CEchoRequest())).status.is_success
            # From here on it is the silence that counts.
            with pytest.raises(AssociationAborted, match="user"):
                await connection.listener.wait()
            assert trio.current_time() == 12 + 5


async def client_hello() -> bytes:
    """The first bytes of a client."""
    came, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = OURS.client().wrap_bio(came, going, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return going.read()


async def test_those_who_stall_in_their_handshake_shut_nobody_out() -> None:
    async with (
        receiving(tls=OURS.server(asks=True), max_associations=1) as receiver,
        trio.open_nursery() as nursery,
    ):
        stalling = [await trio.open_tcp_stream(receiver.host, receiver.port) for _ in range(40)]
        async with calling(receiver, tls=OURS.client(SCANNER)) as association:
            assert (await association.c_echo()).status.is_success
        for stream in stalling:
            nursery.start_soon(stream.aclose)


async def test_only_pinned_certificates_are_let_in(caplog: pytest.LogCaptureFixture) -> None:
    options = ConnectionOptions(peer_fingerprints=fingerprint(SCANNER))
    other = OURS.leaf("other.example")
    async with receiving(tls=OURS.server(asks=True), options=options) as receiver:
        async with calling(receiver, tls=OURS.client(SCANNER)) as association:
            assert (await association.c_echo()).status.is_success
        assert not caplog.records
        with pytest.raises(ConnectionLost, match="may require a client certificate"):
            async with calling(receiver, tls=OURS.client(other)):
                raise AssertionError("never here")
        told = await said(caplog, receiver)
        assert fingerprint(other).replace(":", "").lower() in told
        assert "is not pinned" in told


async def test_who_is_not_pinned_cannot_hold_the_handshake_up(autojump_clock: MockClock) -> None:
    ours, theirs = memory_link()
    options = ConnectionOptions(peer_fingerprints=fingerprint(SCANNER), timeouts=Timeouts(artim=21))
    async with receiving(tls=OURS.server(asks=True), options=options) as receiver:
        await receiver.serve(trio.SSLStream(theirs, OURS.server(asks=True), server_side=True))
    assert trio.current_time() == 21
    assert await ours.receive_some() == b""


async def test_a_plain_stream_is_not_let_in_where_certificates_are_pinned(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = memory_link()
    options = ConnectionOptions(peer_fingerprints=fingerprint(SCANNER))
    async with receiving(tls=OURS.server(asks=True), options=options) as receiver:
        await receiver.serve(theirs)
    assert trio.current_time() == 0
    assert await ours.receive_some() == b""


@pytest.mark.parametrize("tls", [None, OURS.server()], ids=["plain", "asks for none"])
async def test_pins_for_which_tls_does_not_ask_are_refused(tls: ssl.SSLContext | None) -> None:
    options = ConnectionOptions(peer_fingerprints=fingerprint(SCANNER))
    with pytest.raises(LocalProtocolError, match="peer_fingerprints"):
        async with open_receiver(into=None, tls=tls, options=options):
            raise AssertionError("never here")


async def test_a_pin_is_for_the_peer_that_we_call_and_not_for_what_a_c_move_brings(
    tmp_path: Path,
) -> None:
    leaf = OURS.leaf()

    async def archive(stream: trio.SocketStream) -> None:
        tls = trio.SSLStream(stream, OURS.server(leaf), server_side=True, https_compatible=True)
        peer = ScriptedPeer(tls)
        await peer.accept()
        request = await peer.expect_message(CMoveRequest)
        await peer.send_message(response_to(request, 0x0000))
        await peer.serve_until_closed()

    options = ConnectionOptions(peer_fingerprints=fingerprint(leaf))
    contexts = (STUDY_ROOT_MOVE,)
    async with (
        listening(archive) as (host, port),
        open_association(
            host, port, contexts=contexts, tls=OURS.client(), options=options
        ) as association,
        association.c_move(study_query("1.2"), into=tmp_path, receive_port=0) as retrieval,
    ):
        assert (await retrieval.final()).status.is_success


async def test_the_address_of_a_peer_is_known_behind_tls_as_well() -> None:
    tls = OURS.client()
    async with (
        receiving(tls=OURS.server(), max_associations_per_host=1) as receiver,
        calling(receiver, tls=tls) as association,
    ):
        with pytest.raises(AssociationRejected, match="local limit exceeded"):
            async with calling(receiver, tls=tls):
                raise AssertionError
        assert (await association.c_echo()).status.is_success


async def recorded(path: Path, receiver: Receiver) -> list[str]:
    """What a recording shows of the one peer, without its port and the times, when it has gone."""
    with trio.fail_after(5):
        while not (lines := list(sequence(read_recording(path)))) or "closed" not in lines[-1]:
            await trio.testing.wait_all_tasks_blocked(0.001)
    assert receiver.associations == 0
    return [re.sub(r"127.0.0.1:\d+", "PEER", line[16:]).partition(" at 20")[0] for line in lines]


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        (None, "The peer may not use TLS"),
        (OURS.client(None), "It has to show a certificate that we trust"),
        (OURS.client(OTHER.leaf("scanner.example")), "Give the authority that signed"),
    ],
    ids=["plain", "without a certificate", "with another one"],
)
async def test_why_a_peer_was_not_let_in_is_recorded(
    tmp_path: Path, tls: ssl.SSLContext | None, words: str
) -> None:
    path = tmp_path / "trace.jsonl"
    server = OURS.server(asks=True)
    async with receiving(tls=server, instrument=Recording(path)) as receiver:
        with pytest.raises((ConnectFailed, ConnectionLost)):
            async with calling(receiver, tls=tls):
                raise AssertionError("never here")
        connection, why, closed = await recorded(path, receiver)
    print(why)
    assert connection == "< connection      from PEER"
    assert re.match(rf"< reset           \[SSL.*before an association stood. {words}", why)
    assert closed == "> closed"


async def test_that_the_certificate_of_a_peer_is_not_pinned_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    async with receiving(
        tls=OURS.server(asks=True),
        instrument=Recording(path),
        options=ConnectionOptions(peer_fingerprints=[fingerprint(OURS.leaf("other.example"))]),
    ) as receiver:
        with pytest.raises((ConnectFailed, ConnectionLost)):
            async with calling(receiver, tls=OURS.client(SCANNER)):
                raise AssertionError("never here")
        _, why, _ = await recorded(path, receiver)
    assert why.startswith("< reset           the certificate of PEER has the SHA-256 fingerprint")
