"""The directory that takes instances: bytes, what exists already, what fails."""

from __future__ import annotations

import resource
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from unittest.mock import patch

import pytest
import trio
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.io.disk import threads_ended
from tests.io.talking import is_silent
from tests.operations.getting import (
    begin_to_send,
    c_store,
    ct,
    files_in,
    getting,
    retrieving,
    send,
    study_query,
    uids_of,
)
from trio_dicom import (
    IMPLEMENTATION_CLASS_UID,
    CGetRequest,
    ConnectionEnded,
    CStoreResponse,
    Inbox,
    ReceivedInstance,
    StoredDataSet,
)
from trio_dicom._io import instance_file
from trio_dicom._operations.retrieving import Arrivals


@contextmanager
def disk_with_room_for(size: int) -> Generator[None, None, None]:
    """Let no file grow beyond ``size`` bytes, as a quota or a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def writing() -> Generator[trio.Event, None, None]:
    """An event that is set when something has been written to the disk."""
    is_written = trio.Event()
    really_write = instance_file._write_fully

    def write(file: BinaryIO, data: bytes | bytearray) -> None:
        really_write(file, data)
        trio.from_thread.run_sync(is_written.set)

    with patch.object(instance_file, "_write_fully", write):
        yield is_written


# --- bytes -----------------------------------------------------------------------------


@pytest.mark.scenario("B52", "B63")
async def test_a_file_is_a_header_of_ours_and_the_data_set_as_it_came(tmp_path: Path) -> None:
    data_set = ct("1.2.3", PatientName="Somebody", size=2_000_000)
    async with retrieving(Inbox(tmp_path)) as (retrieval, peer):
        await send(peer, data_set=data_set)
    (received,) = retrieval.instances
    assert received == ReceivedInstance(
        path=tmp_path / "1.2.3.dcm",
        sop_class_uid=CTImageStorage,
        sop_instance_uid="1.2.3",
        transfer_syntax=ExplicitVRLittleEndian,
        size=len(data_set),
    )
    assert received.path.read_bytes().endswith(bytes(data_set.data))
    meta = dcmread(received.path).file_meta
    assert meta.MediaStorageSOPClassUID == CTImageStorage
    assert meta.MediaStorageSOPInstanceUID == "1.2.3"
    assert meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert meta.ImplementationVersionName.startswith("TRIO_DICOM")
    assert meta.SourceApplicationEntityTitle == "ANY-SCP"


@pytest.mark.scenario("B52")
async def test_what_pydicom_could_not_read_is_kept_as_it_came(tmp_path: Path) -> None:
    whole = bytes(ct().data)
    broken = whole[:-50]  # in the middle of the pixel data
    async with retrieving(Inbox(tmp_path)) as (retrieval, peer):
        data_set = ct()
        data_set.data = broken
        assert (await send(peer, data_set=data_set)).status.is_success
    assert retrieval.instances[0].path.read_bytes().endswith(broken)


@pytest.mark.scenario("B39")
async def test_what_has_its_name_is_reported_though_its_association_has_ended(
    tmp_path: Path,
) -> None:
    reported: list[ReceivedInstance] = []
    inbox = Arrivals(Inbox(tmp_path, report=reported.append))
    stored = StoredDataSet(
        path=tmp_path / "1.2.3.dcm",
        offset=400,
        length=100,
        transfer_syntax=ExplicitVRLittleEndian,
        sop_class_uid=CTImageStorage,
        sop_instance_uid="1.2.3",
    )
    with trio.CancelScope() as association:
        association.cancel()
        response = await inbox.on_c_store_request(c_store("1.2.3", 1, data_set=stored))
        assert response.status.is_success
    assert reported == inbox.instances == [ReceivedInstance.of(stored)]


async def test_what_arrives_has_no_name_until_it_is_complete(tmp_path: Path) -> None:
    async with retrieving(Inbox(tmp_path)) as (retrieval, peer):
        with writing() as is_written:
            rest = await begin_to_send(peer)
            await is_written.wait()
        (aside,) = files_in(tmp_path)
        assert not aside.endswith(".dcm")
        assert not retrieval.instances
        await peer.send_bytes(rest)
        assert (await peer.expect_message(CStoreResponse)).status.is_success
        assert files_in(tmp_path) == ["1.2.3.dcm"]
        assert uids_of(retrieval) == ["1.2.3"]


@pytest.mark.parametrize("how", ["aclose", "reset", "abort"])
async def test_a_broken_transfer_leaves_nothing_but_what_was_complete(
    tmp_path: Path, how: str
) -> None:
    async with getting() as (association, peer):
        with pytest.raises(ConnectionEnded):  # noqa: PT012 - the script is a part of it
            async with association.c_get(study_query(), into=tmp_path) as retrieval:
                await peer.expect_message(CGetRequest)
                await send(peer, "1.2.1")
                with writing() as is_written:
                    await begin_to_send(peer, "1.2.2", number=2)
                    await is_written.wait()
                assert len(files_in(tmp_path)) == 2
                await getattr(peer, how)()
                await retrieval.final()
        await threads_ended(association.connection)
    assert uids_of(retrieval) == ["1.2.1"]
    assert files_in(tmp_path) == ["1.2.1.dcm"]


# --- what exists already ---------------------------------------------------------------


@pytest.mark.parametrize("on_exists", ["replace", "keep", "rename"])
async def test_the_same_bytes_once_more_are_a_success_and_stay_one_file(
    tmp_path: Path, on_exists: str
) -> None:
    async with retrieving(Inbox(tmp_path, on_exists=on_exists)) as (retrieval, peer):
        await send(peer)
        before = (tmp_path / "1.2.3.dcm").stat()
        assert (await send(peer, number=2)).status.is_success
    assert files_in(tmp_path) == ["1.2.3.dcm"]
    assert (tmp_path / "1.2.3.dcm").stat().st_ino == before.st_ino
    assert uids_of(retrieval) == ["1.2.3", "1.2.3"]


async def come_different(directory: Path, on_exists: str) -> tuple[list[ReceivedInstance], Path]:
    """Have an instance come three times, each with other bytes."""
    async with retrieving(Inbox(directory, on_exists=on_exists)) as (retrieval, peer):
        for number in range(1, 4):
            data_set = ct(PatientName=f"number {number}")
            assert (await send(peer, number=number, data_set=data_set)).status.is_success
    return retrieval.instances, directory / "1.2.3.dcm"


def name_in(path: Path) -> str:
    return str(dcmread(path).PatientName)


async def test_other_bytes_replace_a_file(tmp_path: Path) -> None:
    instances, path = await come_different(tmp_path, "replace")
    assert files_in(tmp_path) == [path.name]
    assert name_in(path) == "number 3"
    assert [it.path for it in instances] == [path] * 3


async def test_or_the_file_is_kept(tmp_path: Path) -> None:
    instances, path = await come_different(tmp_path, "keep")
    assert files_in(tmp_path) == [path.name]
    assert name_in(path) == "number 1"
    assert [it.path for it in instances] == [path] * 3


async def test_or_the_new_one_gets_a_number(tmp_path: Path) -> None:
    instances, path = await come_different(tmp_path, "rename")
    paths = [path, tmp_path / "1.2.3-1.dcm", tmp_path / "1.2.3-2.dcm"]
    assert files_in(tmp_path) == sorted(it.name for it in paths)
    assert [name_in(it) for it in paths] == ["number 1", "number 2", "number 3"]
    assert [it.path for it in instances] == paths


async def test_the_file_of_another_instance_is_not_kept_for_this_one(tmp_path: Path) -> None:
    async with retrieving(Inbox(tmp_path, on_exists="keep")) as (retrieval, peer):
        await send(peer, "9.9.9")
        (tmp_path / "9.9.9.dcm").rename(tmp_path / "1.2.2.dcm")
        answer = await send(peer, "1.2.2", number=2, data_set=ct("1.2.2"))
    assert (answer.status.code, answer.error_comment) == (0x0110, "another file has its name")
    assert uids_of(retrieval) == ["9.9.9"]


def test_there_is_nothing_else_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="on_exists"):
        Inbox(tmp_path, on_exists="panic")  # type: ignore[arg-type]


# --- what fails ------------------------------------------------------------------------


@pytest.mark.scenario("B52")
@pytest.mark.pitfall(31)
async def test_a_data_set_that_is_another_instance_is_refused(tmp_path: Path) -> None:
    async with retrieving(Inbox(tmp_path)) as (retrieval, peer):
        answer = await send(peer, "1.2.3", data_set=ct("1.2.4"))
        assert answer.status.code == 0xA900
        assert answer.error_comment == "the data set is another instance"
        assert (await send(peer, "1.2.5", number=2)).status.is_success
    assert files_in(tmp_path) == ["1.2.5.dcm"]
    assert uids_of(retrieval) == ["1.2.5"]


@pytest.mark.parametrize("size", [2_000_000, 200_000])
async def test_a_full_disk_is_told_and_the_next_instance_may_fit(tmp_path: Path, size: int) -> None:
    async with retrieving(Inbox(tmp_path)) as (retrieval, peer):
        with disk_with_room_for(size // 2):
            answer = await send(peer, "1.2.3", data_set=ct(size=size))
            assert answer.status.code == 0xA700
            assert answer.error_comment == "the disk is full"
            assert not files_in(tmp_path)
            assert (await send(peer, "1.2.4", number=2)).status.is_success
    assert files_in(tmp_path) == ["1.2.4.dcm"]
    assert uids_of(retrieval) == ["1.2.4"]


async def test_a_directory_that_goes_away_is_told(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    async with retrieving(Inbox(inbox)) as (retrieval, peer):
        inbox.rmdir()
        inbox.write_bytes(b"in its place")  # so that it cannot be made again
        answer = await send(peer)
        assert answer.status.code == 0x0110
        assert answer.error_comment == "the file could not be written"
        inbox.unlink()
        assert (await send(peer, number=2)).status.is_success
    assert uids_of(retrieval) == ["1.2.3"]


async def test_a_directory_that_cannot_be_made_is_an_error_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    (tmp_path / "inbox").write_text("I was here first")
    async with getting() as (association, peer):
        with pytest.raises(FileExistsError):
            async with association.c_get(study_query(), into=tmp_path / "inbox"):
                raise AssertionError("there is no such place")
        assert await is_silent(peer)


async def test_a_report_that_raises_is_logged_and_the_instance_is_stored_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def report(received: ReceivedInstance) -> None:
        if received.sop_instance_uid == "1.2.1":
            raise RuntimeError("no room in the database")

    async with retrieving(Inbox(tmp_path, report=report)) as (retrieval, peer):
        assert (await send(peer, "1.2.1")).status.is_success
        assert (await send(peer, "1.2.2", number=2)).status.is_success
    assert "RuntimeError: no room in the database" in caplog.text
    assert uids_of(retrieval) == ["1.2.1", "1.2.2"]
    assert files_in(tmp_path) == ["1.2.1.dcm", "1.2.2.dcm"]


async def test_what_is_not_wanted_is_refused_with_the_status_that_is_given(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, check=lambda stored: 0x0124 if len(stored) > 1000 else None)
    async with retrieving(inbox) as (_, peer):
        assert (await send(peer, "1.2.1", data_set=ct("1.2.1", size=2000))).status.code == 0x0124
        assert (await send(peer, "1.2.2", number=2)).status.is_success
    assert files_in(tmp_path) == ["1.2.2.dcm"]


async def test_a_directory_is_not_made_any_more_when_the_wait_for_it_was_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[Callable[[], None]] = []

    async def begin_later(work: Callable[[], None], **_: object) -> None:
        late.append(work)
        await trio.sleep_forever()

    monkeypatch.setattr(trio.to_thread, "run_sync", begin_later)
    directory = tmp_path / "its owner has removed it"
    with trio.CancelScope() as scope:
        scope.cancel()
        await Inbox(directory).make_directory()
    [work] = late
    work()
    assert not directory.exists()
