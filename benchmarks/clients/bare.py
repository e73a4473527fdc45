"""Bare sockets without any protocol: what the machine can do at best."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Job = dict[str, Any]

_PIECE = 1024 * 1024


@contextmanager
def _sending(job: Job) -> Iterator[socket.socket]:
    """A connection on which all of them are to be sent; it ends when they have arrived."""
    length = sum(Path(path).stat().st_size for path in job["paths"])
    with socket.create_connection((job["host"], job["port"])) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if job["ca"]:
            context = ssl.create_default_context(cafile=job["ca"])
            connection = context.wrap_socket(connection, server_hostname=job["host"])
        with connection:
            connection.sendall(struct.pack(">Q", length))
            yield connection
            if connection.recv(1) != b"\0":
                raise SystemExit("the sink went away")


def store_memory(job: Job) -> Callable[[], int]:
    """Send what is in memory."""
    contents = [Path(path).read_bytes() for path in job["paths"]]

    def work() -> int:
        with _sending(job) as connection:
            for content in contents:
                view = memoryview(content)
                for start in range(0, len(view), _PIECE):
                    connection.sendall(view[start : start + _PIECE])
        return len(contents)

    return work


def store(job: Job) -> Callable[[], int]:
    """Read files, and send them."""
    buffer = memoryview(bytearray(_PIECE))

    def work() -> int:
        with _sending(job) as connection:
            for path in job["paths"]:
                with Path(path).open("rb", buffering=0) as file:
                    while count := file.readinto(buffer):
                        connection.sendall(buffer[:count])
        return len(job["paths"])

    return work


ACTIONS = {"store": store, "store_memory": store_memory}
