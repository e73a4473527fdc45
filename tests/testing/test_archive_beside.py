"""What the archive does beside its answers: reports, while it serves and afterwards."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from pydicom import Dataset
from pydicom.uid import CTImageStorage
from trio.testing import MockClock

from tests.interop.worklists import worklist_items, worklist_query
from tests.testing.departments import Listening, associated, data
from tests.testing.unified import UID, put
from trio_dicom import InstanceReference, UnifiedWorklist
from trio_dicom.sop_classes import (
    MODALITY_WORKLIST,
    STORAGE_COMMITMENT,
    UPS_WATCH,
    VERIFICATION,
)
from trio_dicom.testing import MemoryArchive, ScriptedPeer, open_memory_association, playing
from trio_dicom.testing.stage import Script


async def test_a_report_comes_between_matches_and_not_within_one() -> None:
    archive = MemoryArchive(worklist=worklist_items() * 10)
    contexts, listening = [STORAGE_COMMITMENT, MODALITY_WORKLIST], Listening()
    reference = InstanceReference(CTImageStorage, "1.2.1").data_set()
    found: list[Dataset | None] = []
    async with open_memory_association(
        archive.serve, contexts=contexts, max_operations_invoked=0
    ) as association:

        async def ask_ten_times() -> None:
            for number in range(10):
                information = data(TransactionUID=f"1.{number}", ReferencedSOPSequence=[reference])
                await association.n_action(
                    STORAGE_COMMITMENT.abstract_syntax, "1.2.840.10008.1.20.1.1", 1, information
                )

        with association.events(listening.take):
            async with (
                trio.open_nursery() as nursery,
                association.c_find(worklist_query()) as matches,
            ):
                nursery.start_soon(ask_ten_times)
                found += [match.identifier async for match in matches]
            await listening.until(lambda: len(listening.reports) == 10)
    assert len(found) == 80


async def test_what_it_does_afterwards_fails_alone(caplog: pytest.LogCaptureFixture) -> None:
    archive = MemoryArchive()

    async def fail() -> None:
        raise LookupError("of mine")

    async with associated(archive, VERIFICATION) as association:
        [session] = archive.sessions
        session.later(fail)
        await trio.testing.wait_all_tasks_blocked()
        assert (await association.c_echo()).status.is_success
    assert "LookupError: of mine" in caplog.text


async def test_who_serves_on_is_cancelled_in_the_end(autojump_clock: MockClock) -> None:
    archive, done = MemoryArchive(), list[int]()

    async def serve(stream: trio.abc.Stream) -> None:
        await archive.serve(stream)
        for second in range(10):
            await trio.sleep(2)
            done.append(second)

    async with open_memory_association(serve, contexts=[VERIFICATION]) as association:
        await association.c_echo()
    assert done == [0, 1]


async def test_scripts_that_fail_at_once_on_their_reports_fail_the_test(
    autojump_clock: MockClock,
) -> None:
    archive = MemoryArchive()
    put(archive)
    failing, waiting = trio.Event(), trio.Semaphore(0)

    def script(title: str) -> Script:
        async def fail(_peer: ScriptedPeer) -> None:
            async with trio.open_nursery():  # whose group is no other thing than what is in it
                waiting.release()
                await failing.wait()
                raise AssertionError(title)

        return fail

    titles = ["ONE", "TWO"]
    archive.destinations.update({title: playing(script(title)) for title in titles})
    with pytest.RaisesGroup(
        *[pytest.RaisesExc(AssertionError, match=title) for title in titles], flatten_subgroups=True
    ):
        async with associated(archive, UPS_WATCH) as association:
            for title in titles:
                await UnifiedWorklist(association).subscribe(UID, receiving_ae=title)
                await waiting.acquire()
            failing.set()
            await trio.sleep(60)
