"""Who we say we are: it reaches the peer as it is, and nobody else."""

from __future__ import annotations

import logging

import pytest

from tests.interop.certificates import Certificates
from tests.io.loopback import listening, oblige, over_tls
from tests.io.recording import CONTEXTS, Recorder, connected, serve
from trio_dicom import (
    AssociationRejected,
    ConnectionOptions,
    LocalProtocolError,
    LoggingInstrument,
    UserIdentity,
    jwt,
    kerberos,
    open_association,
    propose,
    saml,
    username,
    username_and_passcode,
)
from trio_dicom.lowlevel import UserIdentityAnswer

TICKET = bytes(range(256))

# The identity and the bytes of its item 58H after the header: type, whether an answer is
# wanted, and both fields with their lengths (PS3.7 Table D.3-14).
IDENTITIES = {
    "name": (username("Müller"), b"\x01\0\0\x07M\xc3\xbcller\0\0"),
    "passcode": (username_and_passcode("a", "geheim§"), b"\x02\0\0\x01a\0\x08geheim\xc2\xa7"),
    "ticket": (kerberos(TICKET, positive_response=True), b"\x03\1\x01\0" + TICKET + b"\0\0"),
    "assertion": (saml("<geheim/>"), b"\x04\0\0\x09<geheim/>\0\0"),
    "token": (jwt("geheim.a.b"), b"\x05\0\0\x0ageheim.a.b\0\0"),
}
SECRET = {name: it for name, it in IDENTITIES.items() if name != "name"}
PLAIN = ConnectionOptions(allow_plain_password=True)

by_name = pytest.mark.parametrize("identity, body", IDENTITIES.values(), ids=IDENTITIES)
by_secret = pytest.mark.parametrize("identity, body", SECRET.values(), ids=SECRET)


@pytest.mark.scenario("B09")
@by_name
async def test_an_identity_reaches_the_peer_byte_for_byte(
    identity: UserIdentity, body: bytes
) -> None:
    request = propose(contexts=CONTEXTS, user_identity=identity)
    answer = UserIdentityAnswer(b"\x00server\xff")
    async with connected(options=PLAIN) as (connection, peer, nursery):
        nursery.start_soon(lambda: peer.accept(user_information=[answer]))
        agreed = await connection.send_association_request(request)
        assert agreed.identity_answer == b"\x00server\xff"
        assert b"\x58\0" + len(body).to_bytes(2) + body in peer.received
        assert peer.request == request
        nursery.start_soon(serve, peer)


@pytest.mark.scenario("B09")
async def test_no_answer_to_the_identity_is_none() -> None:
    async with connected(options=PLAIN) as (connection, peer, nursery):
        nursery.start_soon(serve, peer)
        request = propose(contexts=CONTEXTS, user_identity=username("A"))
        agreed = await connection.send_association_request(request)
        assert agreed.identity_answer is None


@pytest.mark.scenario("B09")
@pytest.mark.parametrize("accepts", [True, False])
@by_secret
async def test_a_secret_is_nowhere_to_be_read(
    identity: UserIdentity, body: bytes, accepts: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    recorder = Recorder()
    request = propose(contexts=CONTEXTS, user_identity=identity)
    answer = UserIdentityAnswer(b"geheim")
    said: list[object] = [identity, request, answer]
    instrument = LoggingInstrument()
    async with connected(options=PLAIN, handler=recorder, instrument=instrument) as it:
        connection, peer, nursery = it
        said += [connection, connection.listener, connection.network_stream]
        if accepts:
            nursery.start_soon(lambda: peer.accept(user_information=[answer]))
            said.append(await connection.send_association_request(request))
            nursery.start_soon(serve, peer)
        else:
            nursery.start_soon(peer.reject)
            with pytest.raises(AssociationRejected) as rejected:
                await connection.send_association_request(request)
            said.append(rejected.value)
            said.append(str(rejected.value))
    text = "\n".join([caplog.text, *(repr(it) for it in [*said, *recorder.calls])])
    assert "AssociationRequest" in caplog.text  # the instrument has shown it
    for secret in ("geheim", repr(TICKET)[2:-1], repr(TICKET[32:64])[2:-1], TICKET.hex()):
        assert secret not in text


@pytest.mark.scenario("B64")
@by_secret
async def test_a_secret_is_not_sent_without_tls(identity: UserIdentity, body: bytes) -> None:
    request = propose(contexts=CONTEXTS, user_identity=identity)
    async with connected() as (connection, peer, nursery):
        with pytest.raises(LocalProtocolError, match="without TLS") as caught:
            await connection.send_association_request(request)
        assert "geheim" not in str(caught.value)
        # Nothing went out, so the connection can still ask without the secret.
        nursery.start_soon(serve, peer)
        bare = propose(contexts=CONTEXTS, user_identity=username("a"))
        await connection.send_association_request(bare)
        assert peer.received == bare.encode()


@pytest.mark.scenario("B64")
async def test_a_secret_is_not_sent_without_tls_by_level_2_either() -> None:
    async with listening(oblige) as (host, port):
        identity = username_and_passcode("a", "geheim")
        with pytest.raises(LocalProtocolError, match="without TLS"):
            async with open_association(host, port, contexts=CONTEXTS, user_identity=identity):
                raise AssertionError("never here")


@pytest.mark.scenario("B64")
async def test_a_secret_is_sent_over_tls(certificates: Certificates) -> None:
    identity = username_and_passcode("a", "geheim")
    async with (
        listening(over_tls(certificates.server_context())) as (host, port),
        open_association(
            host,
            port,
            contexts=CONTEXTS,
            user_identity=identity,
            tls=certificates.client_context(),
        ) as association,
    ):
        assert association.negotiated.request.item(UserIdentity) == identity


@pytest.mark.scenario("B64")
async def test_a_name_alone_is_no_secret() -> None:
    request = propose(contexts=CONTEXTS, user_identity=username("a"))
    async with connected() as (connection, peer, nursery):
        nursery.start_soon(serve, peer)
        await connection.send_association_request(request)
        assert peer.request == request
