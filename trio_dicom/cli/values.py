"""The values of attributes as they are typed on the command line."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Final

from pydicom.valuerep import PersonName

from trio_dicom.cli.exits import UsageError
from trio_dicom.cli.tags import parse_tag

__all__ = ["value_of"]

_INTEGERS: Final = frozenset({"US", "SS", "UL", "SL", "UV", "SV"})
_FLOATS: Final = frozenset({"FL", "FD"})
_BINARY: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})
# Those that Specific Character Set is about (PS3.5 6.1.2.3), and what nobody knows.
_IN_ANY_LETTERS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UN", "UT"})
_SINGLE: Final = frozenset({"LT", "ST", "UR", "UT"})  # where a backslash is one
# What text may have of them (PS3.5 6.1.3). ESC is for character sets, which are not typed.
_CONTROLS: Final = frozenset("\t\n\f\r")


def value_of(name: str, vr: str, text: str) -> tuple[str, object]:
    """The VR and the value of an element that holds ``text``, as it stands.

    Args:
        name: What the attribute is called, for the error.
        vr: What the dictionary says, which may be one of several.
        text: The value, or "" for none.

    Raises:
        UsageError: It cannot hold that.
    """
    if " or " in vr:
        vr = _one_of(vr.split(" or "), text)
    if not text:
        return vr, _nothing(vr)
    if vr == "SQ":
        item = name if name.endswith("]") else f"{name}[0]"
        raise UsageError(
            f"{name} is a sequence, and has no value of its own: name an attribute in its item, "
            f"such as {item}.CodeValue={text}."
        )
    if vr in _BINARY:
        raise UsageError(f"{name} holds binary data ({vr}), which cannot be typed.")
    if not _is_text(text):
        raise UsageError(f"The value of {name} has control characters, or is no text.")
    if vr not in _IN_ANY_LETTERS and not text.isascii():
        raise UsageError(f"The value of {name} has letters that {vr} does not have.")
    if vr in _INTEGERS:
        return vr, _each(name, text, int, "whole numbers")
    if vr in _FLOATS:
        return vr, _each(name, text, _number, "numbers")
    if vr == "AT":
        return vr, _each(name, text, parse_tag, "tags or keywords")
    if vr == "PN":
        names = [PersonName(it) for it in text.split("\\")]
        return vr, names if len(names) > 1 else names[0]
    if vr == "UN":
        encoded = text.encode()
        # What nobody knows but somebody types is text, so it is padded as such.
        return vr, encoded + b" " * (len(encoded) % 2)
    if "\\" in text and vr not in _SINGLE:
        return vr, text.split("\\")
    return vr, text


def _one_of(choices: list[str], text: str) -> str:
    if "US" in choices:
        return "SS" if "-" in text else "US"
    return choices[-1]


def _nothing(vr: str) -> object:
    if vr == "SQ":
        return []
    return b"" if vr in _BINARY or vr == "UN" else None


def _is_text(text: str) -> bool:
    # What the shell passes on although it is no text comes as halves of surrogate pairs.
    return not any(
        (it < " " and it not in _CONTROLS) or "\x7f" <= it < "\xa0" or "\ud800" <= it <= "\udfff"
        for it in text
    )


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


def _each(name: str, text: str, convert: Callable[[str], object], what: str) -> list[object]:
    try:
        return [convert(it.strip()) for it in text.split("\\")]
    except ValueError:
        raise UsageError(f"{name} holds {what}, and {text!r} is none.") from None
