"""The DICOM JSON Model of what peers send, which is not always what it should be."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread

from tests.cli.elements import element, received, sequence
from trio_dicom.cli.dicom_json import json_model


def attribute(tag: int, vr: str, value: bytes) -> dict[str, Any]:
    model = json_model(received(element(tag, vr, value)))
    assert list(model) == [f"{tag:08X}"]
    found: dict[str, Any] = model[f"{tag:08X}"]
    return found


def test_names_are_pictures_of_their_groups() -> None:
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    data_set = received(
        element(0x0008_0005, "CS", b"ISO_IR 192"), element(0x0010_0010, "PN", name.encode())
    )
    assert json_model(data_set) == {
        # As it came: it says how to go back, not how this is encoded (PS3.18 F.2.2).
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00100010": {
            "vr": "PN",
            "Value": [
                {
                    "Alphabetic": "Yamada^Tarou",
                    "Ideographic": "山田^太郎",
                    "Phonetic": "やまだ^たろう",
                }
            ],
        },
    }


def test_attributes_are_in_order_and_group_lengths_left_out() -> None:
    data_set = received(
        element(0x0020_000D, "UI", b"1.2.3\0"),
        element(0x0008_0000, "UL", b"\0\0\0\0"),
        element(0x0008_0060, "CS", b"CT"),
    )
    assert list(json_model(data_set)) == ["00080060", "0020000D"]


@pytest.mark.parametrize(
    "vr, value, expected",
    [
        ("CS", b"CT\\MR", ["CT", "MR"]),
        ("DS", b"1.5\\\\-2e3", [1.5, None, -2000.0]),
        ("IS", b"12 ", [12]),
        ("IS", b"1.5", ["1.5"]),  # no number that an IS has; cut off it would be another
        ("IS", b"1_000", ["1_000"]),
        ("DS", b"nan", ["nan"]),
        ("DS", b"1e999", ["1e999"]),
        ("DS", b"9" * 400, ["9" * 400]),
        ("DS", b"abc", ["abc"]),
        ("DA", b"yesterday", ["yesterday"]),
        ("UI", b"1.02.x\0", ["1.02.x"]),
        ("US", b"\1\0\2\0", [1, 2]),
        ("AT", b"\x10\0\x20\0", ["00100020"]),
    ],
)
def test_values_are_what_they_are(vr: str, value: bytes, expected: list[object]) -> None:
    assert attribute(0x0009_1001, vr, value) == {"vr": vr, "Value": expected}


@pytest.mark.parametrize(
    "vr, value, expected",
    [
        ("CS", b"\\ISO 2022 IR 87 ", [None, "ISO 2022 IR 87"]),
        ("LO", b"a\\\\b ", ["a", None, "b"]),
        ("UI", b"1.2\\\\3\0", ["1.2", None, "3"]),
        ("DA", b"20200101\\ ", ["20200101", None]),
        ("PN", b"\\A^B", [None, {"Alphabetic": "A^B"}]),
        ("PN", b"A\\\\=B=C ", [{"Alphabetic": "A"}, None, {"Ideographic": "B", "Phonetic": "C"}]),
    ],
)
def test_an_empty_value_among_others_is_null(vr: str, value: bytes, expected: list[object]) -> None:
    assert attribute(0x0009_1001, vr, value) == {"vr": vr, "Value": expected}


@pytest.mark.parametrize("vr", ["CS", "DS", "IS", "LO", "PN", "SQ", "UI", "US", "UN"])
def test_an_empty_attribute_has_no_value(vr: str) -> None:
    assert attribute(0x0009_1001, vr, b"") == {"vr": vr}


@pytest.mark.parametrize("vr", ["OB", "UN"])
def test_bytes_are_base64(vr: str) -> None:
    assert attribute(0x0009_1001, vr, b"\0\1\2\3") == {"vr": vr, "InlineBinary": "AAECAw=="}


def test_what_json_has_no_number_for_is_bytes() -> None:
    found = attribute(0x0009_1001, "FD", struct.pack("<d", float("nan")))
    assert found["vr"] == "UN"
    assert found["InlineBinary"]


def test_a_number_without_end_is_bytes() -> None:
    assert attribute(0x0009_1001, "IS", b"9" * 6000)["vr"] == "UN"


def test_what_somebody_has_looked_at_before_is_text() -> None:
    data_set = received(element(0x0009_1001, "FD", struct.pack("<d", float("inf"))))
    assert data_set[0x0009_1001].value == float("inf")
    assert json_model(data_set)["00091001"] == {"vr": "FD", "Value": ["inf"]}


def test_items_are_data_sets_too() -> None:
    data_set = received(sequence(0x0040_0100, element(0x0008_0060, "CS", b"CT"), b""))
    assert json_model(data_set)["00400100"] == {
        "vr": "SQ",
        "Value": [{"00080060": {"vr": "CS", "Value": ["CT"]}}, {}],
    }


def test_one_bad_value_does_not_hide_the_others() -> None:
    data_set = received(
        element(0x0008_0060, "CS", b"CT"),
        element(0x0028_0010, "US", b"\1\0\2"[:2] + b"\1\2"),
        element(0x0028_0034, "IS", b"a\\b"),
        element(0x0028_1052, "FL", b"\1\2"),
    )
    model = json_model(data_set)
    assert model["00080060"]["Value"] == ["CT"]
    assert model["00280034"] == {"vr": "IS", "Value": ["a", "b"]}
    assert model["00281052"] == {"vr": "UN", "InlineBinary": "AQI="}


def test_pydicom_reads_it_back(pydicom_files: Path) -> None:
    data_set = dcmread(pydicom_files / "test-SR.dcm")
    again = Dataset.from_json(json.dumps(json_model(data_set)))
    assert again == data_set


VRS = ["AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "PN", "SH"]
VRS += ["SL", "SS", "ST", "TM", "UC", "UI", "UL", "UN", "US", "UT"]


@given(st.sampled_from(VRS), st.binary(max_size=24))
def test_whatever_comes_is_json(vr: str, value: bytes) -> None:
    model = json_model(received(element(0x0009_1001, vr, value)))
    assert json.loads(json.dumps(model, allow_nan=False)) == model
