"""An archive that stops reading: what comes of it, and what it costs."""

from __future__ import annotations

import pytest
import trio
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from trio.testing import MockClock

from tests.testing.builders import CONTEXTS, instance
from trio_dicom import (
    CEchoRequest,
    ConnectionLost,
    ConnectionOptions,
    CStoreRequest,
    Delivery,
    EncodedDataSet,
    ResponseTimeout,
    Timeouts,
)
from trio_dicom.testing import MemoryArchive, StopReading, open_memory_association


@pytest.mark.pitfall(2)
async def test_an_archive_stops_reading_in_the_midst_of_an_instance(
    autojump_clock: MockClock,
) -> None:
    archive = MemoryArchive(faults=[StopReading(CStoreRequest, nth=2)])
    large = CStoreRequest(
        sop_class_uid=CTImageStorage,
        sop_instance_uid="1.2.9",
        data_set=EncodedDataSet(bytes(4_000_000), ExplicitVRLittleEndian),
    )
    async with open_memory_association(
        archive.serve, contexts=CONTEXTS, capacity=100_000
    ) as association:
        assert (await association.c_store(instance(1))).status.is_success
        with pytest.raises(ResponseTimeout) as timeout:
            await association.send_request(large, idle_timeout=5)
        assert timeout.value.delivery is Delivery.PARTLY_SENT
        with pytest.raises(ConnectionLost):
            await association.c_echo()


async def test_an_archive_that_does_not_read_answers_nothing_more(
    autojump_clock: MockClock,
) -> None:
    archive = MemoryArchive(faults=[StopReading(CEchoRequest, nth=2)])
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        assert (await association.c_echo()).status.is_success
        for _ in range(2):
            with pytest.raises(ResponseTimeout):
                await association.c_echo(idle_timeout=5)


async def test_an_archive_that_does_not_read_costs_the_timeouts_of_the_program_and_no_more(
    autojump_clock: MockClock,
) -> None:
    archive = MemoryArchive(faults=[StopReading(CEchoRequest)])
    timeouts = Timeouts(idle=20, release=3, abort=1)
    async with open_memory_association(
        archive.serve, contexts=CONTEXTS, options=ConnectionOptions(timeouts=timeouts)
    ) as association:
        with pytest.raises(ResponseTimeout):
            await association.c_echo()
    assert trio.current_time() == 20 + 3 + 1
    assert archive.sessions == []
