"""C-FIND: the matches, and an end that can be trusted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from trio.testing import assert_checkpoints, wait_all_tasks_blocked

from tests.faults.cancelling import StepCanceller
from tests.io.talking import Sent, is_silent
from tests.operations.finding import answer, finding, names_of, patient, study_query, take
from trio_dicom import (
    Association,
    AssociationAborted,
    AssociationReleased,
    CCancelRequest,
    CFindRequest,
    ConnectionLost,
    EncodedDataSet,
    LocalProtocolError,
    PDUError,
    Priority,
    StatusError,
)
from trio_dicom.sop_classes import STUDY_ROOT_FIND
from trio_dicom.testing import ScriptedPeer

STUDY_ROOT = STUDY_ROOT_FIND.abstract_syntax


@pytest.mark.scenario("B26")
async def test_matches_come_in_the_order_of_the_wire_and_then_the_final_response() -> None:
    async with finding() as (association, peer), association.c_find(study_query()) as matches:
        request = await peer.expect_message(CFindRequest)
        for number, pending in enumerate([0xFF00, 0xFF01, 0xFF00]):
            await peer.reply(request, pending, data_set=patient(str(number)))
        await peer.reply(request, 0x0000)
        assert matches.status is matches.response is None
        codes, names = [], []
        async for match in matches:
            codes.append(match.status.code)
            names.append(match.identifier.PatientName)
        assert codes == [0xFF00, 0xFF01, 0xFF00]
        assert names == ["0", "1", "2"]
        assert matches.status is not None
        assert matches.status.is_success
        assert matches.response is not None
        assert matches.response.message_id_being_responded_to == request.message_id
        with pytest.raises(trio.EndOfChannel):
            await matches.receive()  # as often as you like
        assert await matches.final() is matches.response


@pytest.mark.scenario("B26")
async def test_a_final_response_may_carry_a_data_set() -> None:
    async with finding() as (association, peer), association.c_find(study_query()) as matches:
        await answer(peer, "A", data_set=patient("of the end"))
        assert await names_of(matches) == ["A"]  # it is no match
        assert matches.response is not None
        assert matches.response.identifier.PatientName == "of the end"


@pytest.mark.scenario("B26")
async def test_a_match_without_a_data_set_is_an_empty_one() -> None:
    async with finding() as (association, peer), association.c_find(study_query()) as matches:
        request = await peer.expect_message(CFindRequest)
        await peer.reply(request, 0xFF00)
        await peer.reply(request, 0x0000)
        assert [match.identifier async for match in matches] == [Dataset()]


async def test_no_match_is_an_answer() -> None:
    async with finding() as (association, peer), association.c_find(study_query()) as matches:
        await answer(peer)
        assert await names_of(matches) == []
        assert matches.status is not None
        assert matches.status.is_success


async def test_a_match_is_decoded_when_it_is_touched_and_not_before() -> None:
    async with finding() as (association, peer), association.c_find(study_query()) as matches:
        request = await peer.expect_message(CFindRequest)
        broken = EncodedDataSet(b"\x10\x00\x10\x00PN\xff\x00", ExplicitVRLittleEndian)
        await peer.reply(request, 0xFF00, data_set=broken)
        await peer.reply(request, 0xFF00, data_set=patient("B"))
        await peer.reply(request, 0x0000)
        first, second = [match async for match in matches]
        assert second.identifier.PatientName == "B"
        assert second.identifier is second.identifier
        with pytest.raises(PDUError):
            _ = first.identifier


FAILURES = [0xA700, 0xA900, 0xC000, 0xC123, 0x0110, 0x0122, 0x0211, 0xFF02, 0x1234]


@pytest.mark.scenario("B59")
@pytest.mark.parametrize("status", FAILURES)
async def test_a_query_that_fails_after_some_matches_does_not_look_complete(status: int) -> None:
    sent = Sent()
    async with finding(instrument=sent) as (association, peer):
        names: list[str] = []
        async with association.c_find(study_query()) as matches:
            await answer(peer, "A", "B", status=status, error_comment="out of luck")
            with pytest.raises(StatusError, match=f"C-FIND ended with status {status:04X}H") as it:
                await take(matches, names)
        assert names == ["A", "B"]
        assert it.value.status.code == status
        assert it.value.comment == "out of luck"
        assert matches.status is not None
        assert matches.status.code == status
        async with association.c_find(study_query()) as again:  # the association lives
            await answer(peer, "C")
            assert await names_of(again) == ["C"]
    assert [name for name, _ in sent.messages].count("CCancelRequest") == 0


@pytest.mark.scenario("B59")
async def test_a_failure_without_any_match_does_not_look_like_none() -> None:
    async with finding() as (association, peer), association.c_find(study_query()) as matches:
        await answer(peer, status=0xA700)
        with pytest.raises(StatusError):
            await names_of(matches)


@pytest.mark.scenario("B59")
async def test_a_cancel_that_nobody_asked_for_does_not_look_complete() -> None:
    async with finding() as (association, peer), association.c_find(study_query()) as matches:
        await answer(peer, "A", status=0xFE00)
        with pytest.raises(StatusError, match=r"FE00H \(cancel"):
            await names_of(matches)


@pytest.mark.scenario("B59")
@pytest.mark.parametrize("status", [0xA700, 0xC000, 0xFE00])
async def test_unchecked_the_end_is_an_end_and_the_status_says_what_it_was(status: int) -> None:
    async with (
        finding() as (association, peer),
        association.c_find(study_query(), check=False) as matches,
    ):
        await answer(peer, "A", status=status)
        assert await names_of(matches) == ["A"]
        assert matches.status is not None
        assert matches.status.code == status
        assert (await matches.final()).status.code == status


@pytest.mark.scenario("B59")
async def test_each_who_asks_for_the_end_gets_an_error_of_his_own() -> None:
    async with finding() as (association, peer), association.c_find(study_query()) as matches:
        await answer(peer, status=0xA700)
        errors = []
        for ask in (matches.receive, matches.receive, matches.final, matches.final):
            with pytest.raises(StatusError) as caught:
                await ask()
            errors.append(caught.value)
        assert len({id(error) for error in errors}) == 4


@pytest.mark.parametrize("status", [0xB001, 0x0001])
async def test_a_warning_is_a_good_end(status: int) -> None:
    async with finding() as (association, peer), association.c_find(study_query()) as matches:
        await answer(peer, "A", status=status)
        assert await names_of(matches) == ["A"]
        assert matches.status is not None
        assert matches.status.is_warning


async def test_who_wants_the_end_alone_gets_it_without_the_matches() -> None:
    async with finding() as (association, peer), association.c_find(study_query()) as matches:
        await answer(peer, "A", "B")
        assert (await matches.final()).status.is_success
        assert await names_of(matches) == []


async def divide(association: Association) -> None:
    async with association.c_find(study_query()):
        raise ZeroDivisionError


async def test_what_the_body_raises_comes_out_alone_and_the_query_is_cancelled() -> None:
    async with finding() as (association, peer):
        with pytest.raises(ZeroDivisionError):
            await divide(association)
        request = await peer.expect_message(CFindRequest)
        await peer.expect_message(CCancelRequest)
        await peer.reply(request, 0xFE00)


async def end_by_abort(peer: ScriptedPeer) -> None:
    await peer.abort()


async def end_by_release(peer: ScriptedPeer) -> None:
    await peer.release()


async def end_of_file(peer: ScriptedPeer) -> None:
    await peer.eof()


@pytest.mark.scenario("B39", "B40", "B42", "B59")
@pytest.mark.parametrize(
    "end, error",
    [
        (end_by_abort, AssociationAborted),
        (end_by_release, AssociationReleased),
        (end_of_file, ConnectionLost),
    ],
)
async def test_matches_that_came_before_the_end_of_the_connection_are_given_first(
    end: Callable[[ScriptedPeer], Awaitable[None]], error: type[Exception]
) -> None:
    names: list[str] = []
    async with finding() as (association, peer), association.c_find(study_query()) as matches:
        await answer(peer, "A", "B", status=None)
        await end(peer)
        await wait_all_tasks_blocked()
        with pytest.raises(error):
            await take(matches, names)
    assert names == ["A", "B"]


async def test_one_task_at_a_time_receives() -> None:
    async with (
        finding() as (association, peer),
        association.c_find(study_query()) as matches,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(names_of, matches)
        await wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await matches.receive()
        with pytest.raises(trio.BusyResourceError):
            await matches.final()
        await answer(peer, "A")


async def test_after_the_block_nobody_receives() -> None:
    async with finding() as (association, peer):
        async with association.c_find(study_query()) as matches:
            await answer(peer, "A")
        for ask in (matches.receive, matches.final):
            with pytest.raises(trio.ClosedResourceError):
                await ask()
        assert matches.response is None


@pytest.mark.parametrize("with_block", [False, True])
async def test_a_closed_channel_gives_nothing_and_the_block_still_ends_the_query(
    with_block: bool,
) -> None:
    async with finding() as (association, peer):
        async with association.c_find(study_query()) as matches:
            request = await answer(peer, "A", status=None)
            if with_block:
                with matches:
                    assert (await matches.receive()).identifier.PatientName == "A"
            else:
                await matches.aclose()
            with pytest.raises(trio.ClosedResourceError):
                await matches.receive()
            assert await is_silent(peer)
        await peer.expect_message(CCancelRequest)
        await peer.reply(request, 0xFE00)


async def test_everything_is_a_checkpoint() -> None:
    async with finding() as (association, peer):
        with assert_checkpoints(), pytest.raises(LocalProtocolError):
            async with association.c_find(Dataset()):
                raise AssertionError("there is no such query")
        async with association.c_find(study_query()) as matches:
            await answer(peer, "A")
            with assert_checkpoints():
                await matches.receive()
            with assert_checkpoints(), pytest.raises(trio.EndOfChannel):
                await matches.receive()
            with assert_checkpoints():
                await matches.final()
            with assert_checkpoints():
                await matches.aclose()


@pytest.mark.scenario("B49", "B59")
@pytest.mark.parametrize("status", [0x0000, 0xA700])
async def test_cancelled_at_any_step_no_match_and_no_end_is_lost(status: int) -> None:
    for steps in range(100):
        async with finding() as (association, peer), association.c_find(study_query()) as matches:
            await answer(peer, "A", "B", status=status)
            await wait_all_tasks_blocked()
            names: list[str] = []
            canceller = StepCanceller(steps)
            try:
                await canceller.run(partial(take, matches, names))
                if canceller.has_fired:
                    await take(matches, names)
            except* StatusError:
                assert status == 0xA700
            else:
                assert status == 0x0000
            assert names == ["A", "B"]
            assert matches.status is not None
            assert matches.status.code == status
        if not canceller.has_fired:
            assert steps > 3
            return
    raise AssertionError("it takes fewer steps than that")


@pytest.mark.scenario("B62")
async def test_priority_goes_out() -> None:
    async with (
        finding() as (association, peer),
        association.c_find(study_query(), priority=Priority.HIGH) as matches,
    ):
        request = await answer(peer)
        assert request.priority is Priority.HIGH
        assert request.sop_class_uid == STUDY_ROOT
        await matches.final()


async def test_several_queries_run_side_by_side_in_a_window() -> None:
    async with (
        finding(window=2) as (association, peer),
        association.c_find(study_query()) as first,
        association.c_find(study_query()) as second,
    ):
        one = await peer.expect_message(CFindRequest)
        two = await peer.expect_message(CFindRequest)
        for number in range(3):
            await peer.reply(two, 0xFF00, data_set=patient(f"second {number}"))
            await peer.reply(one, 0xFF00, data_set=patient(f"first {number}"))
        await peer.reply(two, 0x0000)
        await peer.reply(one, 0x0000)
        assert await names_of(first) == ["first 0", "first 1", "first 2"]
        assert await names_of(second) == ["second 0", "second 1", "second 2"]
