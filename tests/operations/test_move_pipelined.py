"""Peers that send the next instance of a C-MOVE before they have our answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.operations.calling import Keeper, bringing, receiving
from tests.operations.getting import c_store, ct, files_in, pdus_of
from tests.operations.moving import move_to, moving, originated
from trio_dicom import (
    CMoveRequest,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    Limits,
    ResponseTimeout,
    StatusError,
    open_receiver,
)

Fields = Callable[[CMoveRequest], dict[str, Any]]


def instances(count: int, *, same_id: bool = False, **fields: Any) -> bytes:
    """So many, one right behind the other."""
    requests = (
        c_store(
            f"1.2.{number}",
            1 if same_id else number,
            data_set=ct(f"1.2.{number}", StudyInstanceUID="1.2"),
            **fields,
        )
        for number in range(1, count + 1)
    )
    return b"".join(b"".join(pdus_of(it, 16_000)) for it in requests)


@pytest.fixture(params=["named", "unnamed"])
def fields(request: pytest.FixtureRequest) -> Fields:
    """What an instance says of the C-MOVE that it belongs to."""
    return originated if request.param == "named" else lambda _: {}


@pytest.mark.scenario("B24")
@pytest.mark.parametrize("same_id", [False, True])
@pytest.mark.parametrize("most", [64, 1 << 20])
async def test_each_is_stored_answered_and_counted(
    tmp_path: Path, fields: Fields, most: int, same_id: bool
) -> None:
    options = ConnectionOptions(limits=Limits(in_memory=most))
    async with (
        receiving(options=options) as receiver,
        moving() as (association, peer),
        bringing(receiver) as archive,
        move_to(association, peer, into=tmp_path, receiver=receiver) as (retrieval, request),
    ):
        await archive.send_bytes(instances(6, same_id=same_id, **fields(request)))
        for number in range(1, 7):
            answer = await archive.expect_message(CStoreResponse)
            assert answer.status.is_success
            assert answer.message_id_being_responded_to == (1 if same_id else number)
        await peer.reply(request, 0x0000, completed=6)
        await retrieval.final()
        assert retrieval.missing == 0
        assert [it.sop_instance_uid for it in retrieval.instances] == [
            f"1.2.{number}" for number in range(1, 7)
        ]
    assert len(files_in(tmp_path)) == 6


async def test_one_without_a_data_set_shows_nothing_and_does_not_upset_the_others(
    tmp_path: Path, fields: Fields
) -> None:
    async with (
        open_receiver(into=None) as receiver,
        moving() as (association, peer),
        bringing(receiver) as archive,
        move_to(association, peer, into=tmp_path, receiver=receiver) as (retrieval, request),
    ):
        empty = pdus_of(c_store("1.2.9", 9, data_set=None, **fields(request)), 16_000)
        await archive.send_bytes(b"".join(empty) + instances(2, **fields(request)))
        codes = [(await archive.expect_message(CStoreResponse)).status.code for _ in range(3)]
        assert codes == [0x0124, 0x0000, 0x0000]
        await peer.reply(request, 0x0000, completed=2)
        await retrieval.final()
    assert files_in(tmp_path) == ["1.2.1.dcm", "1.2.2.dcm"]


async def test_one_may_begin_in_the_pdu_in_which_another_ends(
    tmp_path: Path, fields: Fields
) -> None:
    async with (
        receiving() as receiver,
        moving() as (association, peer),
        bringing(receiver) as archive,
        move_to(association, peer, into=tmp_path, receiver=receiver) as (retrieval, request),
    ):
        first, last, command, rest = split(instances(2, **fields(request)))
        await archive.send_bytes(first + merged(last, command))
        assert (await archive.expect_message(CStoreResponse)).status.is_success
        await wait_all_tasks_blocked()
        await archive.send_bytes(rest)
        assert (await archive.expect_message(CStoreResponse)).status.is_success
        await peer.reply(request, 0x0000, completed=2)
        await retrieval.final()
        assert len(retrieval.instances) == 2


def split(whole: bytes) -> list[bytes]:
    """The PDUs of which ``whole`` consists."""
    pdus: list[bytes] = []
    while whole:
        length = 6 + int.from_bytes(whole[2:6], "big")
        pdus.append(whole[:length])
        whole = whole[length:]
    return pdus


def merged(*pdus: bytes) -> bytes:
    """One P-DATA-TF with all that several have."""
    body = b"".join(pdu[6:] for pdu in pdus)
    return b"\x04\0" + len(body).to_bytes(4, "big") + body


@define(eq=False)
class Slow(Keeper):
    """Keeps the second instance when it is told to."""

    gate: trio.Event = field(factory=trio.Event)

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        if request.sop_instance_uid == "1.2.2":
            await self.gate.wait()
        return await super().on_c_store_request(request)


@pytest.mark.parametrize("status", [0x0000, 0xA702])
async def test_all_of_them_are_waited_for_at_the_end_whatever_it_is(
    fields: Fields, status: int
) -> None:
    keeper = Slow()
    async with (
        receiving() as receiver,
        moving() as (association, peer),
        bringing(receiver) as archive,
        move_to(association, peer, into=keeper, receiver=receiver) as (retrieval, request),
        trio.open_nursery() as nursery,
    ):
        await archive.send_bytes(instances(3, **fields(request)))
        await archive.expect_message(CStoreResponse)
        await peer.reply(request, status, completed=3)
        ended: list[int] = []

        async def end() -> None:
            with nullcontext() if status == 0 else pytest.raises(StatusError):
                await retrieval.final()
            ended.append(len(keeper.uids))

        nursery.start_soon(end)
        await wait_all_tasks_blocked(0.05)
        nursery.start_soon(end)
        await wait_all_tasks_blocked(0.05)
        assert ended == []
        keeper.gate.set()
    assert ended == [3, 3]


@pytest.mark.scenario("B69")
async def test_our_slowness_with_one_is_not_the_peers_silence(
    fields: Fields, mock_clock: MockClock
) -> None:
    keeper = Slow()
    async with (
        receiving() as receiver,
        moving() as (association, peer),
        bringing(receiver) as archive,
        move_to(association, peer, into=keeper, receiver=receiver, idle_timeout=10) as (
            it,
            request,
        ),
    ):
        await archive.send_bytes(instances(3, **fields(request)))
        await archive.expect_message(CStoreResponse)
        mock_clock.jump(50)
        await wait_all_tasks_blocked(0.05)
        keeper.gate.set()
        for _ in range(2):
            assert (await archive.expect_message(CStoreResponse)).status.is_success
        mock_clock.jump(9)
        await wait_all_tasks_blocked(0.05)
        await peer.reply(request, 0xFF00, remaining=1)
        assert (await it.receive()).remaining == 1
        mock_clock.jump(11)
        with pytest.raises(ResponseTimeout):
            await it.receive()
