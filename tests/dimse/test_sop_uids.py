"""Which instance of which class a data set says it is, by its first bytes."""

from __future__ import annotations

import pytest
from pydicom.uid import UID

from tests.dimse.elements import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    explicit,
    implicit,
    item,
)
from trio_dicom._dimse.deflated import deflate
from trio_dicom._dimse.part10 import LOOK, sop_uids

CLASS, INSTANCE = b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.3.4\0"
UIDS = explicit(0x0008_0016, "UI", CLASS) + explicit(0x0008_0018, "UI", INSTANCE)
BIG_UIDS = explicit(0x0008_0016, "UI", CLASS, order=">") + explicit(
    0x0008_0018, "UI", INSTANCE, order=">"
)
IMPLICIT_UIDS = implicit(0x0008_0016, CLASS) + implicit(0x0008_0018, INSTANCE)
NAME = explicit(0x0010_0010, "PN", b"Doe^John")


@pytest.mark.scenario("B60")
@pytest.mark.parametrize(
    "data_set, syntax",
    [
        (UIDS + NAME, EXPLICIT),
        (IMPLICIT_UIDS, IMPLICIT),
        (BIG_UIDS, BIG_ENDIAN),
        (deflate(UIDS), DEFLATED),
        (UIDS + NAME[:-1], JPEG),
    ],
)
def test_a_data_set_names_its_class_and_instance(data_set: bytes, syntax: UID) -> None:
    assert sop_uids(data_set, syntax) == ("1.2.840.10008.5.1.4.1.1.2", "1.2.3.4")


@pytest.mark.pitfall(31)
@pytest.mark.parametrize(
    "data_set",
    [b"", NAME, UIDS[:34], UIDS[:-1], IMPLICIT_UIDS, bytes(LOOK), b"no data set at all"],
)
def test_a_data_set_may_name_none(data_set: bytes) -> None:
    assert sop_uids(data_set, EXPLICIT) is None


OTHER_INSTANCE = explicit(0x0008_0018, "UI", b"9.9.9\0")
OTHER_CLASS = explicit(0x0008_0016, "UI", b"9.9\0")


@pytest.mark.pitfall(31)
@pytest.mark.parametrize("other", [OTHER_INSTANCE, OTHER_CLASS])
def test_a_data_set_that_names_several_instances_names_none(other: bytes) -> None:
    for data_set in (UIDS + other, UIDS + other + NAME, UIDS + other + NAME[:-1]):
        assert sop_uids(data_set, EXPLICIT) is None
        assert sop_uids(deflate(data_set), DEFLATED) is None
    big = explicit(0x0008_0018, "UI", b"9.9.9\0", order=">")
    assert sop_uids(BIG_UIDS + big, BIG_ENDIAN) is None
    assert sop_uids(IMPLICIT_UIDS + implicit(0x0008_0018, b"9.9.9\0"), IMPLICIT) is None
    if other == OTHER_CLASS:
        assert sop_uids(OTHER_CLASS + UIDS, EXPLICIT) is None


@pytest.mark.parametrize("behind", [UIDS, explicit(0x0008_0018, "UI", b"1.2.3.4 ")])
def test_the_same_name_twice_is_one(behind: bytes) -> None:
    assert sop_uids(UIDS + behind, EXPLICIT) == ("1.2.840.10008.5.1.4.1.1.2", "1.2.3.4")


def test_what_is_inside_of_items_and_values_names_nobody() -> None:
    inside = explicit(0x0008_1140, "SQ", item(OTHER_CLASS + OTHER_INSTANCE))
    private = explicit(0x0009_1001, "OB", OTHER_INSTANCE)
    behind = explicit(0x7FE0_0010, "OB", bytes(LOOK))
    for data_set in (UIDS + inside + private, (UIDS + inside + private + behind)[:LOOK]):
        assert sop_uids(data_set, EXPLICIT) == ("1.2.840.10008.5.1.4.1.1.2", "1.2.3.4")
