"""The heads of files, read from the disk with as few calls into the system as that takes.

Everything here blocks, so it runs in threads. Each call lets go of the interpreter's lock and
has to get it back from whoever runs meanwhile: of many small files that is most of the cost.
"""

from __future__ import annotations

import errno
import os
import stat
from os import PathLike
from typing import Final

from trio_dicom._dimse.part10 import HEAD, LONGEST_HEAD, Head, head_of
from trio_dicom.errors import LocalProtocolError

__all__ = ["look_at"]

_FLAGS: Final[int] = os.O_RDONLY | getattr(os, "O_BINARY", 0)  # which Windows has


def look_at(path: str | PathLike[str], *, whole: int = 0) -> tuple[Head, bytes]:
    """What lies in a file, and the bytes from its beginning that have been read for that.

    Args:
        path: The file.
        whole: Files up to this size, in bytes, are read to their end.

    Raises:
        LocalProtocolError: This is no file to send, and why.
        OSError: It cannot be read.
    """
    name = os.fspath(path)
    beginning, length = _read(name, HEAD, whole)
    head = head_of(beginning, length, name)
    if head is None:
        beginning, length = _read(name, LONGEST_HEAD, whole)
        head = head_of(beginning, length, name)
        assert head is not None  # there are no longer ones
    return head, beginning


def _read(path: str, size: int, whole: int) -> tuple[bytes, int]:
    """The first ``size`` bytes of a file, or all of up to ``whole``, and how long it is."""
    try:
        descriptor = os.open(path, _FLAGS)
    except ValueError as error:  # such as a name with NUL in it
        raise LocalProtocolError(f"{path!r} is no name of a file: {error}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            number = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.ESPIPE
            raise OSError(number, os.strerror(number), path)
        length = status.st_size
        size = length if length <= whole else min(size, length)
        data = os.read(descriptor, size)
        while len(data) < size:
            # A read may return early. What has become shorter since has its end here.
            more = os.read(descriptor, size - len(data))
            if not more:
                return data, len(data)
            data += more
        return data, length
    finally:
        os.close(descriptor)
