"""Text of others, made fit for a line that people read."""

from __future__ import annotations

import unicodedata

__all__ = ["printable"]


def printable(text: str) -> str:
    """``text`` with everything escaped that would move a cursor or break a line or an encoding.

    File names and what peers say are not ours, and they end on somebody's terminal.
    """
    if text.isprintable():
        return text
    return "".join(it if _is_harmless(it) else _escaped(it) for it in text)


def _is_harmless(character: str) -> bool:
    # Spaces of all widths are, such as those between Japanese names.
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
