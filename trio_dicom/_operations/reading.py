"""Single values of data sets that peers send, read without stumbling over broken ones."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime
from typing import Any

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from trio_dicom._dimse.command_set import as_uid

__all__ = ["as_da", "as_dt", "as_tm", "copied", "items_of", "number_of", "text_of", "uid_of"]


def text_of(data_set: Dataset, keyword: str) -> str:
    """The value as text, several joined by backslashes; "" where there is none.

    A value that pydicom cannot read is none: it only describes.
    """
    element = _element(data_set, keyword)
    if element is None or element.value is None:
        return ""
    value: Any = element.value  # whatever pydicom makes of it
    return "\\".join(map(str, value)) if element.VM > 1 else str(value)


def number_of(data_set: Dataset, keyword: str) -> int | None:
    """The value as a number; None where there is none."""
    element = _element(data_set, keyword)
    return element.value if element is not None and isinstance(element.value, int) else None


def uid_of(data_set: Dataset, keyword: str) -> UID | None:
    """The UID as it came, valid or not; None where there is none."""
    tag = _tag(keyword)
    if tag not in data_set:
        return None
    element: DataElement | RawDataElement = data_set.get_item(tag)
    if not element.value:
        return None
    if isinstance(element, RawDataElement):
        # Not through pydicom, which warns about UIDs that it does not like.
        assert isinstance(element.value, bytes)
        return as_uid(element.value.decode("latin-1").strip("\0 ")) or None
    return as_uid(str(element.value))


def items_of(data_set: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence; none where there is no sequence."""
    element = _element(data_set, keyword)
    if element is None or not isinstance(element.value, Sequence):
        return ()
    return tuple(element.value)


def copied(data_set: Dataset | None) -> Dataset:
    """A data set of our own with the same elements, which share nothing with the others."""
    copy = Dataset()
    if data_set is not None:
        for element in data_set:
            copy.add(_deep(element))
    return copy


def as_da(day: date) -> str:
    """A date, or that of a moment, as in VR DA (PS3.5 Table 6.2-1)."""
    # The C library of Linux does not pad %Y: the year 987 would be one of three digits.
    return f"{day.year:04}{day:%m%d}"


def as_tm(moment: datetime) -> str:
    """A time as in VR TM."""
    return moment.strftime("%H%M%S")


def as_dt(moment: datetime) -> str:
    """Date and time as in VR DT, with the offset from UTC if it has one."""
    return f"{as_da(moment)}{as_tm(moment)}{moment:%z}"


def _tag(keyword: str) -> BaseTag:
    number = tag_for_keyword(keyword)
    assert number is not None, keyword  # they are all ours
    return Tag(number)


def _deep(element: DataElement) -> DataElement:
    value = element.value
    if isinstance(value, Sequence):
        value = Sequence([copied(item) for item in value])
    else:
        value = deepcopy(value)
    return DataElement(element.tag, element.VR, value, already_converted=True)


def _element(data_set: Dataset, keyword: str) -> DataElement | None:
    try:
        return data_set.get(_tag(keyword))
    except Exception:  # noqa: BLE001 - pydicom raises what it likes where a value is broken
        return None
