"""Many requests one after the other leave nothing behind."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import trio
from attrs import define, field
from pydicom.uid import ImplicitVRLittleEndian

from tests.io.recording import ECHO
from tests.io.talking import Call, ask, talking
from trio_dicom import (
    CEchoRequest,
    CEchoResponse,
    LocalProtocolError,
    PresentationContext,
    propose,
    wrap_stream,
)
from trio_dicom.lowlevel import ReleaseRequest, ReleaseResponse
from trio_dicom.testing import acceptance_of, message_bytes

REQUEST = propose(contexts=[PresentationContext(ECHO)])
ANSWER = message_bytes(
    CEchoResponse(status=0x0000, message_id_being_responded_to=0xABCD),
    context_id=1,
    transfer_syntax=ImplicitVRLittleEndian,
    max_fragment=1000,
)
BEFORE, AFTER = ANSWER.split(b"\xcd\xab")


@define(eq=False)
class EchoingStream(trio.abc.Stream):
    """A peer without a task: every C-ECHO is answered in the write that brings it."""

    answers: bytearray = field(factory=bytearray)
    arrived: trio.Event = field(factory=trio.Event)

    async def send_all(self, data: Any) -> None:
        await trio.lowlevel.checkpoint()
        match data[0]:
            case 1:
                self.answers += acceptance_of(REQUEST).encode()
            case 4:
                # The message ID stands before the data set type, which is ten bytes long.
                self.answers += BEFORE + data[-12:-10] + AFTER
            case _:
                assert data == ReleaseRequest().encode()
                self.answers += ReleaseResponse().encode()
        self.arrived.set()

    async def wait_send_all_might_not_block(self) -> None:
        raise NotImplementedError

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        while not self.answers:
            self.arrived = trio.Event()
            await self.arrived.wait()
        data = bytes(self.answers)
        self.answers.clear()
        return data

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


def living() -> tuple[int, int]:
    """How many tasks and how many objects there are."""
    gc.collect()
    return trio.lowlevel.current_statistics().tasks_living, len(gc.get_objects())


@pytest.mark.scenario("B28")
async def test_ten_thousand_requests_leave_no_task_and_no_object_behind() -> None:
    async with wrap_stream(EchoingStream()) as connection:
        await connection.send_association_request(REQUEST)

        async def ask_often(count: int) -> None:
            for _ in range(count):
                assert (await ask(connection, CEchoRequest())).status.is_success
            await trio.testing.wait_all_tasks_blocked()

        await ask_often(500)
        tasks, objects = living()
        await ask_often(9_500)
        tasks_after, objects_after = living()
        assert tasks_after == tasks
        assert objects_after - objects < 100
        assert connection.is_send_queue_empty


@pytest.mark.scenario("B28")
async def test_a_thousand_requests_without_a_channel_leave_nothing_behind() -> None:
    async with wrap_stream(EchoingStream()) as connection:
        await connection.send_association_request(REQUEST)
        tasks, _ = living()
        for _ in range(1000):
            await connection.send_request(CEchoRequest())
        await connection.wait_send_queue_empty()
        await trio.testing.wait_all_tasks_blocked()
        assert living()[0] == tasks


@pytest.mark.scenario("B29")
async def test_message_ids_wrap_and_leave_out_those_in_use() -> None:
    async with talking(window=0) as (connection, peer), trio.open_nursery() as nursery:
        calls = [await Call.begin(nursery, connection, CEchoRequest()) for _ in range(2)]
        requests = [await peer.expect_message(CEchoRequest) for _ in range(2)]
        assert [it.message_id for it in requests] == [1, 2]
        connection._link.table._last_id = 65_534  # so many came and went
        for expected in (65_535, 3):
            calls.append(await Call.begin(nursery, connection, CEchoRequest()))
            requests.append(await peer.expect_message(CEchoRequest))
            assert requests[-1].message_id == expected
        for number, request in enumerate(requests):
            await peer.reply(request, 0xC000 + number)
            assert await calls[number].status() == 0xC000 + number


async def test_a_message_id_of_the_caller_s_own_is_used_once_at_a_time() -> None:
    async with talking(window=2) as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, CEchoRequest(message_id=500))
        request = await peer.expect_message(CEchoRequest)
        assert request.message_id == 500
        with pytest.raises(LocalProtocolError, match="500 is in use"):
            await connection.send_request(CEchoRequest(message_id=500))
        await peer.reply(request, 0x0000)
        assert await call.status() == 0x0000
        again = await Call.begin(nursery, connection, CEchoRequest(message_id=500))
        await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
        assert await again.status() == 0x0000


async def test_when_every_message_id_is_lost_the_request_says_so() -> None:
    async with talking() as (connection, _):
        connection._link.table._spent.update(range(1, 65_536))
        with pytest.raises(LocalProtocolError, match="every message ID"):
            await connection.send_request(CEchoRequest())
        assert connection.is_send_queue_empty
