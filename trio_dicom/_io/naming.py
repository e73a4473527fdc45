"""Giving a complete file its name, in one step, whatever has that name already."""

from __future__ import annotations

import errno
import filecmp
import os
from itertools import count
from pathlib import Path

from trio_dicom.handler import Destination

__all__ = ["give_name"]

# What file systems without hard links say.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV)


def give_name(aside: Path, destination: Destination) -> Path | None:
    """Let the file ``aside`` take its place, as ``Destination.on_exists`` says.

    Returns:
        Where the same bytes lie now, and None where another file keeps the name.

    Raises:
        OSError: The file system refuses.
    """
    path = destination.path
    if destination.on_exists == "replace":
        if not _drop_if_same(aside, path):
            aside.replace(path)
        return path
    for number in count(1):
        if _take_free_name(aside, path):
            return path
        if _drop_if_same(aside, path):
            return path
        if destination.on_exists == "keep":
            aside.unlink()
            return None
        original = destination.path
        path = original.with_name(f"{original.stem}-{number}{original.suffix}")
    raise AssertionError("there is always another number")


def _drop_if_same(aside: Path, path: Path) -> bool:
    """Whether ``path`` has the same bytes; then ``aside`` is gone."""
    try:
        is_same = filecmp.cmp(aside, path, shallow=False)
    except (FileNotFoundError, PermissionError):  # nothing there, or nothing that we may read
        return False
    if is_same:
        aside.unlink()
    return is_same


def _take_free_name(aside: Path, path: Path) -> bool:
    """Whether the name was free; then the file has it."""
    try:
        os.link(aside, path)  # unlike a renaming, it fails where there is something
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):
            return False
        aside.rename(path)
    else:
        aside.unlink()
    return True
