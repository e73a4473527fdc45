"""TLS, users and passwords on the command line."""

from __future__ import annotations

import ssl
from collections.abc import Generator
from pathlib import Path

import pytest
from pynetdicom import evt

from tests.cli.conftest import Command
from tests.interop.certificates import Certificates, fingerprint_of
from tests.interop.pynetdicom_peer import PynetdicomPeer, pynetdicom_peer

PASSWORD = "correct-horse-battery"


@pytest.fixture
def heard() -> list[tuple[object, ...]]:
    """The user identities that came to ``asking``."""
    return []


@pytest.fixture
def asking(heard: list[tuple[object, ...]]) -> Generator[PynetdicomPeer, None, None]:
    """A server that wants to know who calls."""
    with pynetdicom_peer(handlers=[(evt.EVT_USER_ID, _listener(heard))]) as peer:
        yield peer


def _listener(heard: list[tuple[object, ...]]) -> object:
    def on_user_id(event: evt.Event) -> tuple[bool, None]:
        heard.append((event.user_id_type, event.primary_field, event.secondary_field))
        return True, None

    return on_user_id


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password.txt"
    path.write_text(f"{PASSWORD}\nnot this line\n")
    return path


@pytest.fixture
def guarded(
    certificates: Certificates, heard: list[tuple[object, ...]]
) -> Generator[PynetdicomPeer, None, None]:
    """A server with TLS that wants a certificate, and to know who calls."""
    with pynetdicom_peer(
        tls=certificates.server_context(), handlers=[(evt.EVT_USER_ID, _listener(heard))]
    ) as peer:
        yield peer


@pytest.mark.scenario("B65")
async def test_mutual_tls(
    command: Command, guarded: PynetdicomPeer, certificates: Certificates
) -> None:
    it = certificates
    ran = await command(
        *("echo", guarded.address, "--tls"),
        *("--ca", it.ca, "--cert", it.client_cert, "--key", it.client_key),
    )
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.scenario("B10")
async def test_a_server_that_nobody_vouches_for_is_exit_code_3(
    command: Command, guarded: PynetdicomPeer
) -> None:
    ran = await command("echo", guarded.address, "--tls")
    assert ran.code == 3
    assert "certificate verify failed" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.pitfall(23)
async def test_a_missing_client_certificate_is_exit_code_3(
    command: Command, guarded: PynetdicomPeer, certificates: Certificates
) -> None:
    ran = await command("echo", guarded.address, "--tls", "--ca", certificates.ca)
    assert ran.code == 3
    assert "TLS" in ran.err


@pytest.mark.pitfall(23)
async def test_tls_on_a_plain_port_is_exit_code_3(command: Command, peer: PynetdicomPeer) -> None:
    ran = await command("echo", peer.address, "--tls")
    assert ran.code == 3
    assert "TLS" in ran.err


async def test_the_host_name_is_verified_unless_told_otherwise(
    command: Command, tmp_path: Path, certificates: Certificates
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # The client's certificate names client.example, which is not where it is found.
    context.load_cert_chain(certificates.client_cert, certificates.client_key)
    with pynetdicom_peer(tls=context) as peer:
        asked = ("echo", peer.address, "--tls", "--ca", certificates.ca)
        refused = await command(*asked)
        accepted = await command(*asked, "--no-verify-hostname")
    assert refused.code == 3
    assert "IP address mismatch" in refused.err
    assert accepted.code == 0


async def test_the_name_of_a_server_may_be_another_than_that_of_its_host(
    command: Command, certificates: Certificates
) -> None:
    asked: list[str | None] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.client_cert, certificates.client_key)
    context.sni_callback = lambda _, name, __: asked.append(name)
    with pynetdicom_peer(tls=context) as peer:
        named = ("--ca", certificates.ca, "--server-name")
        accepted = await command("echo", peer.address, "--tls", *named, "client.example")
        refused = await command("echo", peer.address, "--tls", *named, "other.example")
    assert (accepted.code, refused.code) == (0, 3)
    assert "Hostname mismatch" in refused.err
    assert asked == ["client.example", "other.example"]


async def test_a_version_of_tls_may_be_too_old(
    command: Command, certificates: Certificates
) -> None:
    context = certificates.server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    it = certificates
    shown = ("--tls", "--ca", it.ca, "--cert", it.client_cert, "--key", it.client_key)
    with pynetdicom_peer(tls=context) as peer:
        accepted = await command("echo", peer.address, *shown)
        refused = await command("echo", peer.address, *shown, "--min-tls", "1.3")
    assert (accepted.code, refused.code) == (0, 3)
    assert "no version of TLS in common" in refused.err


async def test_the_certificate_of_the_server_may_be_pinned(
    command: Command, guarded: PynetdicomPeer, certificates: Certificates
) -> None:
    it = certificates
    shown = ("--tls", "--ca", it.ca, "--cert", it.client_cert, "--key", it.client_key)
    server, client = fingerprint_of(it.server_cert), fingerprint_of(it.client_cert)
    accepted = await command("echo", guarded.address, *shown, "--fingerprint", server)
    either = ("--fingerprint", client, "--fingerprint", server)
    also_accepted = await command("echo", guarded.address, *shown, *either)
    refused = await command("echo", guarded.address, *shown, "--fingerprint", client)
    assert (accepted.code, also_accepted.code, refused.code) == (0, 0, 3)
    assert "is not pinned" in refused.err


async def test_a_certificate_and_its_key_may_lie_in_one_file(
    command: Command, guarded: PynetdicomPeer, certificates: Certificates, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(certificates.client_cert.read_bytes() + certificates.client_key.read_bytes())
    ran = await command("echo", guarded.address, "--tls", "--ca", certificates.ca, "--cert", both)
    assert ran.code == 0


@pytest.mark.scenario("B09")
async def test_a_user_name_needs_no_tls(
    command: Command, asking: PynetdicomPeer, heard: list[tuple[object, ...]]
) -> None:
    ran = await command("echo", asking.address, "--user", "Zoë")
    assert ran.code == 0
    assert heard == [(1, "Zoë".encode(), b"")]


@pytest.mark.scenario("B09", "B64")
async def test_a_password_goes_over_tls_and_is_nowhere_in_the_output(
    command: Command,
    guarded: PynetdicomPeer,
    heard: list[tuple[object, ...]],
    certificates: Certificates,
    password_file: Path,
) -> None:
    it = certificates
    ran = await command(
        *("echo", guarded.address, "-v", "--tls"),
        *("--ca", it.ca, "--cert", it.client_cert, "--key", it.client_key),
        *("--user", "anna", "--password-file", password_file),
    )
    assert ran.code == 0
    assert heard == [(2, b"anna", PASSWORD.encode())]
    assert "UserIdentity" in ran.err
    assert PASSWORD not in ran.out + ran.err


@pytest.mark.scenario("B64")
async def test_a_password_without_tls_is_refused(
    command: Command,
    asking: PynetdicomPeer,
    heard: list[tuple[object, ...]],
    password_file: Path,
) -> None:
    ran = await command("echo", asking.address, "--user", "anna", "--password-file", password_file)
    assert ran.code == 2
    assert "--allow-plain-password" in ran.err
    assert PASSWORD not in ran.err
    assert heard == []


@pytest.mark.scenario("B64")
async def test_a_password_without_tls_goes_out_when_that_is_wanted(
    command: Command,
    asking: PynetdicomPeer,
    heard: list[tuple[object, ...]],
    password_file: Path,
) -> None:
    ran = await command(
        *("echo", asking.address, "-v", "--user", "anna"),
        *("--password-file", password_file, "--allow-plain-password"),
    )
    assert ran.code == 0
    assert heard == [(2, b"anna", PASSWORD.encode())]
    assert PASSWORD not in ran.out + ran.err


@pytest.mark.parametrize(
    "content, password",
    [
        (b"secret", b"secret"),
        (b"secret\r\nmore", b"secret"),
        (b"\xef\xbb\xbfsecret\n", b"secret"),
        (b" spaces stay \n", b" spaces stay "),
        ("pässwörd\n".encode(), "pässwörd".encode()),
    ],
)
async def test_the_password_is_the_first_line_without_its_end(
    command: Command,
    asking: PynetdicomPeer,
    heard: list[tuple[object, ...]],
    tmp_path: Path,
    content: bytes,
    password: bytes,
) -> None:
    path = tmp_path / "password.txt"
    path.write_bytes(content)
    await command(
        *("echo", asking.address, "--user", "anna"),
        *("--password-file", path, "--allow-plain-password"),
    )
    assert heard == [(2, b"anna", password)]


@pytest.mark.parametrize(
    "content, complaint",
    [
        (b"", "nothing in its first line"),
        (b"\nsecret", "nothing in its first line"),
        (b"secret\xff", "no UTF-8 text"),
        (b"secret" * 20_000, "--user cannot be sent"),
        (None, "No such file"),
    ],
)
async def test_a_password_file_without_a_password_is_a_mistake(
    command: Command, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "password.txt"
    if content is not None:
        path.write_bytes(content)
    ran = await command(
        "echo", "A@host", "--user", "anna", "--password-file", path, "--allow-plain-password"
    )
    assert ran.code == 2
    assert complaint in ran.err
    assert "secret" not in ran.err


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["--ca", "ca.pem"], "--ca means nothing without --tls"),
        (["--cert", "a.pem"], "--cert means nothing without --tls"),
        (["--key", "a.key"], "--key means nothing without --tls"),
        (["--no-verify-hostname"], "--no-verify-hostname means nothing without --tls"),
        (["--server-name", "pacs.example"], "--server-name means nothing without --tls"),
        (["--min-tls", "1.3"], "--min-tls means nothing without --tls"),
        (["--fingerprint", "a" * 64], "--fingerprint means nothing without --tls"),
        (["--tls", "--fingerprint", "a" * 40], "64 hexadecimal digits"),
        (["--tls", "--min-tls", "1.1"], "--min-tls"),
        (["--tls", "--key", "a.key"], "--cert"),
        (["--tls", "--ca", "missing.pem"], "--ca missing.pem cannot be read: No such file"),
        (["--tls", "--cert", "missing.pem"], "--cert missing.pem cannot be read"),
        (["--tls", "--ca", __file__], "holds no certificates"),
        (["--tls", "--cert", __file__], "hold no certificate and its key"),
        (["--password-file", "password.txt"], "--user"),
        (["--user", ""], "the user identity is empty"),
    ],
)
async def test_credentials_that_make_no_sense_are_a_mistake(
    command: Command, arguments: list[str], complaint: str
) -> None:
    ran = await command("echo", "ARCHIVE@host", *arguments)
    assert ran.code == 2
    assert complaint in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("arguments", [[f"--password={PASSWORD}"], ["--password", PASSWORD]])
async def test_a_password_on_the_command_line_is_refused_and_not_repeated(
    command: Command, arguments: list[str]
) -> None:
    ran = await command("echo", "ARCHIVE@host", "--user", "anna", *arguments)
    assert ran.code == 2
    assert "--password-file" in ran.err
    assert PASSWORD not in ran.err
