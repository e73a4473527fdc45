"""One conversation for every service, each small enough to be cut everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.faults.conversing import Conversation, Noted, Step
from tests.operations.getting import ct
from tests.operations.storing import ct_file, data_set
from trio_dicom import (
    AbortSource,
    Association,
    CCancelRequest,
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    CStoreRequest,
    CStoreResponse,
    NActionRequest,
    NEventReportRequest,
    NEventReportResponse,
    PresentationContext,
    Request,
)
from trio_dicom.lowlevel import Abort, ReleaseRequest, ReleaseResponse
from trio_dicom.sop_classes import (
    MPPS,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
    storage_contexts,
)
from trio_dicom.testing import ConversationOver, ScriptedPeer

__all__ = ["CONVERSATIONS", "FILES", "prepare"]

CT = PresentationContext(CTImageStorage, (ExplicitVRLittleEndian,))
MPPS_CLASS = str(MPPS.abstract_syntax)
FILES = 4
LARGE = 18 * 1024  # more than is read before it is sent

ACCEPTED, COMPLETED, PENDING = "receive_association_accept", "request_completed", "request_pending"
RELEASED, ABORTED = "receive_association_release_response", "receive_abort"


def prepare(folder: Path) -> None:
    """Put the files there that are stored."""
    (folder / "out").mkdir()
    (folder / "in").mkdir()
    for number in range(1, FILES + 1):
        ct_file(folder / "out", number, size=LARGE if number == 1 else 900)


def query(**keys: str) -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    for keyword, value in keys.items():
        setattr(asked, keyword, value)
    return asked


# --- what the client does -----------------------------------------------------------------


async def echo(association: Association, _: Path, noted: Noted) -> None:
    noted.append((await association.c_echo()).status.code)


async def release(association: Association, _: Path, noted: Noted) -> None:
    await association.release()


async def abort(association: Association, _: Path, noted: Noted) -> None:
    await association.abort()


async def store_file(association: Association, folder: Path, noted: Noted) -> None:
    noted.append((await association.c_store(folder / "out" / "000001.dcm")).status.code)


async def store_data_set(association: Association, _: Path, noted: Noted) -> None:
    noted.append((await association.c_store(data_set(7, size=1500))).status.code)


async def store_files(association: Association, folder: Path, noted: Noted) -> None:
    paths = sorted((folder / "out").iterdir())
    async with association.c_store_many(paths) as results:
        async for result in results:
            noted.append(result)


async def find(association: Association, _: Path, noted: Noted) -> None:
    async with association.c_find(query(PatientName="*")) as matches:
        async for match in matches:
            noted.append(str(match.identifier.PatientName))


async def find_the_first(association: Association, _: Path, noted: Noted) -> None:
    async with association.c_find(query(PatientName="*")) as matches:
        noted.append(str((await matches.receive()).identifier.PatientName))


async def get(association: Association, folder: Path, noted: Noted) -> None:
    async with association.c_get(query(StudyInstanceUID="1.2"), into=folder / "in") as retrieval:
        async for step in retrieval:
            noted.append(step.completed)


async def move(association: Association, _: Path, noted: Noted) -> None:
    async with association.c_move(query(StudyInstanceUID="1.2"), "ELSEWHERE") as retrieval:
        async for step in retrieval:
            noted.append(step.completed)


STEP = Dataset()
STEP.PerformedProcedureStepStatus = "IN PROGRESS"
STEP.PerformedStationName = "MODALITY"


async def n_create(association: Association, _: Path, noted: Noted) -> None:
    noted.append((await association.n_create(MPPS_CLASS, "1.2.3", STEP)).status.code)


async def n_set(association: Association, _: Path, noted: Noted) -> None:
    noted.append((await association.n_set(MPPS_CLASS, "1.2.3", STEP)).status.code)


async def n_get(association: Association, _: Path, noted: Noted) -> None:
    response = await association.n_get(MPPS_CLASS, "1.2.3", ["PerformedStationName"])
    noted.append(response.attribute_list)


async def n_action(association: Association, _: Path, noted: Noted) -> None:
    noted.append((await association.n_action(MPPS_CLASS, "1.2.3", 1, STEP)).status.code)


async def n_event_report(association: Association, _: Path, noted: Noted) -> None:
    noted.append((await association.n_event_report(MPPS_CLASS, "1.2.3", 1, STEP)).status.code)


async def n_delete(association: Association, _: Path, noted: Noted) -> None:
    noted.append((await association.n_delete(MPPS_CLASS, "1.2.3")).status.code)


ECHO, RELEASE = Step("echo", echo), Step("release", release, requests=0)


# --- what the peer does -------------------------------------------------------------------


async def be_released(peer: ScriptedPeer) -> None:
    with pytest.raises(ConversationOver):
        await peer.receive_message()


async def answer(peer: ScriptedPeer, count: int) -> None:
    for _ in range(count):
        request = await peer.receive_message()
        assert isinstance(request, Request)
        data = STEP if type(request).__name__ in ("NGetRequest", "NCreateRequest") else None
        await peer.reply(request, 0x0000, **({"data_set": data} if data is not None else {}))


async def answer_one(peer: ScriptedPeer) -> None:
    await peer.accept()
    await answer(peer, 1)
    await be_released(peer)


async def answer_two(peer: ScriptedPeer) -> None:
    await peer.accept(max_length=4096)
    await answer(peer, 2)
    await be_released(peer)


async def answer_three_late(peer: ScriptedPeer) -> None:
    await peer.accept(max_length=4096, window=(3, 1))
    requests = [await peer.expect_message(CStoreRequest) for _ in range(3)]
    for request in requests:
        await peer.reply(request, 0x0000)
    await answer(peer, FILES - 3)
    await be_released(peer)


async def tell_matches(peer: ScriptedPeer) -> None:
    await peer.accept()
    request = await peer.expect_message(CFindRequest)
    for number in range(6):
        fragment = 16 if number == 3 else None
        match = query(PatientName=f"A^{number}")
        await peer.reply(request, 0xFF00, data_set=match, max_fragment=fragment)
    await peer.reply(request, 0x0000)
    request = await peer.expect_message(CFindRequest)
    await peer.reply(request, 0xFF00, data_set=query(PatientName="B"))
    await peer.expect_message(CCancelRequest)
    await peer.reply(request, 0xFE00)
    await be_released(peer)


async def send_instances(peer: ScriptedPeer) -> None:
    await peer.accept()
    request = await peer.expect_message(CGetRequest)
    context_id = peer.last_context_id + 2
    for number in (1, 2):
        uid = f"1.2.{number}"
        store = CStoreRequest(
            message_id=number,
            sop_class_uid=CTImageStorage,
            sop_instance_uid=uid,
            data_set=ct(uid, size=1500, StudyInstanceUID="1.2"),
        )
        await peer.send_message(store, context_id=context_id, max_fragment=512)
        assert (await peer.expect_message(CStoreResponse)).status.is_success
        await peer.reply(request, 0xFF00, remaining=2 - number, completed=number)
    await peer.reply(request, 0x0000, completed=2)
    await be_released(peer)


async def move_instances(peer: ScriptedPeer) -> None:
    await peer.accept()
    request = await peer.expect_message(CMoveRequest)
    for number in range(4):
        await peer.reply(request, 0xFF00, remaining=4 - number, completed=number)
    failed = Dataset()
    failed.FailedSOPInstanceUIDList = [f"1.2.{number}" for number in range(4)]
    await peer.reply(request, 0xB000, completed=0, failed=4, data_set=failed)
    await be_released(peer)


async def answer_with_an_event(peer: ScriptedPeer) -> None:
    await peer.accept()
    await answer(peer, 3)
    action = await peer.expect_message(NActionRequest)
    event = NEventReportRequest(
        message_id=9,
        sop_class_uid=MPPS_CLASS,
        sop_instance_uid="1.2.3",
        event_type_id=1,
        data_set=STEP,
    )
    await peer.send_message(event)
    assert (await peer.expect_message(NEventReportResponse)).status.is_success
    await peer.reply(action, 0x0000)
    await answer(peer, 2)
    await be_released(peer)


async def reject(peer: ScriptedPeer) -> None:
    await peer.reject()
    await peer.expect_closed()


async def abort_at_the_second(peer: ScriptedPeer) -> None:
    await peer.accept()
    await answer(peer, 1)
    await peer.expect_message(CStoreRequest)
    await peer.send(Abort(AbortSource.USER))
    await peer.expect_closed()


async def expect_an_abort(peer: ScriptedPeer) -> None:
    await peer.accept()
    await answer(peer, 1)
    assert isinstance(await peer.receive_pdu(), Abort)
    await peer.aclose()


async def release_at_the_second(peer: ScriptedPeer) -> None:
    await peer.accept()
    await answer(peer, 1)
    await peer.expect_message(CEchoRequest)
    await peer.send(ReleaseRequest())
    await peer.expect(ReleaseResponse)
    await peer.aclose()


async def release_at_the_same_time(peer: ScriptedPeer) -> None:
    await peer.accept()
    await answer(peer, 1)
    assert isinstance(await peer.receive_pdu(), ReleaseRequest)
    await peer.send(ReleaseRequest())
    await peer.expect(ReleaseResponse)
    await peer.send(ReleaseResponse())
    await peer.expect_closed()


CONVERSATIONS = {
    "echo": Conversation(
        contexts=[VERIFICATION],
        steps=[ECHO, RELEASE],
        script=answer_one,
        tells=[ACCEPTED, COMPLETED, RELEASED],
    ),
    "store": Conversation(
        contexts=[CT],
        steps=[Step("file", store_file), Step("data set", store_data_set), RELEASE],
        script=answer_two,
        tells=[ACCEPTED, COMPLETED, COMPLETED, RELEASED],
    ),
    "data set": Conversation(
        contexts=[CT],
        steps=[Step("data set", store_data_set), RELEASE],
        script=answer_one,
        tells=[ACCEPTED, COMPLETED, RELEASED],
    ),
    "store many": Conversation(
        contexts=[CT],
        steps=[Step("files", store_files, requests=FILES), RELEASE],
        script=answer_three_late,
        tells=[ACCEPTED, *[COMPLETED] * FILES, RELEASED],
        window=3,
    ),
    "find": Conversation(
        contexts=[STUDY_ROOT_FIND],
        steps=[Step("all", find), Step("first", find_the_first), RELEASE],
        script=tell_matches,
        tells=[ACCEPTED, *[PENDING] * 6, COMPLETED, PENDING, "", RELEASED],
    ),
    "get": Conversation(
        contexts=[STUDY_ROOT_GET, *storage_contexts(CTImageStorage)],
        steps=[Step("get", get), RELEASE],
        script=send_instances,
        tells=[ACCEPTED, "", PENDING, "", PENDING, COMPLETED, RELEASED],
    ),
    "move": Conversation(
        contexts=[STUDY_ROOT_MOVE],
        steps=[Step("move", move), RELEASE],
        script=move_instances,
        tells=[ACCEPTED, *[PENDING] * 4, COMPLETED, RELEASED],
    ),
    "n-services": Conversation(
        contexts=[PresentationContext(MPPS_CLASS, scu_role=True, scp_role=True)],
        steps=[
            Step("create", n_create),
            Step("set", n_set),
            Step("get", n_get),
            Step("action", n_action),
            Step("event report", n_event_report),
            Step("delete", n_delete),
            RELEASE,
        ],
        script=answer_with_an_event,
        tells=[ACCEPTED, *[COMPLETED] * 3, "n_event_report_request", *[COMPLETED] * 3, RELEASED],
    ),
    "rejection": Conversation(
        contexts=[VERIFICATION],
        steps=[],
        script=reject,
        tells=["receive_association_reject"],
    ),
    "abort": Conversation(
        contexts=[VERIFICATION],
        steps=[ECHO, Step("abort", abort, requests=0), Step("late echo", echo)],
        script=expect_an_abort,
        tells=[ACCEPTED, COMPLETED],
    ),
    "abort by the peer": Conversation(
        contexts=[CT],
        steps=[Step("file", store_file), Step("data set", store_data_set), RELEASE],
        script=abort_at_the_second,
        tells=[ACCEPTED, COMPLETED, ABORTED],
    ),
    "release by the peer": Conversation(
        contexts=[VERIFICATION],
        steps=[ECHO, Step("second", echo), RELEASE],
        script=release_at_the_second,
        is_released_by_peer=True,
        tells=[ACCEPTED, COMPLETED, ""],
    ),
    "release by both": Conversation(
        contexts=[VERIFICATION],
        steps=[ECHO, RELEASE],
        script=release_at_the_same_time,
        tells=[ACCEPTED, COMPLETED, "", RELEASED],
    ),
}
