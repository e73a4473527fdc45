"""Implicit VR into explicit: the VR of everything, and UN for what nobody knows."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from tests.dimse.elements import (
    BIG_ENDIAN,
    BITS_ALLOCATED,
    EXPLICIT,
    IMPLICIT,
    PIXEL_DATA,
    SEQUENCE,
    converted,
    explicit,
    implicit,
    item,
)
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.transcode import (
    NotConvertible,
    encode_data_set,
)


@pytest.mark.scenario("B16", "B54")
def test_private_elements_that_nobody_knows_become_un() -> None:
    data = implicit(0x0009_0010, b"NOBODY'S") + implicit(0x0009_1001, b"abcd")
    wire = explicit(0x0009_0010, "LO", b"NOBODY'S") + explicit(0x0009_1001, "UN", b"abcd")
    assert converted(data, IMPLICIT, EXPLICIT) == wire
    assert converted(wire, EXPLICIT, IMPLICIT) == data


@pytest.mark.scenario("B16")
def test_standard_elements_that_nobody_knows_become_un() -> None:
    data = implicit(0x0008_FFF0, b"ab")
    assert converted(data, IMPLICIT, EXPLICIT) == explicit(0x0008_FFF0, "UN", b"ab")


@pytest.mark.scenario("B54")
def test_private_elements_that_the_dictionary_knows_get_their_vr() -> None:
    creator = implicit(0x0009_0010, b"GEMS_IDEN_01")
    data = creator + implicit(0x0009_1001, b"AB") + implicit(0x0009_1027, b"\1\0\0\0")
    wire = converted(data, IMPLICIT, EXPLICIT)
    assert wire.endswith(
        explicit(0x0009_1001, "LO", b"AB") + explicit(0x0009_1027, "SL", b"\1\0\0\0")
    )
    # A value that cannot be what the dictionary says is nobody's.
    data = creator + implicit(0x0009_1027, b"\1\0")
    assert converted(data, IMPLICIT, EXPLICIT).endswith(explicit(0x0009_1027, "UN", b"\1\0"))


def test_a_private_creator_that_somebody_has_looked_at_counts() -> None:
    data_set = EncodedDataSet(
        implicit(0x0009_0010, b"GEMS_IDEN_01") + implicit(0x0009_1001, b"AB"), IMPLICIT
    ).decode()
    assert data_set[0x0009_0010].value == "GEMS_IDEN_01"
    assert encode_data_set(data_set, EXPLICIT).endswith(explicit(0x0009_1001, "LO", b"AB"))
    data_set[0x0009_0010].value = None
    assert encode_data_set(data_set, EXPLICIT).endswith(explicit(0x0009_1001, "UN", b"AB"))


def test_private_sequences_are_sequences_if_they_look_like_it() -> None:
    creator = implicit(0x2001_0010, b"Philips Imaging DD 001")
    inner = implicit(0x0008_0020, b"20260101")
    data = creator + implicit(0x2001_105F, item(inner))
    expected = explicit(0x2001_105F, "SQ", item(explicit(0x0008_0020, "DA", b"20260101")))
    assert converted(data, IMPLICIT, EXPLICIT).endswith(expected)
    data = creator + implicit(0x2001_105F, b"no items here.")
    assert converted(data, IMPLICIT, EXPLICIT).endswith(
        explicit(0x2001_105F, "UN", b"no items here.")
    )


@pytest.mark.scenario("B16")
def test_what_16_bits_cannot_count_becomes_un() -> None:
    text = b"1\\" * 32_767 + b"23"
    assert len(text) == 65_536
    data = implicit(0x3006_0050, text)
    assert converted(data, IMPLICIT, EXPLICIT) == explicit(0x3006_0050, "UN", text)
    assert converted(data, IMPLICIT, BIG_ENDIAN) == explicit(0x3006_0050, "UN", text, order=">")
    longest = implicit(0x3006_0050, text[:65_534])
    assert converted(longest, IMPLICIT, EXPLICIT)[4:6] == b"DS"
    # UN is little endian wherever it is, so numbers would be in the wrong order.
    numbers = implicit(0x0018_9810, bytes(65_536))
    assert converted(numbers, IMPLICIT, EXPLICIT)[4:6] == b"UN"
    with pytest.raises(NotConvertible, match="little endian always"):
        converted(numbers, IMPLICIT, BIG_ENDIAN)


def test_a_vr_that_does_not_exist_is_not_written() -> None:
    data_set = Dataset(
        {Tag(0x0008_0020): RawDataElement(Tag(0x0008_0020), "ZZ", 2, b"ab", 0, False, True)}
    )
    with pytest.raises(NotConvertible, match="unknown VR 'ZZ'"):
        encode_data_set(data_set, EXPLICIT)


@pytest.mark.scenario("B16")
@pytest.mark.parametrize(
    "context, tag, vr",
    [
        (implicit(BITS_ALLOCATED, b"\x08\0"), PIXEL_DATA, "OB"),
        (implicit(BITS_ALLOCATED, b"\x10\0"), PIXEL_DATA, "OW"),
        (b"", PIXEL_DATA, "OW"),
        (implicit(0x5400_1004, b"\x08\0"), 0x5400_1010, "OB"),
        (b"", 0x5400_1010, "OW"),
        (b"", 0x6000_3000, "OW"),
        (implicit(0x0028_0103, b"\1\0"), 0x0028_0106, "SS"),
        (implicit(0x0028_0103, b"\0\0"), 0x0028_0106, "US"),
        (b"", 0x0028_0106, "US"),
        (b"", 0x0028_3006, "US"),
    ],
)
def test_ambiguous_vrs_are_resolved_as_the_standard_says(context: bytes, tag: int, vr: str) -> None:
    data = b"".join(sorted([context, implicit(tag, b"\1\2")], key=lambda raw: raw[:4]))
    wire = converted(data, IMPLICIT, EXPLICIT)
    assert explicit(tag, vr, b"\1\2") in wire


def test_longer_look_up_tables_are_words() -> None:
    data = implicit(0x0028_3006, b"\1\2\3\4")
    assert converted(data, IMPLICIT, EXPLICIT) == explicit(0x0028_3006, "OW", b"\1\2\3\4")


@pytest.mark.scenario("B16")
def test_the_context_of_an_ambiguous_vr_may_lie_around_it() -> None:
    smallest = implicit(0x0028_0106, b"\xff\xff")
    data = implicit(SEQUENCE, item(smallest)) + implicit(0x0028_0103, b"\1\0")
    wire = converted(data, IMPLICIT, EXPLICIT)
    assert explicit(0x0028_0106, "SS", b"\xff\xff") in wire


def test_a_context_that_somebody_has_set_counts() -> None:
    data_set = Dataset()
    data_set.BitsAllocated = 8
    data_set.PixelData = b"abcd"
    assert explicit(PIXEL_DATA, "OB", b"abcd") in encode_data_set(data_set, EXPLICIT)
    data_set.BitsAllocated = None
    assert explicit(PIXEL_DATA, "OW", b"abcd") in encode_data_set(data_set, EXPLICIT)
    data_set[0x0028_0100].value = [8, 8]
    assert explicit(PIXEL_DATA, "OW", b"abcd") in encode_data_set(data_set, EXPLICIT)
