"""Inputs that are nearly what they should be."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

__all__ = ["mutants", "mutated"]

# What lengths, tags and flags are when they are wrong on purpose.
_TELLING = (
    b"\0",
    b"\1",
    b"\3",
    b"\4\0",
    b"\xff",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xfe\xff\x00\xe0",
    b"\xfe\xff\xdd\xe0",
    b"UN\0\0",
    b"SQ\0\0",
)
_LENGTHS = (1, 2, 4, 6, 8, 30, 300)


def mutated(seeds: Sequence[bytes], dice: Random, *, head: int = 0) -> bytes:
    """One of ``seeds`` with a few bytes changed, put in or taken out, or parts of another in it.

    Args:
        seeds: What is nearly right.
        dice: Makes the choices.
        head: How many bytes at the beginning have a meaning whatever they are.
    """
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.randrange(1, 5)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(7):
            case 0 | 1 if at < len(data):
                data[at] = dice.randrange(256)
            case 2:
                telling = dice.choice(_TELLING)
                data[at : at + len(telling)] = telling
            case 3:
                data[at:at] = bytes(dice.randrange(256) for _ in range(dice.choice(_LENGTHS[:5])))
            case 4:
                del data[at : at + dice.choice(_LENGTHS)]
            case 5:
                other = dice.choice(seeds)
                start = dice.randrange(len(other) + 1)
                data[at:at] = other[start : start + dice.choice(_LENGTHS)]
            case _:
                # A length that still fits: the byte before counts the ones behind.
                data[at : at + 1] = b""
                if at and data[at - 1]:
                    data[at - 1] -= 1
    if dice.randrange(2):
        data[:head] = bytes(dice.randrange(256) for _ in range(head))
    return bytes(data)


def mutants(seeds: Sequence[bytes], *, head: int = 0) -> SearchStrategy[bytes]:
    """The same, drawn by Hypothesis, which finds the smallest of those that break something."""
    return st.randoms(use_true_random=False).map(lambda dice: mutated(seeds, dice, head=head))
