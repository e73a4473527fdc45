"""Dates and times compared by what they mean (PS3.4 C.2.2.2.1.3, C.2.2.2.5)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from trio_dicom._operations.reading import as_da

__all__ = ["as_date_time", "in_range"]

# An offset from UTC is at most fourteen hours (PS3.5 6.2), which tells it from a year.
_DIGITS_OF_OFFSET: Final = r"(?:0\d|1[0-4])\d\d"
_OFFSET: Final = re.compile(rf"([+-])({_DIGITS_OF_OFFSET})$")
# A dash is the range's, unless the four digits of an offset and another dash follow it.
_RANGE: Final = re.compile(
    rf"(?P<first>[\d.]*(?:\+\d{{4}}|-{_DIGITS_OF_OFFSET}(?=-))?)-(?P<last>.*)"
)
_TO_THE_MINUTE: Final = 12  # digits

# PS3.5 Table 6.2-1, with the delimiters of ACR-NEMA, which are still about (PS3.5 6.2, notes).
_FORMS: Final = {
    "DA": re.compile(r"\d{8}|\d{4}\.\d\d\.\d\d", re.ASCII),
    "TM": re.compile(r"\d\d(?::?\d\d(?::?\d\d(?:\.\d{1,6})?)?)?", re.ASCII),
    "DT": re.compile(
        r"\d{4}(?:\d\d(?:\d\d(?:\d\d(?:\d\d(?:\d\d(?:\.\d{1,6})?)?)?)?)?)?"
        rf"(?:[+-]{_DIGITS_OF_OFFSET})?",
        re.ASCII,
    ),
}

# What completes a moment of which only the beginning is said.
_EARLIEST: Final = {
    "DA": "00000101",
    "TM": "000000000000",
    "DT": "00000101000000000000",
}
_LATEST: Final = {
    "DA": "99991231",
    "TM": "000000000000",
    "DT": "99991231235959999999",
}


def in_range(vr: str, wanted: str, value: str) -> bool:
    """Whether a date, a time or both lie in a range, or are what a single value says.

    An end belongs to the range. A time without minutes or seconds is the full hour or minute,
    as other archives have it; a date and time that leaves something open is all of that, the
    last moment of 2001 included. One without an offset from UTC counts as UTC. What is no date
    or time is not the same as one and in no range: there are no wild cards (PS3.4 C.2.2.2.4).

    Args:
        vr: DA, TM or DT.
        wanted: The range, or a single value, without blanks around it.
        value: What may lie in it.
    """
    found = _RANGE.fullmatch(wanted) if vr == "DT" else None
    first, dash, last = wanted.partition("-")
    if found is not None:
        first, last = found["first"], found["last"]
    elif vr == "DT" or not dash:
        first = last = wanted
    if not all(map(_FORMS[vr].fullmatch, (value, first or last, last or first))):
        return False
    moment = _completed(vr, value, _EARLIEST)
    begins = _completed(vr, first, _EARLIEST) <= moment
    return begins and (not last or moment <= _completed(vr, last, _LATEST))


def as_date_time(date: str, time: str) -> str | None:
    """A date and a time in one; "" where there are neither, None where they are none."""
    if not date and not time:
        return ""
    if not _FORMS["DA"].fullmatch(date) or not _FORMS["TM"].fullmatch(time):
        return None
    return date.replace(".", "") + time.replace(":", "")


def _completed(vr: str, text: str, completion: dict[str, str]) -> str:
    """A moment in all its digits, those of a DT in UTC."""
    offset = _OFFSET.search(text) if vr == "DT" else None
    if offset is not None:
        text = text[: offset.start()]
    digits = "".join(filter(str.isdigit, text))
    digits += completion[vr][len(digits) :]
    return digits if offset is None else _as_utc(digits, offset[1], offset[2])


def _as_utc(digits: str, sign: str, offset: str) -> str:
    ahead = timedelta(hours=int(offset[:2]), minutes=int(offset[2:]))
    beginning, rest = digits[:_TO_THE_MINUTE], digits[_TO_THE_MINUTE:]
    try:
        local = datetime.strptime(beginning, "%Y%m%d%H%M")  # noqa: DTZ007  it becomes UTC here
        utc = local - ahead if sign == "+" else local + ahead
    except (ValueError, OverflowError):  # there is no such day
        return digits
    return f"{as_da(utc)}{utc:%H%M}{rest}"
