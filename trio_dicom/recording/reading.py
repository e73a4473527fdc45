"""From a file back to what happened."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from trio_dicom.recording.records import Record

__all__ = ["read_recording"]


def read_recording(path: str | PathLike[str]) -> Iterator[Record]:
    """What is in a recording, in the order in which it happened.

    If whoever wrote it was killed, the last line may be cut in the middle. It is left out.

    Args:
        path: The file, of which one line at a time is read.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no recording.
    """
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                record = Record.decode(line)
            except ValueError as error:
                if not line.endswith(b"\n"):
                    return
                raise ValueError(f"line {number}: {error}") from error
            yield record
