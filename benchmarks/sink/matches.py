"""The studies that the sink finds, whatever it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.sink.pdus import data_pdu, element

__all__ = ["ELEMENTS", "matches"]

_NUMBER = b"00000000"  # stands where each match has a number of its own

# Values have an even length already.
ELEMENTS = {
    0x0008_0005: b"ISO_IR 100",
    0x0008_0020: b"20260102",
    0x0008_0030: b"030405",
    0x0008_0050: b"ACC" + _NUMBER + b" ",
    0x0008_0052: b"STUDY ",
    0x0008_0054: b"SINK",
    0x0008_0061: b"CT",
    0x0008_0090: b"Referring^Physician ",
    0x0008_1030: b"Benchmark of a query",
    0x0010_0010: b"Family" + _NUMBER + b"^Given",
    0x0010_0020: b"ID" + _NUMBER,
    0x0010_0030: b"19700101",
    0x0010_0040: b"O ",
    0x0020_000D: b"2.25.1" + _NUMBER,
    0x0020_0010: b"ST" + _NUMBER,
}

_AT_ONCE = 256


def matches(context: int, pending: bytes, count: int) -> Iterator[bytes]:
    """The PDUs of ``count`` pending responses, many in each block.

    Args:
        context: On which they go.
        pending: Their command set.
        count: How many.
    """
    identifier = b"".join(element(tag, value) for tag, value in ELEMENTS.items())
    both = data_pdu(context, pending, command=True) + data_pdu(context, identifier, command=False)
    numbers = both.count(_NUMBER)
    template = both.replace(b"%", b"%%").replace(_NUMBER, b"%08d")
    for start in range(1, count + 1, _AT_ONCE):
        end = min(start + _AT_ONCE, count + 1)
        yield b"".join([template % ((number,) * numbers) for number in range(start, end)])
