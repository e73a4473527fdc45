"""What is printed and where: lines for people, JSON Lines for programs, the rest to stderr."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator
from contextlib import contextmanager

from attrs import define, field
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trio_dicom import Instrument, Recording
from trio_dicom.cli.options import OutputOptions
from trio_dicom.cli.recording import RecordedLog, begin_recording
from trio_dicom.cli.streams import Stream, stderr, stdout
from trio_dicom.recording.printable import printable

__all__ = ["Output", "console_on"]


@define(eq=False)
class Output:
    """Where a command says what it did.

    Nothing here raises where it cannot be written: the command is cancelled instead.

    Attributes:
        options: What is to be printed.
        stdout: Standard output, for programs.
        console: Standard output, for people.
        diagnostics: Standard error.
    """

    options: OutputOptions
    stdout: Stream = field(factory=stdout, init=False)
    diagnostics: Console = field(init=False)
    console: Console = field(init=False)
    _is_watched: bool = field(init=False)
    _recording: Recording | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        # On a terminal one console does both, and keeps a progress bar below what is printed.
        # isatty, because FORCE_COLOR makes rich take a pipe for a terminal.
        self._is_watched = stderr().isatty()
        is_one = self.stdout.isatty() and self._is_watched
        self.diagnostics = console_on(stderr(is_output=is_one))
        self.console = self.diagnostics if is_one else console_on(self.stdout)

    @property
    def shows_progress(self) -> bool:
        """Whether somebody looks who would like to see that it goes on."""
        return self._is_watched and not self.options.json and not self.options.verbose

    @property
    def recording(self) -> Recording | None:
        """Where the conversation is recorded, if that was asked for: the same for all of it.

        Raises:
            UsageError: It cannot be.
        """
        if self._recording is None and (begun := begin_recording(self.options)) is not None:
            path, self._recording = begun
            self.note(f"Recording the conversation in {path}.")
        return self._recording

    @property
    def instrument(self) -> Instrument | None:
        """Logs the conversation and records it, if that was asked for.

        Raises:
            UsageError: It cannot be.
        """
        recording = self.recording
        if recording is not None and self.options.verbose:
            return RecordedLog(recording)
        return recording

    def record(self, **fields: object) -> None:
        """Print a JSON object, if that is what was asked for."""
        if self.options.json:
            self.stdout.write(json.dumps(fields) + "\n")
            self.stdout.flush()  # whoever reads it wants it now

    def line(self, *parts: str | tuple[str, str]) -> None:
        """Print a line for people, unless JSON was asked for.

        Args:
            *parts: Text, or text and its style.
        """
        if not self.options.json:
            self.console.print(_assembled(parts), soft_wrap=True)

    def table(self, table: Table) -> None:
        """Print a table for people, unless JSON was asked for."""
        if not self.options.json:
            self.console.print(table)

    def note(self, *parts: str | tuple[str, str]) -> None:
        """Print a diagnostic.

        Args:
            *parts: Text, or text and its style.
        """
        self.diagnostics.print(_assembled(parts), soft_wrap=True)

    @contextmanager
    def logging(self, least: int = logging.WARNING) -> Generator[None, None, None]:
        """Print what the library logs while the block runs.

        Args:
            least: The lowest level that is printed, unless -v asks for everything.
        """
        logger = logging.getLogger("trio_dicom")
        handler = _ConsoleHandler(self.diagnostics)
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if self.options.verbose else least)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)


def console_on(stream: Stream) -> Console:
    """A console that prints as we do.

    Args:
        stream: Where.
    """
    return Console(file=stream.as_file(), highlight=False)


def _assembled(parts: tuple[str | tuple[str, str], ...]) -> Text:
    text = Text()
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        text.append(printable(words), style)
    return text


class _ConsoleHandler(logging.Handler):
    """Prints to a console, which knows how to do that above a progress bar."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        """See ``logging.Handler``."""
        try:
            # A traceback has several lines, which stay lines.
            for line in self.format(record).splitlines():
                self._console.print(Text(printable(line), "dim"), soft_wrap=True)
        except Exception:  # noqa: BLE001 - as every handler: logging must not end the command
            self.handleError(record)
