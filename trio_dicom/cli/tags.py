"""Attributes by name: keywords of the dictionary, and the digits of tags."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import Final

# The dictionary has no public home.
from pydicom._dicom_dict import DicomDictionary  # pyright: ignore[reportPrivateUsage]
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.tag import BaseTag

from trio_dicom.cli.exits import UsageError

__all__ = ["name_of", "parse_tag", "vr_of"]

_DIGITS: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),\s*([0-9A-Fa-f]{4})\)?|([0-9A-Fa-f]{8})")
# Command sets, meta headers, delimiters, and what PS3.5 7.1 and 7.8.1 leave to nobody.
_NO_GROUPS: Final = frozenset({0x0000, 0x0001, 0x0002, 0x0003, 0x0005, 0x0007, 0xFFFE, 0xFFFF})


def name_of(tag: BaseTag) -> str:
    """The keyword, or else the digits."""
    return keyword_for_tag(tag) or f"{tag.group:04X},{tag.element:04X}"


def vr_of(tag: BaseTag) -> str | None:
    """The VR that the dictionary has, which may be one of several; None where it has none."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return None


def parse_tag(text: str) -> BaseTag:
    """The attribute that ``text`` names.

    Args:
        text: A keyword, or ``0010,0010``, ``(0010,0010)`` or ``00100010``.

    Raises:
        UsageError: It names none that a data set can have.
    """
    match = _DIGITS.fullmatch(text)
    if match is not None:
        tag = BaseTag(int("".join(part for part in match.groups() if part), 16))
    else:
        keyword = _keywords().get(text.lower())
        number = None if keyword is None else tag_for_keyword(keyword)
        if number is None:
            raise UsageError(f"{text!r} is no attribute that the dictionary has.{_meant(text)}")
        tag = BaseTag(number)
    if tag.group in _NO_GROUPS:
        raise UsageError(f"{name_of(tag)} has no place in a data set.")
    if tag.element == 0:
        raise UsageError(f"{name_of(tag)} is a group length, and those are counted, not given.")
    return tag


@cache
def _keywords() -> dict[str, str]:
    """The keywords of the dictionary by their small letters, for those who write them so."""
    return {entry[4].lower(): entry[4] for entry in DicomDictionary.values() if entry[4]}


def _meant(text: str) -> str:
    close = get_close_matches(text.lower(), _keywords(), n=3, cutoff=0.75)
    names = " or ".join(_keywords()[it] for it in close)
    return f" Did you mean {names}?" if names else ""
