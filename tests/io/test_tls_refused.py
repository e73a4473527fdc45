"""One side does not like the other's certificate, version or cipher suites."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable

import pytest
import trio

from tests.faults.cancelling import in_order_of
from tests.io.authorities import ANY_STRENGTH, EXPIRED, NOT_YET, Authority
from tests.io.loopback import listening, over_tls, refusing_tls
from tests.io.recording import CONTEXTS, REQUEST, Recorder
from trio_dicom import (
    AssociateTimeout,
    ConnectFailed,
    ConnectionLost,
    ConnectionOptions,
    Timeouts,
    open_association,
    wrap_stream,
)

V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

OURS, OTHER = Authority(), Authority()

Server = Callable[[], ssl.SSLContext]
Client = Callable[[], ssl.SSLContext]


def weak(suites: str, most: ssl.TLSVersion = V1_2) -> Server:
    """A server with one weak suite and an RSA key, or with an old version of TLS alone."""

    def context() -> ssl.SSLContext:
        it = OURS.server(OURS.rsa_leaf(2048), suites=f"{suites}:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that is the point
            it.maximum_version = most
        return it

    return context


def picky() -> ssl.SSLContext:
    """A client that wants forward secrecy and authenticated encryption."""
    return OURS.client(suites="ECDHE+AESGCM:ECDHE+CHACHA20")


def asking() -> ssl.SSLContext:
    return OURS.server(asks=True)


SERVERS_THAT_WE_REFUSE: dict[str, tuple[Server, int, str]] = {
    "of another authority": (OTHER.server, 20, "Give the authority"),
    "expired": (lambda: OURS.server(OURS.leaf(**EXPIRED)), 10, "has expired: it needs"),
    "not yet valid": (lambda: OURS.server(OURS.leaf(**NOT_YET)), 9, "compare the clocks"),
    "for another name": (lambda: OURS.server(OURS.leaf("other.example")), 64, "host name"),
    "for another address": (lambda: OURS.server(OURS.leaf("10.0.0.1")), 64, "host name"),
    "with a short key": (
        lambda: OURS.server(OURS.rsa_leaf(1024), suites=ANY_STRENGTH),
        66,
        "key of its certificate is too short",
    ),
}


@pytest.mark.scenario("B10")
@pytest.mark.pitfall(23)
@pytest.mark.parametrize("kind", SERVERS_THAT_WE_REFUSE)
async def test_a_certificate_that_we_do_not_take(kind: str) -> None:
    server, code, words = SERVERS_THAT_WE_REFUSE[kind]
    async with listening(refusing_tls(server())) as (host, port):
        with pytest.raises(ConnectFailed, match=words) as caught:
            async with open_association(host, port, contexts=CONTEXTS, tls=OURS.client()):
                raise AssertionError("never here")
    cause = caught.value.__cause__
    assert isinstance(cause, ssl.SSLCertVerificationError)
    assert cause.verify_code == code


NOTHING_IN_COMMON: dict[str, tuple[Server, Client, str, str]] = {
    "TLS 1.1 alone": (weak("ALL", ssl.TLSVersion.TLSv1_1), OURS.client, "version", "VERSION"),
    "TLS 1.2 where we want 1.3": (
        weak("DEFAULT"),
        lambda: OURS.client(least=V1_3),
        "version",
        "VERSION",
    ),
    **{
        suite: (weak(suite), picky, "cipher suite", "HANDSHAKE_FAILURE")
        for suite in (
            "AES128-SHA",  # static RSA: no forward secrecy
            "AES256-GCM-SHA384",  # likewise
            "ECDHE-RSA-AES128-SHA",  # SHA-1
            "ADH-AES128-SHA256",  # anonymous
            "NULL-SHA256",  # no encryption
            "ECDHE-RSA-NULL-SHA",  # likewise
        )
    },
}


@pytest.mark.scenario("B10")
@pytest.mark.pitfall(23)
@pytest.mark.parametrize("kind", NOTHING_IN_COMMON)
async def test_a_peer_without_a_version_or_suite_that_we_want(kind: str) -> None:
    server, client, words, reason = NOTHING_IN_COMMON[kind]
    async with listening(refusing_tls(server())) as (host, port):
        with pytest.raises(ConnectFailed, match=f"no .*{words}.* in common") as caught:
            async with open_association(host, port, contexts=CONTEXTS, tls=client()):
                raise AssertionError("never here")
    cause = caught.value.__cause__
    assert isinstance(cause, ssl.SSLError)
    assert cause.reason is not None
    assert reason in cause.reason


@pytest.mark.pitfall(23)
@pytest.mark.parametrize("version", [V1_2, V1_3])
@pytest.mark.parametrize(
    ("authority", "validity", "alert"),
    [(OTHER, {}, "UNKNOWN_CA"), (OURS, EXPIRED, "CERTIFICATE_EXPIRED")],
    ids=["of another authority", "expired"],
)
async def test_a_client_certificate_that_the_peer_refuses(
    version: ssl.TLSVersion, authority: Authority, validity: dict[str, object], alert: str
) -> None:
    """With TLS 1.3 our handshake succeeds, and only the first read tells."""
    leaf = authority.leaf("client.example", **validity)
    client = OURS.client(leaf, least=version, most=version)
    recorder = Recorder()
    async with listening(refusing_tls(asking())) as (host, port):
        with pytest.raises(ConnectFailed, match="client certificate that it trusts") as caught:
            async with open_association(
                host, port, contexts=CONTEXTS, tls=client, handler=recorder
            ):
                raise AssertionError("never here")
    cause = caught.value.__cause__
    assert isinstance(cause, ssl.SSLError)
    assert alert in (cause.reason or "")
    assert ("after the handshake" in str(caught.value)) is (version is V1_3)
    assert len(recorder.calls) == (1 if version is V1_3 else 0)


@pytest.mark.pitfall(23)
async def test_a_peer_that_refuses_our_certificate_without_a_word_is_suspected() -> None:
    """As Trio's own servers do: TLS 1.3 lets us believe that all is well, and they hang up."""

    async def refuse(stream: trio.SocketStream) -> None:
        with pytest.raises(trio.BrokenResourceError):
            await trio.SSLStream(stream, asking(), server_side=True).do_handshake()
        await stream.aclose()

    async with listening(refuse) as (host, port):
        with pytest.raises(ConnectionLost, match="may require a client certificate"):
            async with open_association(host, port, contexts=CONTEXTS, tls=OURS.client()):
                raise AssertionError("never here")


@pytest.mark.pitfall(23)
@pytest.mark.parametrize("seed", range(4))
async def test_a_stream_that_shakes_hands_only_when_it_is_used_tells_the_same(seed: int) -> None:
    in_order_of(seed)  # who begins to shake hands: the sender or the listener
    options = ConnectionOptions(timeouts=Timeouts(abort=0.1))
    async with listening(refusing_tls(OTHER.server())) as (host, port):
        transport = await trio.open_tcp_stream(host, port)
        stream = trio.SSLStream(transport, OURS.client(), server_hostname=host)
        with pytest.raises(ConnectFailed, match="Give the authority") as caught:
            async with wrap_stream(stream, options=options) as connection:
                await connection.send_association_request(REQUEST)
    assert "after the handshake" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


@pytest.mark.pitfall(23)
async def test_a_peer_that_says_nothing_on_a_plain_port_may_expect_tls(
    autojump_clock: trio.testing.MockClock,
) -> None:
    options = ConnectionOptions(timeouts=Timeouts(associate=7))
    ours, _theirs = trio.testing.memory_stream_pair()
    async with wrap_stream(ours, options=options) as connection:
        with pytest.raises(AssociateTimeout, match=r"within 7 s: it may expect TLS on this port"):
            await connection.send_association_request(REQUEST)


async def test_without_the_check_of_the_name_the_certificate_is_still_checked() -> None:
    client = OURS.client()
    client.check_hostname = False
    served = OURS.server(OURS.leaf("other.example"))
    async with (
        listening(over_tls(served)) as (host, port),
        open_association(host, port, contexts=CONTEXTS, tls=client) as association,
    ):
        assert (await association.c_echo()).status.is_success
    async with listening(refusing_tls(OTHER.server(OTHER.leaf("other.example")))) as (host, port):
        with pytest.raises(ConnectFailed, match="Give the authority"):
            async with open_association(host, port, contexts=CONTEXTS, tls=client):
                raise AssertionError("never here")


@pytest.mark.parametrize("checks", [True, False])
async def test_the_server_hears_the_name_that_we_are_told_to_ask_for(checks: bool) -> None:
    asked: list[str | None] = []

    def on_name(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        asked.append(name)

    served = OURS.server(OURS.leaf("pacs.example"))
    served.sni_callback = on_name
    client = OURS.client()
    client.check_hostname = checks
    async with (
        listening(over_tls(served)) as (host, port),
        open_association(host, port, contexts=CONTEXTS, tls=client, server_hostname="pacs.example"),
    ):
        pass
    assert asked == ["pacs.example"]


@pytest.mark.parametrize("version", [V1_2, V1_3])
async def test_each_version_of_tls_works_alone(version: ssl.TLSVersion) -> None:
    client = OURS.client(OURS.leaf("client.example"), least=version, most=version)
    async with (
        listening(over_tls(asking())) as (host, port),
        open_association(host, port, contexts=CONTEXTS, tls=client) as association,
    ):
        assert (await association.c_echo()).status.is_success
        stream = association.connection.network_stream.stream
        assert isinstance(stream, trio.SSLStream)
        assert stream.version() == ("TLSv1.2" if version is V1_2 else "TLSv1.3")
