"""Level 2: the association and its services, with an archive on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from pydicom import Dataset, dcmread

from trio_dicom import (
    AssociationAborted,
    AssociationReleased,
    CEchoRequest,
    CFindRequest,
    CFindResponse,
    ConnectionLost,
    LocalProtocolError,
    NoAcceptedContext,
    PresentationContext,
    Priority,
    contexts_for_files,
    open_association,
)
from trio_dicom.sop_classes import STUDY_ROOT_FIND, VERIFICATION
from trio_dicom.testing import MemoryArchive, open_archive

CT = "1.2.840.10008.5.1.4.1.1.2"


class Messages:
    """An instrument that remembers the requests that went out."""

    def __init__(self) -> None:
        self.sent: list[object] = []

    def bytes_sent(self, count: int) -> None: ...
    def bytes_received(self, count: int) -> None: ...
    def pdu_sent(self, pdu: object) -> None: ...
    def event_received(self, event: object) -> None: ...
    def message_received(self, message: object, context: object) -> None: ...
    def message_sent(self, message: object, context: object) -> None:
        self.sent.append(message)


async def test_an_echo_returns_the_status() -> None:
    async with (
        open_archive() as archive,
        open_association(archive.host, archive.port, contexts=[VERIFICATION]) as association,
    ):
        response = await association.c_echo()
        assert response.status.is_success
        assert association.negotiated.called_ae == "ANY-SCP"
        assert association.negotiated.calling_ae == "TRIO_DICOM"


async def test_a_file_arrives_byte_for_byte(pydicom_files: Path) -> None:
    path = pydicom_files / "JPEG2000.dcm"
    async with (
        open_archive() as archive,
        open_association(
            archive.host, archive.port, contexts=await contexts_for_files([path])
        ) as association,
    ):
        assert (await association.c_store(path)).status.is_success
    stored = archive.instances[dcmread(path).SOPInstanceUID]
    assert path.read_bytes().endswith(bytes(stored.data_set.data))


async def test_a_data_set_is_stored_as_it_is_in_memory(pydicom_files: Path) -> None:
    data_set = dcmread(pydicom_files / "CT_small.dcm")
    async with (
        open_archive() as archive,
        open_association(
            archive.host, archive.port, contexts=[PresentationContext(CT)]
        ) as association,
    ):
        assert (await association.c_store(data_set)).status.is_success
    assert archive.instances[data_set.SOPInstanceUID].data_set.decode() == data_set


@pytest.mark.scenario("B62")
async def test_priority_and_move_originator_go_out(pydicom_files: Path) -> None:
    path = pydicom_files / "CT_small.dcm"
    messages = Messages()
    async with (
        open_archive() as archive,
        open_association(
            archive.host,
            archive.port,
            contexts=await contexts_for_files([path]),
            instrument=messages,
        ) as association,
    ):
        await association.c_store(
            path,
            priority=Priority.HIGH,
            move_originator_ae="MOVER",
            move_originator_message_id=77,
        )
    (sent,) = messages.sent
    assert sent.priority is Priority.HIGH  # type: ignore[attr-defined]
    assert sent.move_originator_ae == "MOVER"  # type: ignore[attr-defined]
    assert sent.move_originator_message_id == 77  # type: ignore[attr-defined]


@pytest.mark.pitfall(9)
async def test_without_a_context_nothing_is_sent_and_the_association_lives(
    pydicom_files: Path,
) -> None:
    async with (
        open_archive() as archive,
        open_association(archive.host, archive.port, contexts=[VERIFICATION]) as association,
    ):
        with pytest.raises(NoAcceptedContext, match="CT Image Storage") as caught:
            await association.c_store(pydicom_files / "CT_small.dcm")
        assert "Verification" in caught.value.accepted[0]
        assert (await association.c_echo()).status.is_success
    assert len(archive.instances) == 0


async def test_a_file_that_is_none_costs_nothing_but_itself(tmp_path: Path) -> None:
    async with (
        open_archive() as archive,
        open_association(archive.host, archive.port, contexts=[VERIFICATION]) as association,
    ):
        with pytest.raises(FileNotFoundError):
            await association.c_store(tmp_path / "missing.dcm")
        (tmp_path / "text").write_text("no DICOM at all")
        with pytest.raises(LocalProtocolError, match="no DICOM file"):
            await association.c_store(tmp_path / "text")
        assert (await association.c_echo()).status.is_success


async def test_any_request_can_be_sent_and_answered(pydicom_files: Path) -> None:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.PatientName = ""
    query.StudyInstanceUID = ""
    request = CFindRequest(sop_class_uid=STUDY_ROOT_FIND.abstract_syntax, data_set=query)
    async with open_archive() as archive:
        archive.instances.add(pydicom_files / "CT_small.dcm")
        async with open_association(
            archive.host, archive.port, contexts=[STUDY_ROOT_FIND]
        ) as association:
            assert (await association.send_request(request)).status.is_success
            async with association.open_request(request) as responses:
                matches = [response async for response in responses]
                assert (await responses.final()).status.is_success
    (match,) = matches
    assert isinstance(match, CFindResponse)
    assert match.identifier is not None
    assert match.identifier.PatientName == "CompressedSamples^CT1"


@pytest.mark.scenario("B25")
async def test_tasks_share_an_association() -> None:
    answered: list[int] = []
    async with (
        open_archive() as archive,
        open_association(archive.host, archive.port, contexts=[VERIFICATION]) as association,
    ):

        async def echo(number: int) -> None:
            await association.c_echo()
            answered.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(echo, number)
    assert sorted(answered) == list(range(20))


async def test_an_association_that_was_released_takes_no_request() -> None:
    async with (
        open_archive() as archive,
        open_association(archive.host, archive.port, contexts=[VERIFICATION]) as association,
    ):
        await association.release()
        with pytest.raises(AssociationReleased, match="open a new"):
            await association.c_echo()


async def test_an_association_that_was_aborted_takes_no_request() -> None:
    async with (
        open_archive() as archive,
        open_association(archive.host, archive.port, contexts=[VERIFICATION]) as association,
    ):
        await association.abort()
        with pytest.raises(AssociationAborted) as caught:
            await association.send_request(CEchoRequest())
        assert not caught.value.by_peer


async def test_impossible_contexts_are_refused_before_there_is_a_connection() -> None:
    with pytest.raises(LocalProtocolError, match="at least one presentation context"):
        async with open_association("no.such.host.invalid", contexts=[]):
            raise AssertionError("there is no association")


async def test_a_peer_that_is_gone_is_told_at_the_next_request() -> None:
    life = trio.CancelScope()

    async def serve(task_status: trio.TaskStatus[MemoryArchive]) -> None:
        with life:
            async with open_archive() as archive:
                task_status.started(archive)
                await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        archive: MemoryArchive = await nursery.start(serve)
        async with open_association(
            archive.host, archive.port, contexts=[VERIFICATION]
        ) as association:
            assert (await association.c_echo()).status.is_success
            life.cancel()
            await association.connection.listener.ended.wait()
            with pytest.raises((ConnectionLost, AssociationAborted)):
                await association.c_echo()
