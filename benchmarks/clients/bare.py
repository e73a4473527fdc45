"""Bare sockets without any protocol: what the machine can do at best."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

Job = dict[str, Any]

_PIECE = 1024 * 1024


def _connected(job: Job) -> socket.socket:
    connection = socket.create_connection((job["host"], job["port"]))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if job["ca"]:
        context = ssl.create_default_context(cafile=job["ca"])
        return context.wrap_socket(connection, server_hostname=job["host"])
    return connection


def _finish(connection: socket.socket) -> None:
    """Wait until all has arrived."""
    connection.shutdown(socket.SHUT_WR)
    if connection.recv(1) != b"\0":
        raise SystemExit("the sink went away")


def store_memory(job: Job) -> Callable[[], int]:
    """Send what is in memory."""
    contents = [Path(path).read_bytes() for path in job["paths"]]

    def work() -> int:
        with _connected(job) as connection:
            for content in contents:
                view = memoryview(content)
                for start in range(0, len(view), _PIECE):
                    connection.sendall(view[start : start + _PIECE])
            _finish(connection)
        return len(contents)

    return work


def store(job: Job) -> Callable[[], int]:
    """Read files, and send them."""
    buffer = memoryview(bytearray(_PIECE))

    def work() -> int:
        with _connected(job) as connection:
            for path in job["paths"]:
                with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - nothing between
                    while count := file.readinto(buffer):
                        connection.sendall(buffer[:count])
            _finish(connection)
        return len(job["paths"])

    return work


ACTIONS = {"store": store, "store_memory": store_memory}
