"""The archive's unified procedure steps: their states, by PS3.4 Table CC.1.1-2."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom import Dataset
from pydicom.config import disable_value_validation

from tests.testing.departments import associated, data
from tests.testing.unified import CANCELED, LOCK, REASON, UID, UPS, WORK, new_step, put
from trio_dicom import Association, StatusError, UnifiedWorklist, UPSState
from trio_dicom.sop_classes import UPS_PULL, UPS_PUSH, UPS_WATCH
from trio_dicom.testing import MemoryArchive

STATES = (None, "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
C307, C301, C303 = 0xC307, 0xC301, 0xC303
# The state that is asked for, whether with the right Transaction UID, and what comes of it in
# each of ``STATES``. PS3.4 Table CC.1.1-2, from above.
TABLE: list[tuple[str, bool, tuple[int, ...]]] = [
    ("IN PROGRESS", True, (C307, 0x0000, 0xC302, 0xC300, 0xC300)),
    ("IN PROGRESS", False, (C307, C301, C301, C301, C301)),
    ("SCHEDULED", True, (C307, C303, C303, C303, C303)),
    ("COMPLETED", True, (C307, 0xC310, 0x0000, 0xB306, 0xC300)),
    ("COMPLETED", False, (C307, C301, C301, C301, C301)),
    ("CANCELED", True, (C307, 0xC310, 0x0000, 0xC300, 0xB304)),
    ("CANCELED", False, (C307, C301, C301, C301, C301)),
]
CELLS = [
    (wanted, right, state, status)
    for wanted, right, row in TABLE
    for state, status in zip(STATES, row, strict=True)
]


async def act(association: Association, action: int, information: Dataset | None) -> int:
    """The status with which an action on the step is answered, and its comment."""
    return (await association.n_action(UPS, UID, action, information)).status.code


def end(archive: MemoryArchive) -> None:
    """Have the step meet all requirements of the final states."""
    step = archive.unified_steps[UID]
    step.UnifiedProcedureStepPerformedProcedureSequence = [WORK.data_set()]
    step.ProcedureStepProgressInformationSequence = [CANCELED]


@pytest.mark.parametrize("wanted,right,state,status", CELLS)
async def test_a_state_changes_as_the_table_says(
    wanted: str, right: bool, state: str | None, status: int
) -> None:
    archive = MemoryArchive()
    if state is not None:
        put(archive, state)
        end(archive)
    locks: list[str | None] = [LOCK] if right else [None, "1.2.8"]
    if not right and state == "SCHEDULED":
        locks = [None]  # there is none yet, so each is the right one
    for lock in locks:
        asked = data(ProcedureStepState=wanted)
        if lock is not None:
            asked.TransactionUID = lock
        async with associated(archive, UPS_PULL) as association:
            assert await act(association, 1, asked) == status
    if state is not None:
        now = archive.unified_steps[UID]
        assert now.ProcedureStepState == (wanted if status == 0 else state)
        assert now.TransactionUID == (LOCK if state != "SCHEDULED" or status == 0 else "")


@pytest.mark.parametrize(
    "state,status,then",
    [
        (None, C307, None),
        ("SCHEDULED", 0x0000, "CANCELED"),
        ("IN PROGRESS", 0x0000, "IN PROGRESS"),
        ("COMPLETED", 0xC311, "COMPLETED"),
        ("CANCELED", 0xB304, "CANCELED"),
    ],
)
@pytest.mark.parametrize("context", [UPS_PUSH, UPS_WATCH])
async def test_a_request_to_cancel_is_heard_as_the_table_says(
    state: str | None, status: int, then: str | None, context: Any
) -> None:
    archive = MemoryArchive()
    if state is not None:
        put(archive, state)
        archive.subscriptions.subscribe("PERFORMER", UID, has_lock=False)
    async with associated(archive, context) as association:
        assert await act(association, 2, data(ReasonForCancellation="ill")) == status
    if then is not None:
        assert archive.unified_steps[UID].ProcedureStepState == then


async def test_what_nobody_has_claimed_is_canceled_with_its_reason() -> None:
    archive = MemoryArchive()
    put(archive)
    put(archive, uid="1.2.4")
    async with associated(archive, UPS_PUSH) as association:
        worklist = UnifiedWorklist(association)
        await worklist.request_cancel(UID, REASON, "broken")
        await worklist.request_cancel("1.2.4")
    for uid, code, words in ((UID, "110501", "broken"), ("1.2.4", "110513", "")):
        step = archive.unified_steps[uid]
        assert step.ProcedureStepState == "CANCELED"
        assert step.TransactionUID  # it was in progress meanwhile
        [progress] = step.ProcedureStepProgressInformationSequence
        assert progress.get("ReasonForCancellation", "") == words
        [reason] = progress.ProcedureStepDiscontinuationReasonCodeSequence
        assert reason.CodeValue == code
        assert progress.ProcedureStepCancellationDateTime


async def test_who_performs_a_step_that_nobody_watches_cannot_be_told() -> None:
    archive = MemoryArchive()
    put(archive, "IN PROGRESS")
    async with associated(archive, UPS_PUSH) as association:
        assert await act(association, 2, None) == 0xC312


@pytest.mark.parametrize(
    "missing",
    [
        "PerformedStationNameCodeSequence",
        "PerformedProcedureStepStartDateTime",
        "PerformedWorkitemCodeSequence",
        "PerformedProcedureStepEndDateTime",
        "OutputInformationSequence",
    ],
)
async def test_a_step_is_not_completed_before_all_is_told(missing: str) -> None:
    archive = MemoryArchive()
    put(archive, "IN PROGRESS")
    done = data(ProcedureStepState="COMPLETED", TransactionUID=LOCK)
    async with associated(archive, UPS_PULL) as association:
        assert await act(association, 1, done) == 0xC304  # nothing is told
        performed = WORK.data_set()
        del performed[missing]
        archive.unified_steps[UID].UnifiedProcedureStepPerformedProcedureSequence = [performed]
        response = await association.n_action(UPS, UID, 1, done)
        assert (response.status.code, response.error_comment) == (0xC304, f"without {missing}")
        assert archive.unified_steps[UID].ProcedureStepState == "IN PROGRESS"
        performed.add(WORK.data_set()[missing])
        performed.OutputInformationSequence = []  # nothing came of it
        assert await act(association, 1, done) == 0x0000


async def test_a_step_is_not_canceled_without_a_reason() -> None:
    archive = MemoryArchive()
    put(archive, "IN PROGRESS")
    canceled = data(ProcedureStepState="CANCELED", TransactionUID=LOCK)
    async with associated(archive, UPS_PULL) as association:
        assert await act(association, 1, canceled) == 0xC304
        archive.unified_steps[UID].ProcedureStepProgressInformationSequence = [CANCELED]
        assert await act(association, 1, canceled) == 0x0000
    [progress] = archive.unified_steps[UID].ProcedureStepProgressInformationSequence
    # PS3.4 Table CC.2.5-3: that is for the archive to fill in.
    assert progress.ProcedureStepCancellationDateTime
    assert "ProcedureStepCancellationDateTime" not in CANCELED


async def test_a_step_goes_its_way_with_our_client() -> None:
    archive = MemoryArchive()
    async with (
        associated(archive, UPS_PUSH) as scheduler,
        associated(archive, UPS_PULL) as performer,
        associated(archive, UPS_PULL) as latecomer,
    ):
        created = await UnifiedWorklist(scheduler).create(data(ProcedureStepLabel="Plan"))
        assert created.worklist_label == "ARCHIVE"  # it has filled that in
        uid = created.sop_instance_uid
        worklist, other = UnifiedWorklist(performer), UnifiedWorklist(latecomer)
        step = await worklist.claim(uid)
        with pytest.raises(StatusError, match="C301H"):
            await other.claim(uid)
        with pytest.raises(StatusError, match="C301H"):
            await other.update(uid, data(PatientID="1"))
        await worklist.report_progress(step, 50)
        done = await worklist.complete(step, WORK)
        assert done.state is UPSState.COMPLETED
        with pytest.raises(StatusError, match="C300H"):
            await other.update(uid, data(PatientID="1"))
        given_up = await worklist.claim((await UnifiedWorklist(scheduler).create(
            data(ProcedureStepLabel="Another")
        )).sop_instance_uid)  # fmt: skip
        assert (await worklist.cancel(given_up, REASON, "broken")).state is UPSState.CANCELED


async def test_what_is_no_action_is_refused() -> None:
    archive = MemoryArchive()
    put(archive)
    async with associated(archive, UPS_PUSH, UPS_PULL, UPS_WATCH) as association:
        push, pull, watch = association.negotiated.contexts
        for action, contexts in {
            1: [pull],
            2: [push, watch],
            3: [watch],
            4: [watch],
            5: [watch],
        }.items():
            for context in (push, pull, watch):
                response = await association.n_action(
                    UPS, "1.2.77", action, data(ReceivingAE="A", DeletionLock="FALSE"),
                    context=context,
                )  # fmt: skip
                is_there = response.status.code != 0x0123
                assert is_there is (context in contexts), (action, context)
        assert await act(association, 6, None) == 0x0123
        asked = data(ProcedureStepState="PAUSED", TransactionUID=LOCK)
        response = await association.n_action(UPS, UID, 1, asked, context=pull)
        assert response.status.code == 0x0115


# --- created and changed --------------------------------------------------------------


@pytest.mark.parametrize(
    "changes,status",
    [
        ({}, 0x0000),
        ({"WorklistLabel": "Mine"}, 0x0000),
        ({"ProcedureStepState": "IN PROGRESS"}, 0xC309),
        ({"ProcedureStepState": None}, 0xC309),
        ({"ProcedureStepLabel": None}, 0x0120),
        ({"ProcedureStepLabel": ""}, 0x0121),
        ({"InputReadinessState": ""}, 0x0121),
        ({"PatientName": None}, 0x0120),
        ({"TransactionUID": LOCK}, 0x0106),
        ({"ProcedureStepProgressInformationSequence": [CANCELED]}, 0x0106),
    ],
)
async def test_a_step_is_created_as_the_standard_says(changes: dict[str, Any], status: int) -> None:
    archive = MemoryArchive()
    step = new_step()
    for keyword, value in changes.items():
        if value is None:
            del step[keyword]
        else:
            setattr(step, keyword, value)
    async with associated(archive, UPS_PUSH) as association:
        assert (await association.n_create(UPS, UID, step)).status.code == status
        assert (UID in archive.unified_steps) == (status == 0)
        if status == 0:
            assert (await association.n_create(UPS, UID, step)).status.code == 0x0111
            step = archive.unified_steps[UID]
            assert step.ScheduledProcedureStepModificationDateTime
            assert step.WorklistLabel == changes.get("WorklistLabel", "ARCHIVE")


@pytest.mark.parametrize(
    "state,lock,status",
    [
        (None, LOCK, 0xC307),
        ("SCHEDULED", None, 0x0000),
        ("SCHEDULED", LOCK, 0xC310),
        ("IN PROGRESS", LOCK, 0x0000),
        ("IN PROGRESS", None, 0xC301),
        ("IN PROGRESS", "1.2.8", 0xC301),
        ("COMPLETED", LOCK, 0xC300),
        ("CANCELED", LOCK, 0xC300),
        ("CANCELED", None, 0xC300),
    ],
)
async def test_a_step_is_changed_by_who_may(
    state: str | None, lock: str | None, status: int
) -> None:
    archive = MemoryArchive()
    before = None if state is None else put(archive, state)
    changes = data(ProcedureStepLabel="Großer Plan", SpecificCharacterSet="ISO_IR 100")
    if lock is not None:
        changes.TransactionUID = lock
    async with associated(archive, UPS_PULL) as association:
        assert (await association.n_set(UPS, UID, changes)).status.code == status
    if status == 0:
        step = archive.unified_steps[UID]
        assert step.ProcedureStepLabel == "Großer Plan"
        assert step.SpecificCharacterSet == "ISO_IR 100"
        assert step.TransactionUID == (lock or "")
    elif before is not None:
        assert archive.unified_steps[UID] == before


# PS3.4 Table CC.2.5-3: what a step is created with and keeps.
FIXED: dict[str, object] = {
    "SOPClassUID": "1.2",
    "SOPInstanceUID": "1.2",
    "PatientName": "Roe^Jane",
    "PatientID": "2",
    "IssuerOfPatientID": "B",
    "IssuerOfPatientIDQualifiersSequence": [],
    "PatientBirthDate": "19000101",
    "PatientSex": "M",
    "AdmissionID": "B",
    "IssuerOfAdmissionIDSequence": [],
    "AdmittingDiagnosesDescription": "ill",
    "AdmittingDiagnosesCodeSequence": [],
    "ReferencedRequestSequence": [],
    "ReplacedProcedureStepSequence": [],
}
NEVER_CREATED: dict[str, object] = {"PatientComments": "x", "PixelData": b"12"}
EMPTIED = (
    *("ScheduledProcedureStepPriority", "ProcedureStepLabel", "WorklistLabel"),
    *("ScheduledProcedureStepStartDateTime", "InputReadinessState"),
)


@pytest.mark.parametrize(
    "keyword,value,status",
    [
        ("ProcedureStepState", "CANCELED", 0x0106),
        *((keyword, value, 0x0105) for keyword, value in (FIXED | NEVER_CREATED).items()),
        *((keyword, "", 0x0121) for keyword in EMPTIED),
    ],
)
async def test_a_change_that_the_standard_does_not_allow_changes_nothing(
    keyword: str, value: object, status: int
) -> None:
    archive = MemoryArchive()
    before = put(archive, PatientID="1")
    changes = data(ProcedureStepLabel="Another plan")
    setattr(changes, keyword, value)
    if keyword == "PixelData":
        changes["PixelData"].VR = "OB"
    async with associated(archive, UPS_PULL) as association:
        response = await association.n_set(UPS, UID, changes)
    assert response.status.code == status
    assert archive.unified_steps[UID] == before


async def test_what_is_too_long_for_its_vr_is_taken_without_a_warning() -> None:
    """With warnings as errors, as here, it would be refused else."""
    archive = MemoryArchive()
    put(archive)
    with disable_value_validation():
        changes = data(ProcedureStepLabel="label " * 20)
    async with associated(archive, UPS_PULL) as association:
        response = await association.n_set(UPS, UID, changes)
    assert response.status.is_success


async def test_what_may_be_empty_is_emptied() -> None:
    archive = MemoryArchive()
    put(archive, ScheduledWorkitemCodeSequence=[REASON.data_set()])
    async with associated(archive, UPS_PULL) as association:
        changes = data(ScheduledWorkitemCodeSequence=[], InputReadinessState="INCOMPLETE")
        assert (await association.n_set(UPS, UID, changes)).status.is_success
    assert archive.unified_steps[UID].ScheduledWorkitemCodeSequence == []


# --- told and found -------------------------------------------------------------------


async def test_a_step_is_told_without_its_lock() -> None:
    archive = MemoryArchive()
    put(archive, "IN PROGRESS", PatientName="Doe^Jane")
    for context in (UPS_PUSH, UPS_PULL, UPS_WATCH):
        async with associated(archive, context) as association:
            step = await UnifiedWorklist(association).get(UID)
            assert step.patient_name == "Doe^Jane"
            assert step.state is UPSState.IN_PROGRESS
            assert "TransactionUID" not in step.attributes
            one = await UnifiedWorklist(association).get(UID, ["PatientName"])
            assert [it.keyword for it in one.attributes] == ["PatientName"]
            lock = await UnifiedWorklist(association).get(UID, ["TransactionUID"])
            assert (lock.status.code, len(lock.attributes)) == (0x0001, 0)
            with pytest.raises(StatusError, match="C307H"):
                await UnifiedWorklist(association).get("1.9")


async def test_steps_are_found_by_their_keys_and_not_by_their_lock() -> None:
    archive = MemoryArchive()
    put(archive, "IN PROGRESS", PatientName="Doe^Jane")
    put(archive, uid="1.2.4", ScheduledWorkitemCodeSequence=[REASON.data_set()])
    queries = {
        "": [UID, "1.2.4"],
        "ProcedureStepState=SCHEDULED": ["1.2.4"],
        "PatientName=doe*": [UID],
        "SOPInstanceUID=1.2.4": ["1.2.4"],
        f"TransactionUID={LOCK}": [],
    }
    async with associated(archive, UPS_PULL) as association:
        for query, uids in queries.items():
            keyword, _, value = query.partition("=")
            keys = data(**{keyword: value}) if keyword else None
            async with UnifiedWorklist(association).search(keys) as steps:
                assert [step.sop_instance_uid async for step in steps] == uids, query
        keys = data(ScheduledWorkitemCodeSequence=[data(CodeValue="110501")])
        async with UnifiedWorklist(association).search(keys) as steps:
            [found] = [step async for step in steps]
    [item] = found.attributes.ScheduledWorkitemCodeSequence
    assert [it.keyword for it in item] == ["CodeValue"]
