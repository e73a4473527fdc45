"""Values of peers' data sets, however they are: read, or taken for none; and copies of ours."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from trio_dicom import EncodedDataSet
from trio_dicom._operations.reading import (
    as_da,
    as_dt,
    as_tm,
    copied,
    items_of,
    number_of,
    text_of,
    uid_of,
)


def arrived(tag: int, vr: str, value: bytes) -> Dataset:
    """A data set with one element, as it comes from a peer."""
    header = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value))
    return EncodedDataSet(header + value, ExplicitVRLittleEndian).decode()


@pytest.mark.scenario("B53")
@pytest.mark.parametrize("uid", ["1.2.3", "1.02.x", "not a uid"])
def test_a_uid_is_kept_as_it_came(uid: str) -> None:
    padded = uid.encode().ljust(len(uid) + len(uid) % 2, b"\0")
    data_set = arrived(0x00081195, "UI", padded)
    assert uid_of(data_set, "TransactionUID") == uid


def test_a_uid_that_is_not_there_is_none() -> None:
    assert uid_of(Dataset(), "TransactionUID") is None
    assert uid_of(arrived(0x00081195, "UI", b""), "TransactionUID") is None
    assert uid_of(arrived(0x00081195, "UI", b"\0\0"), "TransactionUID") is None
    built = Dataset()
    built.TransactionUID = "1.2.3"
    assert uid_of(built, "TransactionUID") == "1.2.3"


def test_text_is_read_whatever_its_vr() -> None:
    data_set = Dataset()
    data_set.PatientName = "Some^Body"
    data_set.Rows = 5
    data_set.SoftwareVersions = ["1", "2"]
    data_set.PatientID = None
    read = [
        text_of(data_set, keyword)
        for keyword in ("PatientName", "Rows", "SoftwareVersions", "PatientID", "Modality")
    ]
    assert read == ["Some^Body", "5", "1\\2", "", ""]


def test_a_value_that_cannot_be_read_is_none() -> None:
    broken = arrived(0x00081197, "FL", bytes(6))
    assert number_of(arrived(0x00081197, "US", b"\x10\x01"), "FailureReason") == 0x0110
    assert number_of(broken, "FailureReason") is None
    assert text_of(broken, "FailureReason") == ""
    assert number_of(arrived(0x00081197, "LO", b"no"), "FailureReason") is None
    assert number_of(Dataset(), "FailureReason") is None


def test_what_is_no_sequence_has_no_items() -> None:
    assert items_of(Dataset(), "ReferencedSOPSequence") == ()
    assert items_of(arrived(0x00081199, "LO", b"no"), "ReferencedSOPSequence") == ()


def test_a_copy_shares_nothing() -> None:
    inner = Dataset()
    inner.SoftwareVersions = ["1", "2"]
    data_set = Dataset()
    data_set.ReferencedSOPSequence = [inner]
    copy = copied(data_set)
    assert copy == data_set
    copy.ReferencedSOPSequence[0].SoftwareVersions.append("3")
    copy.PatientID = "1"
    assert inner.SoftwareVersions == ["1", "2"]
    assert "PatientID" not in data_set
    assert copied(None) == Dataset()


def test_moments_are_written_as_their_vr_wants() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    assert (as_da(moment), as_tm(moment)) == ("20260102", "030405")
    assert as_dt(moment) == "20260102030405+0000"
    assert as_dt(moment.replace(tzinfo=None)) == "20260102030405"


@pytest.mark.parametrize("year", [1, 12, 987, 1000, 9999])
def test_a_year_has_four_digits(year: int) -> None:
    moment = datetime(year, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert as_da(moment) == f"{year:04}0102"
    assert as_dt(moment) == f"{year:04}0102030405+0000"
