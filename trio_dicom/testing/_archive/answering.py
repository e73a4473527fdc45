"""What a C-FIND answers of what it has found (PS3.4 C.4.1.1.3.2)."""

from __future__ import annotations

from typing import Final

from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence

from trio_dicom.testing._archive.charsets import declare_charset
from trio_dicom.testing._archive.index import level_of
from trio_dicom.testing._archive.matching import NOT_KEYS, items_of, matching_items

__all__ = ["match_for"]

_CHARACTER_SET: Final = 0x0008_0005
_RETRIEVE_AE: Final = 0x0008_0054


def match_for(
    identifier: Dataset, summary: Dataset, *, combined_date_time: bool = False
) -> Dataset:
    """What a C-FIND answers: every key that was asked for, empty where nothing is known.

    Args:
        identifier: The keys.
        summary: The attributes of what they match, and from where it can be retrieved.
        combined_date_time: Whether ranges of a date and of its time are one range.
    """
    match = _asked_of(identifier, summary, combined_date_time)
    match.QueryRetrieveLevel = level_of(identifier)
    if _RETRIEVE_AE in summary:
        match.add(summary[_RETRIEVE_AE])
    declare_charset(match, identifier.get(_CHARACTER_SET))
    return match


def _asked_of(keys: Dataset, candidate: Dataset, combined: bool) -> Dataset:
    answer = Dataset()
    for key in keys:
        if key.tag in NOT_KEYS:
            continue
        if key.VR == "SQ":
            items = _items_of_answer(key, candidate.get(key.tag), combined)
            answer.add(DataElement(key.tag, "SQ", items))
        elif key.tag in candidate:
            answer.add(candidate[key.tag])
        else:
            answer.add(DataElement(key.tag, key.VR, None))
    return answer


def _items_of_answer(key: DataElement, found: DataElement | None, combined: bool) -> Sequence:
    """The items that match, with what was asked of them; of an empty key the whole sequence."""
    wanted = next(items_of(key), None)
    items = matching_items(key, found, combined_date_time=combined)
    if wanted is not None and len(wanted):
        items = [_asked_of(wanted, item, combined) for item in items]
    return Sequence(items)
