"""What -v and --record do: the conversation of a command goes into a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from trio_dicom import LoggingInstrument, Recording, Tap
from trio_dicom.cli.exits import UsageError
from trio_dicom.cli.options import OutputOptions

__all__ = ["RecordedLog", "begin_recording"]


def begin_recording(options: OutputOptions) -> tuple[Path, Recording] | None:
    """The file that these options ask for, or None where they ask for none.

    Args:
        options: What is to be printed, and recorded.

    Raises:
        UsageError: The file cannot be made, or is there already.
    """
    path = options.record
    if path is None:
        if not options.verbose:
            if options.record_bytes:
                raise UsageError("--record-bytes means nothing without --record or -v.")
            return None
        # Two commands that begin in one second are two.
        path = Path(f"trio-dicom-{datetime.now(UTC).astimezone():%Y%m%d-%H%M%S-%f}.jsonl")
    try:
        return path, Recording(path, keeps_bytes=options.record_bytes)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be recorded to: {error.strerror}. --record names another file."
        ) from error


class RecordedLog(LoggingInstrument):
    """Logs the conversation, and records it."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._recording = recording

    def tap(self, peer: str, *, is_acceptor: bool) -> Tap | None:
        """See ``Instrument``."""
        return self._recording.tap(peer, is_acceptor=is_acceptor)

    def connect_failed(self, peer: str, error: Exception) -> None:
        """See ``Instrument``."""
        self._recording.connect_failed(peer, error)
