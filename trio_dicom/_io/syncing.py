"""Seeing to it that files and their names outlive a crash of the computer."""

from __future__ import annotations

import errno
import os
from pathlib import Path

__all__ = ["make_folder", "sync_name"]

# What file systems say of folders that they cannot write out, because they do that anyway.
_NOT_FOR_FOLDERS = (errno.EINVAL, errno.EBADF)


def make_folder(folder: Path, *, durable: bool) -> None:
    """Make a folder, with those above it, unless it is there.

    Args:
        folder: Its path.
        durable: Whether the names of those that are made are on the disk afterwards.

    Raises:
        OSError: That cannot be done.
    """
    missing = [it for it in (folder, *folder.parents) if not it.exists()] if durable else []
    folder.mkdir(parents=True, exist_ok=True)
    for made in reversed(missing):
        _sync_folder(made.parent)


def sync_name(path: Path) -> None:
    """Return when a file and its name are on the disk.

    Raises:
        OSError: That cannot be done.
    """
    # It need not be the file that we wrote: one with the same bytes may have been there.
    _sync(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in _NOT_FOR_FOLDERS:
            raise


def _sync(path: Path) -> None:
    if os.name == "nt":
        return  # it opens no folders, flushes nothing that is open to be read, and journals names
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
