"""Explicit VR into implicit VR, which leaves it to the dictionary what an element is."""

from __future__ import annotations

import pytest

from tests.dimse.elements import (
    DEFLATED,
    END_OF_SEQUENCE,
    EXPLICIT,
    IMPLICIT,
    UNDEFINED,
    converted,
    explicit,
    implicit,
    item,
    open_item,
)
from trio_dicom._dimse.deflated import deflate
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.transcode import NotConvertible, encode_data_set

MODALITY = 0x0008_0060  # CS
SERIES = 0x0008_1115  # SQ
PRIVATE = 0x0009_1001
ITEMS = item(implicit(MODALITY, b"CT"))


def into_implicit(data: bytes) -> bytes:
    """``data`` as they go out, which can be read again."""
    encoded = encode_data_set(EncodedDataSet(data, EXPLICIT), IMPLICIT)
    EncodedDataSet(encoded, IMPLICIT).decode()
    return encoded


@pytest.mark.parametrize(
    "data",
    [
        explicit(MODALITY, "SQ", open_item() + END_OF_SEQUENCE, length=UNDEFINED),
        explicit(MODALITY, "SQ", item(b"")),
        explicit(SERIES, "CS", b"CT"),
        explicit(SERIES, "OB", ITEMS),
        explicit(SERIES, "UN", b"abcd"),
        explicit(PRIVATE - 0x0FF1, "SQ", item(b"")),  # a private creator
    ],
)
def test_items_where_no_reader_expects_them_are_not_sent(data: bytes) -> None:
    with pytest.raises(NotConvertible, match="to whoever is not told"):
        into_implicit(data)


def test_what_a_reader_finds_out_is_sent() -> None:
    assert into_implicit(explicit(SERIES, "UN", ITEMS)) == implicit(SERIES, ITEMS)
    assert into_implicit(explicit(MODALITY, "UN", b"CT")) == implicit(MODALITY, b"CT")
    assert into_implicit(explicit(MODALITY, "LO", b"CT")) == implicit(MODALITY, b"CT")
    assert into_implicit(explicit(SERIES, "CS", b"")) == implicit(SERIES, b"")
    assert into_implicit(explicit(PRIVATE, "SQ", item(b""))) == implicit(PRIVATE, item(b""))


def test_explicit_vr_says_itself_what_an_element_is() -> None:
    data = explicit(SERIES, "CS", b"CT")
    assert converted(deflate(data), DEFLATED, EXPLICIT) == data
