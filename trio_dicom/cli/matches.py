"""What a query found, row by row: a table for people, CSV or JSON Lines for programs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any, Final, Protocol

import trio
from attrs import define, field, frozen
from pydicom import Dataset
from pydicom.tag import BaseTag
from rich.cells import cell_len, set_cell_size

from trio_dicom.cli.data_sets import texts_at
from trio_dicom.cli.dicom_json import json_model
from trio_dicom.cli.output import Output
from trio_dicom.cli.tags import vr_of
from trio_dicom.recording.printable import printable

__all__ = ["Column", "MatchWriter", "writer_of"]

# A table begins when so many rows have come or so many seconds have gone: until then they are
# held back, to find out how wide it must be.
_ROWS_HELD: Final = 100
_SECONDS_HELD: Final = 0.5
_WIDEST: Final = 40  # cells of a terminal
_GAP: Final = "  "


@frozen(kw_only=True)
class Column:
    """An attribute that is shown.

    Attributes:
        title: What stands above it in a table.
        name: The way to it, as it is typed.
        path: The tags of that way.
    """

    title: str
    name: str
    path: tuple[BaseTag, ...]


class MatchWriter(Protocol):
    """Prints matches as they come."""

    def add(self, match: Dataset) -> None:
        """Print one, or hold it back for a moment."""
        ...

    def finish(self) -> None:
        """Print what was held back. There are no more."""
        ...


def writer_of(output: Output, columns: Sequence[Column], *, as_csv: bool) -> MatchWriter:
    """The one that was asked for.

    Args:
        output: Where to print.
        columns: What to show; JSON has everything that came.
        as_csv: Whether CSV was asked for.
    """
    if output.options.json:
        return _JSONLines(output)
    return _CSV(output, columns) if as_csv else _Table(output, columns)


@define(eq=False)
class _JSONLines:
    _output: Output

    def add(self, match: Dataset) -> None:
        self._output.record(**json_model(match))

    def finish(self) -> None: ...


@define(eq=False)
class _CSV:
    _output: Output
    _columns: Sequence[Column]
    # Annotated by its type, which csv does not export.
    _writer: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._writer = csv.writer(self._output.stdout, lineterminator="\n")
        self._row([column.name for column in self._columns])

    def add(self, match: Dataset) -> None:
        self._row(texts_at(match, [column.path for column in self._columns]))

    def finish(self) -> None: ...

    def _row(self, cells: Sequence[str]) -> None:
        # Escaped as in a table: one line is one match, and nothing moves a cursor.
        self._writer.writerow([printable(cell) for cell in cells])
        self._output.stdout.flush()


@define(eq=False)
class _Table:
    _output: Output
    _columns: Sequence[Column]
    _held: list[list[str]] = field(factory=list[list[str]], init=False)
    _widths: list[int] | None = field(default=None, init=False)
    _began: float = field(default=0.0, init=False)

    def add(self, match: Dataset) -> None:
        texts = texts_at(match, [column.path for column in self._columns])
        row = [_cell(*it) for it in zip(self._columns, texts, strict=True)]
        if self._widths is not None:
            self._line(row, self._widths)
            return
        now = trio.current_time()
        if not self._held:
            self._began = now
        self._held.append(row)
        if len(self._held) >= _ROWS_HELD or now - self._began >= _SECONDS_HELD:
            self._begin()

    def finish(self) -> None:
        if self._held:
            self._begin()

    def _begin(self) -> None:
        titles = [column.title for column in self._columns]
        widths = [max(map(cell_len, column)) for column in zip(titles, *self._held, strict=True)]
        self._line(titles, widths, style="bold")
        for row in self._held:
            self._line(row, widths)
        self._held, self._widths = [], widths

    def _line(self, row: Sequence[str], widths: Sequence[int], *, style: str = "") -> None:
        # A cell that is wider than those before it pushes the others aside, whole.
        cells = [
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ]
        self._output.line((_GAP.join(cells).rstrip(" "), style))


def _cell(column: Column, text: str) -> str:
    text = printable(text)
    # A UID is there to be copied.
    if vr_of(column.path[-1]) != "UI" and cell_len(text) > _WIDEST:
        text = f"{set_cell_size(text, _WIDEST - 1)}…"
    return text
