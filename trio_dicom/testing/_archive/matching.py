"""Attribute matching as archives do it (PS3.4 C.2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final, cast

from pydicom import DataElement, Dataset
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.multival import MultiValue

from trio_dicom.testing._archive.moments import as_date_time, in_range

__all__ = [
    "NOT_KEYS",
    "has_wildcards",
    "items_of",
    "matches",
    "matching_items",
    "values_of",
]

# VRs that take wildcards (PS3.4 C.2.2.2.4), and those that take ranges (C.2.2.2.5).
_WILDCARD_VRS: Final = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_RANGE_VRS: Final = frozenset({"DA", "TM", "DT"})

NOT_KEYS: Final = frozenset({0x0008_0005, 0x0008_0052, 0x0008_0053, 0x0008_0201})
"""What says how the keys are meant and asks for nothing: SpecificCharacterSet,
QueryRetrieveLevel, QueryRetrieveView and TimezoneOffsetFromUTC.
"""


def matches(
    keys: Dataset,
    candidate: Dataset,
    *,
    combined_date_time: bool = False,
    literal: AbstractSet[int] = frozenset(),
) -> bool:
    """Whether ``candidate`` is what ``keys`` ask for.

    Keys without a value match everything. No value is matched by these and by `*` alone, as in
    archives in the field, though every key is to match a required one that is empty (PS3.4
    C.2.2.1.2). Names are compared as a whole, with all their
    component groups, and without regard to upper and lower case, which the standard leaves
    open. Dates and times are compared by what they mean, numbers by their digits.

    Args:
        keys: The identifier of a C-FIND, or an item of a sequence in it.
        candidate: What is compared with it.
        combined_date_time: Whether ranges of a date and of its time are one range, which the
            peers of a C-FIND must have agreed on (PS3.4 C.2.2.2.5.4) unless it asks a worklist.
        literal: The tags of keys that take no wild cards but a star alone, although their VR
            takes others.
    """
    pairs = dict(_combined(keys)) if combined_date_time else {}
    for key in keys:
        if key.tag in NOT_KEYS or key.tag in pairs.values():
            continue
        if (time_tag := pairs.get(key.tag)) is not None:
            if not _moment_matches(key, keys[time_tag], candidate):
                return False
        elif not _element_matches(key, candidate, combined_date_time, literal):
            return False
    return True


def values_of(element: DataElement | None) -> tuple[str, ...]:
    """The values of an element as text, empty ones left out."""
    if element is None or element.value is None:
        return ()
    value = element.value
    values = cast("MultiValue[object]", value) if isinstance(value, MultiValue) else [value]
    return tuple(text for text in (str(it).strip() for it in values) if text)


def has_wildcards(text: str) -> bool:
    """Whether it stands for more than itself, in those VRs that take wildcards."""
    return "*" in text or "?" in text


def items_of(element: DataElement | None) -> Iterator[Dataset]:
    """The items of a sequence; none where there is no sequence."""
    if element is not None and element.VR == "SQ":
        yield from element.value or ()


def matching_items(
    key: DataElement,
    found: DataElement | None,
    *,
    combined_date_time: bool = False,
    literal: AbstractSet[int] = frozenset(),
) -> list[Dataset]:
    """Those items of ``found`` that are what the one item of ``key`` asks for (C.2.2.2.6)."""
    wanted = next(items_of(key), None)
    return [
        item
        for item in items_of(found)
        if wanted is None
        or matches(wanted, item, combined_date_time=combined_date_time, literal=literal)
    ]


def _element_matches(
    key: DataElement, candidate: Dataset, combined_date_time: bool, literal: AbstractSet[int]
) -> bool:
    found = candidate.get(key.tag)
    if key.VR == "SQ":
        return _is_universal(key) or bool(
            matching_items(key, found, combined_date_time=combined_date_time, literal=literal)
        )
    wanted = values_of(key)
    if not wanted:
        return True
    if key.VR == "US" and key.tag in candidate and candidate[key.tag].VR == "SS":
        wanted = tuple(map(_as_signed, wanted))  # in implicit VR a key alone does not say which
    # To a wild card, no value is one of no length.
    there = values_of(found) or ("",)
    if key.tag in literal and wanted != ("*",):
        return not set(wanted).isdisjoint(there)
    return any(_value_matches(key.VR, one, value) for one in wanted for value in there)


def _is_universal(key: DataElement) -> bool:
    """Whether a key of a sequence has no value in it, at any depth."""
    if key.VR == "SQ":
        return all(_is_universal(inner) for item in items_of(key) for inner in item)
    return not values_of(key)


def _value_matches(vr: str, wanted: str, value: str) -> bool:
    if vr in _RANGE_VRS:
        return bool(value) and in_range(vr, wanted, value)
    if vr == "PN":
        wanted, value = wanted.casefold(), value.casefold()
    if vr in _WILDCARD_VRS and has_wildcards(wanted):
        return _wildcard(wanted).fullmatch(value) is not None
    if vr == "PN":
        wanted, value = _without_empty_parts(wanted), _without_empty_parts(value)
    return wanted == value


def _as_signed(word: str) -> str:
    """An unsigned number of 16 bits as the signed one of the same bits."""
    return str((int(word) ^ 0x8000) - 0x8000) if word.isdecimal() else word


def _without_empty_parts(name: str) -> str:
    """A person's name without the delimiters at an end, which may be omitted (PS3.5 6.2)."""
    return "=".join(group.rstrip("^ ") for group in name.split("=")).rstrip("=")


def _combined(keys: Dataset) -> Iterator[tuple[int, int]]:
    """The tags of each date with a range, and of the time with one that belongs to it."""
    for key in keys:
        time_tag = tag_for_keyword(re.sub("Date$", "Time", keyword_for_tag(key.tag)))
        if key.VR != "DA" or time_tag is None or time_tag not in keys:
            continue
        date, time = ("".join(values_of(it)) for it in (key, keys[time_tag]))
        if _form_of(date) == _form_of(time) != (False, False, False):
            yield key.tag, time_tag


def _form_of(text: str) -> tuple[bool, bool, bool]:
    """Which of the three forms of a range it has."""
    first, dash, last = (bool(part.strip()) for part in text.partition("-"))
    return (first, dash, last) if dash else (False, False, False)


def _moment_matches(date: DataElement, time: DataElement, candidate: Dataset) -> bool:
    dates, times = ("".join(values_of(it)).partition("-") for it in (date, time))
    day, hour = ("".join(values_of(candidate.get(it.tag))[:1]) for it in (date, time))
    first, last = as_date_time(dates[0], times[0]), as_date_time(dates[2], times[2])
    moment = as_date_time(day, hour)
    if first is None or last is None or not moment:
        return False
    return in_range("DT", f"{first}-{last}", moment)


@lru_cache(maxsize=64)
def _wildcard(pattern: str) -> re.Pattern[str]:
    # Stars in a row say no more than one, and would take a peer's pattern for ever.
    literal = re.escape(re.sub(r"\*+", "*", pattern))
    return re.compile(literal.replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
