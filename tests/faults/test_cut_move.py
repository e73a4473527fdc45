"""A C-MOVE to us whose peer is cut off while it brings the instances: it ends all the same."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from tests.faults.conversing import descriptors, instances_in
from tests.faults.cutting import How, cut_all
from tests.io.arriving import is_clean, names_in
from tests.io.replay import Record, record
from tests.io.writing import eventually, small_blocks
from tests.operations.calling import CONTEXTS
from tests.operations.getting import CT_ID, c_store, ct
from tests.operations.moving import move_to, moving, originated
from trio_dicom import CMoveRequest, CStoreResponse, Receiver, open_receiver, propose
from trio_dicom.lowlevel import AssociationAccept, ReleaseRequest, ReleaseResponse
from trio_dicom.sop_classes import STUDY_ROOT_MOVE
from trio_dicom.testing import Cut, FaultyStream, ScriptedPeer

pytestmark = [pytest.mark.scenario("B39"), pytest.mark.pitfall(5)]

INSTANCES = 2


async def bring(peer: ScriptedPeer) -> None:
    """What the first C-MOVE of an association asks for."""
    await peer.send(propose(contexts=CONTEXTS, calling_ae="ARCHIVE", called_ae="TRIO_DICOM"))
    peer.accepted = await peer.expect(AssociationAccept)
    move = CMoveRequest(
        message_id=1, sop_class_uid=STUDY_ROOT_MOVE.abstract_syntax, move_destination="TRIO_DICOM"
    )
    for number in range(1, INSTANCES + 1):
        uid = f"1.2.3.{number}"
        data = ct(uid, size=1500, StudyInstanceUID="1.2")
        request = c_store(uid, number, data_set=data, **originated(move))
        await peer.send_message(request, context_id=CT_ID, max_fragment=1024)
        assert (await peer.expect_message(CStoreResponse)).status.is_success
    await peer.send(ReleaseRequest())
    await peer.expect(ReleaseResponse)
    await peer.aclose()


async def move(receiver: Receiver, stream: trio.abc.Stream, folder: Path) -> list[str]:
    """The files that have come when a C-MOVE has ended whose instances came over ``stream``."""
    async with (
        moving() as (association, peer),
        move_to(association, peer, into=folder, receiver=receiver) as (retrieval, request),
    ):
        await receiver.serve(stream)
        assert receiver.associations == 0
        begun = trio.current_time()
        await peer.reply(request, 0x0000, completed=INSTANCES)
        await retrieval.final()
        assert trio.current_time() == begun  # it waits for nothing that cannot come
        came = [it.path.name for it in retrieval.instances]
        assert retrieval.missing in (INSTANCES - len(came), INSTANCES - len(names_in(folder)))
    assert not receiver.moves._open
    assert not receiver._guests
    return came


async def recorded(receiver: Receiver, folder: Path) -> Record:
    """What the peer says while it brings the instances."""
    async with (
        moving() as (association, peer),
        move_to(association, peer, into=folder, receiver=receiver) as (retrieval, request),
    ):
        whole = await record(receiver.serve, bring)
        await peer.reply(request, 0x0000, completed=INSTANCES)
        await retrieval.final()
        assert len(retrieval.instances) == INSTANCES
    return whole


@pytest.mark.parametrize("how", ["eof", "reset"])
def test_a_move_ends_wherever_its_instances_are_cut_off(how: How, tmp_path: Path) -> None:
    folder = tmp_path / "in"

    async def main() -> None:
        async with open_receiver(into=None, max_associations=1) as receiver:
            whole = await recorded(receiver, folder)
            files = {path.name: path.read_bytes() for path in folder.iterdir()}
            tasks, opened = trio.lowlevel.current_statistics().tasks_living, descriptors()
            said = {"sending": whole.asked, "receiving": b"".join(data for _, data in whole.said)}

            async def cut(direction: str, place: int) -> None:
                for path in folder.iterdir():
                    path.unlink()
                stream = FaultyStream(whole.peer(), **{direction: [Cut(place, how)]})
                came = await move(receiver, stream, folder)
                is_sent = direction == "sending"
                words = whole.said_before(place) if is_sent else whole.whole_at(place)
                most, least = instances_in(whole, words, stream.sent)
                names = names_in(folder)
                assert is_clean(folder, *names)
                assert least <= len(came) <= len(names) <= most
                assert came == names[: len(came)]
                assert all((folder / it).read_bytes() == files[it] for it in names)
                assert trio.lowlevel.current_statistics().tasks_living == tasks
                await eventually(lambda: descriptors() == opened)

            print(f"instances of a move, {how}: {await cut_all(said, how, cut)}")

    with small_blocks(400):
        trio.run(main, clock=MockClock(autojump_threshold=5))
    gc.collect()
