"""What the archive knows of its instances."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.testing.builders import instance, query
from trio_dicom import EncodedDataSet
from trio_dicom.lowlevel import encode_data_set
from trio_dicom.testing import MemoryArchive
from trio_dicom.testing._archive.index import indexed, summary_of


def received(data_set: Dataset) -> Dataset:
    """The data set as it comes from the wire: undecoded."""
    encoded = encode_data_set(data_set, ExplicitVRLittleEndian)
    return EncodedDataSet(encoded, ExplicitVRLittleEndian).decode()


def test_bulk_data_private_attributes_and_long_values_are_not_searched() -> None:
    data_set = instance(1, PixelData=b"\0\0", TextValue="x" * 100_000)
    data_set.private_block(0x0009, "SOMEBODY", create=True).add_new(1, "LO", "secret")
    assert indexed(received(data_set)) == instance(1)


def test_items_are_searched_for_as_little() -> None:
    item = Dataset()
    item.RequestedProcedureID = "RP1"
    item.private_block(0x0041, "SOMEBODY", create=True).add_new(1, "LO", "secret")
    [kept] = indexed(received(instance(1, RequestAttributesSequence=[item])))[
        "RequestAttributesSequence"
    ]
    assert [it.keyword for it in kept] == ["RequestedProcedureID"]


def test_a_value_that_does_not_decode_is_not_searched() -> None:
    # (0020,0013) Instance Number with a value that is no number
    data = encode_data_set(instance(1), ExplicitVRLittleEndian).replace(
        bytes.fromhex("20001300") + b"IS\x02\x001 ", bytes.fromhex("20001300") + b"IS\x02\x00xy"
    )
    broken = EncodedDataSet(data, ExplicitVRLittleEndian).decode()
    index = indexed(broken)
    assert "InstanceNumber" not in index
    assert index.PatientID == "P1"


def test_a_known_attribute_that_came_as_un_is_searched() -> None:
    data_set = instance(1)
    # (0010,0020) Patient ID: as UN it has a length of four bytes
    as_lo = bytes.fromhex("10002000") + b"LO\x02\x00P1"
    as_un = bytes.fromhex("10002000") + b"UN\0\0\x02\0\0\0P1"
    data = encode_data_set(data_set, ExplicitVRLittleEndian)
    assert as_lo in data
    came = EncodedDataSet(data.replace(as_lo, as_un), ExplicitVRLittleEndian).decode()
    assert indexed(came).PatientID == "P1"


def test_an_entity_has_what_its_instances_agree_on() -> None:
    summary = summary_of(
        "STUDY", [instance(1), instance(2, Modality="MR", SeriesInstanceUID="1.2.201")]
    )
    assert summary.StudyInstanceUID == "1.2.100"
    assert "SeriesInstanceUID" not in summary
    assert summary.ModalitiesInStudy == ["CT", "MR"]
    assert summary.NumberOfStudyRelatedSeries == 2
    assert summary.NumberOfStudyRelatedInstances == 2


def test_what_belongs_to_a_level_is_as_the_first_instance_has_it() -> None:
    first = instance(1, PatientName="Doe^Jane", StudyDescription="", SeriesNumber=1)
    second = instance(2, PatientName="Doe^J", StudyDescription="CT", SeriesInstanceUID="1.2.201")
    second.SeriesNumber = 2
    second.PatientSex = "F"
    patient, study = (summary_of(level, [first, second]) for level in ("PATIENT", "STUDY"))
    for summary in (patient, study):
        assert (summary.PatientName, summary.PatientSex) == ("Doe^Jane", "F")
        assert "SeriesNumber" not in summary
    assert study.StudyDescription == "CT"
    assert "StudyDescription" not in patient
    series = summary_of("SERIES", [instance(1, SeriesNumber=1), instance(2, SeriesNumber=9)])
    assert series.SeriesNumber == 1
    assert "InstanceNumber" not in series


def test_an_instance_is_its_own_summary() -> None:
    assert summary_of("IMAGE", [instance(1)]) == instance(1)


@pytest.mark.parametrize("ae_title", ["", "ARCHIVE"])
def test_a_match_has_every_key_and_says_where_to_get_it(ae_title: str) -> None:
    archive = MemoryArchive()
    archive.instances.add(instance(1))
    keys = query(
        "IMAGE",
        PatientID="",
        AccessionNumber="",
        InstanceAvailability="",
        SpecificCharacterSet="ISO_IR 100",
    )
    [match] = archive.instances.find(keys, ae_title=ae_title)
    assert match.PatientID == "P1"
    assert match.AccessionNumber is None or match.AccessionNumber == ""
    assert match.InstanceAvailability == "ONLINE"
    assert match.QueryRetrieveLevel == "IMAGE"
    assert "SpecificCharacterSet" not in match, "there is nothing beyond the default repertoire"
    assert match.get("RetrieveAETitle", "") == ae_title
