"""One level of a data set as the writer sees it: read without touching, asked for context.

Reading an element of a ``pydicom.Dataset`` the usual way converts it in place.
Here the raw bytes are looked at instead, so that what the caller gave stays as it is.
"""

from __future__ import annotations

from typing import Final

from attrs import define, field
from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.tag import BaseTag

from trio_dicom._dimse.charsets import codecs_of, with_ascii
from trio_dicom._dimse.sequences import check_sequence
from trio_dicom._dimse.syntax import Encoding
from trio_dicom._dimse.text import plainer
from trio_dicom._dimse.vr import AMBIGUOUS_VRS, WORD_SIZES, is_private, private_vr, public_vr
from trio_dicom.errors import PDUError

__all__ = ["Level", "charset_of", "element_of", "is_ascii"]

_BITS_ALLOCATED: Final = 0x0028_0100
_PIXEL_REPRESENTATION: Final = 0x0028_0103
_SPECIFIC_CHARACTER_SET: Final = 0x0008_0005
_WAVEFORM_BITS_ALLOCATED: Final = 0x5400_1004
_WAVEFORM_GROUP: Final = 0x5400
_PIXEL_GROUPS: Final = 0x7F  # 7FE0, and the retired 7Fxx of Variable Pixel Data
_PIXEL_ELEMENT: Final = 0x0010
_BYTE: Final = 8  # bits
_WORD: Final = 2  # bytes
_ESCAPE: Final = b"\x1b"
# A sequence within a value has passed the scan, or is the caller's own.
_DEEPEST: Final = 1 << 16


def element_of(data_set: Dataset, tag: int) -> DataElement | RawDataElement | None:
    """The element as it lies in ``data_set``, raw unless somebody has touched it."""
    # Asked otherwise, pydicom converts raw elements without a value in place.
    element = _item(data_set, tag, keep_deferred=True)
    if isinstance(element, RawDataElement) and element.value is None and element.length:
        return _item(data_set, tag, keep_deferred=False)  # still in its file: read it now
    return element


def _item(
    data_set: Dataset, tag: int, *, keep_deferred: bool
) -> DataElement | RawDataElement | None:
    # pydicom's own annotation forgets the raw ones.
    return data_set.get_item(BaseTag(tag), keep_deferred=keep_deferred)


def charset_of(data_set: Dataset, inherited: list[str]) -> list[str]:
    """The codecs of what a data set declares as its character set, or else ``inherited``."""
    declared = element_of(data_set, _SPECIFIC_CHARACTER_SET)
    if declared is None or not declared.value:
        return inherited
    if isinstance(declared, RawDataElement):
        return codecs_of(declared.value.decode("latin-1"))
    terms = [declared.value] if isinstance(declared.value, str) else declared.value
    return codecs_of("\\".join(map(str, terms)))


def is_ascii(text: bytes) -> bool:
    """Whether text is the same in every character set, and no escape is in it (PS3.5 6.1.2.5)."""
    return text.isascii() and _ESCAPE not in text


@define(eq=False)
class Level:
    """A data set or an item, with what lies around it.

    Attributes:
        data_set: Its elements.
        outer: The level whose sequence this item is in, or None.
        charset: The codecs of its text as it shall be written.
        read_charset: Those in which its raw text is, or None where it came from no bytes.
    """

    data_set: Dataset = field(repr=False)
    outer: Level | None
    charset: list[str] = field(init=False)
    read_charset: list[str] | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        original = self.data_set.original_character_set
        read = [original] if isinstance(original, str) else list(original)
        self.read_charset = with_ascii(read) if original else None
        if self.outer is not None:
            inherited = self.outer.charset
        else:
            # What is undeclared stays in what it was read in: the caller may have chosen it.
            inherited = self.read_charset or ["iso8859"]
        self.charset = charset_of(self.data_set, inherited)

    @property
    def charset_changed(self) -> bool:
        """Whether raw text is in another charset than the one that is now declared."""
        return self.read_charset is not None and self.read_charset != self.charset

    def text_of(self, element: RawDataElement, vr: str) -> object:
        """What pydicom makes of a text, in the charset in which it was read."""
        read_charset = self.read_charset or self.charset
        value = plainer(element.value or b"", vr, read_charset)
        plain = element._replace(VR=vr, value=value, length=len(value))
        return convert_raw_data_element(plain, encoding=read_charset).value

    def number(self, tag: int) -> int | None:
        """A US of this level or of one around it, or None."""
        element = element_of(self.data_set, tag)
        if element is None or element.value is None:
            return None if self.outer is None else self.outer.number(tag)
        if isinstance(element, RawDataElement):
            word = (element.value or b"")[:_WORD]
            return int.from_bytes(word, "little" if element.is_little_endian else "big")
        return element.value if isinstance(element.value, int) else None

    def vr_of(self, tag: int, value: bytes) -> str:
        """The VR of an element that came in implicit VR; UN where nobody knows it."""
        vr = public_vr(tag)
        if vr is None and is_private(tag):
            vr = private_vr(tag, self._creator(tag))
            if vr is not None and not _is_credible(vr, value):
                vr = None
        if vr is None:
            return "UN"
        return self.unambiguous(tag, vr, len(value)) if vr in AMBIGUOUS_VRS else vr

    def unambiguous(self, tag: int, vr: str, length: int) -> str:
        """The one VR of those in ``vr`` that this element has here (PS3.5 A.2)."""
        if vr == "US or SS":
            return "SS" if self.number(_PIXEL_REPRESENTATION) == 1 else "US"
        if vr == "OB or OW":
            bits = self.bits_of_samples(tag)
            return "OW" if bits is None or bits > _BYTE else "OB"
        # A look-up table: a single entry is a number, more are words.
        return "US" if length == _WORD else "OW"

    def bits_of_samples(self, tag: int) -> int | None:
        """How many bits one sample in pixel data or a waveform takes, or None for others."""
        if tag >> 24 == _PIXEL_GROUPS and tag & 0xFFFF == _PIXEL_ELEMENT:
            return self.number(_BITS_ALLOCATED)
        if tag >> 16 == _WAVEFORM_GROUP:
            return self.number(_WAVEFORM_BITS_ALLOCATED)
        return None

    def _creator(self, tag: int) -> str:
        """Who owns the private block of ``tag``, or an empty string."""
        creator = element_of(self.data_set, tag & 0xFFFF_0000 | tag >> 8 & 0xFF)
        if creator is None or creator.value is None:
            return ""
        if isinstance(creator, RawDataElement):
            return (creator.value or b"").decode("latin-1").strip(" \0")
        return str(creator.value)


def _is_credible(vr: str, value: bytes) -> bool:
    """Whether ``value`` can be what a dictionary of private elements says it is."""
    if vr == "SQ":
        try:
            check_sequence(value, 0, len(value), Encoding(True, True), nesting=_DEEPEST)
        except PDUError:
            return False
    return len(value) % WORD_SIZES.get(vr, 1) == 0
