"""Which files are found, in which order, and when."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trio_dicom.cli.exits import UsageError
from trio_dicom.cli.files import check_paths, find, is_beside_the_point


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b/2", "b/1", "a", "c", "B"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path


def names(tree: Path, *paths: Path) -> list[str]:
    return [str(found.path.relative_to(tree)) for found in find(paths)]


def test_directories_are_walked_in_the_order_of_names(tree: Path) -> None:
    assert names(tree, tree) == ["B", "a", "b/1", "b/2", "c"]


def test_paths_are_taken_in_the_order_they_were_named(tree: Path) -> None:
    assert names(tree, tree / "c", tree / "b", tree / "a") == ["c", "b/1", "b/2", "a"]


def test_a_file_knows_its_size_and_whether_it_was_named(tree: Path) -> None:
    (named,) = find([tree / "b/1"])
    assert (named.size, named.is_named) == (3, True)
    assert {found.is_named for found in find([tree])} == {False}


def test_a_directory_is_read_when_its_turn_comes(tree: Path) -> None:
    found = find([tree])
    assert next(found).path.name == "B"
    (tree / "b" / "0").write_text("late")
    assert [it.path.name for it in found] == ["a", "0", "1", "2", "c"]


def test_a_directory_that_cannot_be_read_is_found_with_its_problem(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def scandir(directory: str) -> object:
        if directory.endswith("/b"):
            raise PermissionError(13, "Permission denied")
        return real(directory)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [it.problem for it in find([tree])] == ["", "", "Permission denied", ""]


def test_a_named_path_that_vanished_meanwhile_is_a_problem(tree: Path) -> None:
    (found,) = find([tree / "gone"])
    assert (found.problem, found.is_named) == ("No such file or directory", True)


def test_a_named_device_is_no_file() -> None:
    (found,) = find([Path(os.devnull)])
    assert (found.problem, found.is_special, found.is_named) == ("is no file", True, True)


def test_a_named_link_to_a_directory_is_followed(tree: Path, tmp_path: Path) -> None:
    link = tree / "link"
    link.symlink_to(tree / "b")
    assert [it.path.name for it in find([link])] == ["1", "2"]


def test_a_link_in_a_circle_is_a_problem(tree: Path) -> None:
    (tree / "circle").symlink_to(tree / "circle")
    (found,) = (it for it in find([tree]) if it.path.name == "circle")
    assert found.problem


def test_a_deep_tree_is_no_problem(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 300)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    assert len(list(find([tmp_path]))) == 1


def test_paths_must_exist(tree: Path) -> None:
    check_paths([tree, tree / "a"])
    with pytest.raises(UsageError, match="No such file"):
        check_paths([tree, tree / "gone"])
    with pytest.raises(UsageError, match="PATH is missing"):
        check_paths([])


@pytest.mark.parametrize(
    "name, answer",
    [
        ("README.txt", True),
        ("dicomdirtests/DICOMDIR", True),
        ("dicomdirtests/DICOMDIR-implicit", True),
        ("CT_small.dcm", False),
        ("meta_missing_tsyntax.dcm", False),
    ],
)
def test_what_nobody_could_have_meant_to_store(
    pydicom_files: Path, name: str, answer: bool
) -> None:
    assert is_beside_the_point(pydicom_files / name) is answer


def test_a_dicom_file_whose_meta_header_is_cut_may_have_been_meant(
    tmp_path: Path, pydicom_files: Path
) -> None:
    path = tmp_path / "cut.dcm"
    path.write_bytes((pydicom_files / "CT_small.dcm").read_bytes()[:150])
    assert is_beside_the_point(path) is False
