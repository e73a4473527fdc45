"""The keys of a query as they come in: decoded once, and judged before anything is searched."""

from __future__ import annotations

from pydicom import DataElement, Dataset
from pydicom.config import disable_value_validation
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence

from trio_dicom._dimse.levels import Level
from trio_dicom._dimse.levels import element_of as raw_element_of
from trio_dicom.status import Code
from trio_dicom.testing._archive.index import is_searchable
from trio_dicom.testing._archive.level_keys import LEVEL_KEYS
from trio_dicom.testing._archive.matching import items_of
from trio_dicom.testing._archive.refusing import Refused

__all__ = ["decode_keys", "has_several_items", "matchable_keys", "supported_keys"]


def decode_keys(identifier: Dataset) -> None:
    """Convert every key, once and for all: many are no values of their VR, such as ranges.

    Raises:
        Refused: One is nothing that can be compared, or has more than one item.
    """
    try:
        with disable_value_validation():
            _choose_vrs(identifier, None)
            for _ in identifier.iterall():
                pass
    except Exception:  # noqa: BLE001  pydicom raises what it likes where a value is broken
        raise Refused(Code.CANNOT_UNDERSTAND, "a key has a value of another kind") from None
    if has_several_items(identifier):
        raise Refused(
            Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS,
            "a sequence among the keys has more than one item",
        )


def has_several_items(keys: Dataset) -> bool:
    """Whether a sequence among the keys has more than the one item that it may (C.2.2.2.6)."""
    sequences = (list(items_of(key)) for key in keys)
    return any(len(items) > 1 or any(map(has_several_items, items)) for items in sequences)


def supported_keys(identifier: Dataset, level: str) -> tuple[Dataset, bool]:
    """The keys that the archive supports; others are neither matched nor returned (C.2.2.1.3).

    It knows nothing of what it does not index, nor of attributes of the levels below the query's.

    Args:
        identifier: The keys.
        level: The level of the query.

    Returns:
        What is left, and whether that is everything.
    """
    levels = list(LEVEL_KEYS)
    below = {tag for it in levels[levels.index(level) + 1 :] for tag in LEVEL_KEYS[it]}
    supported, is_complete = _searchable_keys(identifier, others_ask=False)
    for tag in below.intersection(supported.keys()):
        del supported[tag]
        is_complete = False
    return supported, is_complete


def matchable_keys(identifier: Dataset) -> tuple[Dataset, bool]:
    """The keys of a search in a list, which has every attribute that somebody has put there.

    Private attributes and bulk data are not matched there either. So such keys lose their values:
    whoever does not support matching of a key takes it as one that asks (K.2.2.1.1.2).

    Args:
        identifier: The keys.

    Returns:
        The keys, and whether all of them can be matched.
    """
    return _searchable_keys(identifier, others_ask=True)


def _searchable_keys(keys: Dataset, *, others_ask: bool) -> tuple[Dataset, bool]:
    """The keys that can be matched, at any depth, and whether those are all.

    Args:
        keys: The identifier, or an item of a sequence in it.
        others_ask: Whether the others remain, without their values.
    """
    searchable, is_complete = Dataset(), True
    for key in keys:
        if not is_searchable(key.tag, key.VR):
            is_complete = False
            if others_ask:
                searchable.add(DataElement(key.tag, key.VR, None))
        elif key.VR == "SQ":
            parts = [_searchable_keys(item, others_ask=others_ask) for item in items_of(key)]
            searchable.add(DataElement(key.tag, "SQ", Sequence(item for item, _ in parts)))
            is_complete = is_complete and all(complete for _, complete in parts)
        else:
            searchable.add(key)
    return searchable, is_complete


def _choose_vrs(data_set: Dataset, outer: Level | None) -> None:
    """Settle the VRs that did not come: pydicom warns of those that nobody knows.

    Where the dictionary leaves a choice, it wants attributes that say, and that keys do not have.
    """
    level = Level(data_set, outer)
    for tag in tuple(data_set.keys()):
        element = raw_element_of(data_set, tag)
        if not isinstance(element, RawDataElement):
            for item in items_of(element):
                _choose_vrs(item, level)
        elif element.VR in (None, "UN"):
            data_set[tag] = element._replace(VR=level.vr_of(tag, element.value or b""))
