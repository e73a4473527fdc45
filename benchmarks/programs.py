"""Where other people's programs are."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["MissingPeer", "program"]

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
