"""Files and directories, and what lies in them: found one after the other, in order."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen
from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]  a PathLike of anything
from pydicom.misc import is_dicom
from pydicom.uid import MediaStorageDirectoryStorage

from trio_dicom.cli.exits import UsageError

__all__ = ["Found", "check_paths", "find", "is_beside_the_point"]


@frozen(kw_only=True)
class Found:
    """A file that may be worth storing.

    Attributes:
        path: Where it is.
        is_named: Whether it was named itself, not found in a directory.
        size: Its length in bytes.
        problem: What the file system has against it, or "".
        is_special: Whether it is no file that one could store: a socket, a dead link.
    """

    path: Path
    is_named: bool = False
    size: int = 0
    problem: str = ""
    is_special: bool = False


def check_paths(paths: Iterable[Path]) -> None:
    """Find out whether there is something at each of ``paths``.

    Raises:
        UsageError: There is not, or there are no paths.
    """
    is_empty = True
    for path in paths:
        is_empty = False
        try:
            path.stat()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageError(f"{path}: {why}.") from error
    if is_empty:
        raise UsageError("PATH is missing: name files or directories.")


def find(paths: Iterable[Path]) -> Iterator[Found]:
    """The files among ``paths`` and in the directories among them, each in order of names.

    Directories are read when their turn comes. Links to directories are followed where they
    are named, and passed over where they are found: they may lead back.
    """
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:  # it was there when the command began
            yield Found(path=path, is_named=True, problem=error.strerror or str(error))
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from _find_within(path)
        elif stat.S_ISREG(status.st_mode):
            yield Found(path=path, is_named=True, size=status.st_size)
        else:
            yield Found(path=path, is_named=True, problem="is no file", is_special=True)


def _find_within(directory: Path) -> Iterator[Found]:
    waiting: list[Iterator[os.DirEntry[str] | Found]] = [_entries(str(directory))]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
        elif isinstance(entry, Found):
            yield entry
        elif entry.is_dir(follow_symlinks=False):
            waiting.append(_entries(entry.path))
        else:
            yield _look_at(entry)


def _entries(directory: str) -> Iterator[os.DirEntry[str] | Found]:
    try:
        with os.scandir(directory) as entries:
            return iter(sorted(entries, key=lambda entry: entry.name))
    except OSError as error:
        return iter([Found(path=Path(directory), problem=error.strerror or str(error))])


def _look_at(entry: os.DirEntry[str]) -> Found:
    path = Path(entry.path)
    try:
        if entry.is_file():
            return Found(path=path, size=entry.stat().st_size)
    except OSError as error:
        return Found(path=path, problem=error.strerror or str(error))
    what = "is a link to a directory" if entry.is_dir() else "is no file"
    return Found(path=path, problem=what, is_special=True)


def is_beside_the_point(path: Path) -> bool:
    """Whether a file that cannot be stored is none that somebody could have meant to store.

    That is what is not DICOM, and a DICOMDIR. A broken DICOM file is not: it may be an
    image that somebody will miss.
    """
    try:
        if not is_dicom(path):
            return True
        head = dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
        named = head.file_meta.get("MediaStorageSOPClassUID")
    except Exception:  # noqa: BLE001 - pydicom raises what it likes about broken files
        return False
    return bool(named == MediaStorageDirectoryStorage)
