"""What is to outlive a crash of the computer is on the disk before the peer hears of it."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, field
from pydicom.uid import ExplicitVRLittleEndian

from tests.io.arriving import UID, data_set, is_clean, names_in
from tests.io.recording import CT
from tests.operations.calling import calling, offer, receiving
from trio_dicom import CStoreRequest, CStoreResponse, Destination, Inbox, StoredDataSet
from trio_dicom._io.instance_file import InstanceFile, NotKept
from trio_dicom._io.syncing import make_folder

REQUEST = CStoreRequest(sop_class_uid=CT, sop_instance_uid=UID, message_id=1)


@define(eq=False)
class Disk:
    """Notes what is written out, and what had a name at that moment.

    Attributes:
        folder: Where the files are.
        synced: The path of each, and the names of the files there were.
        errors: What happens instead, by how many were written out before.
    """

    folder: Path
    synced: list[tuple[Path, list[str]]] = field(factory=list[tuple[Path, list[str]]])
    errors: dict[int, OSError] = field(factory=dict[int, OSError])

    def fsync(self, descriptor: int) -> None:
        error = self.errors.get(len(self.synced))
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        self.synced.append((path, sorted(it.name for it in self.folder.glob("*.dcm"))))
        if error is not None:
            raise error


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("the system does not tell what a descriptor stands for")
    noted = Disk(tmp_path)
    monkeypatch.setattr(os, "fsync", noted.fsync)
    return noted


def stored(folder: Path, data: bytes, **destination: Any) -> object:
    file = InstanceFile(
        Destination(path=folder / "a.dcm", **destination), REQUEST, ExplicitVRLittleEndian, ""
    )
    file.write(data[:100])
    result = file.finish(data[100:])
    file.discard()
    return result


@pytest.mark.parametrize("on_exists", ["replace", "keep", "rename"])
def test_the_file_is_on_the_disk_before_it_has_its_name_and_then_the_name(
    disk: Disk, tmp_path: Path, on_exists: str
) -> None:
    assert isinstance(
        stored(tmp_path, data_set(), durable=True, on_exists=on_exists), StoredDataSet
    )
    (aside, before), *after = disk.synced
    assert aside.match(".trio_dicom-*.part")
    assert before == []
    assert after == [(tmp_path / "a.dcm", ["a.dcm"]), (tmp_path, ["a.dcm"])]


def test_nothing_is_waited_for_that_nobody_asked_for(disk: Disk, tmp_path: Path) -> None:
    assert isinstance(stored(tmp_path / "new", data_set(), makes_directory=True), StoredDataSet)
    assert disk.synced == []


@pytest.mark.parametrize(
    ("on_exists", "there", "name"),
    [
        ("replace", "the same", "a.dcm"),
        ("keep", "the same", "a.dcm"),
        ("rename", "the same", "a.dcm"),
        ("keep", "another", "a.dcm"),
        ("rename", "another", "a-1.dcm"),
    ],
)
def test_a_file_that_was_there_and_stays_is_written_out_as_well(
    disk: Disk, tmp_path: Path, on_exists: str, there: str, name: str
) -> None:
    stored(tmp_path, data_set(400 if there == "the same" else 500))
    assert disk.synced == []
    assert isinstance(
        stored(tmp_path, data_set(), durable=True, on_exists=on_exists), StoredDataSet
    )
    assert [path for path, _ in disk.synced][1:] == [tmp_path / name, tmp_path]


def test_folders_that_are_made_are_in_those_above_them(disk: Disk, tmp_path: Path) -> None:
    make_folder(tmp_path / "a/b/c", durable=True)
    assert [path for path, _ in disk.synced] == [tmp_path, tmp_path / "a", tmp_path / "a/b"]
    make_folder(tmp_path / "a/b/c", durable=True)
    assert len(disk.synced) == 3
    folder = tmp_path / "d"
    assert isinstance(stored(folder, data_set(), makes_directory=True, durable=True), StoredDataSet)
    assert [path for path, _ in disk.synced][3] == tmp_path


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("at", [0, 1, 2], ids=["the file", "its name", "the folder"])
def test_what_the_disk_did_not_take_is_not_said_to_be_stored(
    disk: Disk, tmp_path: Path, number: int, at: int
) -> None:
    disk.errors[at] = OSError(number, "broken")
    result = stored(tmp_path, data_set(), durable=True)
    assert isinstance(result, NotKept)
    assert result.status == (0x0110 if number == errno.EIO else 0xA700)
    assert is_clean(tmp_path, *(["a.dcm"] if at else []))


def test_file_systems_that_write_out_no_folders_do_it_anyway(disk: Disk, tmp_path: Path) -> None:
    disk.errors[2] = OSError(errno.EINVAL, "no such thing")
    assert isinstance(stored(tmp_path, data_set(), durable=True), StoredDataSet)


@pytest.mark.parametrize("hangs_at", [1, 2, 3], ids=["the file", "its name", "the folder"])
async def test_a_peer_is_answered_only_when_the_disk_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs_at: int
) -> None:
    reached, let_go = trio.Event(), threading.Event()
    answers: list[CStoreResponse] = []
    count = 0

    def hang(_: int) -> None:
        nonlocal count
        count += 1
        if count == hangs_at:
            trio.from_thread.run_sync(reached.set)
            assert let_go.wait(30)

    async def bring() -> None:
        answers.append(await offer(association, UID))

    async with (
        receiving(Inbox(tmp_path, durable=True)) as receiver,
        calling(receiver) as association,
    ):
        monkeypatch.setattr(os, "fsync", hang)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bring)
            with trio.fail_after(20):
                await reached.wait()
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert answers == []
            assert ([f"{UID}.dcm"] == names_in(tmp_path)) is (hangs_at > 1)
            let_go.set()
    (answer,) = answers
    assert answer.status.is_success
    assert count == 3
