"""Character sets that one text can switch between, and texts that do it wherever they can."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from random import Random
from typing import Final

from attrs import frozen
from pydicom import Dataset
from pydicom.multival import MultiValue

__all__ = [
    "EXTENSIONS",
    "FIRST",
    "TAGS",
    "Text",
    "alphabet",
    "data_set",
    "data_set_of",
    "random_texts",
    "terms",
    "text_in",
    "texts",
    "texts_in",
]

FIRST: Final = {"": "", "6": "", "13": "ﾔ", "100": "ÿ", "144": "Ж"}
"""Those that come first, each with a letter of its own."""

EXTENSIONS: Final = {
    "13": "ﾔ",
    "58": "东",
    "87": "山",
    "100": "é",
    "101": "ł",
    "109": "ħ",
    "110": "ķ",
    "126": "Ω",
    "127": "ش",
    "138": "ש",
    "144": "Ж",
    "148": "ğ",
    "149": "김",
    "159": "丂",
    "166": "ก",
    "203": "Ž",
}
"""All of PS3.3 Tables C.12-3 and C.12-4, each with a letter by which it differs from the others."""

TAGS: Final = {
    "LO": 0x0008_1080,
    "SH": 0x0008_0094,
    "UC": 0x0018_9908,
    "PN": 0x0008_1048,
    "ST": 0x0008_0081,
    "LT": 0x0010_4000,
    "UT": 0x0040_A160,
}
"""Attributes, of several values where their VR allows that."""

_SEVERAL: Final = ("LO", "SH", "UC", "PN")
_DELIMITERS: Final = {
    **dict.fromkeys(("LO", "SH", "UC"), ("", "\\")),
    "PN": ("", "\\", "^", "="),
    **dict.fromkeys(("ST", "LT", "UT"), ("", "\r\n", "\n", "\r", "\f", "\t")),
}
_FORMS: Final = ("{x}{d}{x}", "A{d}{x}", "{x}{d}A", "{x}A{d}A{x}", "A{x}{d}{x}A")
_MIXED: Final = ("{f}{d}{x}", "{x}{d}{f}", "{f}{x}{d}{f}{x}", "{x}{f}{d}{x}{f}", "{x}{d}A{d}{f}")
# As Python's codecs read the bytes of the sets, but not those by which we write them.
_TWO_BYTES: Final = {
    "58": (b"", "gb2312"),
    "87": (b"", "euc_jp"),
    "149": (b"", "euc_kr"),
    "159": (b"\x8f", "euc_jp"),
}
_ONE_BYTE: Final = {
    "13": "shift_jis",
    "100": "latin-1",
    "101": "iso8859-2",
    "109": "iso8859-3",
    "110": "iso8859-4",
    "126": "iso8859-7",
    "127": "iso8859-6",
    "138": "iso8859-8",
    "144": "iso8859-5",
    "148": "iso8859-9",
    "166": "tis-620",
    "203": "iso8859-15",
}


@frozen
class Text:
    """A text, and the VR of the attribute that has it."""

    vr: str
    text: str


def terms(first: str, *others: str) -> list[str]:
    """The values of (0008,0005)."""
    return [f"ISO 2022 IR {number}" if number else "" for number in (first, *others)]


def texts(first: str, other: str) -> Iterator[Text]:
    """Letters of both sets on both sides of each delimiter that their VR knows."""
    letters = {"x": EXTENSIONS[other], "f": FIRST[first]}
    forms = _FORMS + _MIXED if FIRST[first] else _FORMS
    for vr, delimiters in _DELIMITERS.items():
        for delimiter in delimiters:
            for form in forms:
                yield Text(vr, form.format(d=delimiter, **letters))


@cache
def alphabet(number: str) -> str:
    """All characters of a set."""
    high = range(0xA1, 0xFF)
    if number in _ONE_BYTE:
        codec = _ONE_BYTE[number]
        codes = [bytes([code]) for code in (*high, 0xFF)]
    else:
        before, codec = _TWO_BYTES[number]
        codes = [before + bytes([row, column]) for row in high for column in high]
    return "".join(_characters(codes, codec))


def _characters(codes: Iterable[bytes], codec: str) -> Iterator[str]:
    for code in codes:
        with suppress(UnicodeError):
            yield code.decode(codec)


def random_texts(seed: int, count: int, *numbers: str) -> Iterator[Text]:
    """Texts of characters of all ``numbers``, of ASCII, and of delimiters."""
    random = Random(seed)
    alphabets = [alphabet(number) for number in numbers if number not in ("", "6")]
    alphabets += ["AZaz09.,;*?"] * len(alphabets)
    for _ in range(count):
        vr = random.choice(list(TAGS))
        letters = [random.choice(random.choice(alphabets)) for _ in range(random.randrange(1, 12))]
        for _ in range(random.randrange(4)):
            # Neither at the end nor next to each other: pydicom trims components.
            letters.insert(
                random.randrange(len(letters)), "A" + random.choice(_DELIMITERS[vr]) + "Z"
            )
        text = "".join(letters)
        # A name has three groups of components.
        yield Text(vr, text.replace("=", "^", max(0, text.count("=") - 2)))


def data_set(text: Text, charset: list[str]) -> Dataset:
    """A data set with one text."""
    made = Dataset()
    made.SpecificCharacterSet = charset
    made.update(_with(text))
    return made


def data_set_of(cases: Iterable[Text], charset: list[str]) -> Dataset:
    """A data set with an item for each text."""
    made = Dataset()
    made.SpecificCharacterSet = charset
    made.ReferencedImageSequence = [_with(text) for text in cases]
    return made


def texts_in(found: Dataset, cases: Iterable[Text]) -> list[Text]:
    """What has become of ``cases`` in the data set that ``data_set_of`` has made of them."""
    return [
        Text(case.vr, text_in(item, case.vr))
        for case, item in zip(cases, found.ReferencedImageSequence, strict=True)
    ]


def text_in(found: Dataset, vr: str) -> str:
    """The text of the attribute that ``data_set`` has made."""
    value: object = found[TAGS[vr]].value
    if isinstance(value, MultiValue):
        return "\\".join(map(str, value))
    return str(value)


def _with(text: Text) -> Dataset:
    made = Dataset()
    several = text.vr in _SEVERAL and "\\" in text.text
    made.add_new(TAGS[text.vr], text.vr, text.text.split("\\") if several else text.text)
    return made
