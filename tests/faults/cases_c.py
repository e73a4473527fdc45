"""Operations of a connection and the DIMSE-C services, to be cancelled anywhere."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import trio
from pydicom import dcmread

from tests.faults.scenes import Case, Scene
from tests.io.talking import store_request
from tests.operations.calling import CONTEXTS
from tests.operations.finding import study_query as query
from tests.operations.getting import c_store, study_query
from tests.operations.storing import data_sets
from trio_dicom import (
    CEchoRequest,
    CFindRequest,
    ConnectionEnded,
    CStoreRequest,
    TrioDicomError,
    propose,
    wrap_stream,
)
from trio_dicom.lowlevel import read_head
from trio_dicom.sop_classes import STUDY_ROOT_FIND
from trio_dicom.testing import ScriptedPeer

__all__ = ["CASES"]


def find_request() -> CFindRequest:
    return CFindRequest(sop_class_uid=STUDY_ROOT_FIND.abstract_syntax, data_set=query())


# --- a connection -----------------------------------------------------------------------


async def send_request(scene: Scene) -> None:
    await scene.association.connection.send_request(CEchoRequest())


async def send_long_request(scene: Scene) -> None:
    await scene.association.connection.send_request(store_request(4096))


async def ask(scene: Scene) -> None:
    assert (await scene.association.connection.ask(store_request(4096))).status.is_success


async def open_request(scene: Scene) -> None:
    async with scene.association.connection.open_request(find_request()) as responses:
        assert len([match async for match in responses]) == 2
        assert (await responses.final()).status.is_success


async def open_request_and_close(scene: Scene) -> None:
    async with scene.association.open_request(find_request()) as responses:
        await responses.receive()
        await responses.aclose()


async def two_at_once(scene: Scene) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(scene.association.c_echo)
        nursery.start_soon(ask, scene)


async def wait_for_the_queue(scene: Scene) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, scene)
        await scene.association.connection.send_next_message()
        await scene.association.connection.wait_send_queue_empty()


# --- services ---------------------------------------------------------------------------


async def c_echo(scene: Scene) -> None:
    assert (await scene.association.c_echo()).status.is_success


async def c_store_data_set(scene: Scene) -> None:
    assert (await scene.association.c_store(dcmread(scene.files.small))).status.is_success


async def c_store_file(scene: Scene) -> None:
    assert (await scene.association.c_store(scene.files.small)).status.is_success


async def c_store_streamed_file(scene: Scene) -> None:
    with scene.files.long.open("rb") as file:
        stored = read_head(file, scene.files.long)
    request = CStoreRequest(
        sop_class_uid=stored.sop_class_uid,
        sop_instance_uid=stored.sop_instance_uid,
        data_set=stored,
    )
    assert (await scene.association.send_request(request)).status.is_success


async def c_store_many_data_sets(scene: Scene) -> None:
    async with scene.association.c_store_many(data_sets(3)) as results:
        assert [result.is_stored async for result in results] == [True] * 3


async def c_store_many_files(scene: Scene) -> None:
    paths = [scene.files.small, scene.files.other, scene.files.small]
    async with scene.association.c_store_many(paths) as results:
        assert [result.is_stored async for result in results] == [True] * 3


async def c_store_many_and_close(scene: Scene) -> None:
    async with scene.association.c_store_many(data_sets(3)) as results:
        assert (await results.receive()).is_stored
        await results.aclose()


async def c_find(scene: Scene) -> None:
    async with scene.association.c_find(query()) as matches:
        assert len([match async for match in matches]) == 2


async def c_find_final(scene: Scene) -> None:
    async with scene.association.c_find(query()) as matches:
        assert (await matches.final()).status.is_success
        await matches.aclose()


async def c_find_left_early(scene: Scene) -> None:
    async with scene.association.c_find(query()) as matches:
        await matches.receive()


async def c_get(scene: Scene) -> None:
    async with scene.association.c_get(study_query(), into=scene.files.inbox) as retrieval:
        async for _ in retrieval:
            pass
    assert len(retrieval.instances) == 2


async def c_get_left_early(scene: Scene) -> None:
    async with scene.association.c_get(study_query(), into=scene.files.inbox) as retrieval:
        await retrieval.receive()


async def c_get_from_an_archive(scene: Scene) -> None:
    await c_get(scene)


async def c_get_left_early_at_an_archive(scene: Scene) -> None:
    await c_get_left_early(scene)


async def c_find_left_early_at_an_archive(scene: Scene) -> None:
    await c_find_left_early(scene)


async def c_move_elsewhere(scene: Scene) -> None:
    async with scene.association.c_move(study_query(), "OTHER") as retrieval:
        assert (await retrieval.final()).status.is_success


async def c_move_to_a_receiver(scene: Scene) -> None:
    async with scene.association.c_move(study_query(), receiver=scene.receiver) as retrieval:
        assert (await retrieval.final()).status.is_success
    assert len(retrieval.instances) == 1


async def c_move_to_a_port_of_its_own(scene: Scene) -> None:
    async with scene.association.c_move(
        study_query(), into=scene.files.inbox, receive_port=0, receive_host="127.0.0.1"
    ) as retrieval:
        assert (await retrieval.final()).status.is_success


# --- ends -------------------------------------------------------------------------------


async def release(scene: Scene) -> None:
    await scene.association.release()


async def release_amid_requests(scene: Scene) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_quiet, ask, scene)
        await trio.lowlevel.checkpoint()
        await scene.association.release()


async def abort(scene: Scene) -> None:
    await scene.association.abort()


async def abort_amid_requests(scene: Scene) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_quiet, ask, scene)
        await trio.lowlevel.checkpoint()
        await scene.association.abort()


async def aclose(scene: Scene) -> None:
    await scene.association.connection.aclose()


async def listener_wait(scene: Scene) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_quiet, scene.association.connection.listener.wait)
        await scene.association.abort()


async def _quiet(call: Any, *arguments: Any) -> None:
    """What ends with its connection; the end itself is another task's to tell."""
    with suppress(ConnectionEnded):
        await call(*arguments)


# --- the receiver -----------------------------------------------------------------------


async def serve_a_peer(scene: Scene) -> None:
    """The peer brings what it has, and goes."""
    ours, theirs = scene.link()
    peer = ScriptedPeer(theirs)
    scene.nursery.start_soon(_bring, peer)
    await scene.receiver.serve(ours)


async def _bring(peer: ScriptedPeer) -> None:
    with suppress(TrioDicomError):
        async with wrap_stream(peer.stream) as connection:
            await connection.send_association_request(propose(contexts=CONTEXTS))
            for uid in ("1.2.3", "1.2.4"):
                await connection.ask(c_store(uid, None))


CASES = (
    Case(body=send_request),
    Case(body=send_long_request),
    Case(body=send_long_request, capacity=200),
    Case(body=ask),
    Case(body=ask, capacity=200),
    Case(body=open_request),
    Case(body=open_request_and_close),
    Case(body=two_at_once),
    Case(body=two_at_once, window=2),
    Case(body=two_at_once, window=2, capacity=200),
    Case(body=wait_for_the_queue),
    Case(body=c_echo),
    Case(body=c_echo, capacity=20),
    Case(body=c_store_data_set),
    Case(body=c_store_file),
    Case(body=c_store_streamed_file),
    Case(body=c_store_streamed_file, capacity=2_000),
    Case(body=c_store_many_data_sets),
    Case(body=c_store_many_data_sets, window=2),
    Case(body=c_store_many_files),
    Case(body=c_store_many_files, window=2),
    Case(body=c_store_many_and_close),
    Case(body=c_find),
    Case(body=c_find, capacity=50),
    Case(body=c_find_final),
    Case(body=c_find_left_early),
    Case(body=c_find_left_early_at_an_archive, has_archive=True, capacity=50),
    Case(body=c_get),
    Case(body=c_get, capacity=200),
    Case(body=c_get_left_early),
    Case(body=c_get_from_an_archive, has_archive=True),
    Case(body=c_get_left_early_at_an_archive, has_archive=True, capacity=200),
    Case(body=c_move_elsewhere),
    Case(body=c_move_to_a_receiver, has_receiver=True),
    Case(body=c_move_to_a_port_of_its_own),
    Case(body=release, ends=True),
    Case(body=release_amid_requests, ends=True),
    Case(body=abort, ends=True),
    Case(body=abort_amid_requests, ends=True, capacity=200),
    Case(body=aclose, ends=True),
    Case(body=listener_wait, ends=True),
    Case(body=serve_a_peer, has_receiver=True, is_alone=True),
)
