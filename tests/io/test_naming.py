"""Complete files that get their names, whatever has them already."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.io.arriving import names_in
from trio_dicom import Destination
from trio_dicom._io.naming import give_name

OnExists = Literal["replace", "keep", "rename"]
ALL: tuple[OnExists, ...] = ("replace", "keep", "rename")


@pytest.fixture
def aside(tmp_path: Path) -> Path:
    path = tmp_path / ".new.part"
    path.write_bytes(b"new")
    return path


def named(aside: Path, on_exists: OnExists, name: str = "a.dcm") -> Path | None:
    destination = Destination(path=aside.with_name(name), on_exists=on_exists)
    path = give_name(aside, destination)
    assert not aside.exists()
    return path


@pytest.mark.parametrize("on_exists", ALL)
def test_a_free_name_is_taken(tmp_path: Path, aside: Path, on_exists: OnExists) -> None:
    inode = aside.stat().st_ino
    assert named(aside, on_exists) == tmp_path / "a.dcm"
    assert (tmp_path / "a.dcm").stat().st_ino == inode
    assert (tmp_path / "a.dcm").stat().st_nlink == 1
    assert names_in(tmp_path) == ["a.dcm"]


@pytest.mark.parametrize("on_exists", ALL)
def test_the_same_bytes_stay(tmp_path: Path, aside: Path, on_exists: OnExists) -> None:
    (tmp_path / "a.dcm").write_bytes(b"new")
    inode = (tmp_path / "a.dcm").stat().st_ino
    assert named(aside, on_exists) == tmp_path / "a.dcm"
    assert (tmp_path / "a.dcm").stat().st_ino == inode
    assert names_in(tmp_path) == ["a.dcm"]


def test_others_are_replaced_kept_or_have_a_number_beside_them(tmp_path: Path) -> None:
    def another(text: bytes) -> Path:
        path = tmp_path / ".new.part"
        path.write_bytes(text)
        return path

    (tmp_path / "a.dcm").write_bytes(b"old")
    assert named(another(b"1"), "keep") is None
    assert named(another(b"1"), "rename") == tmp_path / "a-1.dcm"
    assert named(another(b"2"), "rename") == tmp_path / "a-2.dcm"
    assert named(another(b"1"), "rename") == tmp_path / "a-1.dcm"  # the same bytes again
    assert named(another(b"old"), "rename") == tmp_path / "a.dcm"
    assert named(another(b"3"), "replace") == tmp_path / "a.dcm"
    contents = {it.name: it.read_bytes() for it in tmp_path.iterdir()}
    assert contents == {"a.dcm": b"3", "a-1.dcm": b"1", "a-2.dcm": b"2"}


def test_equal_times_and_sizes_are_not_equal_bytes(tmp_path: Path, aside: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"old")
    for path in (aside, tmp_path / "a.dcm"):
        os.utime(path, (1, 1))
    assert named(aside, "rename") == tmp_path / "a-1.dcm"


@pytest.mark.parametrize("error", [errno.EPERM, errno.EOPNOTSUPP, errno.EXDEV])
def test_without_links_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def no_link(*_: Any) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", no_link)
    aside = tmp_path / ".new.part"
    for text, path in ((b"1", "a.dcm"), (b"2", "a-1.dcm"), (b"1", "a.dcm")):
        aside.write_bytes(text)
        assert named(aside, "rename") == tmp_path / path
    aside.write_bytes(b"3")
    assert named(aside, "keep") is None
    (tmp_path / "b.dcm").symlink_to(tmp_path / "nowhere")
    aside.write_bytes(b"4")
    assert named(aside, "rename", "b.dcm") == tmp_path / "b-1.dcm"
    assert (tmp_path / "b.dcm").is_symlink()
    for name in ("b.dcm", "b-1.dcm"):
        (tmp_path / name).unlink()
    assert names_in(tmp_path) == ["a-1.dcm", "a.dcm"]


def test_what_the_file_system_refuses_is_an_error(
    tmp_path: Path, aside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="full"):
        give_name(aside, Destination(path=tmp_path / "a.dcm", on_exists="keep"))
    assert names_in(tmp_path) == [".new.part"]


def test_what_may_not_be_read_is_replaced_all_the_same(
    tmp_path: Path, aside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "1.dcm"
    path.write_bytes(b"somebody else's")

    def refuse(*_: object, **__: object) -> bool:
        raise PermissionError(errno.EACCES, "no", str(path))

    monkeypatch.setattr("trio_dicom._io.naming.filecmp.cmp", refuse)
    assert give_name(aside, Destination(path=path)) == path
    assert path.read_bytes() == b"new"


def test_a_link_with_the_name_is_replaced_and_not_followed(tmp_path: Path, aside: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (tmp_path / "a.dcm").symlink_to(tmp_path / "elsewhere")
    assert named(aside, "replace") == tmp_path / "a.dcm"
    assert not (tmp_path / "a.dcm").is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"


@pytest.mark.parametrize("on_exists", ["keep", "rename"])
def test_a_link_to_nowhere_has_the_name(tmp_path: Path, aside: Path, on_exists: OnExists) -> None:
    (tmp_path / "a.dcm").symlink_to(tmp_path / "nowhere")
    expected = None if on_exists == "keep" else tmp_path / "a-1.dcm"
    assert named(aside, on_exists) == expected
    assert not (tmp_path / "nowhere").exists()


def test_a_pipe_with_the_name_is_never_opened(tmp_path: Path, aside: Path) -> None:
    os.mkfifo(tmp_path / "a.dcm")  # opening it would hang
    assert named(aside, "rename") == tmp_path / "a-1.dcm"


def test_two_that_want_one_name_both_stay(tmp_path: Path) -> None:
    found = set[Path | None]()
    for text in (b"1", b"2"):
        aside = tmp_path / f".{text.decode()}.part"
        aside.write_bytes(text)
    for text in (b"1", b"2"):
        found.add(named(tmp_path / f".{text.decode()}.part", "rename"))
    assert found == {tmp_path / "a.dcm", tmp_path / "a-1.dcm"}
