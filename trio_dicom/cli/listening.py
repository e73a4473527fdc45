"""What commands need that listen: an address, certificates, and words for what fails."""

from __future__ import annotations

import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from trio_dicom import Inbox, LocalProtocolError
from trio_dicom.cli.credentials import check_readable
from trio_dicom.cli.encryption import set_floor
from trio_dicom.cli.exits import UsageError
from trio_dicom.cli.options import TlsVersion

__all__ = ["OnExists", "check_directory", "listening_errors", "refuse_options", "server_context"]

OnExists: TypeAlias = Literal["replace", "keep", "rename"]


def server_context(
    cert: Path | None,
    key: Path | None,
    ca: Path | None,
    *,
    prefix: str = "--",
    min_tls: TlsVersion = "1.2",
) -> ssl.SSLContext | None:
    """How to encrypt what peers bring, or None not to.

    Args:
        cert: Our certificate.
        key: Its private key, if it is not in the same file.
        ca: The authorities of which peers must show a certificate, or None to ask for none.
        prefix: What stands before the names of these options.
        min_tls: The oldest version of TLS to speak.

    Raises:
        UsageError: They contradict each other, or a file is not what it should be.
    """
    if cert is None:
        for name, given in (("key", key), ("ca", ca)):
            if given is not None:
                raise UsageError(f"{prefix}{name} means nothing without {prefix}cert.")
        return None
    for name, path in (("cert", cert), ("key", key), ("ca", ca)):
        check_readable(f"{prefix}{name}", path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    set_floor(context, min_tls)
    try:
        context.load_cert_chain(cert, key)
    except ssl.SSLError as error:
        files = f"{cert} and {key}" if key else str(cert)
        raise UsageError(f"{files} hold no certificate and its key: {error}.") from error
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except ssl.SSLError as error:
            raise UsageError(f"{ca} holds no certificates: {error}.") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def refuse_options(why: str, given: Mapping[str, object]) -> None:
    """See that none of these options was given.

    Args:
        why: What is wrong with them.
        given: Their values by their names; None where there is none.

    Raises:
        UsageError: One was.
    """
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"{name} {why}.")


async def check_directory(inbox: Inbox) -> None:
    """Make the directory for what comes.

    Raises:
        UsageError: That cannot be done.
    """
    try:
        await inbox.make_directory()
    except OSError as error:
        raise UsageError(f"--into {inbox.directory} cannot be used: {error.strerror}.") from error


@contextmanager
def listening_errors(option: str, port: int) -> Generator[None, None, None]:
    """Say in a user's words why the beginning of the block failed to listen.

    Args:
        option: The name of the option that says on which port.
        port: That port.

    Raises:
        UsageError: The port is taken or forbidden, or a title is none.
    """
    try:
        yield
    except LocalProtocolError as error:
        raise UsageError(f"{error}.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{option} {port} cannot be listened on: {reason}.") from error
