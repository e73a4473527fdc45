"""How far a retrieve is, and what came of it: bars, lines and records."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeAlias

from attrs import define, field
from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trio_dicom import CGetResponse, CMoveResponse, ReceivedInstance
from trio_dicom.cli.output import Output

__all__ = ["Arrived", "Counts", "SubOperationBar"]


Counts: TypeAlias = CGetResponse | CMoveResponse
"""What has the counts of sub-operations."""


@define(eq=False)
class SubOperationBar:
    """How many of the instances were sent, for those who wait at a terminal."""

    _bar: Progress

    @classmethod
    def to(cls, output: Output) -> SubOperationBar:
        """One that shows itself if ``output`` is for somebody at a terminal."""
        return cls(
            Progress(
                TextColumn("instances"),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=output.diagnostics,
                transient=True,
                expand=True,
                disable=not output.shows_progress,
            )
        )

    @contextmanager
    def shown(self) -> Generator[None, None, None]:
        """Show it while the block runs."""
        with self._bar:
            self._bar.add_task("", total=None)
            yield

    def show(self, step: Counts) -> None:
        """The peer says how far it is. Each of its counts may be missing."""
        done = sum(count or 0 for count in (step.completed, step.failed, step.warning))
        total = None if step.remaining is None else done + step.remaining
        for task in self._bar.task_ids:
            self._bar.update(task, completed=done, total=total)


@define(eq=False)
class Arrived:
    """The instances that came here, printed as they come.

    Attributes:
        count: How many there are.
        size: The bytes of their data sets.
    """

    _output: Output
    count: int = field(default=0, init=False)
    size: int = field(default=0, init=False)

    def add(self, instance: ReceivedInstance) -> None:
        """One more, as ``Inbox.report`` tells it."""
        self.count += 1
        self.size += instance.size
        self._output.record(
            path=str(instance.path),
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=instance.sop_instance_uid,
            transfer_syntax=instance.transfer_syntax,
            bytes=instance.size,
        )
        self._output.line(("received  ", "green"), str(instance.path))

    def summary(self, seconds: float | None = None) -> str:
        """All of it in one line.

        Args:
            seconds: How long it took, or None where that says nothing.
        """
        text = f"{self.count} received"
        if self.count:
            text += f": {decimal(self.size)}"
        if self.count and seconds:
            took = f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
            text += f" in {took}, {decimal(int(self.size / seconds))}/s"
        return text
