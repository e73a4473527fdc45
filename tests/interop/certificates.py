"""A certificate authority for one test run, and what either side needs of it."""

from __future__ import annotations

import ssl
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import trustme
from attrs import frozen

from tests.secrecy import register
from trio_dicom.cli.encryption import set_floor

__all__ = ["Certificates", "fingerprint_of", "make_certificates"]


def fingerprint_of(path: Path) -> str:
    """As ``openssl x509 -noout -fingerprint -sha256`` prints it, of the certificate at ``path``."""
    der = ssl.PEM_cert_to_DER_cert(path.read_text())
    return sha256(der).digest().hex(":").upper()


@frozen(kw_only=True)
class Certificates:
    """PEM files of one authority, one server on loopback and one client.

    Attributes:
        ca: The authority's certificate.
        server_cert: The server's certificate, for localhost and 127.0.0.1.
        server_key: Its private key.
        client_cert: The client's certificate.
        client_key: Its private key.
    """

    ca: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path

    def client_context(self, *, with_certificate: bool = True) -> ssl.SSLContext:
        """A client that trusts the authority alone and shows its certificate.

        It offers what the command line does, and so the same with every build of Python.
        """
        context = ssl.create_default_context(cafile=str(self.ca))
        set_floor(context, "1.2")
        if with_certificate:
            context.load_cert_chain(self.client_cert, self.client_key)
        return context

    def server_context(self) -> ssl.SSLContext:
        """A server that asks for a certificate of the same authority; likewise."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.ca))
        set_floor(context, "1.2")
        context.load_cert_chain(self.server_cert, self.server_key)
        context.verify_mode = ssl.CERT_REQUIRED
        return context


def make_certificates(folder: Path, **validity: datetime) -> Certificates:
    """Make an authority and its two certificates, as PEM files in ``folder``.

    Args:
        folder: Where.
        **validity: ``not_before`` and ``not_after`` of the two.
    """
    # RSA, because some DICOM servers have no ciphers for elliptic keys in their TLS profile.
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    keys = trustme.KeyType.RSA
    server = authority.issue_cert("localhost", "127.0.0.1", key_type=keys, **validity)
    client = authority.issue_cert("client.example", key_type=keys, **validity)
    files = Certificates(
        ca=folder / "ca.pem",
        server_cert=folder / "server.pem",
        server_key=folder / "server.key",
        client_cert=folder / "client.pem",
        client_key=folder / "client.key",
    )
    authority.cert_pem.write_to_path(files.ca)
    server.cert_chain_pems[0].write_to_path(files.server_cert)
    server.private_key_pem.write_to_path(files.server_key)
    client.cert_chain_pems[0].write_to_path(files.client_cert)
    client.private_key_pem.write_to_path(files.client_key)
    for key in (files.server_key, files.client_key):
        register(key.read_text().splitlines()[1])
    return files
