"""C-MOVE of the archive in memory: to other archives, to receivers, and to scripts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.testing.builders import instance, query
from trio_dicom import (
    Association,
    CMoveRequest,
    CMoveResponse,
    ConnectionEnded,
    CStoreRequest,
    Priority,
    open_receiver,
)
from trio_dicom.sop_classes import STUDY_ROOT_MOVE, VERIFICATION, storage_sop_classes
from trio_dicom.testing import (
    MemoryArchive,
    Place,
    ScriptedPeer,
    open_archive,
    open_memory_association,
)

STUDY = query("STUDY", StudyInstanceUID="1.2.100")
Script = Callable[[ScriptedPeer], Awaitable[None]]


def full(number: int = 3, **destinations: Place) -> MemoryArchive:
    """An archive of some instances that knows these destinations."""
    archive = MemoryArchive("PACS", destinations=destinations)
    for each in range(1, number + 1):
        archive.instances.add(instance(each))
    return archive


async def moved(
    association: Association, destination: str = "OTHER", identifier: Dataset = STUDY
) -> tuple[list[CMoveResponse], CMoveResponse]:
    """The pending responses and the final one."""
    request = CMoveRequest(
        sop_class_uid=STUDY_ROOT_MOVE.abstract_syntax,
        move_destination=destination,
        priority=Priority.HIGH,
        data_set=identifier,
    )
    async with association.open_request(request) as responses:
        pending = [it async for it in responses if isinstance(it, CMoveResponse)]
        final = await responses.final()
    assert isinstance(final, CMoveResponse)
    return pending, final


async def move(archive: MemoryArchive, identifier: Dataset = STUDY) -> CMoveResponse:
    """The final response to a move to OTHER, after which the association must be usable."""
    async with open_memory_association(
        archive.serve, contexts=[STUDY_ROOT_MOVE, VERIFICATION], calling_ae="ASKER"
    ) as association:
        _, final = await moved(association, identifier=identifier)
        assert (await association.c_echo()).status.is_success
    return final


def scripted(script: Script) -> Callable[[trio.abc.Stream], Awaitable[None]]:
    """A destination that does what a script says."""

    async def serve(stream: trio.abc.Stream) -> None:
        async with stream:
            await script(ScriptedPeer(stream))

    return serve


def counts(response: CMoveResponse) -> tuple[int | None, ...]:
    return response.remaining, response.completed, response.failed, response.warning


async def test_a_study_moves_from_archive_to_archive_in_memory() -> None:
    other = MemoryArchive("OTHER", checks_called_ae=True)
    archive = full(3, OTHER=other.serve)
    async with open_memory_association(archive.serve, contexts=[STUDY_ROOT_MOVE]) as association:
        pending, final = await moved(association)
    assert [counts(it) for it in pending] == [(2, 1, 0, 0), (1, 2, 0, 0)]
    assert counts(final) == (None, 3, 0, 0)
    assert final.status.is_success
    assert final.identifier is None
    assert [it.data_set for it in other.instances] == [it.data_set for it in archive.instances]


async def test_a_study_moves_on_loopback() -> None:
    archive = full()
    async with open_archive(archive=archive), open_archive() as other:
        archive.destinations["OTHER"] = (other.host, other.port)
        final = await move(archive)
    assert counts(final) == (None, 3, 0, 0)
    assert len(other.instances) == 3


async def test_our_own_receiver_gets_what_our_own_move_asks_for(tmp_path: Path) -> None:
    archive = full()
    async with (
        open_receiver(0, into=tmp_path, ae_title="OURS") as receiver,
        open_memory_association(
            archive.serve, contexts=[STUDY_ROOT_MOVE], calling_ae="OURS"
        ) as association,
    ):
        archive.destinations["OURS"] = receiver.serve
        async with association.c_move(STUDY, receiver=receiver) as retrieval:
            final = await retrieval.final()
    assert final.completed == 3
    assert sorted(it.sop_instance_uid for it in retrieval.instances) == ["1.2.1", "1.2.2", "1.2.3"]


async def test_each_level_moves_what_it_names() -> None:
    other = MemoryArchive()
    archive = full(3, OTHER=other.serve)
    archive.instances.add(instance(4, SeriesInstanceUID="1.2.201"))
    series = query("SERIES", StudyInstanceUID="1.2.100", SeriesInstanceUID="1.2.201")
    assert counts(await move(archive, series)) == (None, 1, 0, 0)
    images = query("IMAGE", SOPInstanceUID=["1.2.1", "1.2.3"])
    assert counts(await move(archive, images)) == (None, 2, 0, 0)
    lower = query("STUDY", StudyInstanceUID="1.2.100", SeriesInstanceUID="1.2.201")
    assert counts(await move(archive, lower)) == (None, 4, 0, 0), "it is no key of that level"
    assert counts(await move(archive, query("IMAGE", SOPInstanceUID="1.2.9"))) == (None, 0, 0, 0)
    archive.instances.add(instance(5, PatientID=""))
    of_the_patient = query("STUDY", PatientID="P1", StudyInstanceUID="1.2.100")
    assert counts(await move(archive, of_the_patient)) == (None, 4, 0, 0)


async def test_the_destination_hears_who_asked_and_how_urgently() -> None:
    """PS3.7 9.1.1.1.8 and 9.1.1.1.9."""
    heard: list[CStoreRequest] = []

    async def script(peer: ScriptedPeer) -> None:
        request = await peer.accept()
        assert (request.called_ae, request.calling_ae) == ("OTHER", "PACS")
        heard.append(await peer.expect_message(CStoreRequest))
        await peer.reply(heard[0], 0x0000)
        await peer.serve_until_closed()

    archive = full(1, OTHER=scripted(script))
    async with open_memory_association(
        archive.serve, contexts=[STUDY_ROOT_MOVE, VERIFICATION], calling_ae="ASKER"
    ) as association:
        await association.c_echo()  # which takes the message ID before that of the move
        await moved(association)
    [request] = heard
    assert request.move_originator_ae == "ASKER"
    assert request.move_originator_message_id == 2
    assert request.priority is Priority.HIGH


async def test_a_destination_that_nobody_knows_is_refused() -> None:
    final = await move(full())
    assert final.status.code == 0xA801
    assert final.failed is None


@pytest.mark.parametrize("identifier", [query("STUDY"), query("PATIENT", PatientID="P1")])
async def test_a_move_that_does_not_say_what_fails(identifier: Dataset) -> None:
    final = await move(full(1, OTHER=MemoryArchive().serve), identifier)
    assert final.status.code == 0xA900


async def test_nothing_to_move_is_a_success_and_calls_nobody() -> None:
    async def script(peer: ScriptedPeer) -> None:
        raise AssertionError("it was called")

    final = await move(full(1, OTHER=scripted(script)), query("STUDY", StudyInstanceUID="1.9"))
    assert final.status.is_success
    assert counts(final) == (None, 0, 0, 0)


async def rejects(peer: ScriptedPeer) -> None:
    await peer.reject()


async def hangs_up(peer: ScriptedPeer) -> None:
    pass


@pytest.mark.parametrize("script", [rejects, hangs_up])
async def test_all_fails_where_no_association_comes_about(script: Script) -> None:
    """PS3.4 C.4.2.3.1: refused if all sub-operations were unsuccessful."""
    final = await move(full(2, OTHER=scripted(script)))
    assert final.status.code == 0xA702
    assert counts(final) == (None, 0, 2, 0)
    assert final.failed_sop_instance_uids == ("1.2.1", "1.2.2")


async def test_all_fails_where_nobody_listens() -> None:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    final = await move(full(2, OTHER=("127.0.0.1", port)))
    assert final.status.code == 0xA702
    assert counts(final) == (None, 0, 2, 0)


async def test_what_goes_wrong_in_between_is_counted_and_listed() -> None:
    async def script(peer: ScriptedPeer) -> None:
        await peer.accept()
        for status in (0xB007, 0x0000, 0xA700):
            await peer.reply(await peer.expect_message(CStoreRequest), status)
        await peer.expect_message(CStoreRequest)
        await peer.abort()

    archive = full(5, OTHER=scripted(script))
    async with open_memory_association(archive.serve, contexts=[STUDY_ROOT_MOVE]) as association:
        pending, final = await moved(association)
    assert [counts(it) for it in pending] == [
        (4, 0, 0, 1),
        (3, 1, 0, 1),
        (2, 1, 1, 1),
        (1, 1, 2, 1),
    ]
    assert all(it.identifier is None for it in pending)
    assert final.status.code == 0xB000
    assert counts(final) == (None, 1, 3, 1)
    assert final.failed_sop_instance_uids == ("1.2.3", "1.2.4", "1.2.5")


async def test_instances_go_as_they_are_stored_or_re_encoded_or_not_at_all(
    pydicom_files: Path,
) -> None:
    taken: list[CStoreRequest] = []

    async def script(peer: ScriptedPeer) -> None:
        await peer.accept(transfer_syntaxes=[ExplicitVRLittleEndian], refuse=(str(MRImageStorage),))
        while len(taken) < 2:
            taken.append(await peer.expect_message(CStoreRequest))
            await peer.reply(taken[-1], 0x0000)
        await peer.serve_until_closed()

    archive = MemoryArchive(destinations={"OTHER": scripted(script)})
    for number, name in enumerate(
        ("rtplan.dcm", "SC_rgb_jpeg_dcmtk.dcm", "MR_small_bigendian.dcm", "CT_small.dcm"), 1
    ):
        data_set = dcmread(pydicom_files / name)
        data_set.StudyInstanceUID, data_set.SOPInstanceUID = "1.2.100", f"1.2.{number}"
        archive.instances.add(data_set)
    final = await move(archive)
    assert [it.sop_instance_uid for it in taken] == ["1.2.1", "1.2.4"]
    assert final.failed_sop_instance_uids == ("1.2.2", "1.2.3"), "JPEG, and MR"
    plan = taken[0].dataset()
    assert plan.PatientID == dcmread(pydicom_files / "rtplan.dcm").PatientID
    assert bytes(archive.instances["1.2.4"].data_set.data) == bytes(taken[1].data_set.data)


async def test_a_move_that_is_left_is_cancelled_and_says_how_much_was_left() -> None:
    answering = trio.Event()
    stored: list[CStoreRequest] = []

    async def script(peer: ScriptedPeer) -> None:
        await peer.accept()
        stored.append(await peer.expect_message(CStoreRequest))
        await answering.wait()
        await peer.reply(stored[0], 0x0000)
        await peer.serve_until_closed()

    archive = full(5, OTHER=scripted(script))
    async with open_memory_association(
        archive.serve, contexts=[STUDY_ROOT_MOVE, VERIFICATION]
    ) as association:
        async with association.c_move(STUDY, "OTHER"):
            while not stored:
                await wait_all_tasks_blocked()
        await wait_all_tasks_blocked()  # the C-CANCEL arrives
        answering.set()
        assert (await association.c_echo()).status.is_success
    assert len(stored) == 1


async def test_an_archive_that_insists_wants_the_unique_keys_above() -> None:
    archive = full(1, OTHER=MemoryArchive().serve)
    archive.checks_unique_keys = True
    alone = query("SERIES", SeriesInstanceUID="1.2.200")
    assert (await move(archive, alone)).status.code == 0xA900
    alone.StudyInstanceUID = "1.2.100"
    assert (await move(archive, alone)).status.is_success


async def test_classes_beyond_what_an_association_holds_fail_alone() -> None:
    other = MemoryArchive()
    archive = MemoryArchive(destinations={"OTHER": other.serve})
    for number, sop_class in enumerate(storage_sop_classes()[:70], 1):
        archive.instances.add(instance(number, SOPClassUID=sop_class))
    final = await move(archive)
    assert counts(final) == (None, 64, 6, 0), "two contexts for each class"


async def test_a_destination_that_is_silent_is_given_up(
    autojump_clock: MockClock,
) -> None:
    async def script(peer: ScriptedPeer) -> None:
        await peer.accept()
        await trio.sleep_forever()

    final = await move(full(1, OTHER=scripted(script)))
    assert final.status.code == 0xA702


async def test_an_archive_may_move_to_itself() -> None:
    archive = full(3)
    archive.destinations["OTHER"] = archive.serve
    assert counts(await move(archive)) == (None, 3, 0, 0)
    assert len(archive.instances) == 3


async def test_who_hangs_up_during_a_move_ends_it_and_its_association(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stored, ended = trio.Event(), trio.Event()

    async def script(peer: ScriptedPeer) -> None:
        try:
            await peer.accept()
            await peer.expect_message(CStoreRequest)
            stored.set()
            await peer.serve_until_closed()
        finally:
            ended.set()

    async def ask(association: Association) -> None:
        with pytest.raises(ConnectionEnded):
            await moved(association)

    archive = full(5, OTHER=scripted(script))
    async with (
        open_memory_association(archive.serve, contexts=[STUDY_ROOT_MOVE]) as association,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(ask, association)
        await stored.wait()
        await association.abort()
        await ended.wait()
    assert not [it for it in caplog.records if it.levelname == "ERROR"]
