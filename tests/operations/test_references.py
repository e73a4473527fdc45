"""References to instances and codes, as items of sequences and back."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from trio_dicom import CodedEntry, InstanceReference, LocalProtocolError

CT = "1.2.840.10008.5.1.4.1.1.2"


def test_a_reference_comes_back_from_its_item() -> None:
    reference = InstanceReference(CT, "1.2.3")
    assert InstanceReference.in_item(reference.data_set()) == reference


def test_an_item_without_an_instance_refers_to_none() -> None:
    item = Dataset()
    item.ReferencedSOPClassUID = CT
    holder = Dataset()
    holder.ReferencedSOPSequence = [item, InstanceReference(CT, "1.2.3").data_set()]
    assert InstanceReference.in_item(item) is None
    assert InstanceReference.in_sequence(holder, "ReferencedSOPSequence") == (
        InstanceReference(CT, "1.2.3"),
    )


def test_an_item_need_not_name_the_class() -> None:
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    assert InstanceReference.in_item(item) == InstanceReference("", "1.2.3")


def test_an_instance_at_hand_is_referred_to() -> None:
    instance = Dataset()
    instance.SOPClassUID, instance.SOPInstanceUID = CT, "1.2.3"
    assert InstanceReference.of(instance) == InstanceReference(CT, "1.2.3")
    del instance.SOPInstanceUID
    with pytest.raises(LocalProtocolError, match="SOP Instance UID"):
        InstanceReference.of(instance)


@pytest.mark.parametrize(
    ("entry", "keyword"),
    [
        (CodedEntry("121327", "DCM", "Full fidelity"), "CodeValue"),
        (CodedEntry("12345678901234567", "SCT", "Something long"), "LongCodeValue"),
        (CodedEntry("urn:oid:1.2.3", "", "Something else"), "URNCodeValue"),
        (CodedEntry("https://a.example/b", "", "Something"), "URNCodeValue"),
        (CodedEntry("1", "99LOCAL", "Mine", scheme_version="2"), "CodeValue"),
    ],
)
def test_a_code_goes_where_it_belongs_and_comes_back(entry: CodedEntry, keyword: str) -> None:
    item = entry.data_set()
    values = [it for it in ("CodeValue", "LongCodeValue", "URNCodeValue") if it in item]
    assert values == [keyword]
    assert ("CodingSchemeDesignator" in item) is bool(entry.scheme)
    assert ("CodingSchemeVersion" in item) is bool(entry.scheme_version)
    assert CodedEntry.in_item(item) == entry
