"""Where to cut a stream of PDUs: everywhere, or where something begins and ends."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeAlias

__all__ = ["EVERYWHERE", "How", "cut_all", "places"]

How: TypeAlias = Literal["eof", "reset"]

EVERYWHERE = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
"""Whether to spare no byte: `nox -s fuzz`."""

_HEADER = 12  # of a PDU with one PDV
_SHORT = 24
_STRIDE = 67
_NEAR = 3


def places(data: bytes, how: str, *, everywhere: bool = EVERYWHERE) -> list[int]:
    """Each byte of ``data`` before which to cut it.

    Not everywhere means: every byte of short PDUs, and of long ones every other one of the
    headers, some bytes before the end and some in between.

    Args:
        data: What one side says, from its first PDU to its last.
        how: How it is cut: one way here, and the other way there.
        everywhere: Whether to cut at every byte.
    """
    if everywhere:
        return list(range(len(data)))
    found: list[int] = []
    begin = 0
    while begin < len(data):
        end = begin + 6 + int.from_bytes(data[begin + 2 : begin + 6], "big")
        if end - begin <= _SHORT:
            found += range(begin, end)
        else:
            odd = how == "reset"
            found += sorted({begin, *range(begin + odd, begin + _HEADER + 2, 2)})
            found += range(begin + _HEADER + 2 + odd * _STRIDE // 2, end - _NEAR, _STRIDE)
            found += range(end - _NEAR, end)
        begin = end
    return found


async def cut_all(
    conversation: Mapping[str, bytes],
    how: How,
    cut: Callable[[str, int], Awaitable[object]],
    afterwards: Callable[[], Awaitable[object]] | None = None,
) -> str:
    """Cut a conversation at all its places, one after the other.

    Args:
        conversation: What is said, by its direction: ``sending`` or ``receiving``.
        how: How it is cut.
        cut: Cuts it in a direction before a byte, and sees what comes of it.
        afterwards: Called behind each direction.

    Returns:
        How many places they were, in words.
    """
    counts: list[str] = []
    for direction, data in conversation.items():
        at = places(data, how)
        for place in at:
            try:
                await cut(direction, place)
            except BaseException as error:
                error.add_note(f"cut behind byte {place} of {len(data)} while {direction}")
                raise
        if afterwards is not None:
            await afterwards()
        counts.append(f"{len(at)} of {len(data)} bytes {direction}")
    return f"cut at {' and '.join(counts)}"
