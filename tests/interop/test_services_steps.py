"""Performed and unified procedure steps against pynetdicom, with what it refuses."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from pydicom import Dataset
from pynetdicom import AE, build_role
from pynetdicom.sop_class import UnifiedProcedureStepEvent, UnifiedProcedureStepPush

from tests.interop.pynetdicom_services import ServicesPeer
from trio_dicom import (
    Association,
    CodedEntry,
    PerformedSeries,
    PerformedStep,
    PerformedStepState,
    PerformedWork,
    PresentationContext,
    StatusError,
    UnifiedWorklist,
    UPSCancelRequested,
    UPSProgress,
    UPSState,
    UPSStateReport,
    complete_performed_step,
    create_performed_step,
    discontinue_performed_step,
    open_association,
    open_receiver,
    update_performed_step,
    ups_events,
)
from trio_dicom.sop_classes import MPPS, UPS_CLASSES, UPS_PULL, UPS_PUSH, UPS_QUERY, UPS_WATCH

SERIES = PerformedSeries(series_instance_uid="1.2.3.4", protocol_name="Kopf, groß")
REASON = CodedEntry("110501", "DCM", "Equipment failure")
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
WORK = PerformedWork(started=NOON, ended=NOON, workitem=REASON, stations=[REASON])


def data(**values: Any) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


@asynccontextmanager
async def associated(
    peer: ServicesPeer, *contexts: PresentationContext, calling_ae: str = "TRIO_DICOM"
) -> AsyncGenerator[Association, None]:
    async with open_association(
        peer.host, peer.port, calling_ae=calling_ae, contexts=contexts
    ) as association:
        yield association


# --- performed ------------------------------------------------------------------------


def performed() -> Dataset:
    return data(
        PatientName="Müller^Jürgen",
        PerformedProcedureStepID="PPS1",
        Modality="CT",
        ScheduledStepAttributesSequence=[data(StudyInstanceUID="1.2.3")],
    )


async def test_a_performed_step_goes_its_way_and_then_is_final(
    pynetdicom_services: ServicesPeer,
) -> None:
    async with associated(pynetdicom_services, MPPS) as association:
        step = await create_performed_step(association, performed())
        change = data(PerformedProcedureStepDescription="groß")
        step = await update_performed_step(association, step, change)
        done = await complete_performed_step(association, step, [SERIES])
        assert done.state is PerformedStepState.COMPLETED
        with pytest.raises(StatusError, match="0110H"):  # the peer knows it, too
            await discontinue_performed_step(association, step, REASON, series=[SERIES])
        with pytest.raises(StatusError, match="0112H"):
            await update_performed_step(association, PerformedStep(sop_instance_uid="1.9"), change)
    told = pynetdicom_services.steps.instances[step.sop_instance_uid]
    assert told.PerformedProcedureStepStatus == "COMPLETED"
    assert told.SpecificCharacterSet == "ISO_IR 192"  # the helpers have seen to it
    assert told.PatientName == "Müller^Jürgen"
    assert told.PerformedProcedureStepDescription == "groß"
    assert told.PerformedSeriesSequence[0].ProtocolName == "Kopf, groß"


async def test_a_performed_step_is_discontinued(pynetdicom_services: ServicesPeer) -> None:
    async with associated(pynetdicom_services, MPPS) as association:
        step = await create_performed_step(association, performed(), sop_instance_uid="1.2.3.5")
        with pytest.raises(StatusError, match="duplicate SOP instance"):
            await create_performed_step(association, performed(), sop_instance_uid="1.2.3.5")
        await discontinue_performed_step(association, step, REASON, series=[SERIES])
    told = pynetdicom_services.steps.instances["1.2.3.5"]
    assert told.PerformedProcedureStepStatus == "DISCONTINUED"
    (reason,) = told.PerformedProcedureStepDiscontinuationReasonCodeSequence
    assert CodedEntry.in_item(reason) == REASON


# --- unified --------------------------------------------------------------------------


async def test_a_unified_step_is_claimed_by_one_and_completed(
    pynetdicom_services: ServicesPeer,
) -> None:
    async with (
        associated(pynetdicom_services, UPS_PUSH) as scheduler,
        associated(pynetdicom_services, UPS_PULL) as performer,
        associated(pynetdicom_services, UPS_PULL) as latecomer,
    ):
        created = await UnifiedWorklist(scheduler).create(data(ProcedureStepLabel="Plan"))
        worklist = UnifiedWorklist(performer)
        async with worklist.search(state=UPSState.SCHEDULED) as steps:
            (found,) = [step async for step in steps]
        assert (found.sop_instance_uid, found.label) == (created.sop_instance_uid, "Plan")
        step = await worklist.claim(found.sop_instance_uid)
        with pytest.raises(StatusError, match="C302H"):
            await UnifiedWorklist(latecomer).claim(found.sop_instance_uid)
        with pytest.raises(StatusError, match="C301H"):
            await UnifiedWorklist(latecomer).update(found.sop_instance_uid, data(PatientID="1"))
        with pytest.raises(StatusError, match="final state"):
            await worklist.complete(step)
        await worklist.report_progress(step, 50)
        done = await worklist.complete(step, WORK)
        assert done.state is UPSState.COMPLETED
        seen = await worklist.get(step.sop_instance_uid, ["ProcedureStepState"])
        assert seen.state is UPSState.COMPLETED
        with pytest.raises(StatusError, match="C307H"):
            await worklist.get("1.9")


async def test_a_unified_step_is_cancelled_by_who_performs_it(
    pynetdicom_services: ServicesPeer,
) -> None:
    async with associated(pynetdicom_services, UPS_PUSH, UPS_PULL, UPS_QUERY) as association:
        worklist = UnifiedWorklist(association)
        created = await worklist.create(data(ProcedureStepLabel="Plan"))
        step = await worklist.claim(created.sop_instance_uid)
        done = await worklist.cancel(step, REASON, "broken")
        assert done.state is UPSState.CANCELED
        again = await worklist.request_cancel(step.sop_instance_uid)
        assert "already canceled" in str(again)
    (item,) = pynetdicom_services.work_items.instances.values()
    (progress,) = item.ProcedureStepProgressInformationSequence
    assert progress.ReasonForCancellation == "broken"


async def test_who_subscribed_hears_of_it(pynetdicom_services: ServicesPeer) -> None:
    async with (
        associated(pynetdicom_services, *UPS_CLASSES, calling_ae="WATCHER") as watcher,
        associated(pynetdicom_services, *UPS_CLASSES) as performer,
    ):
        watching, worklist = UnifiedWorklist(watcher), UnifiedWorklist(performer)
        with ups_events(watcher) as events:
            await watching.subscribe(deletion_lock=True)
            created = await worklist.create(data(ProcedureStepLabel="Plan"))
            came = [await events.receive()]  # one by one: the peer may report in any order
            step = await worklist.claim(created.sop_instance_uid)
            came.append(await events.receive())
            await worklist.report_progress(step, 50, "half")
            came.append(await events.receive())
            await worklist.request_cancel(step.sop_instance_uid, explanation="please")
            came.append(await events.receive())
            await worklist.complete(step, WORK)
            came.append(await events.receive())
            await watching.unsubscribe()
            await worklist.create(data(ProcedureStepLabel="Another"))
            assert not events.statistics().current_buffer_used
    uid = step.sop_instance_uid
    assert came == [
        UPSStateReport(sop_instance_uid=uid, state=UPSState.SCHEDULED, input_readiness="READY"),
        UPSStateReport(sop_instance_uid=uid, state=UPSState.IN_PROGRESS, input_readiness="READY"),
        UPSProgress(sop_instance_uid=uid, progress="50", description="half"),
        UPSCancelRequested(sop_instance_uid=uid, requesting_ae="TRIO_DICOM", reason="please"),
        UPSStateReport(sop_instance_uid=uid, state=UPSState.COMPLETED, input_readiness="READY"),
    ]
    assert {report.status for report in pynetdicom_services.memory.reports} == {0x0000}
    asked = {
        (it.service, it.type_id, it.abstract_syntax) for it in pynetdicom_services.memory.asked
    }
    push, pull, watch = (it.abstract_syntax for it in (UPS_PUSH, UPS_PULL, UPS_WATCH))
    assert asked == {
        *(("N-CREATE", None, push), ("N-SET", None, pull), ("N-ACTION", 1, pull)),
        *(("N-ACTION", 2, push), ("N-ACTION", 3, watch), ("N-ACTION", 4, watch)),
    }


async def test_an_event_on_an_association_of_the_peer_comes_to_the_receiver(tmp_path: Path) -> None:
    async with open_receiver(into=tmp_path, ae_title="WATCHER") as receiver:
        with ups_events(receiver) as events:
            status = await trio.to_thread.run_sync(_report_to, receiver.port)
            event = await events.receive()
    assert status == 0x0000
    assert event == UPSStateReport(sop_instance_uid="1.2.3", state=UPSState.CANCELED)


def _report_to(port: int) -> int | None:
    entity = AE(ae_title="PYNETDICOM")
    entity.add_requested_context(UnifiedProcedureStepEvent)
    roles = [build_role(UnifiedProcedureStepEvent, scp_role=True)]
    association = entity.associate("127.0.0.1", port, ae_title="WATCHER", ext_neg=roles)
    assert association.is_established
    answer, _reply = association.send_n_event_report(
        data(ProcedureStepState="CANCELED"),
        1,
        UnifiedProcedureStepPush,
        "1.2.3",
        meta_uid=UnifiedProcedureStepEvent,
    )
    association.release()
    status: int | None = answer.get("Status")
    return status
