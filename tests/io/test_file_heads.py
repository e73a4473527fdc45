"""Reading the head of a file: little is asked of the system, and all that it may answer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trio_dicom import LocalProtocolError
from trio_dicom._dimse.part10 import HEAD, LOOK
from trio_dicom._io.file_heads import look_at
from trio_dicom.lowlevel import file_meta_bytes

CT = "1.2.840.10008.5.1.4.1.1.2"
UIDS = b"\x08\0\x16\0UI\x1a\0" + CT.encode() + b"\0" + b"\x08\0\x18\0UI\x04\0" + b"1.2\0"
META = file_meta_bytes(
    sop_class_uid=CT, sop_instance_uid="1.2", transfer_syntax="1.2.840.10008.1.2.1"
)
SMALL = META + UIDS
LONG = SMALL + bytes(LOOK)
LONG_META = META + b"\x02\0\x02\1OB\0\0" + LOOK.to_bytes(4, "little") + bytes(LOOK) + UIDS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "slice.dcm"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []

    def noted(name: str) -> Callable[..., object]:
        really = getattr(os, name)

        def call(*args: object) -> object:
            made.append(name)
            return really(*args)

        return call

    for name in ("open", "fstat", "read", "close"):
        monkeypatch.setattr(os, name, noted(name))
    return made


@pytest.mark.parametrize("data", [SMALL, LONG])
def test_a_file_costs_four_calls(path: Path, data: bytes, calls: list[str]) -> None:
    path.write_bytes(data)
    calls.clear()
    head, _ = look_at(path)
    assert calls == ["open", "fstat", "read", "close"]
    assert (head.offset, head.length) == (len(META), len(data) - len(META))
    assert (head.sop_class_uid, head.sop_instance_uid) == (CT, "1.2")


def test_a_file_is_read_to_its_end_where_that_is_wanted(path: Path) -> None:
    path.write_bytes(LONG)
    assert look_at(path)[1] == LONG[:HEAD]
    assert look_at(path, whole=len(LONG) - 1)[1] == LONG[:HEAD]
    assert look_at(path, whole=len(LONG))[1] == LONG


def test_more_is_read_of_a_file_with_a_long_header(path: Path, calls: list[str]) -> None:
    path.write_bytes(LONG_META)
    calls.clear()
    head, beginning = look_at(str(path))
    assert (head.offset, head.length) == (len(LONG_META) - len(UIDS), len(UIDS))
    assert beginning == LONG_META
    assert calls.count("open") == calls.count("close") == 2


def test_reads_that_return_early_go_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(LONG)
    really_read = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: really_read(fd, min(size, 1000)))
    assert look_at(path, whole=len(LONG))[1] == LONG


def test_a_file_that_becomes_shorter_is_as_long_as_what_came(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(LONG)
    really_fstat = os.fstat

    def fstat_and_cut(fd: int) -> os.stat_result:
        status = really_fstat(fd)
        os.truncate(path, len(SMALL))
        return status

    monkeypatch.setattr(os, "fstat", fstat_and_cut)
    head, beginning = look_at(path, whole=len(LONG))
    assert beginning == SMALL
    assert head.length == len(UIDS)


def test_what_is_no_file_says_so_by_name(path: Path, calls: list[str]) -> None:
    with pytest.raises(FileNotFoundError, match=r"slice\.dcm"):
        look_at(path)
    path.mkdir()
    calls.clear()
    with pytest.raises((IsADirectoryError, PermissionError), match=r"slice\.dcm"):
        look_at(path)
    with pytest.raises(OSError, match=os.devnull):
        look_at(os.devnull)
    assert calls.count("close") == 2


def test_a_file_that_cannot_be_sent_is_closed(path: Path, calls: list[str]) -> None:
    path.write_bytes(b"no DICOM")
    calls.clear()
    with pytest.raises(LocalProtocolError, match=r"slice\.dcm is no DICOM file"):
        look_at(path)
    assert calls == ["open", "fstat", "read", "close"]
