"""Specific Character Set (0008,0005) as peers declare it, and the codecs that it means.

pydicom takes a term that it does not know for the name of a Python codec. There are some whose
work grows with the square of the text, Python remembers for ever each name that is none, and the
warning repeats what the peer says. So only terms get there that pydicom knows (PS3.3 C.12.1.1.2).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from pydicom.charset import (
    CODES_TO_ENCODINGS,
    ENCODINGS_TO_CODES,
    convert_encodings,
    default_encoding,
    python_encoding,
)

from trio_dicom.errors import PDUError

__all__ = ["ESCAPE_SEQUENCES", "codecs_of", "defined_terms", "with_ascii"]

# Latin alphabet No. 9 (PS3.3 Tables C.12-2 and C.12-3), which pydicom does not know. It chooses
# codecs by these tables when it reads and when it writes, so this is where it has to be.
_LATIN_9: Final = "iso8859_15"
python_encoding.setdefault("ISO_IR 203", _LATIN_9)
python_encoding.setdefault("ISO 2022 IR 203", _LATIN_9)
CODES_TO_ENCODINGS.setdefault(b"\x1b-b", _LATIN_9)
ENCODINGS_TO_CODES.setdefault(_LATIN_9, b"\x1b-b")

# The Chinese set with code extensions (PS3.3 Table C.12-4). pydicom believes that Python's codec
# handles its escape sequence, leaves it in the text and writes none. It knows the codec by one of
# its two names; by the other it takes the escape sequence away and writes it itself.
_CHINESE: Final = "gb2312"
python_encoding["ISO 2022 IR 58"] = _CHINESE
CODES_TO_ENCODINGS[b"\x1b$)A"] = _CHINESE
ENCODINGS_TO_CODES[_CHINESE] = b"\x1b$)A"

ESCAPE_SEQUENCES: Final = dict(CODES_TO_ENCODINGS)
"""The codecs of PS3.3 Tables C.12-3 and C.12-4, by the escape sequences that switch to them."""

_WITHOUT_ASCII: Final = ("iso2022_jp", "iso2022_jp_2")

_LONGEST: Final = 1024
"""Characters. All the terms that there are, one after the other, have half as many."""

_MISSPELT: Final = re.compile(r"ISO[^_]IR")
_MISSPELT_EXTENSION: Final = re.compile(r"ISO.2022.IR.")
# What some write who think of Python, or of the web.
_OTHER_NAMES: Final = {
    "ascii": "ISO_IR 6",
    "iso8859_1": "ISO_IR 100",
    "iso_8859_1": "ISO_IR 100",
    "latin1": "ISO_IR 100",
    "latin_1": "ISO_IR 100",
    "utf8": "ISO_IR 192",
    "utf_8": "ISO_IR 192",
}


def codecs_of(declared: str) -> list[str]:
    """The codecs for the values of (0008,0005), as the list that pydicom wants.

    A term that nobody knows counts as the default repertoire.

    Raises:
        PDUError: It is longer than any declaration that means something.
    """
    if len(declared) > _LONGEST:
        raise PDUError(f"a data set declares its character set in {len(declared)} characters")
    return list(_codecs(declared))


def defined_terms(declared: str) -> str:
    """The same in the standard's terms, where "" stands for what nobody knows."""
    return "\\".join(_known(term) for term in _terms(declared))


def with_ascii(codecs: Sequence[str]) -> list[str]:
    """``codecs``, of which the first is one that has ASCII.

    The Japanese sets of two bytes have none and are none to begin with (PS3.3 C.12.1.1.2), and
    yet some declare nothing else. pydicom fails then where a component group of a name is empty.
    """
    return [default_encoding, *codecs] if codecs[0] in _WITHOUT_ASCII else list(codecs)


@lru_cache(maxsize=64)
def _codecs(declared: str) -> tuple[str, ...]:
    return tuple(with_ascii(convert_encodings([_known(term) for term in _terms(declared)])))


def _terms(declared: str) -> list[str]:
    return [term.strip(" \0") for term in declared.split("\\")]


def _known(term: str) -> str:
    """The defined term that is meant; "", which is the default repertoire, where there is none."""
    upper = term.upper()
    if upper in python_encoding:
        return upper
    if _MISSPELT.match(upper):
        meant = "ISO_IR" + upper[6:]
    elif _MISSPELT_EXTENSION.match(upper):
        meant = "ISO 2022 IR " + upper[12:]
    else:
        meant = _OTHER_NAMES.get(term.lower().replace("-", "_"), "")
    return meant if meant in python_encoding else ""
