"""What a C-FIND answers of what it has found (PS3.4 C.4.1.1.3.2)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import partial
from typing import Final

from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence

from trio_dicom._operations.reading import copied
from trio_dicom.testing._archive.charsets import declare_charset
from trio_dicom.testing._archive.index import is_searchable, level_of
from trio_dicom.testing._archive.matching import NOT_KEYS, items_of, matching_items

__all__ = ["asked_of", "match_for"]

_CHARACTER_SET: Final = 0x0008_0005
_RETRIEVE_AE: Final = 0x0008_0054


def match_for(
    identifier: Dataset, summary: Dataset, *, combined_date_time: bool = False
) -> Dataset:
    """What a C-FIND answers of an entity: what was asked of it, and where it is.

    Args:
        identifier: The keys.
        summary: The attributes of what they match, and from where it can be retrieved.
        combined_date_time: Whether ranges of a date and of its time are one range.
    """
    match = asked_of(identifier, summary, combined_date_time=combined_date_time)
    match.QueryRetrieveLevel = level_of(identifier)
    if _RETRIEVE_AE in summary:
        match.add(summary[_RETRIEVE_AE])
    declare_charset(match, identifier.get(_CHARACTER_SET))
    return match


def asked_of(
    keys: Dataset,
    candidate: Dataset,
    *,
    combined_date_time: bool = False,
    literal: AbstractSet[int] = frozenset(),
) -> Dataset:
    """Every key, also those in items, empty where nothing is known.

    Private attributes and bulk data are left out instead. Of a sequence it is the items that
    match; of one that is asked for without keys, everything.

    Args:
        keys: The identifier, or an item of a sequence in it.
        candidate: What it matches, likewise. The answer shares no item with it.
        combined_date_time: As for ``matches``.
        literal: Likewise.
    """
    ask = partial(asked_of, combined_date_time=combined_date_time, literal=literal)
    answer = Dataset()
    for key in keys:
        is_there = key.tag in candidate
        if key.tag in NOT_KEYS or not (is_there or is_searchable(key.tag, key.VR)):
            continue
        found = candidate[key.tag] if is_there else DataElement(key.tag, key.VR, None)
        if "SQ" in (key.VR, found.VR):
            wanted = next(items_of(key), None)
            items = matching_items(
                key, found, combined_date_time=combined_date_time, literal=literal
            )
            parts = [ask(wanted, item) if wanted else copied(item) for item in items]
            answer.add(DataElement(key.tag, "SQ", Sequence(parts)))
        else:
            answer.add(found)
    return answer
