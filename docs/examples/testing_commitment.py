"""Tests of a program that has an archive commit itself to instances."""

import math
from collections.abc import Sequence

import trio
from pydicom import Dataset
from trio.testing import MockClock

from trio_dicom import Association, open_receiver, request_commitment
from trio_dicom.sop_classes import STORAGE_COMMITMENT
from trio_dicom.testing import MemoryArchive, made_up_instances, open_memory_association


async def may_be_deleted(association: Association, instances: Sequence[Dataset]) -> bool:
    """The program under test: whether the archive says within a minute that it keeps them."""
    async with request_commitment(association, instances) as commitment:
        with trio.move_on_after(60):
            return (await commitment.result()).is_complete
    return False


# [never
async def test_without_a_report_nothing_is_deleted(
    dicom_archive: MemoryArchive, dicom_association: Association, autojump_clock: MockClock
) -> None:
    instances = made_up_instances(2)
    for instance in instances:
        dicom_archive.instances.add(instance)
    assert await may_be_deleted(dicom_association, instances)
    dicom_archive.commitments.delay = math.inf
    assert not await may_be_deleted(dicom_association, instances)
    assert autojump_clock.current_time() == 60  # which took no time
    # never]


# [elsewhere
async def test_the_report_comes_on_an_association_of_its_own(dicom_archive: MemoryArchive) -> None:
    [instance] = made_up_instances()
    dicom_archive.instances.add(instance)
    dicom_archive.commitments.report = "elsewhere"
    async with open_receiver(into=None, ae_title="CT1") as receiver:
        dicom_archive.destinations["CT1"] = receiver.serve  # who asks is called so, too
        async with (
            open_memory_association(
                dicom_archive.serve, calling_ae="CT1", contexts=[STORAGE_COMMITMENT]
            ) as association,
            request_commitment(association, [instance], receiver=receiver) as commitment,
        ):
            assert (await commitment.result()).is_complete
    # elsewhere]
