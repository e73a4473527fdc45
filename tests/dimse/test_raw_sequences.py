"""Sequences of data sets that pydicom has read, and that nobody has touched since."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID

from tests.dimse.elements import (
    EXPLICIT,
    IMPLICIT,
    SEQUENCE,
    explicit,
    implicit,
    item,
    with_syntax,
)
from trio_dicom import Limits, PDUError
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.transcode import encode_data_set

CREATOR, STACK = 0x2001_0010, 0x2001_105F  # a sequence of Philips's
DATE = 0x0008_0020


def read(data: bytes, syntax: UID) -> Dataset:
    """As ``dcmread`` gives it: an element is converted when it is touched, and not before."""
    data_set = read_dataset(BytesIO(data), syntax.is_implicit_VR, syntax.is_little_endian)
    return with_syntax(data_set, syntax)


def test_its_items_are_converted_like_what_is_around_them() -> None:
    data = explicit(SEQUENCE, "SQ", item(explicit(DATE, "DA", b"20260101")))
    expected = implicit(SEQUENCE, item(implicit(DATE, b"20260101")))
    assert encode_data_set(read(data, EXPLICIT), IMPLICIT) == expected


def test_a_private_sequence_is_one_if_it_looks_like_it() -> None:
    creator = implicit(CREATOR, b"Philips Imaging DD 001")
    data_set = read(creator + implicit(STACK, item(implicit(DATE, b"20260101"))), IMPLICIT)
    expected = explicit(STACK, "SQ", item(explicit(DATE, "DA", b"20260101")))
    assert encode_data_set(data_set, EXPLICIT).endswith(expected)
    data_set = read(creator + implicit(STACK, b"no items here."), IMPLICIT)
    assert encode_data_set(data_set, EXPLICIT).endswith(explicit(STACK, "UN", b"no items here."))


def test_items_in_unknown_vr_go_where_a_reader_expects_items() -> None:
    inside = item(implicit(DATE, b"20260101"))
    data_set = read(explicit(SEQUENCE, "UN", inside), EXPLICIT)
    assert encode_data_set(data_set, IMPLICIT) == implicit(SEQUENCE, inside)


@pytest.mark.parametrize("nested", [True, False], ids=["elements", "items"])
def test_what_is_inside_counts_as_elements(nested: bool) -> None:
    # A sequence, and two items of one element or four empty ones.
    inside = item(explicit(DATE, "DA", b"20260101")) * 2 if nested else item() * 4
    data = explicit(SEQUENCE, "SQ", inside)
    EncodedDataSet(data, EXPLICIT, limits=Limits(elements=5)).decode()
    with pytest.raises(PDUError, match="elements"):
        EncodedDataSet(data, EXPLICIT, limits=Limits(elements=4)).decode()
