"""Attribute matching as archives do it (PS3.4 C.2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import cast

from pydicom import DataElement, Dataset
from pydicom.multival import MultiValue

__all__ = ["matches", "values_of"]

# VRs that take wildcards (PS3.4 C.2.2.2.4), and those that take ranges (C.2.2.2.5).
_WILDCARD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_RANGE_VRS = frozenset({"DA", "TM", "DT"})

# QueryRetrieveLevel, SpecificCharacterSet and TimezoneOffsetFromUTC say how the keys are meant.
_NOT_KEYS = frozenset({0x0008_0005, 0x0008_0052, 0x0008_0201})

_OFFSET = re.compile(r"[+-]\d{4}$")
_TIME_DIGITS = 20  # YYYYMMDDHHMMSSFFFFFF: the longest that a DT has


def matches(keys: Dataset, candidate: Dataset) -> bool:
    """Whether ``candidate`` is what ``keys`` ask for.

    Keys without a value match everything. Dates and times are compared as they stand,
    without regard to time zones.

    Args:
        keys: The identifier of a C-FIND, C-GET or C-MOVE, or an item of a sequence in it.
        candidate: What is compared with it.
    """
    return all(_element_matches(key, candidate) for key in keys if key.tag not in _NOT_KEYS)


def values_of(element: DataElement | None) -> tuple[str, ...]:
    """The values of an element as text, empty ones left out."""
    if element is None or element.value is None:
        return ()
    value = element.value
    values = cast("MultiValue[object]", value) if isinstance(value, MultiValue) else [value]
    return tuple(text for text in (str(it).strip() for it in values) if text)


def _element_matches(key: DataElement, candidate: Dataset) -> bool:
    found = candidate.get(key.tag)
    if key.VR == "SQ":
        return _sequence_matches(key, found)
    wanted = values_of(key)
    if not wanted:
        return True
    there = values_of(found)
    return any(_value_matches(key.VR, one, value) for one in wanted for value in there)


def _sequence_matches(key: DataElement, found: DataElement | None) -> bool:
    items = list(_items(key))
    if not items:
        return True
    return any(matches(items[0], item) for item in _items(found))


def _items(element: DataElement | None) -> Iterator[Dataset]:
    if element is not None and element.VR == "SQ":
        yield from element.value or ()


def _value_matches(vr: str, wanted: str, value: str) -> bool:
    if vr in _RANGE_VRS:
        return _in_range(wanted, _OFFSET.sub("", value))
    if vr == "PN":
        wanted, value = _name(wanted), _name(value)
    if vr in _WILDCARD_VRS and ("*" in wanted or "?" in wanted):
        return _wildcard(wanted).fullmatch(value) is not None
    return wanted == value


def _name(text: str) -> str:
    """A person's name as it compares: upper and lower case are one, empty parts are none."""
    return "=".join(group.rstrip("^ ") for group in text.split("=")).rstrip("=").casefold()


def _in_range(wanted: str, value: str) -> bool:
    first, dash, last = wanted.partition("-")
    if not dash:
        first = last = wanted
    moment = _digits(value).ljust(_TIME_DIGITS, "0")
    # What an end leaves open belongs to it: until 2001 is until the last moment of 2001.
    earliest = _digits(first).ljust(_TIME_DIGITS, "0")
    latest = _digits(last).ljust(_TIME_DIGITS, "9")
    return earliest <= moment <= latest


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


@lru_cache(maxsize=64)
def _wildcard(pattern: str) -> re.Pattern[str]:
    # Stars in a row say no more than one, and would take a peer's pattern for ever.
    literal = re.escape(re.sub(r"\*+", "*", pattern))
    return re.compile(literal.replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
