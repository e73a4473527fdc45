"""A test of a program that an archive rejects."""

import pytest

from trio_dicom import AssociationRejected
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import MemoryArchive, Reject, open_memory_association


# [test
async def test_the_second_try_succeeds(dicom_archive: MemoryArchive) -> None:
    dicom_archive.faults.append(Reject(nth=1))
    with pytest.raises(AssociationRejected):
        async with open_memory_association(dicom_archive.serve, contexts=[VERIFICATION]):
            pytest.fail("there is no association")
    async with open_memory_association(dicom_archive.serve, contexts=[VERIFICATION]) as association:
        assert (await association.c_echo()).status.is_success
    assert not dicom_archive.faults.unused


# test]
