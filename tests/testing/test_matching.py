"""Attribute matching, by the rules of PS3.4 C.2.2.2."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from tests.testing.builders import instance
from trio_dicom.testing._archive.matching import matches


def key(keyword: str, value: object) -> Dataset:
    keys = Dataset()
    keys.QueryRetrieveLevel = "IMAGE"
    keys.SpecificCharacterSet = "ISO_IR 100"
    setattr(keys, keyword, value)
    return keys


@pytest.mark.parametrize(
    "keyword,value,wanted,expected",
    [
        # universal matching
        ("PatientID", "P1", "", True),
        ("PatientID", "P1", None, True),
        ("PatientID", None, "*", True),
        ("PatientID", None, "P*", False),
        # single value matching
        ("PatientID", "P1", "P1", True),
        ("PatientID", "P1", "P", False),
        ("PatientID", "P1", "p1", False),
        ("PatientID", None, "P1", False),
        ("InstanceNumber", 7, 7, True),
        ("InstanceNumber", 7, 70, False),
        ("ImageType", ["ORIGINAL", "PRIMARY"], "PRIMARY", True),
        # names: case and empty parts do not count
        ("PatientName", "Doe^Jane", "DOE^JANE", True),
        ("PatientName", "Doe^Jane^^^", "Doe^Jane", True),
        ("PatientName", "Doe^Jane", "Doe", False),
        # wildcards
        ("PatientName", "Doe^Jane", "doe*", True),
        ("PatientName", "Doe^Jane", "*jane", True),
        ("PatientName", "Doe^Jane", "D?e^J*", True),
        ("PatientID", "P.1", "P?1", True),
        ("PatientID", "PX1", "P.1", False),
        ("PatientID", "P1", "P?1", False),
        ("PatientID", "[a]", "[*]", True),
        ("InstanceNumber", 7, "7", True),
        ("SeriesNumber", 70, "7", False),
        # lists of UIDs
        ("StudyInstanceUID", "1.2.3", ["1.2.4", "1.2.3"], True),
        ("StudyInstanceUID", "1.2.3", ["1.2.4", "1.2.5"], False),
        # ranges, closed and open
        ("StudyDate", "20240229", "20240229", True),
        ("StudyDate", "20240229", "20240301", False),
        ("StudyDate", "20240229", "20240101-20241231", True),
        ("StudyDate", "20240229", "20240301-20241231", False),
        ("StudyDate", "20240229", "-20240229", True),
        ("StudyDate", "20240229", "-20240228", False),
        ("StudyDate", "20240229", "20240229-", True),
        ("StudyDate", "20240229", "20240301-", False),
        ("StudyDate", None, "20240101-", False),
        ("StudyTime", "101530.5", "10-11", True),
        ("StudyTime", "101530.5", "1015", False),
        ("StudyTime", "1015", "101500", True),
        ("StudyTime", "101500.000", "1015", True),
        ("StudyTime", "101530.5", "09-1015", False),
        ("StudyTime", "101530.5", "1016-", False),
        ("AcquisitionDateTime", "20240229101530+0100", "2024", True),
        ("AcquisitionDateTime", "20240229101530", "20240229-20240301", True),
    ],
)
def test_a_key_matches(keyword: str, value: object, wanted: object, expected: bool) -> None:
    candidate = instance(1, **{keyword: value})
    assert matches(key(keyword, wanted), candidate) is expected


def test_an_attribute_that_is_not_there_matches_no_value() -> None:
    assert not matches(key("AccessionNumber", "1"), instance(1))
    assert matches(key("AccessionNumber", ""), instance(1))


def test_every_key_must_match() -> None:
    keys = key("PatientID", "P1")
    keys.Modality = "MR"
    assert not matches(keys, instance(1))


@pytest.mark.parametrize(
    "wanted,expected", [([], True), ([("T", True)], True), ([("X", False)], False)]
)
def test_a_sequence_matches_by_one_of_its_items(
    wanted: list[tuple[str, bool]], expected: bool
) -> None:
    items = [Dataset(), Dataset()]
    items[0].CodeValue = "S"
    items[1].CodeValue = "T"
    keys = []
    for value, _ in wanted:
        item = Dataset()
        item.CodeValue = value
        keys.append(item)
    candidate = instance(1, ProcedureCodeSequence=items)
    assert matches(key("ProcedureCodeSequence", keys), candidate) is expected
    assert matches(key("ProcedureCodeSequence", keys), instance(2)) is (not wanted)


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    assert not matches(key("PatientID", "*" * 60 + "x"), instance(1, PatientID="a" * 60))
