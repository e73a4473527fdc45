"""What we show to a peer and what we want to see of it: TLS and user identity."""

from __future__ import annotations

import ssl
from pathlib import Path

from trio_dicom import TrioDicomError, UserIdentity, username, username_and_passcode
from trio_dicom.cli.encryption import set_floor
from trio_dicom.cli.exits import UsageError
from trio_dicom.cli.options import PEER_OPTIONS, PeerOptions

__all__ = ["check_readable", "tls_context", "user_identity"]

_LONGEST_LINE = 65_536  # characters: a field of the user identity holds fewer bytes


def tls_context(options: PeerOptions) -> ssl.SSLContext | None:
    """How to encrypt, or None not to.

    Raises:
        UsageError: The options contradict each other, or a file is not what it should be.
    """
    if not options.tls:
        given = {
            "--ca": options.ca,
            "--cert": options.cert,
            "--key": options.key,
            "--no-verify-hostname": options.no_verify_hostname,
            "--server-name": options.server_name,
            "--min-tls": options.min_tls != PEER_OPTIONS.min_tls,
            "--fingerprint": options.fingerprint,
        }
        for option, value in given.items():
            if value:
                raise UsageError(f"{option} means nothing without --tls.")
        return None
    if options.key is not None and options.cert is None:
        raise UsageError("--key needs the certificate that it belongs to: --cert.")
    context = _trusting(options.ca)
    set_floor(context, options.min_tls)
    if options.no_verify_hostname:
        context.check_hostname = False
    if options.cert is not None:
        check_readable("--cert", options.cert)
        check_readable("--key", options.key)
        try:
            context.load_cert_chain(options.cert, options.key)
        except ssl.SSLError as error:
            files = f"{options.cert} and {options.key}" if options.key else str(options.cert)
            raise UsageError(f"{files} hold no certificate and its key: {error}.") from error
    return context


def _trusting(ca: Path | None) -> ssl.SSLContext:
    check_readable("--ca", ca)
    try:
        return ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise UsageError(f"{ca} holds no certificates: {error}.") from error


def check_readable(option: str, path: Path | None) -> None:
    """Raise what ssl would not tell: which file it was."""
    if path is not None:
        try:
            path.open("rb").close()
        except OSError as error:
            raise UsageError(f"{option} {path} cannot be read: {error.strerror}.") from error


def user_identity(options: PeerOptions) -> UserIdentity | None:
    """Who we say we are, or None not to say it. Errors never carry the password.

    Raises:
        UsageError: The options contradict each other or common sense.
    """
    if options.password_file is None:
        if options.user is None:
            return None
        return _identity_of(options.user, None)
    if options.user is None:
        raise UsageError("--password-file needs the user that it belongs to: --user.")
    if not (options.tls or options.allow_plain_password):
        raise UsageError(
            "--password-file needs --tls: without it everybody on the way can read the password. "
            "Say --allow-plain-password if that is what you want."
        )
    return _identity_of(options.user, _first_line(options.password_file))


def _identity_of(user: str, password: str | None) -> UserIdentity:
    try:
        return username(user) if password is None else username_and_passcode(user, password)
    except TrioDicomError as error:
        raise UsageError(f"--user cannot be sent: {error}.") from None


def _first_line(path: Path) -> str:
    try:
        # With utf-8-sig, because some editors begin a file with a byte order mark.
        with path.open(encoding="utf-8-sig") as file:
            line = file.readline(_LONGEST_LINE).rstrip("\r\n")
    except OSError as error:
        raise UsageError(f"--password-file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        # Not from the error: it has the bytes.
        raise UsageError(f"--password-file {path} is no UTF-8 text.") from None
    if not line:
        raise UsageError(f"--password-file {path} has nothing in its first line.")
    return line
