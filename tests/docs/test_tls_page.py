"""The page about TLS says what is offered, and what the standard's profiles say to it."""

from __future__ import annotations

import csv
import re
import ssl
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.docs.test_examples import main_of
from tests.interop.certificates import Certificates, fingerprint_of, make_certificates
from tests.interop.pynetdicom_peer import pynetdicom_peer
from trio_dicom.cli.credentials import tls_context
from trio_dicom.cli.listening import server_context
from trio_dicom.cli.options import PeerOptions

PAGE = Path(__file__).parents[2] / "docs" / "tls.rst"


def names(text: str) -> list[str]:
    return text.split()


# PS3.15 B.13, in its order. Of the fallbacks it prints one as TLS_DHE_RSA_WITH_AES_256_GCM_CCM_8,
# which does not exist.
TLS_1_3 = names("""
    TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256
    TLS_AES_128_CCM_SHA256 TLS_AES_128_CCM_8_SHA256
""")
PREFERRED = names("""
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
    TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384 TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384
    TLS_ECDHE_ECDSA_WITH_AES_256_CCM TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256
    TLS_ECDHE_ECDSA_WITH_AES_128_CCM TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8
""")
FALLBACK = names("""
    TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 TLS_DHE_RSA_WITH_CAMELLIA_256_GCM_SHA384
    TLS_DHE_RSA_WITH_AES_256_CCM TLS_DHE_RSA_WITH_AES_256_CCM_8
    TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256 TLS_DHE_RSA_WITH_AES_128_GCM_SHA256
    TLS_DHE_RSA_WITH_CAMELLIA_128_GCM_SHA256 TLS_DHE_RSA_WITH_AES_128_CCM
    TLS_DHE_RSA_WITH_AES_128_CCM_8
""")
# RFC 9325 4.2.
RECOMMENDED = names("""
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
""")


def standard_name(name: str) -> str:
    """What the standards call a suite of OpenSSL's."""
    if name.startswith("TLS_"):
        return name
    match = re.fullmatch(
        r"(?P<keys>(?:EC)?DHE-(?:RSA|ECDSA))-"
        r"(?:(?P<aes>AES)(?P<bits>\d+)-(?:(?P<mode>GCM)-)?(?P<hash>SHA\d+)"
        r"|AES(?P<ccm_bits>\d+)-CCM(?P<short>8?)|CHACHA20-POLY1305)",
        name,
    )
    assert match is not None, f"{name} is a suite that nobody has judged yet"
    keys = f"TLS_{match['keys'].replace('-', '_')}_WITH"
    if match["aes"]:
        return f"{keys}_AES_{match['bits']}_{match['mode'] or 'CBC'}_{match['hash']}"
    if match["ccm_bits"]:
        return f"{keys}_AES_{match['ccm_bits']}_CCM{'_8' if match['short'] else ''}"
    return f"{keys}_CHACHA20_POLY1305_SHA256"


def by_bcp_195(suite: str) -> str:
    """What B.12 says, which leaves that to RFC 9325."""
    if suite in RECOMMENDED:
        return "recommended"
    if "_CBC_" in suite or suite.startswith("TLS_DHE_"):
        return "should not"
    return "permitted"


def by_modified_bcp_195(suite: str) -> str:
    """What B.13 says."""
    if suite in (*TLS_1_3, *PREFERRED):
        return "preferred"
    return "fallback" if suite in FALLBACK else "not permitted"


def offered(context: ssl.SSLContext) -> list[str]:
    return [standard_name(it["name"]) for it in context.get_ciphers()]


def rows() -> dict[str, tuple[str, str, str]]:
    """The table of the page: whether the command line offers it, B.12, B.13."""
    text = PAGE.read_text()
    lines = [it.strip() for it in text.splitlines() if it.startswith("   ``TLS_")]
    table = list(csv.reader(lines, skipinitialspace=True))
    return {suite.strip("`"): (yes, one, two) for suite, yes, one, two in table}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(params=["client", "receiver"])
def ours(request: pytest.FixtureRequest, certificates: Certificates) -> ssl.SSLContext:
    """The context of the command line, on either side."""
    if request.param == "client":
        context = tls_context(PeerOptions(tls=True))
    else:
        context = server_context(certificates.server_cert, certificates.server_key, None)
    assert context is not None
    return context


def test_the_page_judges_every_suite_as_the_standard_does() -> None:
    table = rows()
    assert set(table) >= {*TLS_1_3, *PREFERRED, *FALLBACK}
    for suite, (_, one, two) in table.items():
        assert (one, two) == (by_bcp_195(suite), by_modified_bcp_195(suite)), suite
    sys.stdout.write(f"{len(table)} cipher suites\n")


def test_the_page_lists_what_the_command_line_offers(ours: ssl.SSLContext) -> None:
    offers = offered(ours)
    assert {suite for suite, (yes, *_) in rows().items() if yes == "yes"} == set(offers)


def test_what_the_command_line_offers_breaks_no_rule_of_b_12(ours: ssl.SSLContext) -> None:
    assert ours.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert ours.maximum_version == ssl.TLSVersion.MAXIMUM_SUPPORTED
    assert ssl.HAS_TLSv1_3
    assert ssl.OP_NO_COMPRESSION in ours.options
    for suite in ours.get_ciphers():
        assert suite["protocol"] in ("TLSv1.2", "TLSv1.3")
        assert suite["strength_bits"] >= 128
        assert suite["kea"] in ("kx-ecdhe", "kx-dhe", "kx-any")  # with forward secrecy
        assert suite["auth"] not in ("auth-null", "auth-psk")
    assert offered(ours)[: len(RECOMMENDED) + 3][3:] == sorted(
        RECOMMENDED, key=lambda it: ("128" in it, "RSA" in it)
    )  # and those that are recommended come first


def beyond_the_table(suite: Any) -> str | None:
    """With which word the page tells of a suite that is in no profile, or None if it is in one."""
    for sign, word in (("psk", "PSK"), ("srp", "SRP")):
        if sign in suite["kea"]:
            return word
    if suite["digest"] == "sha1":
        return "SHA-1"
    return "RSA" if suite["kea"] == "kx-rsa" else None


@pytest.mark.parametrize("purpose", [ssl.Purpose.SERVER_AUTH, ssl.Purpose.CLIENT_AUTH])
def test_python_by_itself_offers_what_the_page_says_of_its_build(
    purpose: ssl.Purpose, ours: ssl.SSLContext
) -> None:
    """Whose build this is, is not ours to choose: either kind is held to what is said of it."""
    context = ssl.create_default_context(purpose)
    told = PAGE.read_text().partition("What Python offers by itself\n---")[2]
    more = set(map(beyond_the_table, context.get_ciphers()))
    if sysconfig.get_config_var("PY_SSL_DEFAULT_CIPHERS") == 1:
        assert context.get_ciphers() == ours.get_ciphers()
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    else:
        assert all(word in told for word in more if word)
        rest = [it for it in context.get_ciphers() if beyond_the_table(it) is None]
        assert {standard_name(it["name"]) for it in rest} <= set(rows())
    sys.stdout.write(f"{len(context.get_ciphers())} cipher suites: {more}\n")


def test_the_recipe_for_b_13_offers_nothing_else() -> None:
    context: ssl.SSLContext = main_of("tls_profile").__globals__["modified_bcp_195"]()
    verdicts = {by_modified_bcp_195(suite) for suite in offered(context)}
    assert verdicts == {"preferred"}
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.security_level == 2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


async def test_tls_profile_echoes(certificates: Certificates) -> None:
    context = certificates.server_context()
    context.verify_mode = ssl.CERT_NONE
    with pynetdicom_peer(tls=context) as peer:
        said = await main_of("tls_profile")(peer.host, peer.port, str(certificates.ca))
    assert said == "0000H (success)"


async def test_tls_pinned_echoes_at_a_peer_that_has_signed_its_own_certificate(
    tmp_path: Path,
) -> None:
    own = trustme.CA()
    path = tmp_path / "own.pem"
    own.cert_pem.write_to_path(path)
    own.private_key_pem.write_to_path(tmp_path / "own.key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path, tmp_path / "own.key")
    with pynetdicom_peer(tls=context) as peer:
        said = await main_of("tls_pinned")(peer.host, peer.port, str(path), fingerprint_of(path))
    assert said == "0000H (success)"
