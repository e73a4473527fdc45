"""Who sees the events of a peer before the handler does."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
import trio
from attrs import evolve
from trio.testing import wait_all_tasks_blocked

from tests.io.recording import Recorder
from tests.io.talking import COMMITMENT_ID, answer_to, talking
from tests.io.test_serving import EVENT
from trio_dicom import (
    ClientConnection,
    NEventReportRequest,
    NEventReportResponse,
    NSetRequest,
)
from trio_dicom.testing import ScriptedPeer

pytestmark = pytest.mark.scenario("B51")


class Taker:
    """Says what the test says, and writes down who was asked."""

    def __init__(self, name: str, asked: list[str], status: int | None = None) -> None:
        self._name, self._asked, self._status = name, asked, status

    async def __call__(self, request: NEventReportRequest) -> NEventReportResponse | None:
        await trio.lowlevel.checkpoint()
        self._asked.append(self._name)
        return None if self._status is None else NEventReportResponse(status=self._status)


class Handler(Recorder):
    """Writes down that it was asked, and says 0110H."""

    def __init__(self, asked: list[str]) -> None:
        super().__init__()
        self._asked = asked

    async def on_n_event_report_request(self, request: NEventReportRequest) -> NEventReportResponse:
        self._asked.append("handler")
        return NEventReportResponse(status=0x0110)


async def report(peer: ScriptedPeer, message_id: int = 77) -> int:
    """Report an event; what the peer is told."""
    answer = await answer_to(peer, evolve(EVENT, message_id=message_id), COMMITMENT_ID)
    assert isinstance(answer, NEventReportResponse)
    assert (answer.event_type_id, answer.sop_instance_uid) == (1, EVENT.sop_instance_uid)
    return answer.status.code


async def test_the_first_that_answers_has_answered() -> None:
    asked: list[str] = []
    async with talking(handler=Handler(asked)) as (connection, peer):
        with (
            connection.events(Taker("first", asked)),
            connection.events(Taker("second", asked, 0x0001)),
            connection.events(Taker("third", asked, 0x0002)),
        ):
            assert await report(peer) == 0x0001
            assert asked == ["first", "second"]


async def test_what_nobody_takes_goes_to_the_handler() -> None:
    asked: list[str] = []
    async with talking(handler=Handler(asked)) as (connection, peer):
        with connection.events(Taker("first", asked)), connection.events(Taker("second", asked)):
            assert await report(peer) == 0x0110
        assert await report(peer, 78) == 0x0110
    assert asked == ["first", "second", "handler", "handler"]


async def test_one_that_is_there_twice_is_asked_as_often_and_leaves_as_often() -> None:
    asked: list[str] = []
    taker = Taker("taker", asked)
    async with talking(handler=Handler(asked)) as (connection, peer):
        with connection.events(taker):
            with connection.events(taker):
                await report(peer)
            assert asked == ["taker", "taker", "handler"]
            await report(peer, 78)
            assert asked[3:] == ["taker", "handler"]
        await report(peer, 79)
        assert asked[5:] == ["handler"]


async def test_the_second_of_two_equal_ones_leaves_its_own_place() -> None:
    asked: list[str] = []
    taker = Taker("taker", asked)
    async with talking(handler=Handler(asked)) as (connection, peer):
        inner = connection.events(taker)
        with connection.events(taker), connection.events(Taker("between", asked)):
            with inner:
                pass
            await report(peer)
    assert asked == ["taker", "between", "handler"]


async def test_one_may_leave_and_another_come_while_it_is_asked() -> None:
    asked: list[str] = []
    stack = ExitStack()

    async def leaving(request: NEventReportRequest) -> None:
        asked.append("leaving")
        stack.close()
        stack.enter_context(connection.events(Taker("late", asked)))

    async with talking(handler=Handler(asked)) as (connection, peer):
        with stack:
            stack.enter_context(connection.events(leaving))
            with connection.events(Taker("second", asked)):
                await report(peer)
                assert asked == ["leaving", "second", "handler"]
                await report(peer, 78)
                assert asked[3:] == ["second", "late", "handler"]


async def test_whoever_has_left_is_not_asked_any_more_not_even_in_the_middle() -> None:
    asked: list[str] = []
    gate = trio.Event()

    async def slow(request: NEventReportRequest) -> None:
        asked.append("slow")
        await gate.wait()

    async with talking(handler=Handler(asked)) as (connection, peer):
        with connection.events(slow):
            with connection.events(Taker("gone", asked, 0x0000)):
                await peer.send_message(EVENT, context_id=COMMITMENT_ID)
                await wait_all_tasks_blocked()
                assert asked == ["slow"]
            gate.set()
            answer = await peer.expect_message(NEventReportResponse)
            assert answer.status.code == 0x0110
    assert asked == ["slow", "handler"]


@pytest.mark.scenario("B45")
async def test_one_that_fails_is_logged_and_the_event_is_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked: list[str] = []

    async def failing(request: NEventReportRequest) -> None:
        raise ZeroDivisionError

    async def confused(request: NEventReportRequest) -> NEventReportResponse:
        return NSetRequest  # type: ignore[return-value]  # which is the mistake

    async with talking(handler=Handler(asked)) as (connection, peer):
        for number, taker in enumerate((failing, confused)):
            with connection.events(taker):
                assert await report(peer, 80 + number) == 0x0110
        assert asked == []
    assert "the handler failed on the peer's N-EVENT-REPORT" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_the_block_ends_with_the_program_too() -> None:
    asked: list[str] = []

    async def fail(connection: ClientConnection) -> None:
        with connection.events(Taker("taker", asked, 0x0000)):
            raise ValueError

    async with talking(handler=Handler(asked)) as (connection, peer):
        with pytest.raises(ValueError):
            await fail(connection)
        assert await report(peer) == 0x0110
    assert asked == ["handler"]
