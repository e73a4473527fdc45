"""What has been checked becomes pydicom's objects, on all its levels.

pydicom would read the items of a sequence by itself, when they are touched, with guesses of its
own: of what is an item, of what has unknown VR, of character sets. So it never gets the bytes of
a sequence, and whatever holds on the top level holds inside of items.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final, cast

from attrs import define, field
from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from trio_dicom._dimse.charsets import codecs_of, defined_terms
from trio_dicom._dimse.headers import (
    DELIMITER_LENGTH,
    HEADERS,
    ITEM_DELIMITER,
    SEQUENCE_DELIMITER,
    UNDEFINED_LENGTH,
    item_header,
)
from trio_dicom._dimse.plain import TAKE_PLAIN, Elements
from trio_dicom._dimse.scan import scan
from trio_dicom._dimse.sequences import check_fragments, check_sequence, encoding_of_item
from trio_dicom._dimse.syntax import Encoding
from trio_dicom._dimse.text import is_extended, plainer
from trio_dicom._dimse.vr import CHARSET_VRS, is_private, private_vr, public_vr
from trio_dicom.errors import PDUError

__all__ = ["Reader", "read_items"]

_ESCAPE: Final = b"\x1b"
_SPECIFIC_CHARACTER_SET: Final = BaseTag(0x0008_0005)
_TELLING: Final = re.compile(rb"[\\\x1b]")  # it is several values, or switches the character set
# Longer values of unknown VR remain what they are, as with pydicom.
_SHORT: Final = 0xFFFE
# A sequence within a value has passed the scan, or is the caller's own.
_DEEPEST: Final = 1 << 16

# A ``Dataset`` while it is made. A dozen of its attributes are set then, and each time pydicom
# looks whether the name is a keyword of its dictionary. None is, and the looking would take as
# long as all the elements. Type checkers cannot see what the three arguments make: a cast.
_DATASET_IN_THE_MAKING: Final = cast(
    "type[Dataset]", type("_DatasetInTheMaking", (Dataset,), {"__setattr__": object.__setattr__})
)


def read_items(data: bytes, encoding: Encoding, charsets: list[str]) -> Sequence:
    """The items of a sequence that lie in ``data``.

    Args:
        data: The value of the sequence, without its delimiter.
        encoding: How its items are laid out.
        charsets: The codecs of text in items that do not declare them.

    Raises:
        PDUError: It is not a sequence of items.
    """
    check_sequence(data, 0, len(data), encoding, nesting=_DEEPEST)
    reader = Reader(data=data, nesting=_DEEPEST, lossless=True)
    items, _ = reader.items(0, len(data), encoding, delimited=False, guessing=False)
    return reader.sequence(items, charsets, depth=1, undefined=False)


@define(eq=False, kw_only=True)
class _Level:
    """A data set or an item: its elements as they are found, its sequences not yet made."""

    encoding: Encoding
    is_open: bool = False
    found: Elements = field(factory=dict[BaseTag, RawDataElement | DataElement])
    sequences: dict[BaseTag, tuple[list[_Level], bool]] = field(
        factory=dict[BaseTag, tuple[list["_Level"], bool]]
    )
    """Their items, and whether their length is undefined."""
    unknown: dict[BaseTag, tuple[int, int]] = field(factory=dict[BaseTag, tuple[int, int]])
    """Where the values of unknown VR begin and end."""


@define(eq=False, kw_only=True)
class Reader:
    """Makes data sets of bytes.

    Attributes:
        data: A data set, inflated.
        nesting: The deepest nesting of sequences, in levels.
        lossless: Leave the declared character sets as they are, known or not.
    """

    data: bytes = field(repr=False)
    nesting: int
    lossless: bool = False

    def data_set(self, encoding: Encoding, fallback: list[str]) -> Dataset:
        """The whole data set; ``fallback`` are the codecs of text if it does not declare them.

        Raises:
            PDUError: It is not what it claims to be.
        """
        level = _Level(encoding=encoding)
        take_plain, position, end = TAKE_PLAIN[encoding], 0, len(self.data)
        while (position := take_plain(self.data, position, end, level.found)) < end:
            # This checks whatever is inside as well.
            tag, vr, start, _, length = next(
                scan(self.data, encoding, nesting=self.nesting, position=position)
            )
            position = self._element(level, tag, vr, start, length, end, guessing=False)
        return self._made(level, fallback, depth=0)

    def items(
        self, position: int, end: int, encoding: Encoding, *, delimited: bool, guessing: bool
    ) -> tuple[list[_Level], int]:
        """The items from ``position`` on, and the position behind them: see ``check_sequence``."""
        levels: list[_Level] = []
        while delimited or position < end:
            tag, length = item_header(self.data, position, encoding)
            position += DELIMITER_LENGTH
            if tag == SEQUENCE_DELIMITER:
                break
            is_open = length == UNDEFINED_LENGTH
            level = _Level(
                encoding=encoding_of_item(self.data, position, encoding) if guessing else encoding,
                is_open=is_open,
            )
            stop = end if is_open else position + length
            position = self._elements(level, position, stop, guessing=guessing)
            levels.append(level)
        return levels, position

    def sequence(
        self, items: list[_Level], charsets: list[str], *, depth: int, undefined: bool
    ) -> Sequence:
        """The data sets of ``items``."""
        made: list[Dataset] = []
        for level in items:
            item = self._made(level, charsets, depth=depth)
            item.is_undefined_length_sequence_item = level.is_open
            made.append(item)
        sequence = Sequence(made)
        sequence.is_undefined_length = undefined
        return sequence

    def _elements(self, level: _Level, position: int, end: int, *, guessing: bool) -> int:
        encoding = level.encoding
        take_plain, header = TAKE_PLAIN[encoding], HEADERS[encoding]
        while (position := take_plain(self.data, position, end, level.found)) < end:
            if level.is_open and item_header(self.data, position, encoding)[0] == ITEM_DELIMITER:
                return position + DELIMITER_LENGTH
            tag, vr, start, length = header(self.data, position)
            position = self._element(level, tag, vr, start, length, end, guessing=guessing)
        return position

    def _element(
        self,
        level: _Level,
        number: int,
        vr: str | None,
        start: int,
        length: int,
        end: int,
        *,
        guessing: bool,
    ) -> int:
        """Puts an element into ``level`` and gives the position behind it."""
        tag, encoding = BaseTag(number), level.encoding
        is_open = length == UNDEFINED_LENGTH
        if vr == "SQ" or (is_open and vr in (None, "UN")):
            items, position = self.items(
                start,
                end if is_open else start + length,
                encoding,
                delimited=is_open,
                guessing=guessing or vr == "UN",
            )
            level.sequences[tag] = items, is_open
            level.found.pop(tag, None)
            return position
        if is_open:
            position = check_fragments(self.data, start, end, number, vr, encoding)
            stop = position - DELIMITER_LENGTH
        else:
            stop = position = start + length
            if vr is None or vr == "UN":
                level.unknown[tag] = start, stop
        # pydicom looks into the private dictionary as well, when it is asked for the VR.
        vr = None if encoding.implicit_vr else vr
        level.found[tag] = RawDataElement(
            tag,
            vr,
            length,
            self.data[start:stop],
            start,
            encoding.implicit_vr,
            encoding.little_endian,
        )
        level.sequences.pop(tag, None)
        return position

    def _made(self, level: _Level, inherited: list[str], *, depth: int) -> Dataset:
        found, encoding = level.found, level.encoding
        charsets = self._charsets(found, inherited)
        for tag, (start, stop) in level.unknown.items():
            self._decide(level, tag, start, stop, depth)
        if is_extended(charsets) and not self.lossless:
            _make_plainer(found, charsets)
        for tag, (items, undefined) in level.sequences.items():
            sequence = self.sequence(items, charsets, depth=depth + 1, undefined=undefined)
            found[tag] = DataElement(
                tag, "SQ", sequence, is_undefined_length=undefined, already_converted=True
            )
        data_set = _DATASET_IN_THE_MAKING(found, parent_encoding=inherited)
        data_set.set_original_encoding(encoding.implicit_vr, encoding.little_endian, charsets)
        data_set.__class__ = Dataset
        return data_set

    def _charsets(self, found: Elements, inherited: list[str]) -> list[str]:
        """The codecs for the text of these elements."""
        declared = found.get(_SPECIFIC_CHARACTER_SET)
        if not isinstance(declared, RawDataElement):  # it is not there
            return inherited
        text = (declared.value or b"").decode("latin-1")
        codecs = codecs_of(text)
        if not self.lossless:
            # pydicom takes what it does not know for the name of a Python codec, when it writes.
            value = defined_terms(text).encode("ascii")
            vr = None if declared.is_implicit_VR else "CS"
            found[_SPECIFIC_CHARACTER_SET] = declared._replace(
                VR=vr, length=len(value), value=value
            )
        return codecs

    def _decide(self, level: _Level, tag: BaseTag, start: int, stop: int, depth: int) -> None:
        """See that pydicom takes no value of unknown VR for a sequence, nor reads one.

        It does with what its dictionaries say. What is a sequence then is made here, and what
        cannot be one remains UN.
        """
        element = level.found.get(tag)
        if not isinstance(element, RawDataElement) or element.VR not in (None, "UN"):
            return
        vr = _vr_of(level.found, tag, stop - start)
        if vr == "SQ":
            encoding = level.encoding
            left = self.nesting - depth
            with suppress(PDUError):
                # What is of unknown VR inside has its own turn.
                check_sequence(
                    self.data, start, stop, encoding, nesting=left, guessing=True, looking=False
                )
                del level.found[tag]
                items, _ = self.items(start, stop, encoding, delimited=False, guessing=True)
                level.sequences[tag] = items, False
                return
            vr = None
        if vr is None:
            level.found[tag] = _unknown(element)


def _make_plainer(found: Elements, charsets: list[str]) -> None:
    """See that pydicom reads all text right that has escape sequences."""
    for tag, element in found.items():
        if isinstance(element, RawDataElement) and _ESCAPE in (element.value or b""):
            data = element.value or b""
            vr = _vr_of(found, tag, len(data)) if element.VR in (None, "UN") else element.VR
            if vr in CHARSET_VRS:
                value = plainer(data, str(vr), charsets)
                found[tag] = element._replace(value=value, length=len(value))


def _vr_of(found: Elements, tag: int, length: int) -> str | None:
    """What pydicom takes an element of unknown VR for; None where it must not look."""
    if not is_private(tag):
        return "UN" if length > _SHORT else public_vr(tag) or "UN"
    creator = found.get(BaseTag(tag & 0xFFFF_0000 | tag >> 8 & 0xFF))
    if not tag & 0xFF00 or not isinstance(creator, RawDataElement):
        return "UN"
    name = creator.value or b""
    if creator.VR not in (None, "LO", "UN") or not name.isascii() or _TELLING.search(name):
        return None  # who that is depends on more than the name
    return private_vr(tag, name.decode("ascii").strip(" \0")) or "UN"


def _unknown(element: RawDataElement) -> DataElement:
    """The element as UN, whatever the dictionaries say."""
    unknown = DataElement(element.tag, "OB", element.value, already_converted=True)
    unknown.VR = "UN"  # asked for at once, pydicom looks into its dictionary
    return unknown
