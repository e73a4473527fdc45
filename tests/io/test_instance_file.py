"""Files that grow aside in threads, and are given up at any moment."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from tests.io.arriving import UID, data_set, is_clean, names_in, whole_file
from tests.io.recording import CT
from trio_dicom import CStoreRequest, Destination, StoredDataSet
from trio_dicom._dimse.deflated import deflate
from trio_dicom._io import instance_file
from trio_dicom._io.instance_file import InstanceFile, NotKept

REQUEST = CStoreRequest(sop_class_uid=CT, sop_instance_uid=UID, message_id=1)
DATA = data_set(1000)


def file_in(folder: Path, *, name: str = "a.dcm", **destination: Any) -> InstanceFile:
    return InstanceFile(
        Destination(path=folder / name, **destination), REQUEST, ExplicitVRLittleEndian, "ANY-SCP"
    )


def refusal(result: object) -> int:
    assert isinstance(result, NotKept)
    return result.status


def test_it_grows_aside_and_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    assert not file.takes_time_to_discard
    assert file.write(DATA[:10]) is None
    assert file.takes_time_to_discard
    [name] = names_in(tmp_path)
    assert name != "a.dcm"
    assert file.write(bytearray(DATA[10:500])) is None
    stored = file.finish(DATA[500:510], memoryview(DATA)[510:600], bytearray(DATA[600:]))
    assert isinstance(stored, StoredDataSet)
    assert (stored.path, stored.length) == (tmp_path / "a.dcm", len(DATA))
    assert (stored.sop_class_uid, stored.sop_instance_uid) == (CT, UID)
    assert stored.path.read_bytes() == whole_file(DATA)
    assert not file.takes_time_to_discard
    file.discard()
    assert is_clean(tmp_path, "a.dcm")


def test_nothing_is_made_before_there_is_something_to_write(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    file.discard()
    assert is_clean(tmp_path)
    # A thread that comes late makes nothing either.
    assert file.write(DATA) is None
    assert file.finish(b"") is None
    assert is_clean(tmp_path)


@pytest.mark.parametrize("part", [0, 400])
def test_what_is_discarded_is_gone_and_closed(tmp_path: Path, part: int) -> None:
    file = file_in(tmp_path)
    file.write(DATA[:part])
    assert not is_clean(tmp_path)
    file.discard()
    assert is_clean(tmp_path)
    file.discard()
    assert file.finish(DATA[part:]) is None
    assert is_clean(tmp_path)


def test_files_that_follow_each_other_hide_nothing_from_each_other(tmp_path: Path) -> None:
    files = [file_in(tmp_path, on_exists="rename") for _ in range(5)]
    for number, file in enumerate(files):
        assert file.write(data_set(1000 + 2 * number)) is None
    assert len(names_in(tmp_path)) == 5
    for file in files:
        assert isinstance(file.finish(b""), StoredDataSet)
    assert is_clean(tmp_path, "a.dcm", "a-1.dcm", "a-2.dcm", "a-3.dcm", "a-4.dcm")


def test_without_a_destination_it_is_a_file_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    file = InstanceFile(None, REQUEST, ExplicitVRLittleEndian, "")
    stored = file.finish(b"whatever it is")  # the handler looks at it, not we
    assert isinstance(stored, StoredDataSet)
    assert stored.path.read_bytes()[stored.offset :] == b"whatever it is"
    assert stored.path.stat().st_mode & 0o777 == 0o600
    assert file.takes_time_to_discard
    file.discard()
    assert is_clean(tmp_path)


def test_the_name_lets_others_read_as_the_program_does(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    file_in(tmp_path).finish(DATA)
    mode = (tmp_path / "other").stat().st_mode
    assert (tmp_path / "a.dcm").stat().st_mode == mode


@pytest.mark.pitfall(31)
def test_what_is_looked_at_may_lie_across_blocks(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    for byte in DATA[:-1]:
        assert file.write(bytes([byte])) is None
    assert isinstance(file.finish(DATA[-1:]), StoredDataSet)
    deflated = InstanceFile(
        Destination(path=tmp_path / "b.dcm"), REQUEST, DeflatedExplicitVRLittleEndian, ""
    )
    assert isinstance(deflated.finish(deflate(DATA)), StoredDataSet)
    wrong = InstanceFile(
        Destination(path=tmp_path / "c.dcm"), REQUEST, DeflatedExplicitVRLittleEndian, ""
    )
    assert refusal(wrong.finish(deflate(data_set(uid="1.2.4")))) == 0xA900
    wrong.discard()
    assert is_clean(tmp_path, "a.dcm", "b.dcm")


def test_a_raw_write_may_take_less_than_it_is_given() -> None:
    class Reluctant:
        taken = b""

        def write(self, data: memoryview) -> int:
            self.taken += data[:3]
            return len(data[:3])

    file = Reluctant()
    instance_file._write_fully(file, b"0123456789")  # type: ignore[arg-type]  # all it needs
    assert file.taken == b"0123456789"


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (errno.ENOSPC, 0xA700),
        (errno.EDQUOT, 0xA700),
        (errno.EFBIG, 0xA700),
        (errno.EMFILE, 0xA700),
        (errno.EIO, 0x0110),
    ],
)
def test_errors_say_what_the_peer_is_told(number: int, status: int) -> None:
    error = OSError(number, "why")
    reason = NotKept.because_of(error)
    assert (reason.status, reason.__cause__) == (status, error)
    assert 0 < len(reason.comment) <= 64


@pytest.mark.parametrize("at", ["write", "finish", "check", "naming", "close"])
def test_it_is_removed_by_the_thread_that_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """The moment of the discard is inside of what ``at`` says."""
    reached, let_go = threading.Event(), threading.Event()

    def hanging(really: Callable[..., Any]) -> Callable[..., Any]:
        def hang(*arguments: Any) -> Any:
            reached.set()
            assert let_go.wait(30)
            return really(*arguments)

        return hang

    check = None
    if at == "check":
        check = hanging(lambda _: None)
    elif at == "naming":
        monkeypatch.setattr(instance_file, "give_name", hanging(instance_file.give_name))
    file = file_in(tmp_path, check=check)
    file.write(DATA[:500])
    if at in ("write", "finish"):
        monkeypatch.setattr(instance_file, "_write_fully", hanging(instance_file._write_fully))
    elif at == "close":
        assert file._file is not None
        file._file = Closing(file._file, hanging(file._file.close))  # type: ignore[assignment]
    results: list[Any] = []
    work = file.write if at == "write" else file.finish
    thread = threading.Thread(target=lambda: results.append(work(DATA[500:])))
    thread.start()
    assert reached.wait(30)
    file.discard()  # returns at once, whatever the disk does
    assert names_in(tmp_path) != []
    let_go.set()
    thread.join(30)
    # What is about to get its name may keep it; nothing else takes a name that late.
    named = at == "naming"
    assert is_clean(tmp_path, *(["a.dcm"] if named else []))
    assert isinstance(results[0], StoredDataSet) is named
    assert file.write(b"") is None
    assert is_clean(tmp_path, *(["a.dcm"] if named else []))


def test_with_patience_nothing_is_left_when_the_discard_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, let_go = threading.Event(), threading.Event()
    really = instance_file._write_fully

    def hang(file: BinaryIO, data: bytes) -> None:
        reached.set()
        assert let_go.wait(30)
        really(file, data)

    file = file_in(tmp_path)
    file.write(DATA[:500])
    monkeypatch.setattr(instance_file, "_write_fully", hang)
    at_work = threading.Thread(target=file.write, args=[DATA[500:]])
    at_work.start()
    assert reached.wait(30)
    left: list[list[str]] = []

    def discard() -> None:
        file.discard(30)
        left.append(names_in(tmp_path))

    discarding = threading.Thread(target=discard)
    discarding.start()
    while not file._is_unwanted:  # it waits, then
        pass
    let_go.set()
    discarding.join(30)
    assert left == [[]]
    at_work.join(30)


def test_a_folder_that_was_removed_is_not_made_again_for_a_file_that_nobody_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "its owner has removed it"
    file = file_in(folder, makes_directory=True)

    def discarded_meanwhile(file: InstanceFile) -> BinaryIO:
        file.discard()
        raise FileNotFoundError

    monkeypatch.setattr(InstanceFile, "_open_aside", discarded_meanwhile)
    file.write(DATA)
    assert not folder.exists()


class Closing:
    """A file that closes as the test says."""

    def __init__(self, file: BinaryIO, close: Callable[[], None]) -> None:
        self._file, self.close = file, close

    def write(self, data: memoryview) -> int:
        return self._file.write(data)


def test_a_program_error_in_the_check_leaves_nothing(tmp_path: Path) -> None:
    def check(_: StoredDataSet) -> int:
        raise ZeroDivisionError

    file = file_in(tmp_path, check=check)
    with pytest.raises(ZeroDivisionError):
        file.finish(DATA)
    file.discard()
    assert is_clean(tmp_path)
