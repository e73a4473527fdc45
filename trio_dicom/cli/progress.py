"""A progress bar for those who wait at a terminal."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from attrs import define, field
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from trio_dicom import BaseInstrument, Instrument, Recording, Tap
from trio_dicom.cli.files import Found
from trio_dicom.cli.output import Output

__all__ = ["StoreProgress"]


@define(eq=False)
class StoreProgress:
    """How far a store is: first the look at the files, then their bytes on the wire.

    Attributes:
        files: How many files were found.
        size: Their bytes.
    """

    _looking: Progress
    _sending: Progress
    files: int = field(default=0, init=False)
    size: int = field(default=0, init=False)
    _finished: int = field(default=0, init=False)
    _finished_size: int = field(default=0, init=False)
    _sent: int = field(default=0, init=False)

    @classmethod
    def to(cls, output: Output) -> Self:
        """One that shows itself if ``output`` is for somebody at a terminal."""
        console, disable = output.diagnostics, not output.shows_progress
        return cls(
            Progress(
                SpinnerColumn(),
                TextColumn("looking at {task.completed} files"),
                console=console,
                transient=True,
                disable=disable,
            ),
            Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=console,
                transient=True,
                expand=True,
                disable=disable,
            ),
        )

    def looking(self, found: Iterable[Found]) -> Iterator[Path]:
        """The paths of those that can be looked at, counted on their way."""
        with self._looking as bar:
            task = bar.add_task("", total=None)
            for it in found:
                self.files += 1
                self.size += it.size
                bar.update(task, completed=self.files)
                if not it.problem:
                    yield it.path

    @contextmanager
    def sending(self) -> Generator[None, None, None]:
        """Show how far the sending is while the block runs."""
        with self._sending as bar:
            bar.add_task(f"0 of {self.files}", total=self.size)
            yield

    def finish(self, found: Found) -> None:
        """It is known what became of a file."""
        self._finished += 1
        self._finished_size += found.size
        self._sent = 0
        self._show()

    def sent(self, count: int) -> None:
        """So many bytes more were written."""
        self._sent += count
        self._show()

    def instrument(self, recording: Recording | None) -> Instrument:
        """Counts the bytes on the wire, so that one long file moves the bar, too.

        Args:
            recording: Where the conversation is recorded besides, if it is.
        """
        return _BytesOnTheWire(self, recording)

    def _show(self) -> None:
        for task in self._sending.task_ids:
            self._sending.update(
                task,
                description=f"{self._finished} of {self.files}",
                completed=min(self._finished_size + self._sent, self.size),
            )


@define(eq=False)
class _BytesOnTheWire(BaseInstrument):
    _progress: StoreProgress
    _recording: Recording | None

    def tap(self, peer: str, *, is_acceptor: bool) -> Tap | None:
        if self._recording is None:
            return None
        return self._recording.tap(peer, is_acceptor=is_acceptor)

    def connect_failed(self, peer: str, error: Exception) -> None:
        if self._recording is not None:
            self._recording.connect_failed(peer, error)

    def bytes_sent(self, count: int) -> None:
        self._progress.sent(count)
