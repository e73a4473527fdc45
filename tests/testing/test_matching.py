"""Attribute matching, by the rules of PS3.4 C.2.2.2."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.config import disable_value_validation

from tests.testing.builders import instance
from trio_dicom.testing._archive.matching import matches


def key(keyword: str, value: object) -> Dataset:
    keys = Dataset()
    keys.QueryRetrieveLevel = "IMAGE"
    keys.SpecificCharacterSet = "ISO_IR 100"
    with disable_value_validation():  # wild cards and ranges are no values
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
        # a pattern of a name is compared with all the delimiters that the name has
        ("PatientName", "Doe^^^^", "doe^*", True),
        ("PatientName", "11-05-25^^^^", "*^*", True),
        ("PatientName", "Doe", "*^*", False),
        ("PatientName", "Doe^Jane", "*^", False),
        ("PatientName", "Doe^Jane", "Doe^Jane*^", False),
        ("PatientName", "Doe^Jane^", "Doe^J*^", True),
        ("PatientComments", "long text", "*text", True),
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
        ("StudyTime", "101530.5", "10-", True),
        ("StudyTime", "101500.000", "1015", True),
        ("StudyTime", "101530.5", "09-1015", False),
        ("StudyTime", "101530.5", "1016-", False),
        ("AcquisitionDateTime", "20240229101530+0100", "2024", True),
        ("AcquisitionDateTime", "20240229101530", "20240229-20240301", True),
        ("AcquisitionDateTime", "20240229101530", "-20240229", True),
        ("AcquisitionDateTime", "20240229101530", "20240229-", True),
        ("AcquisitionDateTime", "20240229101530", "20240301-", False),
        # what is no date and no time is the same as none and in no range; there are no wild cards
        *[
            ("StudyDate", "20240229", text, False)
            for text in ("yesterday", "*", "2024*", "202402??", "2024", "202402", "20240229x")
        ],
        *[
            ("StudyDate", "20240229", text, False)
            for text in ("-", "--", "20240101-x", "x-20240301", "2024-2025", "20240229 -")
        ],
        ("StudyDate", "20240229", "20240101-20240301-20240401", False),
        ("StudyDate", "someday", "20240101-", False),
        *[
            ("StudyTime", "000000", text, False)
            for text in ("noon", "*", "00*", "0", "00000", "000000.", "00-x", "0000000")
        ],
        ("AcquisitionDateTime", "20240229101530", "now", False),
        ("AcquisitionDateTime", "20240229101530", "2024*", False),
        ("AcquisitionDateTime", "20240229101530", "2024-x", False),
        ("AcquisitionDateTime", "20240229101530", "-", False),
        # as ACR-NEMA wrote them
        ("StudyDate", "2024.02.29", "20240229", True),
        ("StudyDate", "20240229", "2024.02.01-2024.03.01", True),
        ("StudyTime", "10:15:30.5", "101530-101531", True),
        ("StudyTime", "1015", "10:15", True),
        # offsets from UTC; of two dashes one belongs to an offset
        ("AcquisitionDateTime", "20240229101530+0100", "20240229091530+0000", True),
        ("AcquisitionDateTime", "20240229101530+0100", "20240229101530", False),
        ("AcquisitionDateTime", "20240229233000-0100", "20240301003000+0000", True),
        ("AcquisitionDateTime", "20240229101530-0500", "202402291500-202402291530", True),
        ("AcquisitionDateTime", "20240229101530", "202402290500-0500-202402290530-0500", True),
        ("AcquisitionDateTime", "20240229101530", "202402290530-0500-", False),
        ("AcquisitionDateTime", "20240229101530", "-202402290530-0500", True),
        ("AcquisitionDateTime", "20240229101530", "202402290500-202402290530-0500", True),
        ("AcquisitionDateTime", "20240229101530", "202402291000+0000-202402291100+0000", True),
        ("AcquisitionDateTime", "20240229101530", "2023-2024", True),
        ("AcquisitionDateTime", "20240229101530", "2023-2024-0500", True),
        ("AcquisitionDateTime", "20240230101530+0100", "20240230101530+0100", True),
        ("AcquisitionDateTime", "0987", "0986123123-0100-", True),
        ("AcquisitionDateTime", "0987", "098701010100+0100", True),
        ("AcquisitionDateTime", "0987", "-0986123122-0100", False),
    ],
)
def test_a_key_matches(keyword: str, value: object, wanted: object, expected: bool) -> None:
    with disable_value_validation():
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


def test_a_name_is_compared_with_all_its_groups() -> None:
    candidate = instance(1, PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")
    for wanted in ("yamada^*", "*山田*", "Yamada^Tarou=山田^太郎=やまだ^たろう", "*=*=*"):
        assert matches(key("PatientName", wanted), candidate)
    for wanted in ("Yamada^Tarou", "山田^太郎", "=山田^太郎"):
        assert not matches(key("PatientName", wanted), candidate)


def test_a_sequence_asked_for_with_empty_keys_matches_those_without_it() -> None:
    """C.2.2.2.6: universal matching, wherever the keys are."""
    inner = Dataset()
    inner.CodeValue = ""
    item = Dataset()
    item.RequestedProcedureCodeSequence = [inner]
    item.RequestedProcedureID = ""
    assert matches(key("RequestAttributesSequence", [item]), instance(1))
    inner.CodeValue = "X"
    assert not matches(key("RequestAttributesSequence", [item]), instance(1))


def dates(date: str, time: str) -> Dataset:
    keys = key("StudyDate", date)
    keys.update(key("StudyTime", time))
    return keys


@pytest.mark.parametrize(
    "date,time,apart,combined",
    [
        ("20240228-20240301", "1100-1000", False, True),
        ("20240228-20240229", "1100-1000", False, False),
        ("20240229-20240301", "1000-0900", False, True),
        ("20240229-20240301", "1030-1100", False, False),
        ("20240228-", "1100-", False, True),
        ("20240229-", "1100-", False, False),
        ("-20240301", "-1000", False, True),
        ("-20240229", "-1000", False, False),
        # another form, or none: each for itself
        ("20240228-", "-1100", True, True),
        ("20240228-20240301", "101530", True, True),
        ("20240229", "1000-1100", True, True),
        ("20240228", "1000", False, False),
        ("20240229", "1100-1200", False, False),
        ("20240228-20240301", "", True, True),
        ("", "1000-1100", True, True),
        # no dates and no times
        ("2024-2025", "0101-1200", False, False),
        ("20240228-20240301", "1000-noon", False, False),
        ("2024.02.28-2024.03.01", "10:00-11:00", True, True),
    ],
)
def test_ranges_of_a_date_and_its_time_are_one_where_that_was_agreed(
    date: str, time: str, apart: bool, combined: bool
) -> None:
    keys = dates(date, time)
    assert matches(keys, instance(1)) is apart
    assert matches(keys, instance(1), combined_date_time=True) is combined


def test_a_date_without_its_time_is_in_no_range_of_both() -> None:
    keys = dates("20240228-20240301", "1000-1100")
    assert not matches(keys, instance(1, StudyTime=""), combined_date_time=True)
    del keys.StudyTime
    assert matches(keys, instance(1, StudyTime=""), combined_date_time=True)


def test_ranges_in_items_are_one_as_well() -> None:
    def step(date: str, time: str) -> list[Dataset]:
        item = Dataset()
        item.ScheduledProcedureStepStartDate = date
        item.ScheduledProcedureStepStartTime = time
        return [item]

    candidate = instance(1, ScheduledProcedureStepSequence=step("20240229", "101530"))
    keys = key("ScheduledProcedureStepSequence", step("20240228-20240301", "1100-1000"))
    assert matches(keys, candidate, combined_date_time=True)
    assert not matches(keys, candidate)
