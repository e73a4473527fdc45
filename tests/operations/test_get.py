"""C-GET: what is asked, what comes, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from pydicom import Dataset, dcmread
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
)
from trio.testing import wait_all_tasks_blocked

from tests.io.talking import Sent, is_silent
from tests.operations.getting import (
    CT_ID,
    Taker,
    bring,
    ct,
    files_in,
    getting,
    retrieving,
    send,
    study_query,
    uids_of,
)
from trio_dicom import (
    CEchoRequest,
    CGetRequest,
    CStoreRequest,
    CStoreResponse,
    EncodedDataSet,
    Inbox,
    LocalProtocolError,
    NoAcceptedContext,
    Priority,
)
from trio_dicom.lowlevel import RoleSelection
from trio_dicom.sop_classes import (
    PATIENT_ROOT_GET,
    STUDY_ROOT_GET,
    VERIFICATION,
    storage_contexts,
)

# --- what is asked ---------------------------------------------------------------------


async def test_the_query_goes_out_as_it_is_and_is_not_changed(tmp_path: Path) -> None:
    query = study_query()
    before = query.to_json()
    async with getting() as (association, peer):
        async with association.c_get(
            query, into=tmp_path, level="image", priority=Priority.HIGH
        ) as retrieval:
            request = await bring(peer)
            await retrieval.final()
        assert request.sop_class_uid == STUDY_ROOT_GET.abstract_syntax
        assert request.priority is Priority.HIGH
        identifier = request.identifier
        assert identifier is not None
        assert identifier.QueryRetrieveLevel == "IMAGE"
        assert identifier.StudyInstanceUID == "1.2"
        assert len(identifier) == 2
    assert query.to_json() == before


@pytest.mark.parametrize("model", [None, PATIENT_ROOT_GET, str(PATIENT_ROOT_GET.abstract_syntax)])
async def test_another_model_is_asked_if_it_is_the_only_one_or_named(model: Any) -> None:
    others = [] if model is None else [STUDY_ROOT_GET]
    contexts = [*others, PATIENT_ROOT_GET, *storage_contexts(CTImageStorage)]
    async with getting(contexts) as (association, peer):
        async with association.c_get(study_query(), into=Taker(), model=model) as retrieval:
            request = await bring(peer)
            await retrieval.final()
        assert request.sop_class_uid == PATIENT_ROOT_GET.abstract_syntax


async def test_a_query_without_a_level_is_not_sent() -> None:
    query = Dataset()
    query.StudyInstanceUID = "1.2"
    async with getting() as (association, peer):
        with pytest.raises(LocalProtocolError, match="QueryRetrieveLevel"):
            async with association.c_get(query, into=Taker()):
                raise AssertionError("what does it ask for?")
        assert await is_silent(peer)


# --- contexts and roles ----------------------------------------------------------------


@pytest.mark.scenario("B21")
@pytest.mark.parametrize("refused", [[CTImageStorage], [STUDY_ROOT_GET.abstract_syntax]])
async def test_without_a_context_for_it_nothing_is_sent(refused: list[str]) -> None:
    accept = {"refuse": tuple(refused)}
    async with getting(accept=accept) as (association, peer):
        with pytest.raises(NoAcceptedContext) as caught:
            async with association.c_get(study_query(), into=Taker()):
                raise AssertionError("nothing could come")
        assert await is_silent(peer)
    assert any("abstract syntax not supported" in it for it in caught.value.proposed)


@pytest.mark.scenario("B21")
async def test_who_forgot_the_storage_contexts_is_told_of_them() -> None:
    async with getting([STUDY_ROOT_GET, VERIFICATION]) as (association, peer):
        with pytest.raises(NoAcceptedContext, match="storage_contexts"):
            async with association.c_get(study_query(), into=Taker()):
                raise AssertionError("nothing could come")
        assert await is_silent(peer)


@pytest.mark.scenario("B21")
@pytest.mark.pitfall(16)
@pytest.mark.parametrize(
    "roles",
    [
        [],
        [RoleSelection(sop_class_uid=CTImageStorage, scu=True, scp=False)],
        [RoleSelection(sop_class_uid=CTImageStorage, scu=False, scp=False)],
        [RoleSelection(sop_class_uid=CTImageStorage, scu=False, scp=True)],
        [RoleSelection(sop_class_uid=MRImageStorage, scu=True, scp=True)],
    ],
)
async def test_a_peer_that_granted_no_role_may_send_all_the_same(
    roles: list[RoleSelection], tmp_path: Path
) -> None:
    async with retrieving(tmp_path, accept={"roles": roles}) as (retrieval, peer):
        assert (await send(peer)).status.is_success
    assert uids_of(retrieval) == ["1.2.3"]


@pytest.mark.scenario("B21", "B50")
async def test_each_instance_is_stored_and_answered_as_its_context_says(tmp_path: Path) -> None:
    contexts = [STUDY_ROOT_GET, *storage_contexts([CTImageStorage], as_stored=True)]
    async with getting(contexts) as (association, peer):
        ids = {
            it.transfer_syntax: it.context_id
            for it in association.negotiated.contexts
            if it.abstract_syntax == CTImageStorage
        }
        async with association.c_get(study_query(), into=tmp_path) as retrieval:
            request = await peer.expect_message(CGetRequest)
            plain = bytes(ct().data)
            for syntax, uid in ((JPEG2000Lossless, "1.2.3"), (ExplicitVRLittleEndian, "1.2.4")):
                data_set = EncodedDataSet(bytes(ct(uid).data), syntax)
                await send(peer, uid, context_id=ids[syntax], data_set=data_set)
            await peer.reply(request, 0x0000)
            await retrieval.final()
    assert [it.transfer_syntax for it in retrieval.instances] == [
        JPEG2000Lossless,
        ExplicitVRLittleEndian,
    ]
    assert retrieval.instances[0].path.read_bytes().endswith(plain)
    for it in retrieval.instances:
        assert dcmread(it.path).file_meta.TransferSyntaxUID == it.transfer_syntax


# --- what comes ------------------------------------------------------------------------


@pytest.mark.scenario("B26")
async def test_the_steps_come_in_order_and_then_the_end(tmp_path: Path) -> None:
    async with getting() as (association, peer), trio.open_nursery() as nursery:
        nursery.start_soon(lambda: bring(peer, "1.2.1", "1.2.2", "1.2.3", completed=3, failed=0))
        async with association.c_get(study_query(), into=str(tmp_path)) as retrieval:
            assert retrieval.response is None
            assert retrieval.status is None
            seen = [
                (step.remaining, step.completed, len(retrieval.instances))
                async for step in retrieval
            ]
        assert retrieval.response is not None
        assert retrieval.response.completed == 3
        assert retrieval.response.remaining is None
        assert retrieval.response.failed_sop_instance_uids == ()
    assert seen == [(2, 1, 1), (1, 2, 2), (0, 3, 3)]
    assert [it.path for it in retrieval.instances] == [
        tmp_path / f"1.2.{number}.dcm" for number in (1, 2, 3)
    ]
    assert files_in(tmp_path) == ["1.2.1.dcm", "1.2.2.dcm", "1.2.3.dcm"]


@pytest.mark.scenario("B26")
async def test_every_count_is_optional_and_so_are_the_steps() -> None:
    async with retrieving(Taker()) as (retrieval, peer):
        await send(peer)
    assert retrieval.response is not None
    counts = (retrieval.response.remaining, retrieval.response.completed)
    assert counts == (None, None)
    assert retrieval.instances == []  # they are in no file


@pytest.mark.pitfall(8)
async def test_instances_are_answered_while_the_one_slot_of_the_window_is_taken() -> None:
    """And while others wait for it."""
    sent = Sent()
    async with getting(instrument=sent) as (association, peer), trio.open_nursery() as nursery:
        async with association.c_get(study_query(), into=Taker()) as retrieval:
            request = await peer.expect_message(CGetRequest)
            nursery.start_soon(association.c_echo)
            await wait_all_tasks_blocked()
            assert (await send(peer)).status.is_success
            assert await is_silent(peer)
            await peer.reply(request, 0x0000)
            await retrieval.final()
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
    assert [name for name, _ in sent.messages] == ["CGetRequest", "CStoreResponse", "CEchoRequest"]


@pytest.mark.pitfall(22)
@pytest.mark.parametrize("answer", [None, (1, 1), (8, 8)])
async def test_whatever_window_was_answered_instances_come_one_after_the_other(
    answer: tuple[int, int] | None, tmp_path: Path
) -> None:
    talk: dict[str, Any] = {"window": 8, "performed": 8, "accept": {"window": answer}}
    async with retrieving(tmp_path, **talk) as (retrieval, peer):
        for number in range(1, 4):
            assert (await send(peer, f"1.2.{number}", number=number)).status.is_success
    assert uids_of(retrieval) == ["1.2.1", "1.2.2", "1.2.3"]


@pytest.mark.pitfall(22)
async def test_a_peer_may_send_several_at_once_where_that_was_agreed(tmp_path: Path) -> None:
    async with retrieving(tmp_path, performed=8) as (retrieval, peer):
        uids = [f"1.2.{number}" for number in range(1, 9)]
        for number, uid in enumerate(uids, start=1):
            request = CStoreRequest(
                message_id=number,
                sop_class_uid=CTImageStorage,
                sop_instance_uid=uid,
                data_set=ct(uid),
            )
            await peer.send_message(request, context_id=CT_ID)
        answers = [await peer.expect_message(CStoreResponse) for _ in uids]
    assert {it.message_id_being_responded_to for it in answers} == set(range(1, 9))
    assert all(it.status.is_success for it in answers)
    assert sorted(uids_of(retrieval)) == uids
    assert files_in(tmp_path) == [f"{uid}.dcm" for uid in uids]


async def test_a_second_c_get_waits_and_each_has_its_own(tmp_path: Path) -> None:
    """Sub-operations do not say which C-GET they belong to."""
    came: dict[str, list[str]] = {}

    async with getting(window=8) as (association, peer), trio.open_nursery() as nursery:

        async def get(name: str) -> None:
            inbox = Inbox(tmp_path / name)
            await inbox.make_directory()
            is_ready.set()
            async with association.c_get(study_query(), into=inbox) as retrieval:
                await retrieval.final()
            came[name] = uids_of(retrieval)

        is_ready = trio.Event()
        nursery.start_soon(get, "a")
        first = await peer.expect_message(CGetRequest)
        is_ready = trio.Event()
        nursery.start_soon(get, "b")
        await is_ready.wait()
        await send(peer, "1.2.1")
        assert await is_silent(peer)
        await peer.reply(first, 0x0000)
        await bring(peer, "1.2.2")
    assert came == {"a": ["1.2.1"], "b": ["1.2.2"]}
    assert files_in(tmp_path / "a") == ["1.2.1.dcm"]
    assert files_in(tmp_path / "b") == ["1.2.2.dcm"]
