"""Keeping what arrives, for those who look whether it is what was sent."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Keeper"]


class Keeper:
    """Writes the instances of an association into files (PS3.10 7.1), each as it comes.

    Of the file meta information they have what is needed to read them: the SOP Instance UID
    as the command says it, and the transfer syntax as it was agreed on.
    """

    def __init__(self, folder: Path, syntaxes: Mapping[int, bytes]) -> None:
        """Into this folder; the syntaxes are those of the contexts."""
        self._folder = folder
        self._syntaxes = syntaxes
        self._file: int | None = None

    def fragment(self, context: int, instance_uid: bytes, data: bytes, *, last: bool) -> None:
        """Take what comes next."""
        if self._file is None:
            self._file, _ = tempfile.mkstemp(".dcm", dir=self._folder)
            _write(self._file, _head(instance_uid, self._syntaxes[context]))
        _write(self._file, data)
        if last:
            os.close(self._file)
            self._file = None


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _head(instance_uid: bytes, syntax: bytes) -> bytes:
    meta = _uid(0x0003, instance_uid) + _uid(0x0010, syntax)
    length = struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(meta))
    return bytes(128) + b"DICM" + length + meta


def _uid(number: int, value: bytes) -> bytes:
    value = value.rstrip(b"\0")
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HH2sH", 0x0002, number, b"UI", len(value)) + value
