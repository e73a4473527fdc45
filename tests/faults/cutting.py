"""Where to cut a stream of PDUs: everywhere, or where something begins and ends."""

from __future__ import annotations

import os
from typing import Literal, TypeAlias

__all__ = ["EVERYWHERE", "How", "places"]

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
