"""What one side of a conversation has said, taken apart, and how two such things differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from attrs import define, evolve, field, frozen
from pydicom.uid import UID

from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.message import decode_command
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.data import DataTransfer, PresentationDataValue
from trio_dicom._wire.framing import PDUBuffer
from trio_dicom._wire.pdus import Pdu, decode_body
from trio_dicom._wire.user_items import (
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
)
from trio_dicom.errors import PDUError
from trio_dicom.testing.expecting import differences

__all__ = ["Part", "Said", "Word", "departures", "name_of"]

# Whoever says them may be another version of the program, or in need of more or less at a time.
_OF_NO_ACCOUNT = (ImplementationClassUID, ImplementationVersionName, MaximumLength)


@frozen
class Part:
    """A command set or a data set, in however many fragments it came.

    Attributes:
        context_id: The presentation context.
        is_command: Which of the two it is.
        data: Its bytes.
    """

    context_id: int
    is_command: bool
    data: bytes = field(repr=False)


Word: TypeAlias = Pdu | Part
"""What can be said: a PDU that is no P-DATA-TF, or what such PDUs carry."""


@define(eq=False)
class Said:
    """Takes the bytes of one side.

    Attributes:
        words: What was said, and has ended.
    """

    words: list[Word] = field(factory=list[Word])
    _data: bytearray = field(factory=bytearray, repr=False)
    _buffer: PDUBuffer = field(factory=PDUBuffer.unlimited)

    @property
    def mark(self) -> tuple[int, int]:
        """How far it is: so many words, and so many bytes of the next."""
        return len(self.words), len(self._data)

    def take(self, data: bytes | bytearray | memoryview) -> None:
        """The next bytes.

        Raises:
            PDUError: They are no PDU.
        """
        self._buffer.feed(data)
        while (found := self._buffer.next_pdu()) is not None:
            match decode_body(*found):
                case DataTransfer(pdvs=pdvs):
                    for it in pdvs:
                        self._fragment(it)
                case pdu:
                    self.words.append(pdu)

    def _fragment(self, pdv: PresentationDataValue) -> None:
        self._data += pdv.data
        if pdv.is_last:
            self.words.append(Part(pdv.context_id, pdv.is_command, bytes(self._data)))
            self._data.clear()


def name_of(word: Word) -> str:
    """What it is, in short."""
    if not isinstance(word, Part):
        return type(word).__name__
    if not word.is_command:
        return f"a data set of {len(word.data)} bytes on context {word.context_id}"
    try:
        message = decode_command(word.data).message
    except PDUError as error:
        return f"a broken command set: {error}"
    return f"{type(message).__name__} on context {word.context_id}"


def departures(recorded: Word, now: Word, syntaxes: Mapping[int, UID]) -> list[str]:
    """In what the one differs from the other, a line for each thing; none if that is no matter.

    It is none which implementation somebody is, or how long the PDUs are that he takes.

    Args:
        recorded: What was said once.
        now: What is said now.
        syntaxes: The transfer syntaxes of the contexts.
    """
    if isinstance(recorded, Part) and isinstance(now, Part):
        return _of_parts(recorded, now, syntaxes)
    if type(recorded) is not type(now):
        return _of_names(recorded, now)
    return differences(_of_account(recorded), _of_account(now))


def _of_parts(recorded: Part, now: Part, syntaxes: Mapping[int, UID]) -> list[str]:
    if recorded == now:
        return []
    is_alike = (recorded.context_id, recorded.is_command) == (now.context_id, now.is_command)
    try:
        if is_alike and now.is_command:
            one, other = decode_command(recorded.data), decode_command(now.data)
            if type(one.message) is type(other.message):
                has_data_set = {"has_data_set": one.has_data_set}
                return differences(one.message, other.message) + differences(has_data_set, other)
        elif is_alike and (syntax := syntaxes.get(now.context_id)) is not None:
            one_set, other_set = (EncodedDataSet(it.data, syntax) for it in (recorded, now))
            lines = differences(one_set, other_set, "data_set")
            return lines or ["the same elements, in other bytes"]
    except PDUError:
        pass  # what cannot be understood is told by its name
    return _of_names(recorded, now)


def _of_names(recorded: Word, now: Word) -> list[str]:
    return [f"expected {name_of(recorded)}, but got {name_of(now)}"]


def _of_account(word: Word) -> Word:
    if not isinstance(word, AssociationRequest | AssociationAccept):
        return word
    items = tuple(it for it in word.user_information if not isinstance(it, _OF_NO_ACCOUNT))
    return evolve(word, user_information=items)
