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

_DELIMITERS: Final = {"PN": "\\^=", "LO": "\\", "SH": "\\", "UC": "\\"}
"""Behind which the first character set holds again, as it does behind control characters."""


def is_extended(codecs: Sequence[str]) -> bool:
    """Whether text in ``codecs`` goes from one character set to another.

    The Japanese ones do on their own, as they have no ASCII.
    """
    return len(codecs) > 1 or codecs[0] == _KATAKANA or codecs[0] in _LOW.values()


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
    encoder = _Encoder(codecs=codecs, delimiters=_DELIMITERS.get(vr, ""))
    return bytes(encoder.encoded) if all(map(encoder.add, text)) and encoder.end() else None


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
    first = _first(codecs)
    low, high, position = _ASCII, first, 0
    text: list[str] = []
    while position < len(value):
        # What is a delimiter in ASCII may be half of a character elsewhere.
        token = (_TOKENS.get(vr, _LINES) if low == _ASCII else _LINES).match(value, position)
        if token is None:
            return None
        found, position = token[0], token.end()
        if token["escape"] is not None:
            if found in _HIGH:
                high = _HIGH[found]
            elif (low := (_LOW | _LETTERS).get(found, "")) == "":
                return None
            continue
        if token["delimiter"] is not None:
            low, high = _ASCII, first or high
        codec = low if token["high"] is None else high
        before = _ESCAPE_OF[low] if codec in _LOW.values() else b""
        try:
            text.append((before + found).decode(codec or _ASCII))
        except UnicodeError:
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
    """Writes text character by character.

    Attributes:
        codecs: Those of the Specific Character Set.
        delimiters: What ends a value or a component besides control characters.
        encoded: What has been written.
    """

    codecs: Sequence[str]
    delimiters: str
    encoded: bytearray = field(factory=bytearray, init=False, repr=False)
    _low: str = field(default=_ASCII, init=False)
    # Empty where some would take it for one set and some for another: the next one is named.
    _high: str = field(init=False)
    _latest: str = field(default="", init=False)

    def __attrs_post_init__(self) -> None:
        self._high = _first(self.codecs)

    def add(self, character: str) -> bool:
        """Write ``character``, or say False if no character set has it."""
        if character.isascii():
            self.end()
            if character < " " or character in self.delimiters:
                self._forget()
            self.encoded.append(ord(character))
            return character != "\x1b"
        for codec in (self._latest, *self.codecs):
            code = _code(codec, character)
            if code is not None:
                self._switch(codec)
                self.encoded += code
                return True
        return False

    def end(self) -> bool:
        """Go back to ASCII, as it is wanted before delimiters and at the end."""
        if self._low != _ASCII:
            self.encoded += b"\x1b(J" if _first(self.codecs) == _KATAKANA else b"\x1b(B"
            self._low, self._high = _ASCII, ""
        return True

    def _forget(self) -> None:
        if self._high != _first(self.codecs):
            self._high = ""

    def _switch(self, codec: str) -> None:
        if codec in _LOW.values():
            if self._low != codec:
                self.encoded += _ESCAPE_OF[codec]
            self._low = codec
        else:
            self.end()
            if self._high != codec:
                self.encoded += _ESCAPE_OF[codec]
            self._high = codec
        self._latest = codec


def _first(codecs: Sequence[str]) -> str:
    """The codec of the bytes from A0H on where nothing else is said; "" where that is none."""
    return codecs[0] if codecs[0] in _HIGH.values() else ""


# Bounded, because peers choose the characters. A page of text has fewer.
@lru_cache(maxsize=8192)
def _code(codec: str, character: str) -> bytes | None:
    """The bytes of a character in a set, or None where it is not in there.

    Python's codecs have more than the sets: Kanji with Katakana, Korean syllables of eight bytes.
    They read the yen sign as the backslash whose place it takes.
    """
    escape = _ESCAPE_OF.get(codec)
    try:
        code = character.encode(codec)
        is_same = code.decode(codec) == character
    except (UnicodeError, LookupError):
        return None
    if escape is None or not is_same:
        return None
    if codec in _LOW.values():
        return code[len(escape) : -len(b"\x1b(B")] if code.startswith(escape) else None
    width = 2 if codec in _OF_TWO_BYTES else 1
    return code if len(code) == width and code[0] >= _FIRST_HIGH else None


def _tokens(delimiters: str) -> re.Pattern[bytes]:
    others = re.escape(delimiters).encode("ascii")
    return re.compile(
        rb"(?P<escape>\x1b(?:\$[()]?|[()\-])[A-Za-z])"
        rb"|(?P<delimiter>[\x00-\x1a\x1c-\x1f%b])"
        rb"|(?P<high>[\x80-\xff]+)"
        rb"|(?P<low>[^\x00-\x1f\x80-\xff%b]+)" % (others, others)
    )


_LINES: Final = _tokens("")
_TOKENS: Final = {vr: _tokens(delimiters) for vr, delimiters in _DELIMITERS.items()}
