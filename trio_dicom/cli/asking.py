"""What ``find`` and ``worklist`` have in common: a query, and its matches on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import trio
from attrs import define, field, frozen
from cyclopts import Group, Parameter
from cyclopts.validators import Number
from pydicom import Dataset
from pydicom.charset import python_encoding

from trio_dicom import (
    CFindResponse,
    EncodedDataSet,
    PDUError,
    PresentationContext,
    TrioDicomError,
)
from trio_dicom.cli.exits import ExitCode, UsageError
from trio_dicom.cli.matches import Column, MatchWriter, writer_of
from trio_dicom.cli.output import Output
from trio_dicom.cli.target import Target
from trio_dicom.cli.words import words_of

__all__ = ["MATCH_OPTIONS", "MatchOptions", "Question"]

_MATCHES: Final = Group("Matches", sort_key=1)
_PENDING_WITHOUT_SOME_KEYS: Final = 0xFF01  # PS3.4 C.4.1.1.4


@Parameter(name="*")
@frozen(kw_only=True)
class MatchOptions:
    """Which matches are printed, and how.

    Attributes:
        limit: Stop after so many matches, and tell the peer so.
        csv: Print comma-separated values, with the attributes' names in the first line.
        charset: The character set of matches that declare none, such as "ISO_IR 100".
    """

    limit: Annotated[int | None, Parameter(group=_MATCHES, validator=Number(gte=1))] = None
    csv: Annotated[bool, Parameter(group=_MATCHES, negative="", show_default=False)] = False
    charset: Annotated[str, Parameter(group=_MATCHES, show_default=False)] = ""

    def check(self, output: Output) -> None:
        """Raise ``UsageError`` where they make no sense."""
        if self.csv and output.options.json:
            raise UsageError("--csv and --json exclude each other.")
        for name in self.charset.split("\\"):
            if name.strip() not in python_encoding:
                raise UsageError(f"--charset: {name!r} is no character set that DICOM has.")


MATCH_OPTIONS: Final = MatchOptions()


@frozen(kw_only=True)
class Question:
    """A query and what to show of its matches.

    Attributes:
        query: The keys.
        contexts: The information models to propose.
        model: The one to ask, or None for the one that fits.
        columns: What to show.
    """

    query: Dataset = field(repr=False)
    contexts: Sequence[PresentationContext]
    model: PresentationContext | None
    columns: Sequence[Column]

    async def ask(self, target: Target, output: Output, options: MatchOptions) -> ExitCode:
        """Ask, and print the matches as they come."""
        await trio.lowlevel.checkpoint()
        with output.logging():
            async with target.associate(self.contexts, instrument=output.instrument) as association:
                writer = writer_of(output, self.columns, as_csv=options.csv)
                printing = _Printing(output, writer, options)
                try:
                    async with association.c_find(self.query, model=self.model) as matches:
                        async for match in matches:
                            printing.show(match)
                            if printing.count == options.limit:
                                break
                except TrioDicomError as error:
                    printing.complain(error)
                finally:
                    writer.finish()  # also when it was interrupted
        return printing.report()


@define(eq=False)
class _Printing:
    _output: Output
    _writer: MatchWriter
    _options: MatchOptions
    count: int = 0
    _is_good: bool = True
    _is_whole: bool = True
    _ignores_keys: bool = False

    def show(self, match: CFindResponse) -> None:
        """Print one, or say why that cannot be."""
        self.count += 1
        self._ignores_keys |= match.status.code == _PENDING_WITHOUT_SOME_KEYS
        try:
            identifier = self._identifier_of(match)
        except PDUError as error:
            self._say(f"match {self.count} cannot be read: {error}")
        else:
            self._writer.add(identifier)

    def _identifier_of(self, match: CFindResponse) -> Dataset:
        data_set = match.data_set
        if isinstance(data_set, EncodedDataSet):
            return data_set.decode(fallback_charset=self._options.charset)
        return match.identifier

    def complain(self, error: TrioDicomError) -> None:
        """Say what ended the query."""
        self._is_whole = False
        self._say(words_of(error))

    def _say(self, what: str) -> None:
        self._is_good = False
        self._writer.finish()  # what came before it stands before it
        self._output.note(("trio-dicom: ", "bold red"), what)

    def report(self) -> ExitCode:
        """Say how it went."""
        if self._ignores_keys:
            self._output.note("The peer does not know some of the keys, and did not match them.")
        if not (self._output.options.json or self._options.csv):
            text = f"{self.count} match" + "es" * (self.count != 1)
            if not self._is_whole:
                text += " before it broke off"
            elif self.count == self._options.limit:
                text += ", and perhaps there are more: --limit"
            self._output.note(text)
        return ExitCode.OK if self._is_good else ExitCode.SOME_FAILED
