"""``trio-dicom trace``: who said what, in a conversation that was recorded."""

from __future__ import annotations

from pathlib import Path

import trio

from trio_dicom.cli.exits import ExitCode, UsageError
from trio_dicom.cli.options import OUTPUT_OPTIONS
from trio_dicom.cli.output import Output
from trio_dicom.recording import read_recording, sequence

__all__ = ["trace"]


async def trace(file: Path, /) -> ExitCode:
    """Show a conversation that -v or --record has recorded, one line for each message.

    A line begins with the number of the association and the seconds since the beginning. What we
    said is behind a >, what the peer said behind a <.

    The exit code is 0; or 2 where the file cannot be read, is no recording, or holds no
    conversation, nor an attempt at one.

    Args:
        file: What was recorded.
    """
    output = Output(OUTPUT_OPTIONS)
    is_empty = True
    try:
        for line in sequence(read_recording(file)):
            is_empty = False
            output.line(line)
            await trio.lowlevel.checkpoint()  # it may be long, and nobody may read it any more
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"{file} is no recording: {error}.") from error
    if is_empty:
        raise UsageError(f"{file} holds no conversation: nobody was called, and nobody has called.")
    await trio.lowlevel.checkpoint()
    return ExitCode.OK
