"""The reader that never reads past the end."""

from __future__ import annotations

import pytest

from trio_dicom._wire.cursor import Cursor
from trio_dicom.errors import PDUError


def test_numbers_are_big_endian() -> None:
    cursor = Cursor(memoryview(bytes(range(1, 8))), "test")
    assert (cursor.u8(), cursor.u16(), cursor.u32()) == (0x01, 0x0203, 0x04050607)
    assert cursor.remaining == 0


def test_slices_are_views_of_the_bytes() -> None:
    data = b"abcdef"
    cursor = Cursor(memoryview(data), "test")
    assert cursor.take(2) == b"ab"
    assert cursor.take(0) == b""
    assert cursor.remaining == 4
    rest = cursor.rest()
    assert rest == b"cdef"
    assert rest.obj is data
    assert cursor.rest() == b""


def test_a_sub_cursor_ends_where_its_bytes_end() -> None:
    cursor = Cursor(memoryview(b"abcd"), "whole")
    part = cursor.sub(2, "part")
    assert part.rest() == b"ab"
    assert cursor.rest() == b"cd"
    with pytest.raises(PDUError, match="part: 1 bytes should follow, but only 0 do"):
        part.u8()


@pytest.mark.pitfall(26)
def test_reading_past_the_end_is_refused_and_takes_nothing() -> None:
    cursor = Cursor(memoryview(b"abc"), "item 51H")
    with pytest.raises(PDUError, match="item 51H: 4 bytes should follow, but only 3 do"):
        cursor.u32()
    with pytest.raises(PDUError):
        cursor.sub(4, "part")
    assert cursor.u16() == 0x6162
    with pytest.raises(PDUError):
        cursor.u16()
    assert cursor.u8() == 0x63
    with pytest.raises(PDUError):
        cursor.u8()
