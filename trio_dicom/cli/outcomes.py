"""What became of each file of a store, and of all of them."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Final

from attrs import define, field, frozen
from rich.filesize import decimal

from trio_dicom import Delivery, Status, StatusKind

__all__ = ["Outcome", "Tally", "Verdict"]


class Verdict(Enum):
    """What became of a file, in one word."""

    STORED = "stored"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


_STYLES: Final = {
    Verdict.STORED: "green",
    Verdict.WARNING: "yellow",
    Verdict.FAILED: "bold red",
    Verdict.SKIPPED: "dim",
}
_OF_KINDS: Final = {StatusKind.SUCCESS: Verdict.STORED, StatusKind.WARNING: Verdict.WARNING}
_WIDTH: Final = max(len(verdict.value) for verdict in Verdict)


@frozen(kw_only=True)
class Outcome:
    """What became of one file.

    Attributes:
        path: The file.
        sop_class_uid: What it is an instance of, if that could be read.
        sop_instance_uid: Which instance it is, likewise.
        status: The peer's answer, if there was one.
        error: Why there was none, or what the peer comments on its answer.
        is_skipped: Whether it was passed over because it is not DICOM.
        delivery: How far it got.
        size: The bytes of its data set, if that could be read.
        seconds: How long sending and waiting took, if it was sent.
    """

    path: Path
    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    status: Status | None = None
    error: str | None = None
    is_skipped: bool = False
    delivery: Delivery | None = Delivery.NOT_SENT
    size: int | None = None
    seconds: float | None = None

    @property
    def verdict(self) -> Verdict:
        """What became of it in one word."""
        if self.is_skipped:
            return Verdict.SKIPPED
        if self.status is None:
            return Verdict.FAILED
        return _OF_KINDS.get(self.status.kind, Verdict.FAILED)

    def words(self) -> tuple[tuple[str, str], str]:
        """A line for people: the verdict and its style, then the rest."""
        text = str(self.path)
        if self.status is not None and not self.status.is_success:
            text += f": {self.status}"
        if self.error:
            text += f": {self.error}"
        return (f"{self.verdict.value:<{_WIDTH}}  ", _STYLES[self.verdict]), text

    def fields(self) -> dict[str, object]:
        """An object for programs.

        ``kind`` is that of the status; without one it is ``error`` or ``skipped``.
        """
        status, kind = self.status, "skipped" if self.is_skipped else "error"
        return {
            "path": str(self.path),
            "sop_class_uid": self.sop_class_uid,
            "sop_instance_uid": self.sop_instance_uid,
            "status": None if status is None else status.code,
            "kind": kind if status is None else status.kind.value,
            "meaning": (status and status.meaning) or None,
            "error": self.error,
            "delivery": self.delivery and self.delivery.value,
            "bytes": self.size,
            "seconds": None if self.seconds is None else round(self.seconds, 6),
        }


@define(eq=False)
class Tally:
    """How many of each there were.

    Attributes:
        counts: How many files have each verdict.
        size: The bytes of the data sets that were stored.
    """

    counts: dict[Verdict, int] = field(factory=lambda: dict.fromkeys(Verdict, 0))
    size: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.counts[outcome.verdict] += 1
        if outcome.verdict in (Verdict.STORED, Verdict.WARNING):
            self.size += outcome.size or 0

    @property
    def failed(self) -> int:
        """How many were meant to be stored and are not."""
        return self.counts[Verdict.FAILED]

    @property
    def stored(self) -> int:
        """How many the peer has, with a warning or without."""
        return self.counts[Verdict.STORED] + self.counts[Verdict.WARNING]

    def summary(self, seconds: float) -> str:
        """All of it in one line.

        Args:
            seconds: How long it took.
        """
        text = f"{self.stored} stored"
        if warnings := self.counts[Verdict.WARNING]:
            text += f" ({warnings} with a warning)"
        for verdict in (Verdict.FAILED, Verdict.SKIPPED):
            if count := self.counts[verdict]:
                text += f", {count} {verdict.value}"
        if self.stored and seconds > 0:
            took = f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
            text += f": {decimal(self.size)} in {took}, {decimal(int(self.size / seconds))}/s"
        return text
