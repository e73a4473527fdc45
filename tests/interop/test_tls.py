"""TLS with other people's programs, where it works and where it must not."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import pytest
import trio
from attrs import evolve, frozen

from tests.docs.test_examples import main_of
from tests.interop import peers
from tests.interop.certificates import Certificates, fingerprint_of, make_certificates
from tests.interop.test_receiver import Listening, listening
from tests.io.authorities import EXPIRED
from trio_dicom import ConnectFailed, ConnectionOptions, open_association
from trio_dicom.sop_classes import VERIFICATION

# DCMTK's names for the profiles that it knows: those of today, and retired ones.
TODAY = {"non-downgrading": "+py", "BCP 195": "+px", "extended": "+pz"}
RETIRED = {"AES": "+pa", "unencrypted": "+pn"}

DEFAULT = ssl.create_default_context
MODIFIED = main_of("tls_profile").__globals__["modified_bcp_195"]


@frozen
class Cast:
    """Three authorities, each with a server and a client.

    Attributes:
        good: Whom everybody trusts.
        other: Whom nobody trusts.
        expired: Whose certificates are too old.
    """

    good: Certificates
    other: Certificates
    expired: Certificates


@pytest.fixture(scope="session")
def cast(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Cast:
    return Cast(
        certificates,
        make_certificates(tmp_path_factory.mktemp("other")),
        make_certificates(tmp_path_factory.mktemp("expired"), **EXPIRED),
    )


async def echo(
    peer: peers.Peer, tls: ssl.SSLContext, options: ConnectionOptions | None = None
) -> None:
    async with open_association(
        peer.host,
        peer.port,
        called_ae=peer.ae_title,
        contexts=[VERIFICATION],
        tls=tls,
        options=options,
    ) as association:
        assert (await association.c_echo()).status.is_success


def client(authority: Certificates, shows: Certificates) -> ssl.SSLContext:
    """A client that trusts the one authority and shows a certificate of the other."""
    context = authority.client_context(with_certificate=False)
    context.load_cert_chain(shows.client_cert, shows.client_key)
    return context


@pytest.mark.parametrize("profile", TODAY)
@pytest.mark.parametrize("context", [DEFAULT, MODIFIED], ids=["default", "B.13"])
async def test_storescp_with_each_profile_of_today(
    dcmtk: None, tmp_path: Path, cast: Cast, profile: str, context: type[ssl.SSLContext]
) -> None:
    tls = context(str(cast.good.ca)) if context is MODIFIED else DEFAULT(cafile=cast.good.ca)
    tls.load_cert_chain(cast.good.client_cert, cast.good.client_key)
    async with peers.storescp(tmp_path, TODAY[profile], tls=cast.good) as peer:
        await echo(peer, tls)
        pin = ConnectionOptions(peer_fingerprints=fingerprint_of(cast.good.server_cert))
        await echo(peer, tls, pin)


@pytest.mark.parametrize("profile", RETIRED)
async def test_storescp_with_a_retired_profile_is_refused(
    dcmtk: None, tmp_path: Path, cast: Cast, profile: str
) -> None:
    async with peers.storescp(tmp_path, RETIRED[profile], tls=cast.good) as peer:
        with pytest.raises(ConnectFailed, match="no cipher suite in common"):
            await echo(peer, cast.good.client_context())


async def test_storescp_with_the_aes_profile_gets_in_where_python_was_built_to_let_it(
    dcmtk: None, tmp_path: Path, cast: Cast
) -> None:
    """A context of the caller's is as Python's builder has left it, and we leave it so."""
    tls = DEFAULT(cafile=cast.good.ca)
    tls.load_cert_chain(cast.good.client_cert, cast.good.client_key)
    offers = {it["name"] for it in tls.get_ciphers()}
    async with peers.storescp(tmp_path, RETIRED["AES"], tls=cast.good) as peer:
        if "AES128-SHA" in offers:
            await echo(peer, tls)
        else:
            with pytest.raises(ConnectFailed, match="no cipher suite in common"):
                await echo(peer, tls)
    assert {it["name"] for it in tls.get_ciphers()} == offers


async def test_storescp_with_a_certificate_that_we_refuse(
    dcmtk: None, tmp_path: Path, cast: Cast
) -> None:
    good, other, expired = cast.good, cast.other, cast.expired
    async with peers.storescp(tmp_path, tls=good) as peer:
        with pytest.raises(ConnectFailed, match="Give the authority"):
            await echo(peer, client(other, good))
        pin = ConnectionOptions(peer_fingerprints=fingerprint_of(other.server_cert))
        with pytest.raises(ConnectFailed, match="is not pinned"):
            await echo(peer, good.client_context(), pin)
    async with peers.storescp(tmp_path, tls=expired) as peer:
        with pytest.raises(ConnectFailed, match="has expired"):
            await echo(peer, client(expired, good))
    elsewhere = evolve(good, server_cert=good.client_cert, server_key=good.client_key)
    async with peers.storescp(tmp_path, tls=elsewhere) as peer:
        with pytest.raises(ConnectFailed, match="Check the host name"):
            await echo(peer, good.client_context())
        unchecked = good.client_context()
        unchecked.check_hostname = False
        await echo(peer, unchecked)


@pytest.mark.pitfall(23)
@pytest.mark.parametrize("whose", ["other", "expired", "nobody"])
async def test_storescp_refuses_our_certificate(
    dcmtk: None, tmp_path: Path, cast: Cast, whose: str
) -> None:
    good = cast.good
    # It trusts the authority of what we show, or else it would not look further.
    trusts = evolve(good, ca=cast.expired.ca) if whose == "expired" else good
    shown = {
        "other": client(good, cast.other),
        "expired": client(good, cast.expired),
        "nobody": good.client_context(with_certificate=False),
    }
    async with peers.storescp(tmp_path, tls=trusts) as peer:
        with pytest.raises(ConnectFailed, match=r"TLS .*client certificate") as caught:
            await echo(peer, shown[whose])
    assert isinstance(caught.value.__cause__, ssl.SSLError)


async def test_orthanc_with_tls_and_a_pinned_certificate(tmp_path: Path, cast: Cast) -> None:
    pin = ConnectionOptions(peer_fingerprints=fingerprint_of(cast.good.server_cert))
    async with peers.orthanc(tmp_path, tls=cast.good) as peer:
        await echo(peer, cast.good.client_context(), pin)
        with pytest.raises(ConnectFailed, match="TLS"):
            await echo(peer, client(cast.good, cast.other))


def shows(its: Certificates, authority: Certificates) -> tuple[object, ...]:
    """The options of DCMTK for a client that shows the one and trusts the other."""
    return ("+tls", its.client_key, its.client_cert, "+cf", authority.ca)


@pytest.mark.parametrize("profile", TODAY)
async def test_echoscu_with_each_profile_of_today_gets_in(
    dcmtk: None, tmp_path: Path, cast: Cast, profile: str
) -> None:
    async with listening(tmp_path, tls=cast.good.server_context()) as ours:
        await ours.called_by("echoscu", *shows(cast.good, cast.good), TODAY[profile])


async def refusal(ours: Listening, caplog: pytest.LogCaptureFixture, *options: object) -> str:
    """What we log of an echoscu that does not get in."""
    caplog.clear()
    await ours.called_by("echoscu", *options, code=1)
    with trio.fail_after(5):
        while not caplog.records:
            await trio.testing.wait_all_tasks_blocked(0.01)
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    return record.getMessage()


async def test_an_echoscu_that_does_not_get_in(
    dcmtk: None, tmp_path: Path, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    good, other, expired = cast.good, cast.other, cast.expired
    async with listening(tmp_path, tls=good.server_context()) as ours:
        for profile in RETIRED.values():
            told = await refusal(ours, caplog, *shows(good, good), profile)
            assert "no cipher suite in common" in told
        told = await refusal(ours, caplog, "+tla", "-ic")
        assert "It has to show a certificate" in told
        told = await refusal(ours, caplog, *shows(other, good))
        assert "Give the authority" in told
        told = await refusal(ours, caplog, *shows(good, other))
        assert "does not trust our certificate" in told
        await ours.called_by("echoscu", *shows(good, good))
    trusting = evolve(good, ca=expired.ca).server_context()
    async with listening(tmp_path, tls=trusting) as ours:
        told = await refusal(ours, caplog, *shows(expired, good))
        assert "has expired" in told
    newest = good.server_context()
    newest.minimum_version = ssl.TLSVersion.TLSv1_3
    async with listening(tmp_path, tls=newest) as ours:
        told = await refusal(ours, caplog, *shows(good, good), TODAY["extended"])
        assert "no version of TLS in common" in told
    pin = ConnectionOptions(peer_fingerprints=fingerprint_of(good.server_cert))
    async with listening(tmp_path, tls=good.server_context(), options=pin) as ours:
        told = await refusal(ours, caplog, *shows(good, good))
        assert "is not pinned" in told
