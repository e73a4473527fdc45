"""A C-GET that is left before its end: nobody wants any more what it brings."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import trio
from pydicom.uid import CTImageStorage
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.talking import Sent, is_silent, quick
from tests.operations.finding import answer, names_of
from tests.operations.getting import (
    Taker,
    begin_to_send,
    bring,
    ct,
    files_in,
    getting,
    send,
    study_query,
    uids_of,
)
from tests.operations.test_inbox import writing
from trio_dicom import (
    CCancelRequest,
    CGetRequest,
    CStoreResponse,
    EncodedDataSet,
    Inbox,
)
from trio_dicom.lowlevel import file_meta_bytes


@pytest.mark.scenario("B48")
@pytest.mark.pitfall(19)
@pytest.mark.parametrize("status", [0x0000, 0xFE00, 0xA702, 0xB000])
async def test_leaving_sends_one_cancel_and_what_still_comes_is_refused(
    status: int, tmp_path: Path
) -> None:
    sent = Sent()
    async with getting(instrument=sent) as (association, peer):
        async with association.c_get(study_query(), into=tmp_path) as retrieval:
            request = await bring(peer, "1.2.1", status=None)
            await retrieval.receive()
        cancel = await peer.expect_message(CCancelRequest)
        assert cancel.message_id_being_responded_to == request.message_id
        assert peer.last_context_id == 1
        for number in (2, 3):
            refused = await send(peer, f"1.2.{number}", number=number)
            assert refused.status.code == 0xA700
        await peer.reply(request, status)
        # The association is as good as before: for queries, and for the next C-GET.
        async with association.c_find(study_query()) as matches:
            await answer(peer, "Somebody")
            assert await names_of(matches) == ["Somebody"]
        async with association.c_get(study_query(), into=tmp_path) as another:
            await bring(peer, "1.2.4")
            await another.final()
    assert uids_of(retrieval) == ["1.2.1"]
    assert uids_of(another) == ["1.2.4"]
    assert files_in(tmp_path) == ["1.2.1.dcm", "1.2.4.dcm"]
    assert [name for name, _ in sent.messages].count("CCancelRequest") == 1


@pytest.mark.scenario("B48")
async def test_the_next_c_get_waits_until_the_one_before_has_ended(tmp_path: Path) -> None:
    async with getting(window=8) as (association, peer), trio.open_nursery() as nursery:
        async with association.c_get(study_query(), into=tmp_path / "a"):
            first = await peer.expect_message(CGetRequest)
        await peer.expect_message(CCancelRequest)
        came: list[str] = []

        inbox = Inbox(tmp_path / "b")
        await inbox.make_directory()

        async def get() -> None:
            async with association.c_get(study_query(), into=inbox) as retrieval:
                await retrieval.final()
            came.extend(uids_of(retrieval))

        nursery.start_soon(get)
        assert await is_silent(peer)
        assert (await send(peer, "1.2.1")).status.code == 0xA700
        await peer.reply(first, 0xFE00)
        await bring(peer, "1.2.2")
    assert came == ["1.2.2"]
    assert files_in(tmp_path / "a") == []
    assert files_in(tmp_path / "b") == ["1.2.2.dcm"]


@pytest.mark.scenario("B48")
async def test_an_instance_in_the_middle_is_read_whole_refused_and_not_kept(
    tmp_path: Path,
) -> None:
    async with getting() as (association, peer):
        async with association.c_get(study_query(), into=tmp_path) as retrieval:
            request = await peer.expect_message(CGetRequest)
            with writing() as is_written:
                rest = await begin_to_send(peer)
                await is_written.wait()
        await peer.send_bytes(rest)
        await peer.expect_message(CCancelRequest)
        refused = await peer.expect_message(CStoreResponse)
        assert refused.status.code == 0xA700
        await peer.reply(request, 0xFE00)
        await wait_all_tasks_blocked()
    assert files_in(tmp_path) == []
    assert uids_of(retrieval) == []


@pytest.mark.scenario("B48", "B47")
async def test_who_is_cancelled_from_outside_leaves_as_well(tmp_path: Path) -> None:
    async with getting() as (association, peer):
        with trio.CancelScope() as scope:
            async with association.c_get(study_query(), into=tmp_path) as retrieval:
                request = await bring(peer, "1.2.1", status=None)
                await retrieval.receive()
                scope.cancel()
                await retrieval.receive()
        assert scope.cancelled_caught
        await peer.expect_message(CCancelRequest)
        assert (await send(peer, "1.2.2", number=2)).status.code == 0xA700
        await peer.reply(request, 0xFE00)
    assert files_in(tmp_path) == ["1.2.1.dcm"]


@pytest.mark.scenario("B48")
async def test_a_peer_that_never_ends_it_is_waited_for_as_long_as_the_grace(
    autojump_clock: MockClock,
) -> None:
    taker = Taker()
    async with getting(options=quick(cancel_grace=20)) as (association, peer):
        async with association.c_get(study_query(), into=taker):
            await peer.expect_message(CGetRequest)
        assert trio.current_time() == 0
        await peer.expect_message(CCancelRequest)
        async with association.c_find(study_query()) as matches:
            assert trio.current_time() == 20
            await answer(peer, "Somebody")
            assert await names_of(matches) == ["Somebody"]
        # It still has something to say, and nobody wants it.
        assert (await send(peer, "1.2.1")).status.code == 0xA700
    assert taker.uids == []


@pytest.mark.scenario("B48", "B49")
@pytest.mark.pitfall(1)
@pytest.mark.parametrize("to_disk", [True, False])
async def test_what_comes_late_is_none_of_the_next_c_get(
    to_disk: bool, tmp_path: Path, mock_clock: MockClock
) -> None:
    taker = Taker()
    into = tmp_path if to_disk else taker
    async with getting(options=quick(cancel_grace=20)) as (association, peer):
        async with association.c_get(study_query("1.1"), into=into):
            await peer.expect_message(CGetRequest)
        await peer.expect_message(CCancelRequest)
        mock_clock.jump(20)  # by hand: it does not wait for threads
        # After the grace, and of a peer that has not ended the first one.
        async with association.c_get(
            study_query("1.2"), into=into, idle_timeout=math.inf
        ) as retrieval:
            request = await peer.expect_message(CGetRequest)
            late = ct("1.1.7", StudyInstanceUID="1.1")
            assert (await send(peer, "1.1.7", data_set=late)).status.code == 0xA700
            wanted = ct("1.2.7", StudyInstanceUID="1.2")
            assert (await send(peer, "1.2.7", data_set=wanted, number=2)).status.is_success
            await peer.reply(request, 0x0000)
            await retrieval.final()
    assert (files_in(tmp_path) if to_disk else taker.uids) == (
        ["1.2.7.dcm"] if to_disk else ["1.2.7"]
    )


@pytest.mark.scenario("B49")
async def test_a_file_that_keeps_its_name_does_not_make_an_instance_a_stranger(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    (tmp_path / "1.2.7.dcm").write_bytes(
        file_of(ct("1.2.7", StudyInstanceUID="1.9"), CTImageStorage, "1.2.7")
    )
    async with getting(options=quick(cancel_grace=20)) as (association, peer):
        async with association.c_get(study_query("1.1"), into=tmp_path):
            await peer.expect_message(CGetRequest)
        await peer.expect_message(CCancelRequest)
        mock_clock.jump(20)  # by hand: it does not wait for threads
        inbox = Inbox(tmp_path, on_exists="keep")
        async with association.c_get(
            study_query("1.2"), into=inbox, idle_timeout=math.inf
        ) as retrieval:
            request = await peer.expect_message(CGetRequest)
            wanted = ct("1.2.7", StudyInstanceUID="1.2")
            assert (await send(peer, "1.2.7", data_set=wanted)).status.is_success
            await peer.reply(request, 0x0000)
            await retrieval.final()


def file_of(data: EncodedDataSet, sop_class: str, uid: str) -> bytes:
    head = file_meta_bytes(
        sop_class_uid=sop_class, sop_instance_uid=uid, transfer_syntax=data.transfer_syntax
    )
    return head + bytes(data.data)
