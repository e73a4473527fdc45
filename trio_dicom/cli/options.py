"""The options that commands share, as values that cyclopts spreads over the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from attrs import frozen
from cyclopts import Group, Parameter

from trio_dicom import ConnectionOptions, Timeouts
from trio_dicom.cli.exits import UsageError

__all__ = [
    "OUTPUT_OPTIONS",
    "PEER_OPTIONS",
    "Attributes",
    "OutputOptions",
    "PeerOptions",
    "TlsVersion",
    "checked_fingerprints",
]

_DEFAULTS: Final = ConnectionOptions()

_OUTPUT: Final = Group("Output", sort_key=2)
_PATIENCE: Final = Group("Patience", sort_key=3)
_TLS: Final = Group("TLS", sort_key=4)
_IDENTITY: Final = Group("User identity", sort_key=5)


def _more_than_nothing(_type: object, seconds: float | None) -> None:
    if seconds is not None and not seconds > 0:
        raise ValueError("It must be more than 0 seconds.")


def _not_negative(_type: object, length: int) -> None:
    if length < 0:
        raise ValueError("it must not be negative.")


def checked_fingerprints(fingerprints: tuple[str, ...]) -> frozenset[str]:
    """What ``--fingerprint`` gives, as the library takes it.

    Raises:
        UsageError: One of them is none.
    """
    try:
        return ConnectionOptions(peer_fingerprints=fingerprints).peer_fingerprints
    except ValueError:
        raise UsageError(
            "--fingerprint takes a SHA-256 fingerprint: 64 hexadecimal digits, as "
            "'openssl x509 -noout -fingerprint -sha256' prints them."
        ) from None


_FLAG = Parameter(negative="", show_default=False)
_SECONDS = Parameter(group=_PATIENCE, validator=_more_than_nothing)

TlsVersion: TypeAlias = Literal["1.2", "1.3"]
"""A version of TLS, as it is typed."""

Attributes: TypeAlias = Annotated[
    tuple[str, ...], Parameter(alias="-k", negative="", show_default=False)
]
"""The texts of ``-k``, for ``keys`` to parse."""


@Parameter(name="*")
@frozen(kw_only=True)
class OutputOptions:
    """What is printed.

    Attributes:
        json: Print one JSON object a line (JSON Lines) on standard output, and nothing else there.
        verbose: Log the conversation to standard error and record it in a file of the current
            directory: no patient data and no passwords.
        record: Record the conversation in this file instead, which must not be there yet. The
            command trace shows it.
        record_bytes: Record every byte as well. The file then holds patients and passwords.
    """

    json: Annotated[bool, Parameter(group=_OUTPUT), _FLAG] = False
    verbose: Annotated[bool, Parameter(alias="-v", group=_OUTPUT), _FLAG] = False
    record: Annotated[Path | None, Parameter(group=_OUTPUT)] = None
    record_bytes: Annotated[bool, Parameter(group=_OUTPUT), _FLAG] = False


@Parameter(name="*")
@frozen(kw_only=True)
class PeerOptions:
    """How to talk to a peer.

    Attributes:
        calling_ae: Our AE title. Many archives want to know it beforehand.
        max_pdu: The longest P-DATA-TF that the peer may send, in bytes; 0 for up to 16 MiB.
        connect_timeout: Seconds for name look-up, TCP and TLS together.
        associate_timeout: Seconds for the answer to the association request.
        idle_timeout: Seconds of the peer's silence that are too many while a request is open.
        timeout: Seconds for one request as a whole. No limit unless given.
        tls: Encrypt with TLS.
        ca: Trust the certificate authorities in this PEM file instead of the system's.
        cert: Our certificate in PEM, for peers that ask for one.
        key: Its private key in PEM, if it is not in the same file.
        no_verify_hostname: Take a certificate that names another host.
        server_name: The name to ask for (SNI) and to look for in the certificate, if it is not
            that of the host.
        min_tls: The oldest version of TLS to speak.
        fingerprint: The SHA-256 fingerprint that the peer's certificate must have besides, in
            hexadecimal. May be given several times, for one of several.
        user: Tell the peer this user name.
        password_file: Send the first line of this file as the user's password.
        allow_plain_password: Send the password without TLS, where anybody can read it.
    """

    calling_ae: Annotated[str, Parameter()] = "TRIO_DICOM"
    max_pdu: Annotated[int, Parameter(validator=_not_negative)] = _DEFAULTS.max_length
    connect_timeout: Annotated[float, _SECONDS] = _DEFAULTS.timeouts.connect
    associate_timeout: Annotated[float, _SECONDS] = _DEFAULTS.timeouts.associate
    idle_timeout: Annotated[float | None, _SECONDS] = _DEFAULTS.timeouts.idle
    timeout: Annotated[float | None, _SECONDS] = _DEFAULTS.timeouts.total
    tls: Annotated[bool, Parameter(group=_TLS), _FLAG] = False
    ca: Annotated[Path | None, Parameter(group=_TLS)] = None
    cert: Annotated[Path | None, Parameter(group=_TLS)] = None
    key: Annotated[Path | None, Parameter(group=_TLS)] = None
    no_verify_hostname: Annotated[bool, Parameter(group=_TLS), _FLAG] = False
    server_name: Annotated[str | None, Parameter(group=_TLS)] = None
    min_tls: Annotated[TlsVersion, Parameter(group=_TLS)] = "1.2"
    fingerprint: Annotated[
        tuple[str, ...], Parameter(group=_TLS, negative="", show_default=False)
    ] = ()
    user: Annotated[str | None, Parameter(group=_IDENTITY)] = None
    password_file: Annotated[Path | None, Parameter(group=_IDENTITY)] = None
    allow_plain_password: Annotated[bool, Parameter(group=_IDENTITY), _FLAG] = False

    def connection_options(self) -> ConnectionOptions:
        """The same as the library takes it."""
        return ConnectionOptions(
            timeouts=Timeouts(
                connect=self.connect_timeout,
                associate=self.associate_timeout,
                idle=self.idle_timeout,
                total=self.timeout,
            ),
            max_length=self.max_pdu,
            allow_plain_password=self.allow_plain_password,
            peer_fingerprints=checked_fingerprints(self.fingerprint),
        )


OUTPUT_OPTIONS: Final = OutputOptions()
"""What holds where the command line says nothing; likewise ``PEER_OPTIONS``."""
PEER_OPTIONS: Final = PeerOptions()
