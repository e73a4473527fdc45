"""From a ``pydicom.Dataset`` to bytes, value by value as it came.

pydicom's own writer decodes and encodes every value when the encoding changes,
leaves the words of OW, OF and their like in the old byte order, and corrects the
caller's elements in place. So what is still raw is moved as bytes here, and
pydicom encodes only what somebody has set or touched, and no text.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from contextlib import suppress
from struct import Struct
from typing import Final, Literal, cast

from attrs import define, field, frozen
from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.fileutil import read_buffer, reset_buffer_position
from pydicom.filewriter import write_data_element
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from trio_dicom._dimse.headers import (
    FORBIDDEN_GROUPS,
    ITEM,
    ITEM_DELIMITER,
    SEQUENCE_DELIMITER,
    UNDEFINED_LENGTH,
    name_of,
)
from trio_dicom._dimse.items import read_items
from trio_dicom._dimse.levels import Level, element_of, is_ascii
from trio_dicom._dimse.sequences import check_fragments, check_sequence
from trio_dicom._dimse.syntax import Encoding
from trio_dicom._dimse.text import decode_text, encode_text
from trio_dicom._dimse.vr import (
    AMBIGUOUS_VRS,
    CHARSET_VRS,
    LONG_VRS,
    PADDED_WITH_SPACE,
    SHORT_VRS,
    WORD_SIZES,
    is_private,
    public_vr,
)
from trio_dicom.errors import LocalProtocolError, PDUError

__all__ = ["NotConvertible", "Writer"]

_LONGEST_SHORT: Final = 65_534  # bytes, the even ones that 16 bits can count
_LONGEST: Final = 0xFFFF_FFFE
_NO_ELEMENT: Final = (b"", b"", b"")
_LONG: Final = 1 << 20  # bytes of a value that is not worth a copy
_WORD_CODES: Final = {2: "H", 4: "I", 8: "Q"}
_ITEM_BEGINS: Final = b"\xfe\xff\x00\xe0"
_PIXEL_DATA: Final = 0x7FE0_0010
_WORD_BITS: Final = 16
_DEEPEST: Final = 1 << 16


class NotConvertible(ValueError):
    """These data cannot go into that transfer syntax with every value preserved."""


@frozen
class _Value:
    """An element's value, encoded for the target.

    Attributes:
        vr: Its unambiguous VR.
        data: Its bytes, without a delimiter.
        undefined: Its length is not written, a delimiter is.
    """

    vr: str
    data: bytes = field(repr=False)
    undefined: bool = False


@define(eq=False, kw_only=True)
class Writer:
    """Writes data sets into one encoding.

    Attributes:
        target: How the elements shall lie.
        fragments: Whether pixel data must (True) or must not (False) be encapsulated,
            or may be either (None).
        source_little_endian: The byte order of decoded binary values, which pydicom
            keeps as the bytes that they were read as.
        verbatim: Whether a sequence that already is in the target encoding goes out
            as it is.
    """

    target: Encoding
    fragments: bool | None
    source_little_endian: bool
    verbatim: bool

    def data_set(self, data_set: Dataset) -> list[bytes]:
        """All elements of ``data_set``, and those of its sequences, in pieces.

        A value that is long, as an image is, is a piece of its own: the very bytes that the
        data set has, where they need not change.

        Raises:
            NotConvertible: A value cannot be preserved.
            LocalProtocolError: An element has no place in a data set, or its value
                none in its VR.
        """
        return _joined(self._level(Level(data_set, None)))

    def _level(self, level: Level) -> list[bytes]:
        parts: list[bytes] = []
        group_lengths: dict[int, int] = {}
        group_sizes: dict[int, int] = {}
        for tag in sorted(level.data_set.keys()):
            group = tag >> 16
            if group in FORBIDDEN_GROUPS:
                raise LocalProtocolError(f"{name_of(tag)} has no place in a data set")
            if tag & 0xFFFF == 0:
                # Other encodings have other lengths, so it is counted anew (PS3.5 7.2).
                group_lengths[group] = len(parts)
                parts += _NO_ELEMENT
                continue
            element = element_of(level.data_set, tag)
            assert element is not None
            if isinstance(element, RawDataElement):
                value = self._raw(level, element)
            else:
                value = self._decoded(level, element)
            header, data, delimiter = element_parts = self._with_header(tag, value)
            parts += element_parts
            length = len(header) + len(data) + len(delimiter)
            group_sizes[group] = group_sizes.get(group, 0) + length
        for group, index in group_lengths.items():
            size = group_sizes.get(group, 0).to_bytes(4, self._order)
            parts[index : index + 3] = self._with_header(group << 16, _Value("UL", size))
        return parts

    def _raw(self, level: Level, element: RawDataElement) -> _Value:
        """A value that nobody has touched since it was read."""
        tag, data = int(element.tag), element.value or b""
        source = Encoding(element.is_implicit_VR, element.is_little_endian)
        vr = element.VR or level.vr_of(tag, data)
        undefined = element.length == UNDEFINED_LENGTH
        if vr == "SQ":
            if source == self.target and self.verbatim and not level.charset_changed:
                return _Value(vr, data, undefined)
            return _Value(vr, self._raw_items(level, element, source, data), undefined)
        if undefined or self._wants_fragments(level, tag):
            return self._fragments(tag, vr, data)
        if level.charset_changed and vr in CHARSET_VRS and not is_ascii(data):
            # The caller has declared another character set: pydicom knows both.
            return _Value(vr, self._encoded(level, tag, vr, level.text_of(element, vr)))
        if source.little_endian != self.target.little_endian:
            guessed = element.VR is None and is_private(tag)
            data = self._swapped(level, tag, "UN" if guessed and vr in WORD_SIZES else vr, data)
        return _Value(vr, data)

    def _decoded(self, level: Level, element: DataElement) -> _Value:
        """A value that somebody has set or looked at."""
        tag, vr = int(element.tag), str(element.VR)
        if vr == "SQ":
            items = b"".join(self._item(level, item) for item in element.value or ())
            return _Value(vr, items, element.is_undefined_length)
        value: object = element.value
        if element.is_buffered:
            with reset_buffer_position(element.value):
                value = b"".join(read_buffer(element.value))
        if not isinstance(value, bytes):
            vr = level.unambiguous(tag, vr, 0) if vr in AMBIGUOUS_VRS else vr
            return _Value(vr, self._encoded(level, tag, vr, value))
        if element.is_undefined_length or self._wants_fragments(level, tag):
            return self._fragments(tag, "OB" if vr in AMBIGUOUS_VRS else vr, value)
        if vr in AMBIGUOUS_VRS:
            vr = level.unambiguous(tag, vr, len(value))
        if self.source_little_endian != self.target.little_endian:
            value = self._swapped(level, tag, vr, value)
        return _Value(vr, value)

    def _encoded(self, level: Level, tag: int, vr: str, value: object) -> bytes:
        """A Python value in bytes, by pydicom where it is no text."""
        try:
            if vr in CHARSET_VRS:
                data = _text_in_bytes(value, vr, level.charset)
            else:
                data = self._by_pydicom(tag, vr, value, level.charset)
        except Exception:  # noqa: BLE001 - values are whatever the caller has put there
            # Not from the error: it has the value, and tracebacks end in logs.
            raise LocalProtocolError(f"{name_of(tag)} has a value that {vr} cannot hold") from None
        if data is None:
            raise LocalProtocolError(
                f"{name_of(tag)} has characters that the data set's Specific Character Set lacks"
            )
        return data

    def _by_pydicom(self, tag: int, vr: str, value: object, charset: list[str]) -> bytes:
        buffer = DicomBytesIO()
        # In implicit VR every header has the same eight bytes, whatever the value.
        buffer.is_implicit_VR, buffer.is_little_endian = True, self.target.little_endian
        words = "US" if vr == "OW" else vr  # a look-up table as a list of numbers
        element = DataElement(tag, words, value, already_converted=True)
        write_data_element(buffer, element, charset)
        return buffer.getvalue()[8:]

    def _swapped(self, level: Level, tag: int, vr: str, data: bytes) -> bytes:
        """``data`` in the other byte order, word by word (PS3.5 7.3)."""
        if vr == "UN" and data:
            raise NotConvertible(f"nobody knows the byte order of the words in {name_of(tag)}")
        size = WORD_SIZES.get(vr)
        if size is None:
            return data
        if len(data) % size:
            raise NotConvertible(f"{name_of(tag)} is no whole number of {vr} words")
        if vr == "OW" and (level.bits_of_samples(tag) or 0) > _WORD_BITS:
            # Some swap the two words of a sample as well, some do not: either
            # way half of the readers would see other values.
            raise NotConvertible(f"the samples of {name_of(tag)} are longer than a word")
        words = array(_WORD_CODES[size], data)
        words.byteswap()
        return words.tobytes()

    def _fragments(self, tag: int, vr: str, data: bytes) -> _Value:
        """Encapsulated pixel data, which no syntax but their own can hold (PS3.5 A.4)."""
        if self.fragments is False:
            raise NotConvertible(f"{name_of(tag)} is encapsulated, which this syntax cannot hold")
        if not data.startswith(_ITEM_BEGINS):
            raise NotConvertible(f"{name_of(tag)} is not encapsulated, as this syntax wants it")
        whole = data + self._delimiter(SEQUENCE_DELIMITER)
        try:
            check_fragments(whole, 0, len(whole), tag, vr, self.target)
        except PDUError as error:
            raise LocalProtocolError(f"encapsulated data are broken: {error}") from None
        return _Value(vr, data, undefined=True)

    def _wants_fragments(self, level: Level, tag: int) -> bool:
        return tag == _PIXEL_DATA and self.fragments is True and level.outer is None

    def _raw_items(
        self, level: Level, element: RawDataElement, source: Encoding, data: bytes
    ) -> bytes:
        try:
            items = read_items(data, source, level.read_charset or level.charset)
        except PDUError as error:
            raise NotConvertible(f"{name_of(element.tag)} is malformed: {error}") from None
        return b"".join(self._item(level, item) for item in items)

    def _item(self, outer: Level, item: Dataset) -> bytes:
        body = b"".join(self._level(Level(item, outer)))
        if getattr(item, "is_undefined_length_sequence_item", False):
            return self._tag_length(ITEM, UNDEFINED_LENGTH) + body + self._delimiter(ITEM_DELIMITER)
        return self._tag_length(ITEM, len(body)) + body

    def _with_header(self, tag: int, value: _Value) -> tuple[bytes, bytes, bytes]:
        """The element's header, its value, and the delimiter if it has one."""
        vr, data, delimiter = value.vr, value.data, b""
        if value.undefined:
            length, delimiter = UNDEFINED_LENGTH, self._delimiter(SEQUENCE_DELIMITER)
        else:
            if len(data) & 1:
                data += b" " if vr in PADDED_WITH_SPACE else b"\0"
            length = len(data)
            if length > _LONGEST:
                raise NotConvertible(f"{name_of(tag)} is longer than 32 bits can count")
        if self.target.implicit_vr and data:
            self._check_dictionary(tag, vr, data)
        return self._header(tag, vr, length), data, delimiter

    def _check_dictionary(self, tag: int, vr: str, data: bytes) -> None:
        """See that items are where a reader of implicit VR expects them, and nowhere else."""
        known = public_vr(tag)
        if known is None or (known == "SQ") is (vr == "SQ") or (vr == "UN" and known != "SQ"):
            return
        if vr == "UN":
            with suppress(PDUError):
                check_sequence(data, 0, len(data), self.target, nesting=_DEEPEST)
                return
        raise NotConvertible(f"{name_of(tag)} is {vr} here, and {known} to whoever is not told")

    def _header(self, tag: int, vr: str, length: int) -> bytes:
        if self.target.implicit_vr:
            return self._tag_length(tag, length)
        code = vr.encode("latin-1")
        if code in SHORT_VRS and length <= _LONGEST_SHORT:
            return self._struct("HH2sH").pack(tag >> 16, tag & 0xFFFF, code, length)
        if code not in LONG_VRS:
            code = self._too_long(tag, vr, code)
        return self._struct("HH2sxxL").pack(tag >> 16, tag & 0xFFFF, code, length)

    def _too_long(self, tag: int, vr: str, code: bytes) -> bytes:
        """UN, which holds what a length of 16 bits cannot count (PS3.5 6.2.2)."""
        if code not in SHORT_VRS:
            raise NotConvertible(f"{name_of(tag)} has the unknown VR {vr!r}")
        if vr in WORD_SIZES and not self.target.little_endian:
            raise NotConvertible(f"{name_of(tag)} would become UN, which is little endian always")
        return b"UN"

    @property
    def _order(self) -> Literal["little", "big"]:
        return "little" if self.target.little_endian else "big"

    def _struct(self, layout: str) -> Struct:
        return _STRUCTS[layout, self.target.little_endian]

    def _tag_length(self, tag: int, length: int) -> bytes:
        return self._struct("HHL").pack(tag >> 16, tag & 0xFFFF, length)

    def _delimiter(self, tag: int) -> bytes:
        return self._tag_length(tag, 0)


def _joined(parts: list[bytes]) -> list[bytes]:
    """The same bytes in few pieces, without a copy of those that are long."""
    pieces: list[bytes] = []
    start = 0
    for number, part in enumerate(parts):
        if len(part) >= _LONG:
            pieces += (b"".join(parts[start:number]), part)
            start = number + 1
    pieces.append(b"".join(parts[start:]))
    return [piece for piece in pieces if piece]


def _text_in_bytes(value: object, vr: str, charset: list[str]) -> bytes | None:
    """One text or several as they are written; None where ``charset`` lacks characters.

    Raises:
        TypeError: It is no text.
    """
    several = isinstance(value, MultiValue | list | tuple)
    values = [
        _bytes_or_text(each, charset)
        for each in (cast("Iterable[object]", value) if several else [value or ""])
    ]
    if bytes not in map(type, values):
        return encode_text("\\".join(map(str, values)), vr, charset)
    encoded = [
        each if isinstance(each, bytes) else encode_text(each, vr, charset) for each in values
    ]
    known = [each for each in encoded if each is not None]
    return b"\\".join(known) if len(known) == len(encoded) else None


def _bytes_or_text(value: object, charset: list[str]) -> bytes | str:
    if isinstance(value, bytes | str):
        return value
    if not isinstance(value, PersonName):
        raise TypeError
    text, original = str(value), cast("bytes | None", value.original_string)
    if (
        value.encodings is None
        and original is not None
        # pydicom shows a name that was given in bytes in Latin-1. Where it has made the bytes
        # itself, of text, they are in whatever charset it was asked for once.
        and max(text, default="") <= "\xff"
        and decode_text(original, "PN", charset) is not None
        and str(PersonName(original)) == text
    ):
        return original
    return text


_STRUCTS: Final = {
    (layout, little_endian): Struct(("<" if little_endian else ">") + layout)
    for layout in ("HHL", "HH2sH", "HH2sxxL")
    for little_endian in (True, False)
}
