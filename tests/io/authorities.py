"""Certificates of every kind that should not be taken, and TLS contexts of both sides."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address

import trustme
from attrs import define, field
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

__all__ = ["EXPIRED", "NOT_YET", "Authority", "fingerprint"]

_NOW = datetime.now(tz=UTC)
EXPIRED = {"not_before": _NOW - timedelta(days=30), "not_after": _NOW - timedelta(days=1)}
NOT_YET = {"not_before": _NOW + timedelta(days=1), "not_after": _NOW + timedelta(days=30)}

ANY_STRENGTH = "ALL:@SECLEVEL=0"


@define(eq=False)
class Authority:
    """Signs certificates, with elliptic keys because those are made quickly.

    Attributes:
        ca: Who signs.
    """

    ca: trustme.CA = field(factory=trustme.CA)

    def leaf(self, *names: str, **more: datetime) -> trustme.LeafCert:
        """A certificate for ``names``, loopback if there are none."""
        return self.ca.issue_cert(*(names or ("localhost", "127.0.0.1")), **more)

    def rsa_leaf(self, bits: int) -> trustme.LeafCert:
        """A certificate for loopback with an RSA key of so many bits, however weak."""
        key = rsa.generate_private_key(public_exponent=65_537, key_size=bits)
        signer = serialization.load_pem_private_key(self.ca.private_key_pem.bytes(), None)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(x509.load_pem_x509_certificate(self.ca.cert_pem.bytes()).subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_NOW - timedelta(days=1))
            .not_valid_after(_NOW + timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
                critical=False,
            )
            .sign(signer, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        private = key.private_bytes(
            pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        return trustme.LeafCert(private, certificate.public_bytes(pem), [])

    def server(
        self, leaf: trustme.LeafCert | None = None, *, asks: bool = False, suites: str = ""
    ) -> ssl.SSLContext:
        """The context of a server.

        Args:
            leaf: Its certificate.
            asks: Whether it wants the client's, signed by this authority.
            suites: Its cipher suites, if it is a weak one; with versions of TLS up to 1.2.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if suites:
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(suites)
        (self.leaf() if leaf is None else leaf).configure_cert(context)
        if asks:
            self.ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(
        self,
        leaf: trustme.LeafCert | None = None,
        *,
        least: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
        most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        suites: str = "",
    ) -> ssl.SSLContext:
        """The context of a client that trusts this authority alone.

        Args:
            leaf: The certificate that it shows.
            least: The oldest version of TLS that it speaks.
            most: The newest.
            suites: Its cipher suites with TLS 1.2, if they shall not depend on this Python's build.
        """
        context = ssl.create_default_context(cadata=self.ca.cert_pem.bytes().decode())
        context.minimum_version, context.maximum_version = least, most
        if suites:
            context.set_ciphers(suites)
        if leaf is not None:
            leaf.configure_cert(context)
        return context


def fingerprint(leaf: trustme.LeafCert) -> str:
    """As ``openssl x509 -fingerprint -sha256`` prints it."""
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    return sha256(der).digest().hex(":").upper()
