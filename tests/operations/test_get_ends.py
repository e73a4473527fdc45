"""How a C-GET ends: complete, with failures, in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from pydicom import Dataset
from trio.testing import MockClock

from tests.io.talking import Sent, quick
from tests.operations.finding import answer, names_of
from tests.operations.getting import (
    Taker,
    bring,
    c_store,
    ct,
    files_in,
    getting,
    pdus_of,
    send,
    study_query,
    uids_of,
)
from tests.operations.test_inbox import disk_with_room_for
from trio_dicom import (
    CCancelRequest,
    CGetRequest,
    ConnectionLost,
    CStoreResponse,
    Delivery,
    Inbox,
    ResponseTimeout,
    StatusError,
)

# --- the final response ----------------------------------------------------------------


def failed_list(*uids: str) -> Dataset:
    data_set = Dataset()
    data_set.FailedSOPInstanceUIDList = list(uids)
    return data_set


@pytest.mark.scenario("B26", "B59")
@pytest.mark.parametrize("status", [0xA702, 0xA701, 0xA900, 0xC001, 0x0122, 0xFE00])
async def test_a_retrieve_that_failed_does_not_look_complete(status: int, tmp_path: Path) -> None:
    async with getting() as (association, peer), trio.open_nursery() as nursery:
        nursery.start_soon(lambda: bring(peer, "1.2.1", status=status, completed=1, failed=2))
        steps = 0
        with pytest.raises(StatusError) as caught:  # noqa: PT012 - the loop is what raises
            async with association.c_get(study_query(), into=tmp_path) as retrieval:
                async for _ in retrieval:
                    steps += 1
        assert caught.value.status.code == status
        assert steps == 1
        assert retrieval.status is not None
        assert retrieval.status.code == status
    assert uids_of(retrieval) == ["1.2.1"]
    assert files_in(tmp_path) == ["1.2.1.dcm"]  # what came is there


@pytest.mark.scenario("B59")
async def test_unless_the_caller_looks_himself() -> None:
    async with getting() as (association, peer), trio.open_nursery() as nursery:
        nursery.start_soon(lambda: bring(peer, status=0xA702, data_set=failed_list("1.2.1")))
        async with association.c_get(study_query(), into=Taker(), check=False) as retrieval:
            response = await retrieval.final()
        assert response.status.code == 0xA702
        assert response.failed_sop_instance_uids == ("1.2.1",)


@pytest.mark.scenario("B26")
async def test_some_that_failed_are_a_warning_that_names_them() -> None:
    final: dict[str, Any] = {"completed": 1, "failed": 2, "warning": 0}
    final["data_set"] = failed_list("1.2.2", "1.2.3")
    async with getting() as (association, peer), trio.open_nursery() as nursery:
        nursery.start_soon(lambda: bring(peer, "1.2.1", status=0xB000, **final))
        async with association.c_get(study_query(), into=Taker()) as retrieval:
            async for _ in retrieval:
                pass
        assert retrieval.response is not None
        assert retrieval.response.status.is_warning
        assert retrieval.response.failed == 2
        assert retrieval.response.failed_sop_instance_uids == ("1.2.2", "1.2.3")


async def test_an_instance_that_cannot_be_written_is_told_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    async with (
        getting() as (association, peer),
        association.c_get(study_query(), into=tmp_path) as retrieval,
    ):
        request = await peer.expect_message(CGetRequest)
        assert (await send(peer, "1.2.1", number=1)).status.is_success
        with disk_with_room_for(10):
            assert (await send(peer, "1.2.2", number=2)).status.code == 0xA700
        await peer.reply(request, 0xFF00, remaining=1, completed=1, failed=1)
        assert (await retrieval.receive()).failed == 1
        assert (await send(peer, "1.2.3", number=3)).status.is_success
        await peer.reply(request, 0xB000)
        await retrieval.final()
    assert uids_of(retrieval) == ["1.2.1", "1.2.3"]
    assert files_in(tmp_path) == ["1.2.1.dcm", "1.2.3.dcm"]


# --- silence ---------------------------------------------------------------------------


@pytest.mark.scenario("B37")
async def test_instances_without_pending_responses_are_signs_of_life(
    autojump_clock: MockClock,
) -> None:
    taker = Taker()
    async with getting(options=quick(idle=10)) as (association, peer), trio.open_nursery() as n:

        async def give() -> None:
            request = await peer.expect_message(CGetRequest)
            for number in range(1, 13):
                await trio.sleep(9)
                await send(peer, f"1.2.{number}", number=number)
            await trio.sleep(9)
            await peer.reply(request, 0x0000)

        n.start_soon(give)
        async with association.c_get(study_query(), into=taker) as retrieval:
            assert [step async for step in retrieval] == []
        assert trio.current_time() == 13 * 9
    assert len(taker.uids) == 12


@pytest.mark.scenario("B33", "B37")
async def test_so_is_every_piece_of_one_long_instance(autojump_clock: MockClock) -> None:
    taker = Taker()
    async with getting(options=quick(idle=10)) as (association, peer), trio.open_nursery() as n:

        async def drip() -> None:
            request = await peer.expect_message(CGetRequest)
            for pdu in pdus_of(c_store("1.2.3", 1, data_set=ct(size=10_000)), 1000):
                await trio.sleep(9)
                await peer.send_bytes(pdu)
            await peer.expect_message(CStoreResponse)
            await peer.reply(request, 0x0000)

        n.start_soon(drip)
        async with association.c_get(study_query(), into=taker) as retrieval:
            await retrieval.final()
    assert taker.uids == ["1.2.3"]


@pytest.mark.scenario("B32", "B48")
@pytest.mark.parametrize(
    "limits, at", [({"idle_timeout": 10}, 18), ({"timeout": 15}, 15), ({"timeout": 30}, 30)]
)
async def test_silence_in_the_middle_ends_it_and_what_comes_late_is_refused(
    limits: dict[str, float], at: float, autojump_clock: MockClock
) -> None:
    sent = Sent()
    taker = Taker()
    async with getting(instrument=sent) as (association, peer), trio.open_nursery() as nursery:

        async def get() -> None:
            async with association.c_get(study_query(), into=taker, **limits) as retrieval:
                with pytest.raises(ResponseTimeout) as caught:
                    await retrieval.final()
                assert caught.value.delivery is Delivery.SENT_WITHOUT_ANSWER
                assert trio.current_time() == at

        nursery.start_soon(get)
        request = await peer.expect_message(CGetRequest)
        await trio.sleep(8)
        await send(peer, "1.2.1")
        cancel = await peer.expect_message(CCancelRequest)
        assert cancel.message_id_being_responded_to == request.message_id
        assert (await send(peer, "1.2.2", number=2)).status.code == 0xA700
        await peer.reply(request, 0xFE00)
        nursery.start_soon(lambda: answer(peer, "Somebody"))
        async with association.c_find(study_query()) as matches:
            assert await names_of(matches) == ["Somebody"]
    assert taker.uids == ["1.2.1"]
    assert [name for name, _ in sent.messages].count("CCancelRequest") == 1


@pytest.mark.scenario("B39")
async def test_a_connection_that_breaks_is_an_error_and_what_came_is_known(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    async with getting() as (association, peer):
        retrieve = association.c_get(study_query(), into=inbox)
        async with retrieve as retrieval:
            await bring(peer, "1.2.1", status=None)
            await peer.aclose()
            await retrieval.receive()
            with pytest.raises(ConnectionLost):
                await retrieval.receive()
    assert uids_of(retrieval) == ["1.2.1"]
