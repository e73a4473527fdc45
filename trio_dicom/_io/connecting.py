"""From a host name to a stream: TCP, TLS, one deadline for both."""

from __future__ import annotations

import socket
import ssl
from typing import cast

import trio

from trio_dicom._io.acknowledging import AcknowledgingStream
from trio_dicom._io.lifetime import closed_on_failure
from trio_dicom._io.tls import NO_TLS, refuse_pins_without_tls, shake_hands
from trio_dicom._io.transport import set_keepalive
from trio_dicom.errors import ConnectFailed, ConnectTimeout, LocalProtocolError
from trio_dicom.options import ConnectionOptions

__all__ = ["check_port", "connect"]

_LAST_PORT = 65_535


def check_port(port: int, *, least: int = 1) -> None:
    """See that there is such a TCP port: the system takes others modulo 65536.

    Args:
        port: The number.
        least: The smallest that means something.

    Raises:
        LocalProtocolError: There is none.
    """
    if not least <= port <= _LAST_PORT:
        raise LocalProtocolError(f"{port} is no TCP port: it is a number from {least} to 65535")


async def connect(
    host: str,
    port: int,
    *,
    tls: ssl.SSLContext | None,
    server_hostname: str | None,
    options: ConnectionOptions,
) -> trio.abc.Stream:
    """A stream to ``host``, encrypted where ``tls`` is given.

    Raises:
        ConnectFailed: The name, the port or TLS does not work; the cause says why.
        ConnectTimeout: It took longer than ``Timeouts.connect``.
        LocalProtocolError: There is no such port, or a certificate is pinned without TLS.
    """
    check_port(port)
    refuse_pins_without_tls(options.peer_fingerprints, is_tls=tls is not None)
    seconds = options.timeouts.connect
    peer = f"{host}:{port}"
    step = "TCP"
    with trio.move_on_after(seconds):
        stream = await _open_tcp(host, port, options)
        if tls is None:
            return stream
        step = "TLS"
        return await _start_tls(stream, tls, server_hostname or host, peer)
    hint = f". {NO_TLS}" if step == "TLS" else ""
    raise ConnectTimeout(
        f"no {step} connection to {peer} within {seconds:g} s{hint}", seconds=seconds
    )


async def _open_tcp(host: str, port: int, options: ConnectionOptions) -> trio.SocketStream:
    address = _as_address(host, port)
    try:
        if address is None or options.local_address is not None:
            stream = await trio.open_tcp_stream(host, port, local_address=options.local_address)
        else:
            stream = await _open_address(*address)
    except OSError as error:
        raise ConnectFailed(f"could not connect to {host}:{port}: {_words(error)}") from error
    except UnicodeError as error:  # such as a name with two dots in a row
        raise ConnectFailed(f"{host!r} is no host name: {error}") from error
    if options.keepalive is not None:
        try:
            set_keepalive(stream, options.keepalive)
        except OSError as error:
            await trio.aclose_forcefully(stream)
            raise ConnectFailed(f"the system does not take {options.keepalive}: {error}") from error
    return stream


def _as_address(host: str, port: int) -> tuple[socket.AddressFamily, tuple[object, ...]] | None:
    """What ``host`` means if it is the one address; None if it is a name or nothing at all."""
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError):
        return None
    (family, _, _, _, address), *others = found
    return None if others else (family, address)


async def _open_address(
    family: socket.AddressFamily, address: tuple[object, ...]
) -> trio.SocketStream:
    """Connect to the one address there is.

    To let several addresses race, as Trio does, takes a task and a nursery, and those a third
    of the time of a whole association.
    """
    connecting = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        await connecting.connect(address)
    except BaseException:
        connecting.close()
        raise
    return trio.SocketStream(connecting)


async def _start_tls(
    transport: trio.SocketStream, context: ssl.SSLContext, server_hostname: str, peer: str
) -> trio.SSLStream[AcknowledgingStream]:
    async with closed_on_failure(transport):
        return await shake_hands(transport, context, server_hostname, peer)


def _words(error: OSError) -> str:
    """What the operating system says, from inside the group that several addresses make."""
    cause: BaseException | None = error.__cause__
    if not isinstance(cause, BaseExceptionGroup):
        return str(error)
    group = cast("BaseExceptionGroup[BaseException]", cause)
    return "; ".join(dict.fromkeys(str(attempt) for attempt in group.exceptions))
