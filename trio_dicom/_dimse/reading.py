"""From encoded bytes to a ``pydicom.Dataset`` whose elements are converted when touched."""

from __future__ import annotations

from typing import Final, cast

from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.values import convert_SQ

from trio_dicom._dimse.charsets import codecs_of
from trio_dicom._dimse.deflated import inflate
from trio_dicom._dimse.headers import (
    DELIMITER_LENGTH,
    SMALLEST_ELEMENT,
    UNDEFINED_LENGTH,
    Bytes,
    name_of,
)
from trio_dicom._dimse.plain import TAKE_PLAIN, Elements
from trio_dicom._dimse.scan import scan
from trio_dicom._dimse.sequences import Allowance
from trio_dicom._dimse.syntax import Encoding, encoding_of, is_deflated
from trio_dicom.errors import PDUError
from trio_dicom.options import Limits

__all__ = ["read_data_set"]

_SPECIFIC_CHARACTER_SET = BaseTag(0x0008_0005)
_PIXELS = frozenset({BaseTag(0x7FE0_0008), BaseTag(0x7FE0_0009), BaseTag(0x7FE0_0010)})


# A ``Dataset`` while it is made. A dozen of its attributes are set then, and each time pydicom
# looks whether the name is a keyword of its dictionary. None is, and the looking would take as
# long as all the elements. Type checkers cannot see what the three arguments make: a cast.
_DATASET_IN_THE_MAKING: Final = cast(
    "type[Dataset]", type("_DatasetInTheMaking", (Dataset,), {"__setattr__": object.__setattr__})
)


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
        limits: How deep its sequences may nest, how long it may be inflated, and how many
            elements it may have.
        fallback_charset: The Specific Character Set, in the standard's terms such
            as ``ISO_IR 192``, of text in data sets that declare none.
        lossless: Refuse data sets in which an element appears twice, of which a
            ``Dataset`` keeps the last.

    Raises:
        PDUError: The bytes are not a data set in this transfer syntax.
    """
    if is_deflated(transfer_syntax):
        data = inflate(data, limit=limits.inflated)
    data = bytes(data)
    encoding = encoding_of(transfer_syntax)
    _check_number(data, encoding, limits)
    fallback = codecs_of(fallback_charset)
    found = _elements(data, encoding, limits.nesting, fallback)
    if lossless and len(found) < sum(1 for _ in scan(data, encoding, nesting=limits.nesting)):
        raise PDUError("an element appears twice in a data set")
    data_set = _DATASET_IN_THE_MAKING(found, parent_encoding=fallback)
    data_set.set_original_encoding(
        encoding.implicit_vr, encoding.little_endian, _declared_charsets(found, fallback)
    )
    data_set.__class__ = Dataset
    if not _PIXELS.isdisjoint(found):
        # pydicom needs it to make an array of them, and we to send them on.
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = transfer_syntax
    return data_set


def _check_number(data: bytes, encoding: Encoding, limits: Limits) -> None:
    """Refuse more elements than anybody needs: the smallest costs us forty times its bytes."""
    if len(data) <= SMALLEST_ELEMENT * limits.elements:
        return  # so many do not fit
    for _ in scan(data, encoding, nesting=limits.nesting, allowance=Allowance(limits.elements)):
        pass  # it counts what there is on the way, on every level


def _elements(data: bytes, encoding: Encoding, nesting: int, fallback: list[str]) -> Elements:
    found: Elements = {}
    take_plain, position, end = TAKE_PLAIN[encoding], 0, len(data)
    while (position := take_plain(data, position, found)) < end:
        element = next(scan(data, encoding, nesting=nesting, position=position))
        number, vr, start, stop, length = element
        tag, value = BaseTag(number), data[start:stop]
        position = stop
        if length == UNDEFINED_LENGTH:
            position += DELIMITER_LENGTH
            if vr == "UN":
                # Items that may be in implicit VR inside of explicit ones: only pydicom's
                # own reading tells which, so it is not put off.
                charsets = _declared_charsets(found, fallback)
                found[tag] = _sequence(tag, value, encoding, charsets)
                continue
        if encoding.implicit_vr:
            # pydicom looks into the private dictionary as well, when it is asked.
            vr = "SQ" if length == UNDEFINED_LENGTH else None
        found[tag] = RawDataElement(
            tag, vr, length, value, start, encoding.implicit_vr, encoding.little_endian
        )
    return found


def _declared_charsets(found: Elements, fallback: list[str]) -> list[str]:
    """The codecs for the text of the elements found so far."""
    declared = found.get(_SPECIFIC_CHARACTER_SET)
    if not isinstance(declared, RawDataElement):  # it is not there, or a peer has put items there
        return fallback
    return codecs_of((declared.value or b"").decode("latin-1"))


def _sequence(tag: BaseTag, value: bytes, encoding: Encoding, charsets: list[str]) -> DataElement:
    try:
        items = convert_SQ(value, encoding.implicit_vr, encoding.little_endian, charsets)
    except (LookupError, ValueError) as error:
        raise PDUError(f"the items of {name_of(tag)} cannot be read") from error
    items.is_undefined_length = True
    return DataElement(tag, "SQ", items, is_undefined_length=True)
