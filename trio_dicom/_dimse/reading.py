"""From encoded bytes to a ``pydicom.Dataset`` whose elements are converted when touched."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from pydicom import Dataset
from pydicom.charset import convert_encodings
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.values import convert_SQ

from trio_dicom._dimse.deflated import inflate
from trio_dicom._dimse.headers import UNDEFINED_LENGTH, Bytes, name_of
from trio_dicom._dimse.scan import Element, scan
from trio_dicom._dimse.syntax import Encoding, encoding_of, is_deflated
from trio_dicom.errors import PDUError
from trio_dicom.options import Limits

__all__ = ["read_data_set"]

_SPECIFIC_CHARACTER_SET = BaseTag(0x0008_0005)
_PIXELS = frozenset({BaseTag(0x7FE0_0008), BaseTag(0x7FE0_0009), BaseTag(0x7FE0_0010)})


def read_data_set(
    data: Bytes,
    transfer_syntax: UID,
    limits: Limits,
    fallback_charset: str = "",
    *,
    lossless: bool = False,
) -> Dataset:
    """The data set in ``data``, checked down to its last length.

    Args:
        data: The data set as it is encoded.
        transfer_syntax: How it is encoded.
        limits: How deep its sequences may nest and how long it may be inflated.
        fallback_charset: The Specific Character Set, in the standard's terms such
            as ``ISO_IR 192``, of text in data sets that declare none.
        lossless: Refuse data sets in which an element appears twice, of which a
            ``Dataset`` keeps the last.

    Raises:
        PDUError: The bytes are not a data set in this transfer syntax.
    """
    if is_deflated(transfer_syntax):
        data = inflate(data, limit=limits.data_set)
    encoding = encoding_of(transfer_syntax)
    fallback = _python_charsets(fallback_charset)
    elements = list(scan(data, encoding, nesting=limits.nesting))
    data_set = _build(data, elements, encoding, fallback)
    if lossless and len(data_set) < len(elements):
        raise PDUError("an element appears twice in a data set")
    if not _PIXELS.isdisjoint(data_set.keys()):
        # pydicom needs it to make an array of them, and we to send them on.
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = transfer_syntax
    return data_set


def _build(
    data: Bytes, elements: Iterable[Element], encoding: Encoding, fallback: list[str]
) -> Dataset:
    implicit_vr, little_endian = encoding.implicit_vr, encoding.little_endian
    charsets = fallback
    found: dict[BaseTag, RawDataElement | DataElement] = {}
    for number, vr, start, stop, length in elements:
        value = bytes(data[start:stop])
        tag = BaseTag(number)
        if length == UNDEFINED_LENGTH and vr == "UN":
            # Items that may be in implicit VR inside of explicit ones: only pydicom's
            # own reading tells which, so it is not put off.
            found[tag] = _sequence(tag, value, encoding, charsets)
            continue
        if number == _SPECIFIC_CHARACTER_SET:
            charsets = _python_charsets(value.decode("latin-1"))
        if implicit_vr:
            # pydicom looks into the private dictionary as well, when it is asked.
            vr = "SQ" if length == UNDEFINED_LENGTH else None
        found[tag] = RawDataElement(tag, vr, length, value, start, implicit_vr, little_endian)
    data_set = Dataset(found, parent_encoding=fallback)
    data_set.set_original_encoding(implicit_vr, little_endian, charsets)
    return data_set


def _sequence(tag: BaseTag, value: bytes, encoding: Encoding, charsets: list[str]) -> DataElement:
    try:
        items = convert_SQ(value, encoding.implicit_vr, encoding.little_endian, charsets)
    except (LookupError, ValueError) as error:
        raise PDUError(f"the items of {name_of(tag)} cannot be read") from error
    items.is_undefined_length = True
    return DataElement(tag, "SQ", items, is_undefined_length=True)


@lru_cache(maxsize=64)
def _charsets(declared: str) -> tuple[str, ...]:
    """The codecs for the values of (0008,0005)."""
    try:
        return tuple(convert_encodings([term.strip(" \0") for term in declared.split("\\")]))
    except (LookupError, ValueError):
        raise PDUError("a data set declares a character set that does not exist") from None


def _python_charsets(declared: str) -> list[str]:
    """The codecs for the values of (0008,0005), as the list that pydicom wants."""
    return list(_charsets(declared))
