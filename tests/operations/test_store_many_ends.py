"""C-STORE of many files when the association ends: who has a result, and what is raised."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.operations.storing import (
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
    AssociationAborted,
    AssociationReleased,
    ConnectionEnded,
    ConnectionLost,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    Delivery,
    LocalProtocolError,
    RemoteProtocolError,
    ResponseTimeout,
    SourceFailed,
    StoreResult,
    Timeouts,
)
from trio_dicom._io import preparing, requesting
from trio_dicom._io.link import Link
from trio_dicom.lowlevel import Abort
from trio_dicom.testing import ScriptedPeer


async def test_what_was_on_the_wire_has_a_result_and_the_rest_is_raised_once(
    tmp_path: Path,
) -> None:
    taken: list[StoreResult] = []
    async with (
        storing() as (association, peer),
        association.c_store_many(ct_files(tmp_path, 100)) as results,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_abort_after, peer, 3)
            with pytest.raises(AssociationAborted) as caught:
                await take(results, taken)
        with pytest.raises(trio.EndOfChannel):
            await results.receive()
    assert numbers(taken) == [1, 2, 3, 4]
    assert all(it.is_stored for it in taken[:3])
    assert isinstance(taken[3].error, AssociationAborted)
    assert taken[3].delivery is Delivery.SENT_WITHOUT_ANSWER
    assert caught.value.delivery is Delivery.NOT_SENT


async def _abort_after(peer: ScriptedPeer, count: int) -> None:
    await answer_all(peer, count)
    await expect(peer)
    await wait_all_tasks_blocked()
    await peer.abort()


async def test_an_error_that_nobody_waited_for_yet_comes_behind_the_results(
    tmp_path: Path,
) -> None:
    taken: list[StoreResult] = []
    async with (
        storing() as (association, peer),
        association.c_store_many(ct_files(tmp_path, 100)) as results,
    ):
        await answer_all(peer, 1)
        await expect(peer)
        await wait_all_tasks_blocked()
        await peer.abort()
        await wait_all_tasks_blocked()
        with pytest.raises(ConnectionEnded):
            await take(results, taken)
    assert numbers(taken) == [1, 2]


async def test_with_a_window_all_that_were_on_the_wire_have_results(tmp_path: Path) -> None:
    taken: list[StoreResult] = []
    async with (
        storing(window=4) as (association, peer),
        association.c_store_many(ct_files(tmp_path, 100)) as results,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_answer_the_third_and_abort, peer)
        with pytest.raises(AssociationAborted):
            await take(results, taken)
    assert numbers(taken) == [1, 2, 3, 4, 5]
    assert [it.delivery for it in taken] == [
        Delivery.SENT_WITHOUT_ANSWER,
        Delivery.SENT_WITHOUT_ANSWER,
        Delivery.ANSWERED,
        Delivery.SENT_WITHOUT_ANSWER,
        Delivery.SENT_WITHOUT_ANSWER,
    ]


async def _answer_the_third_and_abort(peer: ScriptedPeer) -> None:
    requests = [await expect(peer) for _ in range(4)]
    await peer.reply(requests[2], 0x0000)
    await expect(peer)
    await wait_all_tasks_blocked()
    await peer.abort()


@pytest.mark.parametrize("count", [1, 2])
async def test_nothing_is_raised_where_each_has_its_result(count: int, tmp_path: Path) -> None:
    taken: list[StoreResult] = []
    async with (
        storing() as (association, peer),
        association.c_store_many(ct_files(tmp_path, count)) as results,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_abort_after, peer, count - 1)
        await take(results, taken)
    assert numbers(taken) == list(range(1, count + 1))
    assert taken[-1].delivery is Delivery.SENT_WITHOUT_ANSWER


async def test_on_an_association_that_has_ended_nothing_is_tried(tmp_path: Path) -> None:
    async with storing() as (association, peer):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.serve_until_closed)
            await association.release()
        async with association.c_store_many(ct_files(tmp_path, 3)) as results:
            with pytest.raises(AssociationReleased):
                await results.receive()


async def test_a_message_that_was_cut_is_partly_sent(tmp_path: Path) -> None:
    taken: list[StoreResult] = []
    paths = [ct_file(tmp_path, 1, size=3_000_000), ct_file(tmp_path, 2)]
    async with (
        storing(capacity=100_000) as (association, peer),
        association.c_store_many(paths) as results,
    ):
        await peer.stream.receive_some()  # not by PDUs: the script does not go on
        await peer.aclose()
        with pytest.raises(ConnectionLost):
            await take(results, taken)
    assert numbers(taken) == [1]
    assert taken[0].delivery is Delivery.PARTLY_SENT


async def test_a_file_that_breaks_while_it_is_sent_has_its_own_result(tmp_path: Path) -> None:
    taken: list[StoreResult] = []
    paths = [ct_file(tmp_path, 1, size=9_000_000), ct_file(tmp_path, 2)]
    async with (
        storing(capacity=100_000) as (association, peer),
        association.c_store_many(paths) as results,
        trio.open_nursery() as nursery,
    ):
        for _ in range(3):
            await peer.receive_pdu()
        os.truncate(paths[0], 1_000_000)
        nursery.start_soon(_read_on, peer)
        with pytest.raises(AssociationAborted):
            await take(results, taken)
    assert numbers(taken) == [1]
    assert isinstance(taken[0].error, SourceFailed)
    assert taken[0].delivery is Delivery.PARTLY_SENT


async def _read_on(peer: ScriptedPeer) -> None:
    while not isinstance(await peer.receive_pdu(), Abort):
        pass
    await peer.aclose()


async def test_a_peer_that_breaks_the_protocol_ends_it(tmp_path: Path) -> None:
    taken: list[StoreResult] = []
    async with (
        storing() as (association, peer),
        association.c_store_many(ct_files(tmp_path, 100)) as results,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_talk_nonsense, peer)
        with pytest.raises(AssociationAborted, match="we aborted"):
            await take(results, taken)
    # The second stood in line. That error does not tell which of them had gone out.
    assert numbers(taken) == [1, 2]
    assert all(isinstance(it.error, RemoteProtocolError) for it in taken)
    assert all(it.delivery is None for it in taken)


async def _talk_nonsense(peer: ScriptedPeer) -> None:
    await expect(peer)
    await wait_all_tasks_blocked()
    await peer.send_bytes(b"\x09\0\0\0\0\4what")


async def test_a_timeout_that_aborts_is_the_last_result(
    autojump_clock: MockClock,
) -> None:
    taken: list[StoreResult] = []
    options = ConnectionOptions(timeouts=Timeouts(idle=5), on_timeout="abort")
    async with (
        storing(options=options) as (association, peer),
        association.c_store_many(data_sets(100)) as results,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(expect, peer)
        with pytest.raises(AssociationAborted):
            await take(results, taken)
    assert numbers(taken) == [1]
    assert isinstance(taken[0].error, ResponseTimeout)


async def test_an_answer_that_came_before_the_end_counts(tmp_path: Path) -> None:
    taken: list[StoreResult] = []
    async with (
        storing() as (association, peer),
        association.c_store_many([ct_file(tmp_path)]) as results,
    ):
        request = await expect(peer)
        await peer.reply(request, 0x0000)
        await peer.abort()
        await take(results, taken)
    assert [type(it.response) for it in taken] == [CStoreResponse]


async def test_what_was_on_the_wire_has_its_result_though_one_before_it_was_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[StoreResult] = []
    paths = [ct_file(tmp_path, number) for number in (1, 2)]
    really, let_go = preparing.prepare, trio.Event()

    async def slow_with_the_first(link: Link, request: CStoreRequest, *more: Any) -> Any:
        if request.sop_instance_uid.endswith(".1"):
            await let_go.wait()  # as a long file that must be re-encoded
        return await really(link, request, *more)

    monkeypatch.setattr(requesting, "prepare", slow_with_the_first)
    async with (
        storing(window=2) as (association, peer),
        association.c_store_many(paths) as results,
        trio.open_nursery() as nursery,
    ):
        assert (await expect(peer)).sop_instance_uid.endswith(".2")
        await peer.aclose()
        await association.connection.listener.ended.wait()
        nursery.start_soon(_set, let_go)
        with pytest.raises(ConnectionLost):
            await take(results, taken)
    assert numbers(taken) == [2]
    assert taken[0].delivery is Delivery.SENT_WITHOUT_ANSWER


async def _set(event: trio.Event) -> None:
    event.set()


async def test_sources_that_can_be_none_have_results_of_their_own(tmp_path: Path) -> None:
    several = data_set(2)
    several.SOPInstanceUID = ["1.2.2", "1.2.3"]
    sources = [
        ct_file(tmp_path, 1),
        several,
        "nul\0.dcm",
        "surrogate\udc80.dcm",
        ct_file(tmp_path, 5),
    ]
    taken: list[StoreResult] = []
    async with (
        storing() as (association, peer),
        association.c_store_many(sources) as results,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(answer_all, peer, 2)
        await take(results, taken)
    assert [it.source for it in taken] == sources
    assert [it.is_stored for it in taken] == [True, False, False, False, True]
    assert all(isinstance(it.error, LocalProtocolError | OSError) for it in taken[1:4])


async def test_a_path_of_bytes_is_no_path(tmp_path: Path) -> None:
    taken: list[StoreResult] = []
    sources: Any = [ct_file(tmp_path, 1), os.fsencode(ct_file(tmp_path, 2)), ct_file(tmp_path, 3)]
    async with (
        storing() as (association, peer),
        association.c_store_many(sources) as results,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(answer_all, peer, 1)
        with pytest.raises(TypeError, match="not bytes"):
            await take(results, taken)
    assert numbers(taken) == [1]
