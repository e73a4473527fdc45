"""The command line encrypts alike, however its Python was built and whatever the system allows."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.interop.certificates import Certificates
from tests.interop.pynetdicom_peer import pynetdicom_peer
from trio_dicom.cli.credentials import tls_context
from trio_dicom.cli.encryption import SUITES, set_floor
from trio_dicom.cli.listening import server_context
from trio_dicom.cli.options import PeerOptions

V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

OWN = ssl.create_default_context


def lax(purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH, **files: Any) -> ssl.SSLContext:
    """What Python would give that was built to take whatever OpenSSL has."""
    context = OWN(purpose, **files)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return context


def suites(context: ssl.SSLContext) -> tuple[str, ...]:
    """Its cipher suites for TLS 1.2, the most wanted first."""
    return tuple(it["name"] for it in context.get_ciphers() if it["protocol"] != "TLSv1.3")


def test_a_lax_context_is_raised_to_the_floor() -> None:
    context = lax()
    assert len(suites(context)) > 100
    set_floor(context, "1.2")
    assert (context.minimum_version, context.security_level) == (V1_2, 2)
    assert suites(context) == SUITES
    set_floor(context, "1.3")
    assert context.minimum_version == V1_3


def test_what_a_context_demands_beyond_the_floor_stays() -> None:
    context = OWN()
    context.minimum_version = V1_3
    context.set_ciphers("DEFAULT:@SECLEVEL=3")
    set_floor(context, "1.2")
    assert (context.minimum_version, context.security_level) == (V1_3, 3)


def of_a_client(_: Certificates) -> ssl.SSLContext | None:
    return tls_context(PeerOptions(tls=True))


def of_a_receiver(its: Certificates) -> ssl.SSLContext | None:
    return server_context(its.server_cert, its.server_key, its.ca)


@pytest.mark.parametrize("make", [of_a_client, of_a_receiver])
@pytest.mark.parametrize("python", [OWN, lax], ids=["this", "lax"])
def test_both_sides_have_the_floor(
    monkeypatch: pytest.MonkeyPatch,
    certificates: Certificates,
    make: Callable[[Certificates], ssl.SSLContext | None],
    python: Callable[..., ssl.SSLContext],
) -> None:
    monkeypatch.setattr(ssl, "create_default_context", python)
    context = make(certificates)
    assert context is not None
    assert context.minimum_version == V1_2
    assert suites(context) == SUITES


OF_A_SERVER_THAT_IS_BEHIND = {
    "AES128-SHA": "no forward secrecy",  # all that PS3.15 had as its AES profile once
    "AES256-GCM-SHA384": "no forward secrecy",
    "ECDHE-RSA-AES128-SHA": "SHA-1",
    "ADH-AES128-SHA256": "anonymous",
    "NULL-SHA256": "no encryption",
}


async def test_a_server_that_has_nothing_better_is_exit_code_3(
    monkeypatch: pytest.MonkeyPatch, command: Command, certificates: Certificates
) -> None:
    for suite in OF_A_SERVER_THAT_IS_BEHIND:
        server = lax(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(certificates.server_cert, certificates.server_key)
        server.maximum_version = V1_2
        server.set_ciphers(f"{suite}:@SECLEVEL=0")
        with monkeypatch.context() as patched, pynetdicom_peer(tls=server) as peer:
            patched.setattr(ssl, "create_default_context", lax)
            ran = await command("echo", peer.address, "--tls", "--ca", certificates.ca)
        assert ran.code == 3, suite
        assert "no cipher suite in common" in ran.err, suite
    sys.stdout.write(f"{len(OF_A_SERVER_THAT_IS_BEHIND)} cipher suites\n")
