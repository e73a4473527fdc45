"""Text in bytes and back, with the escape sequences between character sets (PS3.5 6.1.2.5.3).

Behind the end of a line, of a value and of a component of a name the first character set holds
again. pydicom forgets that in some places when it writes, and in others when it reads. So text
with code extensions is written here, and pydicom reads it in a form that leaves nothing to forget.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from attrs import define, field

from trio_dicom._dimse.charsets import ESCAPE_SEQUENCES

__all__ = ["decode_text", "encode_text", "is_extended", "plainer"]

_ESC: Final = b"\x1b"
_BACK: Final = b"\x1b(B"  # to ASCII
_ASCII: Final = "ascii"
_KATAKANA: Final = "shift_jis"  # as pydicom calls ISO-IR 13 and 14
_LOW: Final = {b"\x1b$B": "iso2022_jp", b"\x1b$(D": "iso2022_jp_2"}
"""Sets of two bytes that both are below 80H, by their escape sequences."""
# ISO-IR 14 differs in two characters, which are a backslash and a tilde to most.
_LETTERS: Final = {b"\x1b(B": _ASCII, b"\x1b(J": _ASCII}
_HIGH: Final = {
    escape: codec
    for escape, codec in ESCAPE_SEQUENCES.items()
    if escape not in _LOW and escape not in _LETTERS
}
"""Sets of bytes from A0H on, which leave ASCII where it is."""
_ESCAPE_OF: Final = {codec: escape for escape, codec in (_LOW | _HIGH).items()}
_OF_TWO_BYTES: Final = frozenset({"euc_kr", "gb2312"})
_FIRST_HIGH: Final = 0xA0

_CONTROL: Final = re.compile(rb"[\x00-\x1f]")
_DELIMITERS: Final = {
    "PN": re.compile(rb"[\x00-\x1f\\^=]"),
    **dict.fromkeys(("LO", "SH", "UC"), re.compile(rb"[\x00-\x1f\\]")),
}
"""Behind which the first character set holds again, in the VRs that have more than lines."""

_RUNS: Final = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")
_RUNS_OF_BYTES: Final = re.compile(rb"[\x00-\x7f]+|[\x80-\xff]+")
_FRAGMENTS: Final = re.compile(rb"(\x1b(?:\$[()]?[A-Z]|[()\-][A-Za-z])?)?([^\x1b]*)")


def is_extended(codecs: Sequence[str]) -> bool:
    """Whether text in ``codecs`` goes from one character set to another.

    Katakana does on its own, as its codec has more than one.
    """
    return len(codecs) > 1 or codecs[0] == _KATAKANA


def encode_text(text: str, vr: str, codecs: Sequence[str]) -> bytes | None:
    """``text`` in bytes; None where there are characters that none of ``codecs`` has.

    Args:
        text: One value, or several with backslashes between them.
        vr: Its VR, which says where values and components end.
        codecs: Those of the Specific Character Set.
    """
    if not is_extended(codecs):
        try:
            return text.encode(codecs[0])
        except UnicodeError:
            return None
    encoder = _Encoder(codecs=codecs, delimiter=_DELIMITERS.get(vr, _CONTROL))
    if not all(map(encoder.add, _RUNS.findall(text))):
        return None
    encoder.end()
    return bytes(encoder.encoded)


def decode_text(value: bytes, vr: str, codecs: Sequence[str]) -> str | None:
    """The text in ``value``; None where it is none. See ``encode_text``.

    A peer that does not repeat the escape sequence behind a delimiter is understood where that
    can mean nothing else: where the first character set has nothing but ASCII.
    """
    if not is_extended(codecs):
        try:
            return value.decode(codecs[0])
        except UnicodeError:
            return None
    first, low, high = _first(codecs), _ASCII, _first(codecs)
    text: list[str] = []
    try:
        for escape, rest in _FRAGMENTS.findall(value):
            if escape in _HIGH:
                high = _HIGH[escape]
            elif escape:
                low = (_LOW | _LETTERS)[escape]
            if low != _ASCII:
                # What is a delimiter in ASCII may be half of a character here, but a control.
                line, rest = _split(_CONTROL, rest)
                text.append(_decoded(line, low, high))
                if not rest:
                    continue
                low, high = _ASCII, first or high
            if first not in ("", high):
                part, rest = _split(_DELIMITERS.get(vr, _CONTROL), rest)
                text.append(part.decode(high))
                high = first if rest else high
            text.append(rest.decode(high or _ASCII))
    except (UnicodeError, KeyError):
        return None
    return "".join(text)


def plainer(value: bytes, vr: str, codecs: Sequence[str]) -> bytes:
    """The same text with every escape sequence that pydicom needs to read it right.

    What is no text, and what has no escape sequences, remains as it is.
    """
    if _ESC not in value or not is_extended(codecs):
        return value
    text = decode_text(value, vr, codecs)
    encoded = None if text is None else encode_text(text, vr, codecs)
    return value if encoded is None else encoded


@define(eq=False, kw_only=True)
class _Encoder:
    """Writes text, run by run of what is ASCII and of what is not.

    Attributes:
        codecs: Those of the Specific Character Set.
        delimiter: What ends a line, a value or a component.
        encoded: What has been written.
    """

    codecs: Sequence[str]
    delimiter: re.Pattern[bytes] = field(repr=False)
    encoded: bytearray = field(factory=bytearray, init=False, repr=False)
    _low: str = field(default=_ASCII, init=False)
    # Empty where some would take it for one set and some for another: the next one is named.
    _high: str = field(init=False)
    _latest: str = field(default="", init=False)
    # Behind the last delimiter and whatever is not ASCII.
    _start: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._high = _first(self.codecs)

    def add(self, run: str) -> bool:
        """Write ``run``, or say False if there are characters that no set has."""
        if not run.isascii():
            return self._add_letters(run)
        self.end()
        code = run.encode("ascii")
        self.encoded += code
        last = self.delimiter.search(code[::-1])
        if last is not None:
            self._start = len(self.encoded) - last.start()
            if self._high != _first(self.codecs):
                self._high = ""
        return "\x1b" not in run

    def end(self) -> None:
        """Go back to ASCII, as it is wanted before delimiters and at the end."""
        if self._low != _ASCII:
            self.encoded += b"\x1b(J" if _first(self.codecs) == _KATAKANA else b"\x1b(B"
            self._low, self._high = _ASCII, ""
            self._start = len(self.encoded)

    def _add_letters(self, letters: str) -> bool:
        code_of = _code_of_one if len(letters) == 1 else _code
        for codec in (self._latest, *self.codecs):
            code = code_of(codec, letters)
            if code is not None:
                self._switch(codec)
                self.encoded += code
                self._start = len(self.encoded)
                return True
        return len(letters) > 1 and all(map(self._add_letters, letters))

    def _switch(self, codec: str) -> None:
        if codec in _LOW.values():
            if self._low != codec:
                self.encoded += _ESCAPE_OF[codec]
            self._low = codec
        else:
            self.end()
            if self._high != codec:
                # Behind a character of two bytes some go on in steps of two, and overlook an
                # escape sequence behind a single letter. So it stands ahead of the letter, as at
                # the start of lines, values and components in PS3.5 I.3 and K.2.
                is_ahead = not _OF_TWO_BYTES.isdisjoint(self.codecs)
                start = self._start if is_ahead else len(self.encoded)
                self.encoded[start:start] = _ESCAPE_OF[codec]
            self._high = codec
        self._latest = codec


def _first(codecs: Sequence[str]) -> str:
    """The codec of the bytes from A0H on where nothing else is said; "" where that is none."""
    return codecs[0] if codecs[0] in _HIGH.values() else ""


def _code(codec: str, letters: str) -> bytes | None:
    """The bytes of letters in a set, or None where they are not all in there.

    Python's codecs have more than the sets: Kanji with Katakana, Korean syllables of eight bytes.
    They read the yen sign as the backslash whose place it takes.
    """
    escape = _ESCAPE_OF.get(codec)
    if escape is None:
        return None
    try:
        code = letters.encode(codec)
        is_same = code.decode(codec) == letters
    except UnicodeError:
        return None
    if not is_same:
        return None
    if codec in _LOW.values():
        is_pure = code.startswith(escape) and code.count(_ESC) == len((escape, _BACK))
        return code[len(escape) : -len(_BACK)] if is_pure else None
    width = 2 if codec in _OF_TWO_BYTES else 1
    return code if len(code) == width * len(letters) and min(code) >= _FIRST_HIGH else None


# Bounded, because peers choose the characters. A page of text has fewer.
_code_of_one: Final = lru_cache(maxsize=8192)(_code)


def _split(delimiter: re.Pattern[bytes], value: bytes) -> tuple[bytes, bytes]:
    found = delimiter.search(value)
    end = len(value) if found is None else found.start()
    return value[:end], value[end:]


def _decoded(line: bytes, low: str, high: str) -> str:
    return "".join(
        run.decode(high or _ASCII) if run[0] >= _FIRST_HIGH else (_ESCAPE_OF[low] + run).decode(low)
        for run in _RUNS_OF_BYTES.findall(line)
    )
