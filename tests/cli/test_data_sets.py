"""Values and data sets as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.tag import BaseTag

from tests.cli.elements import element, received, sequence
from tests.cli.test_dicom_json import VRS
from trio_dicom.cli.data_sets import lines_of, text_at
from trio_dicom.cli.keys import parse_key

TAG = BaseTag(0x0009_1001)


@pytest.mark.parametrize(
    "vr, value, text",
    [
        ("PN", b"DOE^JOHN=X ", "DOE^JOHN=X"),
        ("CS", b"CT\\MR", "CT\\MR"),
        ("DS", b"1.50 ", "1.50"),
        ("IS", b"007", "007"),
        ("US", b"\1\0\2\0", "1\\2"),
        ("AT", b"\x10\0\x20\0", "(0010,0020)"),
        ("OB", b"\0\1", "2 bytes"),
        ("UI", b"1.2\\1.3\0", "1.2\\1.3"),
        ("DA", b"yesterday", "yesterday"),
        ("FL", b"\1\2", "\1\2"),
        ("SQ", b"", "0 items"),
        ("LO", b"", ""),
        ("OB", b"", ""),
        ("PN", b"", ""),
        ("US", b"", ""),
    ],
)
def test_a_value_is_text(vr: str, value: bytes, text: str) -> None:
    assert text_at(received(element(TAG, vr, value)), [TAG]) == text


def test_what_is_not_there_is_nothing() -> None:
    path = parse_key("ScheduledProcedureStepSequence.Modality").path
    assert text_at(Dataset(), path) == ""
    assert text_at(Dataset(), path[1:]) == ""
    assert text_at(received(sequence(0x0040_0100)), path) == ""
    # A peer that sends another VR than the dictionary has.
    assert text_at(received(element(0x0040_0100, "LO", b"x")), path) == ""


def test_several_items_give_their_different_values() -> None:
    items = [element(0x0008_0060, "CS", it) for it in (b"CT", b"MR", b"CT", b"")]
    path = parse_key("ScheduledProcedureStepSequence.Modality").path
    assert text_at(received(sequence(0x0040_0100, *items)), path) == "CT; MR"
    assert text_at(received(sequence(0x0040_0100, *items)), path[:1]) == "4 items"


def test_a_data_set_is_a_line_for_each_attribute() -> None:
    data_set = received(
        element(0x0008_0060, "CS", b"CT"),
        element(0x0009_0010, "LO", b"ACME"),
        sequence(0x0040_0100, element(0x0040_0009, "SH", b"1"), b""),
        element(0x0040_1400, "LT", b"x" * 100),
    )
    assert list(lines_of(data_set)) == [
        "(0008,0060) CS Modality: CT",
        "(0009,0010) LO private: ACME",
        "(0040,0100) SQ ScheduledProcedureStepSequence: 2 items",
        "  [0]",
        "    (0040,0009) SH ScheduledProcedureStepID: 1",
        "  [1]",
        f"(0040,1400) LT RequestedProcedureComments: {'x' * 63}…",
    ]


@given(st.sampled_from(VRS), st.binary(max_size=24))
def test_whatever_comes_is_lines(vr: str, value: bytes) -> None:
    (line,) = lines_of(received(element(TAG, vr, value)))
    assert line.startswith(f"(0009,1001) {vr}")
