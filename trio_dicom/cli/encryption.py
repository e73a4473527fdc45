"""What the command line demands of TLS, however this Python and its OpenSSL were built."""

from __future__ import annotations

import ssl
from typing import Final

from trio_dicom.cli.options import TlsVersion

__all__ = ["SUITES", "set_floor"]

# Those of TLS 1.2; with TLS 1.3 OpenSSL's are as good. The best come first, as RFC 9325 4.2 has it.
# Those with CBC and DHE, which it would rather not see, are for peers that have nothing better.
# Python has the same list, but Debian, for one, builds it with OpenSSL's, where some suites have no
# forward secrecy.
SUITES: Final = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-SHA256",
    "DHE-RSA-AES128-SHA256",
)

_VERSIONS: Final[dict[TlsVersion, ssl.TLSVersion]] = {
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}

_SECURITY_LEVEL: Final = 2  # OpenSSL's: no RSA key below 2048 bits, no signature with SHA-1


def set_floor(context: ssl.SSLContext, min_tls: TlsVersion) -> None:
    """Have a context take nothing worse than the command line promises.

    A newer version of TLS or a higher security level that it has, as by the system's policy, stays.

    Args:
        context: Which one.
        min_tls: The oldest version of TLS to speak.
    """
    context.minimum_version = max(context.minimum_version, _VERSIONS[min_tls])
    level = max(context.security_level, _SECURITY_LEVEL)
    context.set_ciphers(":".join((f"@SECLEVEL={level}", *SUITES)))
