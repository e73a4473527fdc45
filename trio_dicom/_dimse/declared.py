"""Text that goes out without a Specific Character Set (0008,0005) that declares it (PS3.5 6.1.2).

Text for which nothing is declared would go out in Latin-1, as it does with pydicom. No reader can
know that: in the default repertoire there is nothing but ASCII.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from pydicom import Dataset
from pydicom.charset import default_encoding
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.multival import MultiValue

from trio_dicom._dimse.headers import name_of
from trio_dicom._dimse.items import read_items
from trio_dicom._dimse.levels import Level, charset_of, element_of, is_ascii
from trio_dicom._dimse.syntax import Encoding
from trio_dicom._dimse.text import encode_text
from trio_dicom._dimse.vr import CHARSET_VRS
from trio_dicom.errors import PDUError

__all__ = ["undeclared_text"]


def undeclared_text(data_set: Dataset) -> str | None:
    """The first attribute with text that the declared character set does not hold.

    Items of sequences may declare another one than what is around them.

    Args:
        data_set: What somebody wants to send. It is not changed.

    Returns:
        The keyword and the tag, and nothing of the value; None where all text is declared.
    """
    try:
        tag = _undeclared(Level(data_set, None), [default_encoding])
    except (PDUError, RecursionError):  # the writer says what is wrong with it
        return None
    return None if tag is None else f"{keyword_for_tag(tag)} {name_of(tag)}".lstrip()


def _undeclared(level: Level, inherited: list[str]) -> int | None:
    # Not those of the level, where it may be a fallback that only we know of.
    codecs = charset_of(level.data_set, inherited)
    for tag in sorted(level.data_set.keys()):
        element = element_of(level.data_set, tag)
        assert element is not None
        vr = element.VR
        if vr is None:
            assert isinstance(element, RawDataElement)
            vr = level.vr_of(tag, element.value or b"")
        if vr == "SQ":
            for item in _items(level, element):
                if (inner := _undeclared(Level(item, level), codecs)) is not None:
                    return inner
        elif vr in CHARSET_VRS and not _is_declared(level, element, str(vr), codecs):
            return tag
    return None


def _items(level: Level, element: DataElement | RawDataElement) -> Iterable[Dataset]:
    if not isinstance(element, RawDataElement):
        return element.value or ()
    data = element.value or b""
    encoding = Encoding(element.is_implicit_VR, element.is_little_endian)
    return read_items(data, encoding, level.read_charset or level.charset)


def _is_declared(
    level: Level, element: DataElement | RawDataElement, vr: str, codecs: list[str]
) -> bool:
    value: object = element.value
    if isinstance(element, RawDataElement):
        if is_ascii(element.value or b""):
            return True
        if codecs == [default_encoding]:
            return False
        if level.read_charset in (None, codecs):
            return True  # these bytes go out as they came in
        # They go out in another character set than the one that they came in.
        value = level.text_of(element, vr)
    several = isinstance(value, MultiValue | list | tuple)
    texts = map(str, cast("Iterable[object]", value) if several else [value])
    if codecs == [default_encoding]:  # which is Latin-1 to pydicom
        return all(map(str.isascii, texts))
    return encode_text("\\".join(texts), vr, codecs) is not None
