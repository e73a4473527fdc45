"""Peers that send without end: what is held, logged and done for them has a bound.

Nothing here asks a clock. What is measured is how many bytes we take from a link that holds
few, how much memory that costs, and what is in the log.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.faults.limits import Slow
from tests.faults.sides import CT_ID, RECEIVER, SIDES, associated
from tests.faults.wire import (
    COMMAND,
    DATA,
    ECHO,
    ECHO_REQUEST,
    LAST,
    NO_DATA_SET,
    STORE_REQUEST,
    command,
    p_data,
    pdv,
    said,
    u16,
    ui,
)
from tests.io.recording import FIND
from tests.io.talking import find_request, get_request, talking
from tests.operations.calling import Keeper
from trio_dicom import (
    CFindRequest,
    CGetRequest,
    ConnectionOptions,
    CStoreResponse,
    Limits,
    ResponseTimeout,
)

BUFFER, MOST_HELD = 100_000, 400
CAPACITY = 4096  # bytes that the link holds
OPTIONS = ConnectionOptions(
    max_length=4096, limits=Limits(buffered_responses=BUFFER, unanswered_requests=MOST_HELD)
)
COMMITMENT = "1.2.840.10008.1.20.1"
EVENT = command(
    {
        0x0002: ui(COMMITMENT),
        0x0100: u16(0x0100),
        0x0110: u16(7),
        0x0800: NO_DATA_SET,
        0x1000: ui("1.2.840.10008.1.20.1.1"),
        0x1002: u16(1),
    }
)
STRAY = {0x0002: ui(ECHO), 0x0100: u16(0x8030), 0x0120: u16(999), 0x0800: NO_DATA_SET}
BARE_STORE = command(STORE_REQUEST | {0x0800: NO_DATA_SET})


async def taken_of(stream: trio.abc.SendStream, one: bytes, most: int) -> int:
    """How many times ``one`` is taken before nobody takes any more; ``most`` at most."""
    taken = 0

    async def flood() -> None:
        nonlocal taken
        while taken < most:
            await stream.send_all(one)
            taken += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(flood)
        for _ in range(3):
            await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return taken


@pytest.mark.pitfall(29)
@pytest.mark.scenario("B24", "B69")
@pytest.mark.parametrize("what", [command(ECHO_REQUEST), EVENT, BARE_STORE])
@pytest.mark.parametrize("side", SIDES)
async def test_requests_without_end_are_read_no_further_than_their_limit(
    side: str, what: bytes
) -> None:
    """The peer does not read our answers, so that they pile up."""
    one = said(what, 3, CT_ID)
    async with associated(side, options=OPTIONS, capacity=CAPACITY) as ours:
        taken = await taken_of(ours.stream, one, 100_000)
        # Those we hold, those that came with the last read, and what lies in the link.
        assert taken <= MOST_HELD + (64 * 1024 + CAPACITY) // len(one)
        ours.stream.close()
        await ours.ended.wait()


def pending(message_id: int, number: int) -> bytes:
    """The smallest pending response, different from the one before."""
    fields = {0x0100: u16(0x8020), 0x0120: u16(message_id), 0x0800: NO_DATA_SET}
    return said(command(fields | {0x0900: u16(0xFF00 + number % 2)}), 3, 5)


def small(message_id: int, number: int) -> bytes:
    """One with a data set of two bytes."""
    fields = {0x0100: u16(0x8020), 0x0120: u16(message_id), 0x0800: u16(1), 0x0900: u16(0xFF00)}
    return said(command(fields), 3, 5) + said(b"ab", DATA | LAST, 5)


def with_lists(message_id: int, number: int) -> bytes:
    """One with a list of tags, which cost more than any other value."""
    tags = b"".join(u16(it) + u16(it) for it in range(number, number + 200))
    fields = {0x0100: u16(0x8020), 0x0120: u16(message_id), 0x0800: NO_DATA_SET}
    return said(command(fields | {0x0900: u16(0xFF00), 0x0901: tags}), 3, 5)


@pytest.mark.pitfall(29)
@pytest.mark.parametrize("response, factor", [(pending, 1.5), (small, 1.5), (with_lists, 16)])
async def test_pending_responses_without_end_cost_about_what_their_limit_says(
    response: Callable[[int, int], bytes], factor: float
) -> None:
    limit = 300_000
    options = ConnectionOptions(max_length=4096, limits=Limits(buffered_responses=limit))
    async with (
        talking(options=options, capacity=CAPACITY) as (connection, peer),
        connection.open_request(find_request()) as responses,
    ):
        request = await peer.expect_message(CFindRequest)
        assert request.sop_class_uid == FIND
        message_id = request.message_id or 0
        sent = 0
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        with trio.CancelScope() as flood:

            async def send() -> None:
                nonlocal sent
                while True:
                    await peer.stream.send_all(response(message_id, sent))
                    sent += 1

            async with trio.open_nursery() as nursery:
                nursery.start_soon(send)
                for _ in range(3):
                    await wait_all_tasks_blocked()
                flood.cancel()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert connection._link.flow.stopped
        assert grown < factor * limit + 100_000
        await peer.aclose()  # in the middle of one
        responses.close()


@pytest.mark.pitfall(27, 29)
@pytest.mark.parametrize("side", SIDES)
async def test_answers_to_nothing_fill_neither_memory_nor_log(side: str) -> None:
    one = said(command(STRAY | {0x0900: u16(0)}), 3)
    async with associated(side, options=OPTIONS) as ours:
        tracemalloc.start()
        for _ in range(100):
            await ours.stream.send_all(one * 50)
            await wait_all_tasks_blocked()
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert held < 200_000
        assert len(ours.log) == Limits().complaints + 1  # the last says that it is the last
        assert "no more of that is logged" in ours.log[-1]
        assert await ours.lives()


@pytest.mark.pitfall(29)
@pytest.mark.scenario("B45")
async def test_a_handler_that_always_fails_does_not_fill_the_log() -> None:
    class Broken(Keeper):
        async def on_c_store_request(self, request: object) -> object:  # type: ignore[override]
            raise ZeroDivisionError

    async with associated(RECEIVER, into=Broken()) as ours:
        for _ in range(50):
            await ours.says(said(BARE_STORE, 3, CT_ID))
            assert b"\0\x09\2\0\0\0\x10\x01" in await ours.hears_pdu()
        assert len(ours.log) == Limits().complaints + 1


@pytest.mark.pitfall(25)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("size", [1, 2])
async def test_tiny_fragments_without_end_cost_what_they_weigh(side: str, size: int) -> None:
    fragment = said(bytes(size), DATA, CT_ID)
    count = 5000
    options = ConnectionOptions(max_length=4096, limits=Limits(instance=1_000_000))
    async with associated(side, options=options, into=Keeper(), handler=Slow()) as ours:
        await ours.says(said(command(STORE_REQUEST), 3, CT_ID))
        tracemalloc.start()
        for _ in range(count // 100):
            await ours.says(fragment * 100)
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert held < 20 * count * size + 100_000
        ours.stream.close()


@pytest.mark.pitfall(25)
@pytest.mark.parametrize("side", SIDES)
async def test_a_pdu_full_of_empty_fragments_costs_about_what_it_weighs(side: str) -> None:
    whole = command(ECHO_REQUEST)
    # As many as are taken, 63 of them empty in each message.
    one = [pdv(1, COMMAND)] * 63 + [pdv(1, COMMAND | LAST, whole)]
    data = p_data(*one * 100)
    async with associated(side, options=OPTIONS) as ours:
        tracemalloc.start()
        await ours.stream.send_all(data)
        answers = [await ours.hears_command() for _ in range(100)]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(answers) == 100
        assert peak < 40 * len(data)
        assert await ours.lives()


@pytest.mark.pitfall(29)
async def test_an_instance_without_end_is_held_no_longer_than_it_is_in_memory() -> None:
    """What is longer than ``Limits.in_memory`` goes to a file; what has no end, nowhere."""
    in_memory, instance, buffered = 50_000, 2_000_000, 200_000
    limits = Limits(in_memory=in_memory, instance=instance, buffered_responses=buffered)
    options = ConnectionOptions(max_length=4096, limits=limits)
    async with associated(RECEIVER, into=Keeper(), options=options, capacity=CAPACITY) as ours:
        await ours.stream.send_all(said(command(STORE_REQUEST), 3, CT_ID))
        tracemalloc.start()
        for _ in range(instance // 4000):
            await ours.stream.send_all(said(bytes(4000), DATA, CT_ID))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # Besides, what waits for the disk, and what is on its way there.
        assert peak < 2 * (in_memory + 2 * buffered)
        await ours.says(said(bytes(4000), DATA, CT_ID))
        assert (await ours.hears_pdu())[0] == 7
        ours.stream.close()
        await ours.ended.wait()


@pytest.mark.pitfall(29)
async def test_sub_operations_without_end_end_with_the_time_of_their_request(
    autojump_clock: MockClock,
) -> None:
    """Each is a sign of life. Who wants an end of them gives the request a total timeout."""
    slow = Slow()
    slow.gate.set()
    async with talking(handler=slow) as (connection, peer):
        async with connection.open_request(get_request(), timeout=100) as responses:
            await peer.expect_message(CGetRequest)

            async def bring() -> None:
                for _ in range(1000):
                    await peer.stream.send_all(said(BARE_STORE, 3, CT_ID))
                    await peer.expect_message(CStoreResponse)
                    await trio.sleep(1)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(bring)
                with pytest.raises(ResponseTimeout):
                    await responses.final()
                assert trio.current_time() == pytest.approx(100, abs=1)
                nursery.cancel_scope.cancel()
        await peer.aclose()
