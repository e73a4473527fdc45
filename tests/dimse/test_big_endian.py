"""Words in the other byte order, as their VR says, or refused."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.uid import UID

from tests.dimse.elements import (
    BIG_ENDIAN,
    BITS_ALLOCATED,
    EXPLICIT,
    IMPLICIT,
    PIXEL_DATA,
    converted,
    explicit,
    implicit,
    with_syntax,
)
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.transcode import (
    NotConvertible,
    encode_data_set,
)

WORDS = {
    "AT": (0x0028_0009, b"\1\2\3\4", b"\2\1\4\3"),
    "US": (0x0028_0010, b"\1\2", b"\2\1"),
    "SL": (0x0018_6020, b"\1\2\3\4", b"\4\3\2\1"),
    "FD": (0x0018_602C, b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
    "OW": (0x0028_1201, b"\1\2\3\4", b"\2\1\4\3"),
    "OL": (0x0066_0040, b"\1\2\3\4", b"\4\3\2\1"),
    "OF": (0x7FE0_0008, b"\1\2\3\4", b"\4\3\2\1"),
    "OD": (0x7FE0_0009, b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
    "OV": (0x7FE0_0001, b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
    "OB": (PIXEL_DATA, b"\1\2\3\4", b"\1\2\3\4"),
    "LO": (0x0010_0020, b"ab", b"ab"),
}


@pytest.mark.scenario("B16")
@pytest.mark.parametrize("vr, element", WORDS.items(), ids=WORDS)
def test_words_are_swapped_as_their_vr_says(vr: str, element: tuple[int, bytes, bytes]) -> None:
    tag, little, big = element
    wire = explicit(tag, vr, big, order=">")
    assert converted(explicit(tag, vr, little), EXPLICIT, BIG_ENDIAN) == wire
    assert converted(wire, BIG_ENDIAN, EXPLICIT) == explicit(tag, vr, little)
    data_set = EncodedDataSet(wire, BIG_ENDIAN).decode()
    list(data_set)
    assert encode_data_set(with_syntax(data_set, BIG_ENDIAN), EXPLICIT) == explicit(tag, vr, little)


def test_binary_values_of_a_new_data_set_are_little_endian() -> None:
    data_set = Dataset()
    data_set.RedPaletteColorLookupTableData = b"\1\2"
    assert encode_data_set(data_set, BIG_ENDIAN)[-2:] == b"\2\1"
    assert encode_data_set(data_set, IMPLICIT)[-2:] == b"\1\2"


@pytest.mark.scenario("B16")
@pytest.mark.parametrize(
    "data, source",
    [
        (explicit(0x0009_1001, "UN", b"abcd"), EXPLICIT),
        (implicit(0x0009_1001, b"abcd"), IMPLICIT),
        (implicit(0x0008_FFF0, b"abcd"), IMPLICIT),
        (
            implicit(0x0009_0010, b"GEMS_IDEN_01") + implicit(0x0009_1027, b"\1\0\0\0"),
            IMPLICIT,
        ),
    ],
    ids=["UN", "private", "unknown", "known by a private dictionary only"],
)
def test_words_whose_size_nobody_states_are_not_swapped(data: bytes, source: UID) -> None:
    with pytest.raises(NotConvertible, match="nobody knows the byte order"):
        converted(data, source, BIG_ENDIAN)


@pytest.mark.scenario("B16")
def test_what_needs_no_swapping_goes_into_big_endian() -> None:
    private = (
        explicit(0x0009_0010, "LO", b"NOBODY'S")
        + explicit(0x0009_1001, "UN", b"")
        + explicit(0x0009_1002, "OB", b"ab")
    )
    assert converted(private, EXPLICIT, BIG_ENDIAN)[-2:] == b"ab"
    known = implicit(0x0009_0010, b"GEMS_IDEN_01") + implicit(0x0009_1001, b"AB")
    assert converted(known, IMPLICIT, BIG_ENDIAN)[-2:] == b"AB"


@pytest.mark.scenario("B16")
def test_a_private_value_whose_sender_states_the_vr_is_swapped() -> None:
    stated = explicit(0x0009_0010, "LO", b"NOBODY'S") + explicit(0x0009_1001, "US", b"\1\2")
    assert converted(stated, EXPLICIT, BIG_ENDIAN)[-2:] == b"\2\1"


def test_samples_longer_than_a_word_are_not_swapped() -> None:
    data = explicit(BITS_ALLOCATED, "US", b"\x20\0") + explicit(PIXEL_DATA, "OW", b"abcd")
    with pytest.raises(NotConvertible, match="longer than a word"):
        converted(data, EXPLICIT, BIG_ENDIAN)


def test_half_a_word_cannot_be_swapped() -> None:
    with pytest.raises(NotConvertible, match="no whole number"):
        converted(explicit(0x0066_0040, "OL", b"ab"), EXPLICIT, BIG_ENDIAN)
