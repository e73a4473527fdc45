"""A C-FIND whose matches nobody wants any more, or whose peer has fallen silent."""

from __future__ import annotations

from itertools import count

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.talking import Sent, is_silent, quick
from tests.operations.finding import answer, finding, names_of, patient, study_query, take
from trio_dicom import (
    Association,
    CCancelRequest,
    CEchoRequest,
    CFindRequest,
    ConnectionOptions,
    Delivery,
    Limits,
    ResponseTimeout,
    WouldDeadlock,
)
from trio_dicom.testing import ScriptedPeer


async def first_ten(association: Association) -> list[str]:
    names: list[str] = []
    async with association.c_find(study_query()) as matches:
        async for match in matches:
            names += [str(match.identifier.PatientName)]
            if len(names) == 10:
                break
    return names


def cancellations(sent: Sent) -> int:
    return [name for name, _ in sent.messages].count("CCancelRequest")


async def flood(peer: ScriptedPeer, request: CFindRequest, until: trio.Event) -> None:
    for number in count():
        if until.is_set():
            return
        await peer.reply(request, 0xFF00, data_set=patient(f"first {number}"))


TEN = [f"first {number}" for number in range(10)]


@pytest.mark.scenario("B48")
@pytest.mark.pitfall(1, 19)
@pytest.mark.parametrize("window", [1, 2])
async def test_leaving_after_the_tenth_sends_one_cancel_and_the_next_query_sees_its_own(
    window: int,
) -> None:
    sent = Sent()
    async with (
        # The peer has more to say than the link holds, and says it until it is stopped.
        finding(instrument=sent, capacity=4096, window=window) as (association, peer),
        trio.open_nursery() as nursery,
    ):
        first: list[str] = []
        second: list[str] = []

        async def ask_twice() -> None:
            first.extend(await first_ten(association))
            async with association.c_find(study_query()) as matches:
                second.extend(await names_of(matches))

        nursery.start_soon(ask_twice)
        request = await peer.expect_message(CFindRequest)
        is_stopped = trio.Event()
        nursery.start_soon(flood, peer, request, is_stopped)
        cancel = await peer.expect_message(CCancelRequest)
        assert cancel.message_id_being_responded_to == request.message_id
        is_stopped.set()
        await wait_all_tasks_blocked()
        if window == 1:
            assert await is_silent(peer)  # the slot is the first query's until its end
            await peer.reply(request, 0xFE00)
            await answer(peer, "second 0", "second 1")
        else:
            later = await peer.expect_message(CFindRequest)
            await peer.reply(later, 0xFF00, data_set=patient("second 0"))
            await peer.reply(request, 0xFF00, data_set=patient("too late"))
            await peer.reply(later, 0xFF00, data_set=patient("second 1"))
            await peer.reply(request, 0xFE00)
            await peer.reply(later, 0x0000)
    assert first == TEN
    assert second == ["second 0", "second 1"]
    assert cancellations(sent) == 1


@pytest.mark.scenario("B48")
@pytest.mark.pitfall(19)
@pytest.mark.parametrize("status", [0x0000, 0xFE00, 0xA700])
async def test_a_cancel_may_be_ignored_honoured_or_answered_by_a_failure(status: int) -> None:
    sent = Sent()
    async with finding(instrument=sent) as (association, peer), trio.open_nursery() as nursery:
        first: list[str] = []

        async def ask() -> None:
            first.extend(await first_ten(association))

        nursery.start_soon(ask)
        await answer(peer, *(f"first {number}" for number in range(1000)), status=status)
        await peer.expect_message(CCancelRequest)  # sent before the peer's end was read
        await wait_all_tasks_blocked()
        assert first == TEN
        async with association.c_find(study_query()) as matches:
            await answer(peer, "second")
            assert await names_of(matches) == ["second"]
    assert cancellations(sent) == 1


@pytest.mark.scenario("B48")
async def test_leaving_waits_for_nothing(autojump_clock: MockClock) -> None:
    async with finding(options=quick(cancel_grace=20)) as (association, peer):
        async with association.c_find(study_query()):
            request = await peer.expect_message(CFindRequest)
        assert trio.current_time() == 0
        await peer.expect_message(CCancelRequest)
        # A silent peer keeps the next query waiting for the grace, and no longer.
        async with association.c_find(study_query()) as matches:
            assert trio.current_time() == 20
            later = await peer.expect_message(CFindRequest)
            assert later.message_id != request.message_id
            await peer.reply(request, 0xFF00, data_set=patient("too late"))
            await peer.reply(request, 0xFE00)
            await peer.reply(later, 0xFF00, data_set=patient("in time"))
            await peer.reply(later, 0x0000)
            assert await names_of(matches) == ["in time"]


@pytest.mark.scenario("B48")
async def test_after_the_end_there_is_nothing_to_cancel() -> None:
    sent = Sent()
    async with finding(instrument=sent) as (association, peer):
        async with association.c_find(study_query()) as matches:
            await answer(peer, "A", "B")
            await wait_all_tasks_blocked()
            await matches.receive()  # and leaves "B"
        assert await is_silent(peer)
    assert cancellations(sent) == 0


@pytest.mark.scenario("B48")
async def test_who_is_cancelled_from_outside_leaves_as_well() -> None:
    async with finding() as (association, peer):
        with trio.CancelScope() as scope:
            async with association.c_find(study_query()) as matches:
                request = await answer(peer, "A", status=None)
                await matches.receive()
                scope.cancel()
                await matches.receive()
        assert scope.cancelled_caught
        await peer.expect_message(CCancelRequest)
        await peer.reply(request, 0xFE00)


@pytest.mark.scenario("B47", "B48")
async def test_a_query_that_still_waits_for_its_slot_is_never_sent() -> None:
    async with finding() as (association, peer), association.c_find(study_query()) as matches:
        request = await peer.expect_message(CFindRequest)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def wait_in_vain() -> None:
                    async with association.c_find(study_query()):
                        raise AssertionError("the window is 1")

                nursery.start_soon(wait_in_vain)
                await wait_all_tasks_blocked()
                scope.cancel()
        await peer.reply(request, 0x0000)
        await matches.final()
        assert await is_silent(peer)


@pytest.mark.scenario("B31")
async def test_matches_that_come_slower_than_the_timeout_in_total_are_in_time(
    autojump_clock: MockClock,
) -> None:
    async with (
        finding(options=quick(idle=10)) as (association, peer),
        trio.open_nursery() as nursery,
        association.c_find(study_query()) as matches,
    ):
        request = await peer.expect_message(CFindRequest)

        async def drip() -> None:
            for number in range(12):
                await trio.sleep(9)
                await peer.reply(request, 0xFF00, data_set=patient(str(number)))
            await trio.sleep(9)
            await peer.reply(request, 0x0000)

        nursery.start_soon(drip)
        assert await names_of(matches) == [str(number) for number in range(12)]
        assert trio.current_time() == 13 * 9


@pytest.mark.scenario("B32", "B48", "B59")
@pytest.mark.parametrize(
    "limits, at", [({"idle_timeout": 10}, 18), ({"timeout": 15}, 15), ({"timeout": 30}, 30)]
)
async def test_silence_in_the_middle_is_no_end(
    limits: dict[str, float], at: float, autojump_clock: MockClock
) -> None:
    async with (
        finding() as (association, peer),
        trio.open_nursery() as nursery,
    ):
        names: list[str] = []

        async def ask() -> None:
            async with association.c_find(study_query(), **limits) as matches:
                with pytest.raises(ResponseTimeout) as caught:
                    await take(matches, names)
                assert caught.value.delivery is Delivery.SENT_WITHOUT_ANSWER
                assert trio.current_time() == at
                assert matches.response is None

        nursery.start_soon(ask)
        request = await peer.expect_message(CFindRequest)
        await trio.sleep(8)
        await peer.reply(request, 0xFF00, data_set=patient("A"))
        cancel = await peer.expect_message(CCancelRequest)
        assert cancel.message_id_being_responded_to == request.message_id
        assert names == ["A"]
        await peer.reply(request, 0xFF00, data_set=patient("too late"))
        await peer.reply(request, 0xFE00)
        async with association.c_find(study_query()) as matches:
            await answer(peer, "B")
            assert await names_of(matches) == ["B"]


@pytest.mark.scenario("B69")
async def test_a_slow_consumer_is_not_the_silence_of_the_peer(autojump_clock: MockClock) -> None:
    options = ConnectionOptions(
        timeouts=quick(idle=10).timeouts, limits=Limits(buffered_responses=1000)
    )
    async with (
        finding(options=options, capacity=1000) as (association, peer),
        trio.open_nursery() as nursery,
        association.c_find(study_query()) as matches,
    ):
        expected = [f"patient {number}" for number in range(100)]
        nursery.start_soon(lambda: answer(peer, *expected))
        names = []
        async for match in matches:
            names.append(str(match.identifier.PatientName))
            await trio.sleep(7)
        assert names == expected


@pytest.mark.scenario("B68")
async def test_a_consumer_that_asks_more_than_the_buffers_allow_is_told() -> None:
    options = ConnectionOptions(limits=Limits(buffered_responses=1000))
    async with (
        finding(options=options, window=2, capacity=1000) as (association, peer),
        trio.open_nursery() as nursery,
        association.c_find(study_query()) as matches,
    ):
        nursery.start_soon(lambda: answer(peer, *map(str, range(100))))
        await matches.receive()
        await wait_all_tasks_blocked()
        with pytest.raises(WouldDeadlock, match="responses of a request"):
            await association.send_request(CEchoRequest())
        assert len(await names_of(matches)) == 99
