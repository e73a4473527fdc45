"""TLS: the handshake, the certificates that are pinned, and words for what fails."""

from __future__ import annotations

import ssl
from hashlib import sha256
from typing import TYPE_CHECKING, cast

import trio

from trio_dicom._io.acknowledging import AcknowledgingStream
from trio_dicom.errors import ConnectFailed, ConnectTimeout, LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from trio_dicom._io.transport import NetworkStream

__all__ = [
    "EXPECTED",
    "NO_CERTIFICATE",
    "NO_TLS",
    "advice",
    "check_certificate",
    "refuse_pins_without_tls",
    "shake_hands",
    "tls_failure",
]

# What each side can suspect of the other.
EXPECTED = "it may expect TLS on this port"
NO_TLS = "The peer may not expect TLS on this port"
_NOT_USED = "The peer may not use TLS"
NO_CERTIFICATE = "The peer may require a client certificate that it trusts"

# X509_V_ERR_ of OpenSSL, which Python gives as numbers.
_ON_CERTIFICATES = {
    9: "Its certificate is not valid yet: compare the clocks",
    10: "Its certificate has expired: it needs a new one",
    62: "Check the host name, or say which name its certificate carries",
    64: "Check the host name, or say which name its certificate carries",
    66: "The key of its certificate is too short",
    68: "Its certificate is signed with a hash that is too weak",
}
_NO_VERSION = "The two sides have no version of TLS in common"
_NO_SUITE = "The two sides may have no cipher suite in common"
# By a part of the name that OpenSSL gives to a reason: what that means to the client, and to the
# server. The first that fits counts.
_ON_REASONS = (
    (("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"), _NO_VERSION, _NO_VERSION),
    (
        ("HANDSHAKE_FAILURE", "NO_SHARED_CIPHER"),
        f"{_NO_SUITE}, or the peer requires a client certificate",
        _NO_SUITE,
    ),
    (("NOT_RETURN_A_CERTIFICATE",), "", "It has to show a certificate that we trust"),
    (("UNRECOGNIZED_NAME",), "The peer does not have this host name", ""),
    (
        ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "DECRYPT_ERROR"),
        NO_CERTIFICATE,
        "The peer does not trust our certificate",
    ),
)


async def shake_hands(
    transport: trio.SocketStream, context: ssl.SSLContext, server_hostname: str, peer: str
) -> trio.SSLStream[AcknowledgingStream]:
    """Encrypt ``transport``, as the client. It stays open if that fails.

    Raises:
        ConnectFailed: One of the two sides does not like the other; the cause says why.
    """
    try:
        # https_compatible: peers close without close_notify: an ordinary end of file.
        stream = trio.SSLStream(
            AcknowledgingStream(transport),
            context,
            server_hostname=server_hostname,
            https_compatible=True,
        )
        await stream.do_handshake()
    except ValueError as error:  # such as a name that begins with a dot
        raise ConnectFailed(f"TLS cannot ask for {server_hostname!r}: {error}") from error
    except trio.BrokenResourceError as error:
        raise tls_failure(peer, error.__cause__ or error) from error.__cause__
    return stream


def tls_failure(peer: str, cause: BaseException, *, when: str = "") -> ConnectFailed:
    """The error that says that TLS with ``peer`` failed, and what may help."""
    error = ConnectFailed(f"TLS with {peer} failed{when}: {cause}. {advice(cause)}")
    error.__cause__ = cause
    return error


def advice(cause: BaseException, *, of_client: bool = False) -> str:
    """What may help where TLS with a peer failed.

    Args:
        cause: How it failed.
        of_client: Whether the peer is the client.
    """
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _ON_CERTIFICATES.get(
            cause.verify_code, "Give the authority that signed its certificate"
        )
    reason: str | None = getattr(cause, "reason", None)
    for parts, of_server, words in _ON_REASONS:
        if reason is not None and any(part in reason for part in parts):
            return words if of_client else of_server
    return _NOT_USED if of_client else NO_TLS


def refuse_pins_without_tls(pins: AbstractSet[str], *, is_tls: bool) -> None:
    """See that certificates are not pinned where none is shown.

    Raises:
        LocalProtocolError: They are.
    """
    if pins and not is_tls:
        raise LocalProtocolError(
            "the options pin the certificate of the peer, which shows none unless TLS asks for it: "
            "use TLS that does, or leave peer_fingerprints out"
        )


async def check_certificate(network: NetworkStream, pins: AbstractSet[str], seconds: float) -> None:
    """See that the peer's certificate is one that is pinned, if any is.

    Args:
        network: The stream. Its handshake may be still to come.
        pins: The fingerprints.
        seconds: For the handshake.

    Raises:
        ConnectFailed: The certificate is another one, there is none, or the handshake failed.
        ConnectTimeout: The handshake took too long.
        LocalProtocolError: There is no TLS.
    """
    refuse_pins_without_tls(pins, is_tls=network.is_tls)
    if not pins:
        return
    stream = cast("trio.SSLStream[trio.abc.Stream]", network.stream)
    with trio.move_on_after(seconds) as scope:
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError as error:
            raise tls_failure(network.peer, error.__cause__ or error) from error.__cause__
    if scope.cancelled_caught:
        raise ConnectTimeout(
            f"no TLS connection with {network.peer} within {seconds:g} s", seconds=seconds
        )
    certificate = cast("bytes | None", stream.getpeercert(binary_form=True))
    if certificate is None:
        raise ConnectFailed(f"{network.peer} showed no certificate, and it has to be a pinned one")
    fingerprint = sha256(certificate).hexdigest()
    if fingerprint not in pins:
        raise ConnectFailed(
            f"the certificate of {network.peer} has the SHA-256 fingerprint {fingerprint}, which "
            "is not pinned. It was renewed, or somebody else has answered"
        )
