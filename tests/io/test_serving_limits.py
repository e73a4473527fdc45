"""What a peer can make us hold, and waits of handlers that would never end."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.io.talking import CT_ID, store_request, talking
from tests.io.writing import eventually, slow_writes
from tests.operations.getting import (
    Taker,
    begin_to_send,
    c_store,
    files_in,
    getting,
    send,
    study_query,
)
from trio_dicom import (
    BaseHandler,
    CCancelRequest,
    CEchoRequest,
    CGetRequest,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    Limits,
    WouldDeadlock,
    response_to,
)


class Gated(BaseHandler):
    """Answers when it may."""

    def __init__(self) -> None:
        self.gate = trio.Event()

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        await self.gate.wait()
        return response_to(request, 0x0000)


@pytest.mark.scenario("B24", "B69")
@pytest.mark.pitfall(29)
async def test_a_peer_that_does_not_wait_for_answers_is_read_no_further_than_the_limit() -> None:
    handler = Gated()
    options = ConnectionOptions(limits=Limits(unanswered_requests=50))
    async with talking(handler=handler, options=options, capacity=100) as (connection, peer):
        link = connection._link
        async with trio.open_nursery() as nursery:

            async def flood() -> None:
                for number in range(1, 101):
                    await peer.send_message(store_request(20, message_id=number), context_id=CT_ID)

            nursery.start_soon(flood)
            await wait_all_tasks_blocked()
            assert link.flow.stopped
            assert 50 < link.serving.owed < 70
            handler.gate.set()
            for _ in range(100):
                await peer.expect_message(CStoreResponse)
        assert not link.flow.stopped
        assert (link.serving.owed, link.serving._unanswered.size) == (0, 0)


@pytest.mark.scenario("B67", "B68")
@pytest.mark.parametrize("what", ["c_echo", "c_get"])
async def test_a_handler_cannot_wait_for_the_c_get_that_waits_for_it(what: str) -> None:
    caught: list[BaseException] = []

    class Asking(Taker):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            try:
                if what == "c_echo":
                    await association.c_echo()
                else:
                    async with association.c_get(study_query(), into=Taker()):
                        raise AssertionError("never here")
            except WouldDeadlock as error:
                caught.append(error)
            return await Taker.on_c_store_request(self, request)

    taker = Asking()
    async with (
        getting() as (association, peer),
        association.c_get(study_query(), into=taker) as retrieval,
    ):
        request = await peer.expect_message(CGetRequest)
        assert (await send(peer)).status.is_success
        await peer.reply(request, 0x0000)
        await retrieval.final()
        (error,) = caught
        assert "max_operations_invoked" in str(error)
    assert taker.uids == ["1.2.3"]


@pytest.mark.scenario("B67")
async def test_in_a_larger_window_it_may_ask() -> None:
    class Asking(Taker):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            assert (await association.c_echo()).status.is_success
            return await Taker.on_c_store_request(self, request)

    taker = Asking()
    async with (
        getting(window=2) as (association, peer),
        association.c_get(study_query(), into=taker) as retrieval,
    ):
        request = await peer.expect_message(CGetRequest)
        await peer.send_message(c_store("1.2.3", 1), context_id=3)
        echo = await peer.expect_message(CEchoRequest)
        await peer.reply(echo, 0x0000)
        assert (await peer.expect_message(CStoreResponse)).status.is_success
        await peer.reply(request, 0x0000)
        await retrieval.final()
    assert taker.uids == ["1.2.3"]


@pytest.mark.scenario("B48", "B69")
async def test_a_hung_disk_holds_up_no_association_whose_c_get_was_left(tmp_path: Path) -> None:
    async with getting() as (association, peer):
        with slow_writes(hangs_at=2) as disk:
            async with association.c_get(study_query(), into=tmp_path):
                request = await peer.expect_message(CGetRequest)
                last = await begin_to_send(peer)
                await disk.reached.wait()
            await peer.expect_message(CCancelRequest)
            await peer.send_bytes(last)
            assert (await peer.expect_message(CStoreResponse)).status.code == 0xA700
            await peer.reply(request, 0xFE00)
            link = association.connection._link
            assert (link.serving.owed, link.clocks._pauses) == (0, 0)
        await eventually(lambda: files_in(tmp_path) == [])


@pytest.mark.pitfall(1)
async def test_an_instance_is_of_the_c_get_in_which_it_came(tmp_path: Path) -> None:
    class Slow(Taker):
        gate = trio.Event()

        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            await self.gate.wait()
            return await Taker.on_c_store_request(self, request)

    first, second = Slow(), Taker()
    async with getting() as (association, peer):
        async with association.c_get(study_query(), into=first) as retrieval:
            request = await peer.expect_message(CGetRequest)
            for number, uid in enumerate(["1.1", "1.2"], start=1):
                await peer.send_message(c_store(uid, number), context_id=3)
            await peer.reply(request, 0x0000)  # too early: it has no answers yet
            await retrieval.final()
        async with association.c_get(study_query(), into=second) as retrieval:
            request = await peer.expect_message(CGetRequest)
            first.gate.set()
            for _ in range(2):
                assert (await peer.expect_message(CStoreResponse)).status.is_success
            await peer.reply(request, 0x0000)
            await retrieval.final()
    assert (first.uids, second.uids) == (["1.1", "1.2"], [])
