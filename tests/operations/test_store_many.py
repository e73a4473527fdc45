"""C-STORE of many files: what goes out, and what each result tells."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from trio.testing import MockClock, assert_checkpoints, wait_all_tasks_blocked

from tests.io.talking import find_request, is_silent, patient, quick
from tests.operations.storing import (
    CONTEXTS,
    answer_all,
    ct_file,
    ct_files,
    data_set,
    data_sets,
    expect,
    numbers,
    storing,
    take,
)
from trio_dicom import (
    Association,
    ConnectionOptions,
    Delivery,
    Limits,
    LocalProtocolError,
    NoAcceptedContext,
    PresentationContext,
    Priority,
    ResponseTimeout,
    StoreResult,
    WouldDeadlock,
    propose,
    wrap_stream,
)
from trio_dicom.sop_classes import STUDY_ROOT_FIND
from trio_dicom.testing import MemoryArchive, ScriptedPeer, memory_link


async def test_files_and_data_sets_are_stored_in_order(tmp_path: Path) -> None:
    long = ct_file(tmp_path, 2, size=1_500_000)
    sources = [ct_file(tmp_path, 1), str(long), data_set(3), ct_file(tmp_path, 4)]
    taken: list[StoreResult] = []
    uids: list[str] = []
    async with storing() as (association, peer), trio.open_nursery() as nursery:
        nursery.start_soon(lambda: _note(uids, peer, 4, [0x0000, 0xB000, 0xA700]))
        async with association.c_store_many(sources) as results:
            await take(results, taken)
            with pytest.raises(trio.EndOfChannel):
                await results.receive()
    assert uids == ["1.2.1", "1.2.2", "1.2.3", "1.2.4"]
    assert [it.source for it in taken] == sources
    assert [it.status and it.status.code for it in taken] == [0, 0xB000, 0xA700, 0]
    assert [it.is_stored for it in taken] == [True, True, False, True]
    assert {it.delivery for it in taken} == {Delivery.ANSWERED}
    assert all(it.error is None for it in taken)
    assert taken[1].sop_class_uid == CTImageStorage
    assert taken[1].sop_instance_uid == "1.2.2"
    assert taken[1].transfer_syntax == ExplicitVRLittleEndian
    assert taken[1].size is not None
    assert 1_500_000 < taken[1].size < long.stat().st_size
    assert (taken[2].transfer_syntax, taken[2].size) == (None, None)


async def _note(uids: list[str], peer: ScriptedPeer, count: int, statuses: list[int]) -> None:
    uids += await answer_all(peer, count, statuses)


async def test_an_archive_holds_what_was_stored(tmp_path: Path) -> None:
    archive = MemoryArchive()
    ours, theirs = memory_link()
    async with trio.open_nursery() as nursery, wrap_stream(ours) as connection:
        nursery.start_soon(archive.serve, theirs)
        association = Association(
            connection, await connection.send_association_request(propose(contexts=CONTEXTS))
        )
        async with association.c_store_many(ct_files(tmp_path, 100)) as results:
            assert all([result.is_stored async for result in results])
    assert len(archive.instances) == 100


async def test_no_sources_are_no_results() -> None:
    async with storing() as (association, peer), association.c_store_many([]) as results:
        with assert_checkpoints(), pytest.raises(trio.EndOfChannel):
            await results.receive()
        assert await is_silent(peer)


async def test_what_is_wrong_with_one_is_in_its_result_and_in_its_place(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    text = tmp_path / "text"
    text.write_text("no DICOM")
    other = data_set(3)
    other.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    sources = [ct_file(tmp_path, 1), missing, text, other, Dataset(), ct_file(tmp_path, 2)]
    taken: list[StoreResult] = []
    async with (
        storing() as (association, peer),
        association.c_store_many(sources) as results,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(take, results, taken)
        request = await expect(peer)
        await wait_all_tasks_blocked()
        assert taken == []  # they wait for the one before them
        await peer.reply(request, 0x0000)
        await answer_all(peer, 1)
        await wait_all_tasks_blocked()
    assert [it.source for it in taken] == sources
    assert [type(it.error) for it in taken] == [
        type(None),
        FileNotFoundError,
        LocalProtocolError,
        NoAcceptedContext,
        LocalProtocolError,
        type(None),
    ]
    assert {it.delivery for it in taken[1:-1]} == {Delivery.NOT_SENT}
    assert taken[3].sop_instance_uid == "1.2.3"
    assert [it.sop_instance_uid for it in (taken[1], taken[2], taken[4])] == [None] * 3


async def test_a_file_that_has_gone_when_it_is_its_turn_is_only_its_own_fault(
    tmp_path: Path,
) -> None:
    paths = [ct_file(tmp_path, 1), ct_file(tmp_path, 2, size=1_500_000), ct_file(tmp_path, 3)]
    taken: list[StoreResult] = []
    async with (
        storing() as (association, peer),
        association.c_store_many(paths) as results,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(take, results, taken)
        request = await expect(peer)
        await wait_all_tasks_blocked()  # the long file was looked at
        paths[1].unlink()
        await peer.reply(request, 0x0000)
        await answer_all(peer, 1)
        await wait_all_tasks_blocked()
    assert numbers(taken) == [1, 2, 3]
    assert [it.is_stored for it in taken] == [True, False, True]
    assert taken[1].delivery is Delivery.NOT_SENT


@pytest.mark.parametrize("window, most", [(1, 1), (3, 3), (0, 32)])
async def test_as_many_are_open_as_the_window_admits(
    window: int, most: int, tmp_path: Path
) -> None:
    count = 40
    taken: list[StoreResult] = []
    async with storing(window=window) as (association, peer), trio.open_nursery() as nursery:
        paths = ct_files(tmp_path, count)
        async with association.c_store_many(paths) as results:
            nursery.start_soon(take, results, taken)
            requests = [await expect(peer) for _ in range(most)]
            if window:
                assert await is_silent(peer)
            # The last is answered first, and yet the results come in order.
            for request in reversed(requests):
                assert taken == []
                await peer.reply(request, 0x0000)
                await wait_all_tasks_blocked()
            await answer_all(peer, count - most)
            await wait_all_tasks_blocked()
    assert numbers(taken) == list(range(1, count + 1))
    assert all(it.is_stored for it in taken)


async def test_while_nobody_takes_results_no_more_is_sent(tmp_path: Path) -> None:
    async with (
        storing() as (association, peer),
        association.c_store_many(ct_files(tmp_path, 40)) as results,
    ):
        # Each of the two tasks that store has a result in its hands.
        await answer_all(peer, 2)
        assert await is_silent(peer)
        await results.receive()
        await answer_all(peer, 1)
        assert await is_silent(peer)
        assert await is_silent(peer)


async def test_other_requests_can_be_sent_inside_the_loop(tmp_path: Path) -> None:
    echoes = 0
    async with storing() as (association, peer), trio.open_nursery() as nursery:
        nursery.start_soon(peer.serve_until_closed)
        async with association.c_store_many(ct_files(tmp_path, 10)) as results:
            async for _ in results:
                assert (await association.c_echo()).status.is_success
                assert (await association.c_store(data_set(99))).status.is_success
                echoes += 1
        assert echoes == 10
        nursery.cancel_scope.cancel()


@pytest.mark.scenario("B68")
async def test_a_consumer_that_must_take_something_else_first_is_told(tmp_path: Path) -> None:
    options = ConnectionOptions(limits=Limits(buffered_responses=1000))
    contexts = (*CONTEXTS, STUDY_ROOT_FIND)
    async with (
        storing(contexts=contexts, options=options, window=2) as (association, peer),
        association.connection.open_request(find_request()) as matches,
    ):
        request = await peer.receive_message()
        for _ in range(100):
            await peer.reply(request, 0xFF00, data_set=patient())  # type: ignore[arg-type]
        await wait_all_tasks_blocked()
        async with association.c_store_many([ct_file(tmp_path)]) as results:
            with pytest.raises(WouldDeadlock, match="responses of a request"):
                await results.receive()
            await peer.reply(request, 0x0000)  # type: ignore[arg-type]
            assert len([it async for it in matches]) == 100
            await answer_all(peer, 1)
            assert (await results.receive()).is_stored


async def test_several_tasks_can_receive_and_each_result_goes_to_one(tmp_path: Path) -> None:
    first: list[StoreResult] = []
    second: list[StoreResult] = []
    async with (
        storing() as (association, peer),
        association.c_store_many(ct_files(tmp_path, 10)) as results,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(take, results, first)
        nursery.start_soon(take, results, second)
        await answer_all(peer, 10)
    assert first
    assert second
    assert sorted(numbers(first + second)) == list(range(1, 11))


@pytest.mark.scenario("B32")
@pytest.mark.parametrize("limits", [{"idle_timeout": 5}, {"timeout": 5}, {}])
async def test_silence_is_in_the_result_and_the_others_go_on(
    limits: dict[str, float], autojump_clock: MockClock
) -> None:
    taken: list[StoreResult] = []
    async with (
        storing(options=quick(idle=7)) as (association, peer),
        association.c_store_many(data_sets(3), **limits) as results,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(take, results, taken)
        await expect(peer)
        await trio.sleep(8)
        await answer_all(peer, 2)
    assert numbers(taken) == [1, 2, 3]
    assert isinstance(taken[0].error, ResponseTimeout)
    assert taken[0].error.seconds == (5 if limits else 7)
    assert taken[0].delivery is Delivery.SENT_WITHOUT_ANSWER
    assert taken[1].is_stored
    assert taken[2].is_stored


async def test_the_priority_goes_out(tmp_path: Path) -> None:
    async with (
        storing() as (association, peer),
        association.c_store_many([ct_file(tmp_path)], priority=Priority.HIGH),
    ):
        request = await expect(peer)
        assert request.priority is Priority.HIGH
        await peer.reply(request, 0x0000)


async def test_a_result_shows_no_patient() -> None:
    instance = data_set(1)
    instance.PatientName = "Somebody^Else"
    async with storing() as (association, peer), association.c_store_many([instance]) as results:
        await answer_all(peer, 1)
        result = await results.receive()
    assert result.source is instance
    assert "Somebody" not in repr(result)


async def test_a_file_in_another_syntax_is_re_encoded(tmp_path: Path) -> None:
    contexts = (PresentationContext(CTImageStorage, (ExplicitVRLittleEndian,)),)
    path = ct_file(tmp_path, syntax=ImplicitVRLittleEndian)
    async with (
        storing(contexts=contexts) as (association, peer),
        association.c_store_many([path]) as results,
    ):
        request = await expect(peer)
        assert request.dataset() == data_set()
        await peer.reply(request, 0x0000)
        result = await results.receive()
    assert result.transfer_syntax == ImplicitVRLittleEndian
