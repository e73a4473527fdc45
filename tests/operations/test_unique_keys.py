"""Whether an instance shows the unique keys that were asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.operations.getting import ct, study_query
from trio_dicom import EncodedDataSet, StoredDataSet
from trio_dicom._operations.unique_keys import UniqueKeys


def with_private(size: int, study: str = "1.2") -> EncodedDataSet:
    """An instance with a private element of ``size`` bytes before its unique keys."""
    private = b"\x19\0\x01\x10OB\0\0" + size.to_bytes(4, "little") + bytes(size)
    whole = bytes(ct("1.2.3", StudyInstanceUID=study).data)
    at = whole.index(b"\x20\0\x0d\0")
    return EncodedDataSet(whole[:at] + private + whole[at:], ExplicitVRLittleEndian)


@pytest.mark.parametrize("study", ["1.2", "1.3"])
# A look ends in every part of the element.
@pytest.mark.parametrize("size", [0, *range((1 << 20) - 90, (1 << 20) - 40, 2), 3_000_000])
def test_a_large_private_element_hides_no_key(size: int, study: str) -> None:
    matches = UniqueKeys.of(study_query()).match(with_private(size, study))
    assert matches == (study == "1.2")


def test_of_a_file_no_more_is_looked_at_than_is_its(tmp_path: Path) -> None:
    data = ct("1.2.3", StudyInstanceUID="1.2").data
    (tmp_path / "file").write_bytes(b"head" + bytes(data))
    stored = StoredDataSet(
        path=tmp_path / "file",
        offset=4,
        length=40,
        transfer_syntax=ExplicitVRLittleEndian,
        sop_class_uid=CTImageStorage,
        sop_instance_uid="1.2.3",
    )
    assert not UniqueKeys.of(study_query()).match(stored)


def test_who_hides_the_keys_too_well_does_not_match() -> None:
    assert not UniqueKeys.of(study_query()).match(with_private(20_000_000))
