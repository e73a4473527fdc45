"""The archive's unified procedure steps, asked by pynetdicom."""

from __future__ import annotations

from queue import Queue
from typing import Any

import pytest
import trio
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
)

from tests.interop.programs import HOST
from tests.interop.pynetdicom_peer import serving
from tests.testing.departments import data
from tests.testing.pynetdicom_client import associated, event_queue
from tests.testing.unified import LOCK, UID, WORK, new_step, put
from trio_dicom.testing import MemoryArchive

pytestmark = pytest.mark.interop

PUSH, PULL, WATCH = UnifiedProcedureStepPush, UnifiedProcedureStepPull, UnifiedProcedureStepWatch


async def test_pynetdicom_performs_a_step(archive: MemoryArchive) -> None:
    def perform() -> tuple[list[int], list[Any]]:
        with associated(archive, PUSH, PULL, UnifiedProcedureStepQuery) as association:

            def change(state: str, lock: str) -> int:
                asked = data(ProcedureStepState=state, TransactionUID=lock)
                answer, _ = association.send_n_action(asked, 1, PUSH, UID, meta_uid=PULL)
                return int(answer.Status)

            performed = data(
                TransactionUID=LOCK,
                UnifiedProcedureStepPerformedProcedureSequence=[WORK.data_set()],
            )
            step = new_step(PatientName="Doe^Jane")
            statuses = [
                association.send_n_create(step, PUSH, UID)[0].Status,
                association.send_n_create(step, PUSH, UID)[0].Status,
                change("COMPLETED", LOCK),
                change("IN PROGRESS", LOCK),
                change("IN PROGRESS", "1.2.8"),
                change("COMPLETED", LOCK),
                association.send_n_set(performed, PUSH, UID, meta_uid=PULL)[0].Status,
                change("COMPLETED", LOCK),
                change("COMPLETED", LOCK),
                change("CANCELED", LOCK),
            ]
            keys = data(ProcedureStepState="COMPLETED", PatientName="", SOPInstanceUID="")
            found = [
                match
                for _, match in association.send_c_find(keys, UnifiedProcedureStepQuery)
                if match is not None
            ]
            _, got = association.send_n_get([0x0074_1000], PUSH, UID, meta_uid=PULL)
            return statuses, [*found, got]

    statuses, [found, got] = await trio.to_thread.run_sync(perform)
    assert statuses == [
        *(0x0000, 0x0111, 0xC310, 0x0000, 0xC301, 0xC304),
        *(0x0000, 0x0000, 0xB306, 0xC300),
    ]
    assert (found.PatientName, found.SOPInstanceUID) == ("Doe^Jane", UID)
    assert got.ProcedureStepState == "COMPLETED"
    assert len(got) == 1


@pytest.mark.parametrize("where", ["here", "there"])
async def test_pynetdicom_watches_a_step(archive: MemoryArchive, where: str) -> None:
    put(archive)
    subscription = data(ReceivingAE="PYNETDICOM", DeletionLock="FALSE")

    def watch() -> tuple[list[int], list[tuple[int, str, Any]]]:
        here, on_here = event_queue()
        there, on_there = event_queue()
        entity = AE(ae_title="PYNETDICOM")
        entity.add_supported_context(UnifiedProcedureStepEvent, scu_role=True, scp_role=True)
        classes = [PUSH, PULL, WATCH, *([UnifiedProcedureStepEvent] if where == "here" else [])]
        with serving(entity, [(evt.EVT_N_EVENT_REPORT, on_there)]) as port:
            archive.destinations["PYNETDICOM"] = (HOST, port)
            handlers = [(evt.EVT_N_EVENT_REPORT, on_here)]
            with associated(archive, *classes, handlers=handlers) as association:
                events: Queue[Any] = here if where == "here" else there

                def act(kind: int, information: Any, meta: Any) -> int:
                    answer, _ = association.send_n_action(
                        information, kind, PUSH, UID, meta_uid=meta
                    )
                    return int(answer.Status)

                told, statuses = [], [act(3, subscription, WATCH)]
                told.append(events.get(timeout=30))
                statuses.append(act(2, data(ReasonForCancellation="ill"), PUSH))
                told += [events.get(timeout=30) for _ in range(3)]
                statuses.append(act(4, data(ReceivingAE="PYNETDICOM"), WATCH))
                statuses.append(act(2, data(ReasonForCancellation="ill"), PUSH))
        assert here.empty()
        assert there.empty()
        return statuses, told

    statuses, told = await trio.to_thread.run_sync(watch)
    assert statuses == [0x0000, 0x0000, 0x0000, 0xB304]
    assert [(kind, uid) for kind, uid, _ in told] == [(1, UID), (2, UID), (1, UID), (1, UID)]
    assert [it.get("ProcedureStepState") for *_, it in told] == [
        *("SCHEDULED", None),
        *("IN PROGRESS", "CANCELED"),
    ]
    assert told[1][2].RequestingAE == "PYNETDICOM"
