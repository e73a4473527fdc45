"""Where other people's programs are, and which ports they can have."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

__all__ = ["HOST", "MissingPeer", "free_port", "program"]

HOST = "127.0.0.1"

# Where Debian puts servers, which are not on every user's path.
_SERVERS = ("/usr/sbin", "/usr/local/sbin")


class MissingPeer(Exception):
    """Somebody who should be measured is not here; the message says why."""


def program(name: str) -> str:
    """The path of a compiled program.

    Raises:
        MissingPeer: There is none.
    """
    # Scripts do not count: pynetdicom installs its own storescu and echoscu, in Python.
    for folder in (*os.get_exec_path(), *_SERVERS):
        path = Path(folder, name)
        if path.is_file() and os.access(path, os.X_OK) and not _is_script(path):
            return str(path)
    raise MissingPeer(f"{name} is not installed")


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def free_port() -> int:
    """A port of loopback on which nobody listens.

    From below the range that systems give to outgoing connections (Linux: 32768 and
    up), so that no client takes it before the server does, and so that polling it
    cannot end in a connection of the socket with itself.
    """
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port
