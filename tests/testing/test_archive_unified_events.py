"""Whom the archive tells what about unified procedure steps."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from tests.testing.departments import Listening, associated, data
from tests.testing.late import answer_late
from tests.testing.unified import CANCELED, LOCK, REASON, UID, UPS, new_step, put
from trio_dicom import (
    ClaimedStep,
    NActionResponse,
    NEventReportRequest,
    NEventReportResponse,
    StatusError,
    UnifiedWorklist,
    UPSAssigned,
    UPSCancelRequested,
    UPSEvent,
    UPSProgress,
    UPSState,
    UPSStateReport,
    open_receiver,
    ups_event,
)
from trio_dicom.sop_classes import UPS_CLASSES, UPS_EVENT, UPS_PULL, UPS_PUSH, UPS_WATCH
from trio_dicom.testing import MemoryArchive, ScriptedPeer, playing
from trio_dicom.testing.stage import Script

SCHEDULED = UPSStateReport(sop_instance_uid=UID, state=UPSState.SCHEDULED, input_readiness="READY")


class Watching:
    """Somebody who watches the steps of an archive, and has heard what is in ``events``."""

    def __init__(self, worklist: UnifiedWorklist, listening: Listening) -> None:
        self.worklist = worklist
        self.listening = listening

    async def heard(self, count: int) -> list[UPSEvent | None]:
        """The events since the last call, which must be so many, once nothing more comes."""
        reports = self.listening.reports
        await self.listening.until(lambda: len(reports) >= count)
        await trio.sleep(10)
        events = [ups_event(report) for report in reports]
        assert len(events) == count, events
        reports.clear()
        return events


@asynccontextmanager
async def watching(
    archive: MemoryArchive, ae_title: str = "WATCHER"
) -> AsyncGenerator[Watching, None]:
    """Who watches on an association for all of the UPS classes."""
    listening = Listening()
    async with associated(archive, *UPS_CLASSES, calling_ae=ae_title) as association:
        with association.events(listening.take):
            yield Watching(UnifiedWorklist(association), listening)


@pytest.fixture(name="archive")
def archive_fixture() -> MemoryArchive:
    """An archive with two steps, ``UID`` and ``1.2.4``."""
    archive = MemoryArchive()
    put(archive)
    put(archive, uid="1.2.4", PatientName="Roe^Richard")
    return archive


async def test_who_watches_a_step_hears_how_it_stands_and_goes_on(
    archive: MemoryArchive, autojump_clock: MockClock
) -> None:
    async with watching(archive) as watcher:
        await watcher.worklist.subscribe(UID)
        assert await watcher.heard(1) == [SCHEDULED]
        step = await watcher.worklist.claim(UID, transaction_uid=LOCK)
        await watcher.worklist.report_progress(step, 50, "half of it")
        await watcher.worklist.update(step, data(InputReadinessState="INCOMPLETE"))
        await watcher.worklist.update(step, data(ProcedureStepLabel="nothing to tell"))
        await watcher.worklist.request_cancel(UID, REASON, "ill", contact_name="Desk")
        await watcher.worklist.cancel(step, REASON, "broken")
        events = await watcher.heard(5)
    in_progress = UPSStateReport(
        sop_instance_uid=UID, state=UPSState.IN_PROGRESS, input_readiness="READY"
    )
    assert events == [
        in_progress,
        UPSProgress(sop_instance_uid=UID, progress="50", description="half of it"),
        evolve(in_progress, input_readiness="INCOMPLETE"),
        UPSCancelRequested(
            sop_instance_uid=UID,
            requesting_ae="WATCHER",
            reason="ill",
            discontinuation_reasons=(REASON,),
            contact_name="Desk",
        ),
        UPSStateReport(
            sop_instance_uid=UID,
            state=UPSState.CANCELED,
            input_readiness="INCOMPLETE",
            reason="broken",
            discontinuation_reasons=(REASON,),
        ),
    ]


async def test_an_event_comes_after_the_answer_to_what_led_to_it(
    archive: MemoryArchive, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    answer_late(monkeypatch, NActionResponse, seconds=1)
    async with watching(archive) as watcher:
        await watcher.worklist.subscribe(UID)
        assert watcher.listening.reports == []
        await watcher.heard(1)


async def test_a_scheduled_step_is_canceled_by_way_of_progress(
    archive: MemoryArchive, autojump_clock: MockClock
) -> None:
    async with watching(archive) as watcher:
        await watcher.worklist.subscribe(UID)
        await watcher.worklist.request_cancel(UID)
        events = await watcher.heard(4)
    assert [type(event) for event in events] == [
        UPSStateReport,
        UPSCancelRequested,
        UPSStateReport,
        UPSStateReport,
    ]
    assert [getattr(event, "state", None) for event in events] == [
        UPSState.SCHEDULED,
        None,
        UPSState.IN_PROGRESS,
        UPSState.CANCELED,
    ]


async def test_who_is_subscribed_to_all_hears_of_new_steps(
    archive: MemoryArchive, autojump_clock: MockClock
) -> None:
    async with watching(archive) as watcher:
        await watcher.worklist.subscribe()  # without a lock: what is there is not told
        await watcher.heard(0)
        await watcher.worklist.create(
            data(
                ProcedureStepLabel="Plan",
                ScheduledStationNameCodeSequence=[REASON.data_set()],
                ScheduledHumanPerformersSequence=[
                    data(
                        HumanPerformerCodeSequence=[REASON.data_set()],
                        HumanPerformerName="Doe^Jane",
                        HumanPerformerOrganization="Radiology",
                    )
                ],
            ),
            sop_instance_uid="1.2.5",
        )
        assert await watcher.heard(2) == [
            UPSStateReport(
                sop_instance_uid="1.2.5", state=UPSState.SCHEDULED, input_readiness="READY"
            ),
            UPSAssigned(
                sop_instance_uid="1.2.5",
                stations=(REASON,),
                performers=(REASON,),
                organization="Radiology",
            ),
        ]
        await watcher.worklist.update("1.2.4", data(ScheduledStationNameCodeSequence=[]))
        assert await watcher.heard(1) == [UPSAssigned(sop_instance_uid="1.2.4")]


async def test_with_a_lock_all_steps_are_told_at_once(
    archive: MemoryArchive, autojump_clock: MockClock
) -> None:
    async with watching(archive) as watcher:
        assert (await watcher.worklist.subscribe(deletion_lock=True)).is_success
        events = await watcher.heard(2)
    assert [getattr(event, "sop_instance_uid", "") for event in events] == [UID, "1.2.4"]
    assert archive.subscriptions.everything == {"WATCHER": True}
    assert archive.subscriptions.steps == {UID: {"WATCHER": True}, "1.2.4": {"WATCHER": True}}


async def test_a_subscription_to_all_leaves_those_to_single_steps_as_they_are(
    archive: MemoryArchive,
) -> None:
    async with watching(archive) as watcher:
        await watcher.worklist.subscribe(UID, deletion_lock=True)
        await watcher.worklist.subscribe()
        assert archive.subscriptions.steps[UID] == {"WATCHER": True}
        assert archive.subscriptions.steps["1.2.4"] == {"WATCHER": False}
        await watcher.worklist.subscribe(UID)
        assert archive.subscriptions.steps[UID] == {"WATCHER": False}


async def test_a_lock_may_not_be_granted(archive: MemoryArchive) -> None:
    archive.subscriptions.grants_locks = False
    async with watching(archive) as watcher:
        assert (await watcher.worklist.subscribe(UID, deletion_lock=True)).code == 0xB301
        assert (await watcher.worklist.subscribe(deletion_lock=True)).code == 0xB301
        assert (await watcher.worklist.subscribe()).is_success
    assert archive.subscriptions.steps[UID] == {"WATCHER": False}


async def test_who_is_subscribed_to_those_that_match_hears_of_no_others(
    archive: MemoryArchive, autojump_clock: MockClock
) -> None:
    async with watching(archive) as watcher:
        keys = data(PatientName="Roe*")
        await watcher.worklist.subscribe(matching=keys, deletion_lock=True)
        [event] = await watcher.heard(1)
        assert getattr(event, "sop_instance_uid", "") == "1.2.4"
        for uid, name in (("1.2.5", "Roe^Jane"), ("1.2.6", "Doe^Jane")):
            step = data(ProcedureStepLabel="Plan", PatientName=name)
            await watcher.worklist.create(step, sop_instance_uid=uid)
        [event] = await watcher.heard(1)
        assert getattr(event, "sop_instance_uid", "") == "1.2.5"
        await watcher.worklist.suspend(matching=True)
        step = data(ProcedureStepLabel="Plan", PatientName="Roe^John")
        await watcher.worklist.create(step, sop_instance_uid="1.2.7")
        await watcher.heard(0)
        await watcher.worklist.claim("1.2.5")  # that one is still told
        await watcher.heard(1)
        await watcher.worklist.subscribe(matching=keys)
        await watcher.worklist.unsubscribe(matching=True)
        await watcher.worklist.claim("1.2.4")
        await watcher.heard(0)


async def test_who_unsubscribes_hears_no_more(
    archive: MemoryArchive, autojump_clock: MockClock
) -> None:
    async with watching(archive) as watcher:
        await watcher.worklist.subscribe(UID)
        await watcher.worklist.subscribe("1.2.4")
        await watcher.heard(2)
        await watcher.worklist.unsubscribe(UID)
        await watcher.worklist.claim(UID)
        await watcher.worklist.update("1.2.4", data(InputReadinessState="UNAVAILABLE"))
        [event] = await watcher.heard(1)
        assert getattr(event, "sop_instance_uid", "") == "1.2.4"
        await watcher.worklist.subscribe()
        await watcher.worklist.suspend()  # of what comes, and of nothing else
        await watcher.worklist.create(data(ProcedureStepLabel="Plan"))
        await watcher.worklist.update("1.2.4", data(InputReadinessState="READY"))
        [event] = await watcher.heard(1)
        assert getattr(event, "sop_instance_uid", "") == "1.2.4"
        await watcher.worklist.subscribe()
        await watcher.worklist.unsubscribe()  # from all that there is, too
        await watcher.worklist.create(data(ProcedureStepLabel="Plan"))
        await watcher.worklist.claim("1.2.4")
        await watcher.heard(0)
    assert not any(archive.subscriptions.steps.values())


async def test_what_is_no_subscription_is_refused(archive: MemoryArchive) -> None:
    async with watching(archive) as watcher:
        worklist = watcher.worklist
        for call, status in (
            (worklist.subscribe("1.9"), "C307H"),
            (worklist.unsubscribe("1.9"), "C307H"),
            (worklist.subscribe(UID, receiving_ae="NOBODY"), "C308H"),
            (worklist.subscribe(UID, receiving_ae=""), "0115H"),
        ):
            with pytest.raises(StatusError, match=status):
                await call
        information = data(ReceivingAE="WATCHER")
        for action, code in ((3, 0x0115), (5, 0xC314)):  # no lock; not of a single one
            response = await worklist.association.n_action(
                UPS,
                UID,
                action,
                information,
                context=next(
                    it
                    for it in worklist.association.negotiated.contexts
                    if it.abstract_syntax == UPS_WATCH.abstract_syntax
                ),
            )
            assert response.status.code == code
    assert not any(archive.subscriptions.steps.values())


async def test_who_has_no_association_is_called(
    archive: MemoryArchive, autojump_clock: MockClock
) -> None:
    listening, at_a_time = Listening(), set[int]()

    async def take(request: NEventReportRequest) -> NEventReportResponse:
        at_a_time.add(receiver.associations)
        return await listening.take(request)

    async with open_receiver(into=None, ae_title="WATCHER", checks_called_ae=True) as receiver:
        archive.destinations["WATCHER"] = receiver.serve
        with receiver.events(take):
            async with associated(archive, UPS_WATCH, UPS_PULL) as association:
                worklist = UnifiedWorklist(association)
                await worklist.subscribe(UID, receiving_ae="WATCHER")
                await listening.until(lambda: len(listening.reports) == 1)
                async with trio.open_nursery() as nursery:
                    archive.unified_steps[UID].ProcedureStepState = "IN PROGRESS"
                    archive.unified_steps[UID].TransactionUID = LOCK
                    step = ClaimedStep(sop_instance_uid=UID, transaction_uid=LOCK)
                    nursery.start_soon(worklist.report_progress, step, 50)
                    nursery.start_soon(worklist.report_progress, step, 60)
            # The association is over, and the reports go out all the same.
            await listening.until(lambda: len(listening.reports) == 3)
    assert [it.event_type_id for it in listening.reports] == [1, 3, 3]
    assert at_a_time == {1}


async def test_who_hangs_up_before_having_answered_is_called(
    archive: MemoryArchive, autojump_clock: MockClock
) -> None:
    here, there = trio.Event(), Listening()

    async def take(_request: NEventReportRequest) -> NEventReportResponse:
        here.set()
        await trio.sleep_forever()
        raise AssertionError

    async with open_receiver(into=None, ae_title="WATCHER") as receiver:
        archive.destinations["WATCHER"] = receiver.serve
        with receiver.events(there.take):
            async with associated(
                archive, UPS_WATCH, UPS_EVENT, calling_ae="WATCHER"
            ) as association:
                with association.events(take):
                    await UnifiedWorklist(association).subscribe(UID)
                    await here.wait()
                    await association.connection.send_abort()
            await there.until(lambda: len(there.reports) == 1)


async def test_an_association_without_a_context_for_events_gets_none(
    archive: MemoryArchive, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    listening = Listening()
    async with associated(archive, UPS_WATCH, calling_ae="WATCHER") as association:
        with association.events(listening.take):
            await UnifiedWorklist(association).subscribe(UID)
            await trio.sleep(10)
    assert listening.reports == []
    assert "nobody knows where 'WATCHER' is" in caplog.text


async def test_everybody_hears_all_in_order(
    archive: MemoryArchive, autojump_clock: MockClock
) -> None:
    async with (
        watching(archive, "ONE") as one,
        watching(archive, "TWO") as two,
        associated(archive, UPS_PUSH, UPS_PULL, UPS_EVENT) as association,
    ):
        for watcher in (one, two):
            await watcher.worklist.subscribe()
        worklist = UnifiedWorklist(association)
        await association.n_create(UPS, "1.2.5", new_step())
        step = await worklist.claim("1.2.5")
        for percent in range(50):
            await worklist.report_progress(step, percent)
        progress = data(ProcedureStepProgressInformationSequence=[CANCELED])
        await worklist.update(step, progress)
        await worklist.cancel(step)
        heard = [await watcher.heard(53) for watcher in (one, two)]
    assert heard[0] == heard[1]
    said = [event.progress for event in heard[0] if isinstance(event, UPSProgress)]
    assert list(map(float, said)) == list(range(50))


async def test_scripts_that_fail_at_once_on_their_reports_fail_the_test(
    archive: MemoryArchive, autojump_clock: MockClock
) -> None:
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
