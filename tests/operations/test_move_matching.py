"""Which instance belongs to which C-MOVE, at a receiver that serves several."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import trio
from pydicom import Dataset
from trio.testing import MockClock

from tests.operations.calling import Keeper, bringing, calling, offer, receiving
from tests.operations.getting import c_store, ct, files_in, pdus_of, study_query
from tests.operations.moving import deliver, move_to, moving, originated
from trio_dicom import (
    CMoveRequest,
    ConnectionOptions,
    CStoreResponse,
    Inbox,
    Instrument,
    Limits,
    Message,
    NegotiatedContext,
    open_receiver,
)
from trio_dicom.testing import ScriptedPeer

NOT_OURS = 0x0124
NOT_WANTED = 0xA700


@pytest.fixture(params=["in memory", "through a file"])
def options(request: pytest.FixtureRequest) -> ConnectionOptions:
    """Instances that show late whose they are are held in memory or in a temporary file."""
    most = 64 * 1024 * 1024 if request.param == "in memory" else 64
    return ConnectionOptions(limits=Limits(in_memory=most))


async def finish(peer: ScriptedPeer, request: CMoveRequest, retrieval: Any) -> None:
    await peer.reply(request, 0x0000)
    await retrieval.final()


@pytest.mark.scenario("B62")
async def test_the_originator_says_which_of_several_it_is(tmp_path: Path) -> None:
    keeper = Keeper()
    async with (
        receiving(keeper) as receiver,
        moving(window=2) as (association, peer),
        move_to(association, peer, into=tmp_path / "a", receiver=receiver) as (first, one),
        move_to(association, peer, into=tmp_path / "b", receiver=receiver) as (second, two),
    ):
        assert (await deliver(receiver, "1.2.1", **originated(one))).status.is_success
        assert (await deliver(receiver, "1.2.2", **originated(two))).status.is_success
        # Nobody's, though it is of the same study: the receiver's own.
        assert (await deliver(receiver, "1.2.3", **originated(one, "OTHER"))).status.is_success
        await finish(peer, one, first)
        await finish(peer, two, second)
        assert [it.sop_instance_uid for it in first.instances] == ["1.2.1"]
        assert [it.sop_instance_uid for it in second.instances] == ["1.2.2"]
    assert files_in(tmp_path / "a") == ["1.2.1.dcm"]
    assert files_in(tmp_path / "b") == ["1.2.2.dcm"]
    assert keeper.uids == ["1.2.3"]


@pytest.mark.parametrize("title", [None, "", "TRIO_DICOM"])
async def test_without_an_originator_the_study_says_which_it_is(
    tmp_path: Path, title: str | None, options: ConnectionOptions
) -> None:
    keeper = Keeper()
    async with (
        receiving(keeper, options=options) as receiver,
        moving(window=2) as (association, peer),
        move_to(association, peer, into=tmp_path / "a", receiver=receiver, study="1.1") as (
            first,
            one,
        ),
        move_to(association, peer, receiver=receiver, study="1.2") as (second, two),
    ):
        for study in ("1.1", "1.2", "1.3"):
            response = await deliver(receiver, f"{study}.1", study=study, move_originator_ae=title)
            assert response.status.is_success
        await finish(peer, one, first)
        await finish(peer, two, second)
        assert [it.sop_instance_uid for it in first.instances] == ["1.1.1"]
    (path,) = (tmp_path / "a").iterdir()
    assert path.read_bytes().endswith(bytes(ct("1.1.1", StudyInstanceUID="1.1").data))
    assert b"ARCHIVE" in path.read_bytes()[:1000]  # the source AE title of its meta header
    assert keeper.uids == ["1.2.1", "1.3.1"]  # of the second C-MOVE, and of nobody


async def test_two_associations_of_ours_may_have_the_same_originator(
    tmp_path: Path, options: ConnectionOptions
) -> None:
    async with (
        receiving(options=options) as receiver,
        moving() as (association, peer),
        moving() as (other_association, other_peer),
        move_to(association, peer, into=tmp_path / "a", receiver=receiver, study="1.1") as (
            first,
            one,
        ),
        move_to(
            other_association, other_peer, into=tmp_path / "b", receiver=receiver, study="1.2"
        ) as (second, two),
    ):
        assert one.message_id == two.message_id
        for study in ("1.1", "1.2"):
            fields = originated(one)
            assert (await deliver(receiver, f"{study}.1", study=study, **fields)).status.is_success
        await finish(peer, one, first)
        await finish(other_peer, two, second)
    assert files_in(tmp_path / "a") == ["1.1.1.dcm"]
    assert files_in(tmp_path / "b") == ["1.2.1.dcm"]


@pytest.mark.parametrize("into", ["a directory", "a handler"])
async def test_a_receiver_for_moves_alone_refuses_what_nobody_asked_for(
    tmp_path: Path, into: str
) -> None:
    keeper = Keeper()
    place: Any = keeper if into == "a handler" else tmp_path / "in"
    async with (
        open_receiver(into=None) as receiver,
        moving() as (association, peer),
    ):
        assert (await deliver(receiver)).status.code == NOT_OURS
        async with move_to(association, peer, into=place, receiver=receiver) as (retrieval, it):
            other = await deliver(receiver, "1.9.1", study="1.9")
            assert other.status.code == NOT_OURS
            assert (await deliver(receiver, **originated(it, "OTHER"))).status.code == NOT_OURS
            # Of an association of its own each, and all on one.
            assert (await deliver(receiver, "1.2.1")).status.is_success
            async with calling(receiver) as bringing:
                for uid, study, code in (("1.9.2", "1.9", NOT_OURS), ("1.2.2", "1.2", 0)):
                    data_set = ct(uid, StudyInstanceUID=study)
                    assert (await offer(bringing, uid, data_set=data_set)).status.code == code
            await finish(peer, it, retrieval)
    if into == "a directory":
        assert files_in(tmp_path / "in") == ["1.2.1.dcm", "1.2.2.dcm"]
    else:
        assert keeper.uids == ["1.2.1", "1.2.2"]


@pytest.mark.scenario("B48")
async def test_what_still_comes_of_a_move_that_was_left_is_refused_and_the_rest_is_not(
    mock_clock: MockClock,
) -> None:
    keeper = Keeper()
    async with receiving(keeper) as receiver, moving() as (association, peer):
        async with move_to(association, peer, receiver=receiver) as (_, request):
            assert (await deliver(receiver, "1.2.1", **originated(request))).status.is_success
        response = await deliver(receiver, "1.2.2", **originated(request))
        assert response.status.code == NOT_WANTED
        assert (await deliver(receiver, "1.2.3")).status.is_success
        mock_clock.jump(61)  # then the same title and number may be somebody else's
        assert (await deliver(receiver, "1.2.4", **originated(request))).status.is_success
    assert keeper.uids == ["1.2.1", "1.2.3", "1.2.4"]


async def test_what_comes_after_the_end_is_the_receivers_own() -> None:
    keeper = Keeper()
    async with receiving(keeper) as receiver, moving() as (association, peer):
        async with move_to(association, peer, receiver=receiver) as (retrieval, request):
            await finish(peer, request, retrieval)
        assert (await deliver(receiver, "1.2.2", **originated(request))).status.is_success
    assert keeper.uids == ["1.2.2"]


async def test_a_move_that_waits_for_a_slot_holds_up_nobody() -> None:
    keeper = Keeper()
    async with (
        receiving(keeper) as receiver,
        moving() as (association, peer),
        move_to(association, peer, receiver=receiver) as (retrieval, request),
        trio.open_nursery() as nursery,
    ):

        async def queue() -> None:
            async with association.c_move(study_query("1.9"), receiver=receiver) as other:
                await other.final()

        nursery.start_soon(queue)
        await trio.testing.wait_all_tasks_blocked()
        fields = {"move_originator_ae": "TRIO_DICOM", "move_originator_message_id": 77}
        assert (await deliver(receiver, "1.2.1", **originated(request))).status.is_success
        assert (await deliver(receiver, "1.2.2", **fields)).status.is_success
        await finish(peer, request, retrieval)
        queued = await peer.expect_message(CMoveRequest)
        await peer.reply(queued, 0x0000)
    assert keeper.uids == ["1.2.1", "1.2.2"]


@pytest.mark.parametrize(
    ("key", "value", "shows"),
    [
        ("PatientID", "P", {"PatientID": "P "}),
        ("SOPInstanceUID", "1.2.3", {}),
        ("SOPInstanceUID", ["1.2.9", "1.2.3"], {}),
        ("SeriesInstanceUID", "1.4\\1.5", {"SeriesInstanceUID": "1.5"}),
        ("PatientID", "Jörg", {"PatientID": "other"}),  # not ASCII: no criterion
    ],
)
@pytest.mark.parametrize("differs", [False, True])
async def test_every_unique_key_counts(
    key: str, value: Any, shows: dict[str, str], differs: bool
) -> None:
    query = Dataset()
    query.SpecificCharacterSet = "ISO_IR 192"
    query.StudyInstanceUID = "1.2"
    setattr(query, key, value)
    elements = {"StudyInstanceUID": "1.2", **shows}
    uid = "1.2.3"
    if differs:
        elements["StudyInstanceUID"] = "1.8"
    async with open_receiver(into=None) as receiver, moving() as (association, peer):
        keeper = Keeper()
        async with association.c_move(
            query, into=keeper, receiver=receiver, level="IMAGE"
        ) as retrieval:
            request = await peer.expect_message(CMoveRequest)
            async with calling(receiver) as bringing:
                response = await offer(bringing, uid, data_set=ct(uid, **elements))
            assert response.status.code == (NOT_OURS if differs else 0x0000)
            await finish(peer, request, retrieval)


async def test_a_move_is_known_from_the_moment_on_in_which_it_is_sent() -> None:
    # The first instance may be here before the task runs again that asked for it.
    known: list[int] = []

    class Watching(Instrument):
        def message_sent(self, message: Message, context: NegotiatedContext) -> None:
            if isinstance(message, CMoveRequest):
                instance = c_store("1.2.3", 1, **originated(message))
                known.append(len(receiver.moves.may_have_asked_for(instance)))

    async with receiving() as receiver, AsyncExitStack() as stack:
        for _ in range(2):  # the message ID is the same on both associations
            association, peer = await stack.enter_async_context(moving(instrument=Watching()))
            moves = association.c_move(study_query(), receiver=receiver)
            retrieval = await stack.enter_async_context(moves)
            stack.push_async_callback(
                finish, peer, await peer.expect_message(CMoveRequest), retrieval
            )
        assert known == [1, 2]


@pytest.mark.parametrize("place", ["none", "a directory", "in memory"])
async def test_a_late_instance_of_another_association_is_of_another_patient(
    tmp_path: Path, place: str
) -> None:
    keeper = Keeper()
    into = keeper if place == "in memory" else tmp_path / "b"
    async with open_receiver(into=tmp_path / "own" if place == "a directory" else None) as receiver:
        async with moving() as (association, peer):
            there = tmp_path / "a"
            async with move_to(association, peer, study="1.1", into=there, receiver=receiver) as it:
                _, old = it
            await peer.reply(old, 0xFE00)
        async with (
            moving() as (association, peer),
            move_to(association, peer, study="1.2", into=into, receiver=receiver) as (new, request),
        ):
            assert request.message_id == old.message_id
            late = await deliver(receiver, "1.1.1", study="1.1", **originated(old))
            assert late.status.code == NOT_OURS
            assert (await deliver(receiver, "1.2.1", **originated(request))).status.is_success
            await finish(peer, request, new)
    assert files_in(tmp_path / "a") == []
    assert keeper.uids if place == "in memory" else files_in(tmp_path / "b") == ["1.2.1.dcm"]


@pytest.mark.parametrize("where", ["in a file", "in memory", "undecided"])
async def test_an_instance_of_a_move_that_was_left_meanwhile_is_not_kept(
    tmp_path: Path, where: str
) -> None:
    keeper = Keeper()
    into = tmp_path / "in" if where == "in a file" else keeper
    async with (
        receiving() as receiver,
        moving() as (association, peer),
        bringing(receiver) as archive,
    ):
        async with move_to(association, peer, into=into, receiver=receiver) as (left, request):
            fields = {} if where == "undecided" else originated(request)
            data_set = ct("1.2.3", StudyInstanceUID="1.2", size=3_000_000)
            *pdus, last = pdus_of(c_store("1.2.3", 1, data_set=data_set, **fields), 65_536)
            await archive.send_bytes(b"".join(pdus))
            await trio.testing.wait_all_tasks_blocked()
        await archive.send_bytes(last)
        assert (await archive.expect_message(CStoreResponse)).status.code == NOT_WANTED
        await peer.reply(request, 0xFE00)
    assert left.instances == []
    assert keeper.uids == []
    assert where != "in a file" or files_in(tmp_path / "in") == []


async def test_what_is_refused_is_not_held_in_memory_meanwhile() -> None:
    options = ConnectionOptions(limits=Limits(in_memory=0, buffered_responses=1000))
    async with open_receiver(into=None, options=options) as receiver:
        response = await deliver(receiver, size=3_000_000)
    assert response.status.code == NOT_OURS


async def test_a_file_that_is_kept_needs_not_be_what_was_asked_for(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, on_exists="keep")
    async with open_receiver(into=None) as receiver, moving() as (association, peer):
        for study in ("1.1", "1.2"):
            async with move_to(association, peer, into=inbox, receiver=receiver, study=study) as (
                retrieval,
                request,
            ):
                assert (await deliver(receiver, study=study)).status.is_success
                await finish(peer, request, retrieval)
    assert files_in(tmp_path) == ["1.2.3.dcm"]
    assert (
        (tmp_path / "1.2.3.dcm")
        .read_bytes()
        .endswith(bytes(ct("1.2.3", StudyInstanceUID="1.1").data))
    )
