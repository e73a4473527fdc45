"""Scripts at the destinations of an archive: what they miss fails the test."""

from __future__ import annotations

import pytest
import trio
from pydicom import Dataset
from trio.testing import MockClock

from tests.testing.builders import instance, query
from trio_dicom import (
    Association,
    CEchoRequest,
    CStoreRequest,
    NActionRequest,
    NEventReportRequest,
    open_association,
)
from trio_dicom.sop_classes import STORAGE_COMMITMENT, STUDY_ROOT_MOVE
from trio_dicom.testing import (
    MemoryArchive,
    ScriptedPeer,
    open_archive,
    open_memory_association,
    playing,
)

CONTEXTS = [STUDY_ROOT_MOVE, STORAGE_COMMITMENT]


async def expects_somebody_else(peer: ScriptedPeer) -> None:
    await peer.accept()
    await peer.expect_message(CStoreRequest, data_set={"PatientID": "SOMEBODY ELSE"})


async def expects_an_echo(peer: ScriptedPeer) -> None:
    await peer.accept()
    await peer.expect_message(CEchoRequest)


def archive_for(script: object) -> MemoryArchive:
    archive = MemoryArchive(destinations={"OTHER": playing(script)})  # type: ignore[arg-type]
    archive.instances.add(instance(1))
    return archive


async def move(association: Association) -> None:
    keys = query("STUDY", StudyInstanceUID="1.2.100")
    async with association.c_move(keys, "OTHER", level="STUDY", check=False) as retrieval:
        await retrieval.final()


async def ask_for_commitment(association: Association) -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID = instance(1).SOPClassUID
    reference.ReferencedSOPInstanceUID = instance(1).SOPInstanceUID
    asked = Dataset()
    asked.TransactionUID = "1.2.3"
    asked.ReferencedSOPSequence = [reference]
    request = NActionRequest(
        sop_class_uid=STORAGE_COMMITMENT.abstract_syntax,
        sop_instance_uid="1.2.840.10008.1.20.1.1",
        action_type_id=1,
        data_set=asked,
    )
    assert (await association.send_request(request)).status.is_success


async def test_a_script_that_is_sent_another_thing_in_memory() -> None:
    archive = archive_for(expects_somebody_else)
    with pytest.raises(AssertionError, match="PatientID: expected 'SOMEBODY ELSE'"):
        async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
            await move(association)
    assert not archive.sessions


async def test_a_script_that_fails_by_pytest_at_a_destination() -> None:
    async def fails(peer: ScriptedPeer) -> None:
        await peer.accept()
        pytest.fail("says the script")

    archive = archive_for(fails)
    with pytest.raises(pytest.fail.Exception, match="says the script"):
        async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
            await move(association)
    assert not archive.sessions


async def test_a_script_that_is_sent_another_thing_by_an_archive_on_a_port() -> None:
    with pytest.raises(AssertionError, match="PatientID: expected 'SOMEBODY ELSE'"):
        async with (
            open_archive(archive=archive_for(expects_somebody_else)) as archive,
            open_association(archive.host, archive.port, contexts=CONTEXTS) as association,
        ):
            await move(association)


@pytest.mark.parametrize("stays", [True, False])
async def test_a_script_that_is_told_another_thing(stays: bool, autojump_clock: MockClock) -> None:
    archive = archive_for(expects_an_echo)
    archive.commitments.report = "elsewhere"

    async def program() -> None:
        async with open_memory_association(
            archive.serve, calling_ae="OTHER", contexts=CONTEXTS
        ) as association:
            await ask_for_commitment(association)
            if stays:
                await trio.sleep(60)

    with pytest.raises(AssertionError, match="expected CEchoRequest, but got NEventReport"):
        await program()


@pytest.mark.parametrize(("delay", "is_told"), [(4, True), (6, False)])
async def test_a_report_that_is_too_late_is_in_the_log(
    delay: float, is_told: bool, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    async def is_told_later(peer: ScriptedPeer) -> None:
        await peer.accept()
        report = await peer.expect_message(NEventReportRequest)
        told.append("told")
        await peer.reply(report, 0)

    archive = archive_for(is_told_later)
    archive.commitments.delay = delay
    async with open_memory_association(
        archive.serve, calling_ae="OTHER", contexts=CONTEXTS
    ) as association:
        await ask_for_commitment(association)
    assert bool(told) == is_told
    assert ("before 'OTHER' was told of its storage" in caplog.text) != is_told


async def test_the_association_may_be_over_when_a_script_misses_something() -> None:
    archive = archive_for(expects_an_echo)
    archive.commitments.report = "elsewhere"

    async def program() -> None:
        async with open_archive(archive=archive):
            async with open_association(
                archive.host, archive.port, calling_ae="OTHER", contexts=CONTEXTS
            ) as association:
                await ask_for_commitment(association)
            await trio.sleep(60)

    with pytest.raises(AssertionError, match="expected CEchoRequest, but got NEventReport"):
        await program()
