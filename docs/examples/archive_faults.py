"""A test of a program that tries again what an archive has refused."""

from collections.abc import Iterable

from pydicom import Dataset

from trio_dicom import Association, Code, CStoreRequest
from trio_dicom.testing import Fail, MemoryArchive, made_up_instances


async def store_twice(association: Association, instances: Iterable[Dataset]) -> int:
    """The program under test: how many are stored in the end."""
    stored = 0
    for instance in instances:
        for _ in range(2):
            if (await association.c_store(instance)).status.is_success:
                stored += 1
                break
    return stored


# [test
async def test_what_is_refused_is_stored_again(
    dicom_archive: MemoryArchive, dicom_association: Association
) -> None:
    dicom_archive.faults.append(Fail(CStoreRequest, nth=3, status=Code.OUT_OF_RESOURCES))
    assert await store_twice(dicom_association, made_up_instances(5)) == 5
    assert len(dicom_archive.instances) == 5


# test]
