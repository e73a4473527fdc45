"""Looking at files to know what to propose for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from trio.testing import assert_checkpoints

from trio_dicom import PresentationContext, contexts_for_files, propose


def syntaxes_of(contexts: list[PresentationContext]) -> list[list[str]]:
    return [list(context.transfer_syntaxes) for context in contexts]


@pytest.mark.scenario("B12")
async def test_a_compressed_file_gets_a_context_of_its_own_beside_an_uncompressed_one(
    pydicom_files: Path,
) -> None:
    path = pydicom_files / "JPEG2000.dcm"
    own = dcmread(path).file_meta.TransferSyntaxUID
    contexts = await contexts_for_files([path])
    assert syntaxes_of(contexts) == [[own], [ExplicitVRLittleEndian, ImplicitVRLittleEndian]]
    assert {context.abstract_syntax for context in contexts} == {dcmread(path).SOPClassUID}


@pytest.mark.scenario("B15")
async def test_two_syntaxes_of_one_class_get_a_context_each(pydicom_files: Path) -> None:
    paths = [pydicom_files / "JPGExtended.dcm", pydicom_files / "JPEG2000.dcm"]
    syntaxes = [dcmread(path).file_meta.TransferSyntaxUID for path in paths]
    contexts = await contexts_for_files(paths)
    assert syntaxes_of(contexts)[:2] == [[syntaxes[0]], [syntaxes[1]]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CT_small.dcm", [[ExplicitVRLittleEndian], [ImplicitVRLittleEndian]]),
        ("MR_small_implicit.dcm", [[ImplicitVRLittleEndian], [ExplicitVRLittleEndian]]),
        (
            "image_dfl.dcm",
            [
                [DeflatedExplicitVRLittleEndian],
                [ExplicitVRLittleEndian, ImplicitVRLittleEndian],
            ],
        ),
        (
            "MR_small_bigendian.dcm",
            [[ExplicitVRBigEndian], [ExplicitVRLittleEndian, ImplicitVRLittleEndian]],
        ),
    ],
)
@pytest.mark.scenario("B17")
async def test_implicit_little_endian_is_always_among_those_of_a_class(
    pydicom_files: Path, name: str, expected: list[list[str]]
) -> None:
    assert syntaxes_of(await contexts_for_files([pydicom_files / name])) == expected


@pytest.mark.scenario("B14")
async def test_many_files_of_one_kind_need_no_more_than_one(pydicom_files: Path) -> None:
    path = pydicom_files / "CT_small.dcm"
    contexts = await contexts_for_files([path] * 200)
    assert contexts == await contexts_for_files([path])
    assert [it.context_id for it in propose(contexts=contexts).contexts] == [1, 3]


async def test_what_is_no_instance_is_passed_over(pydicom_files: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no DICOM")
    paths = [text, tmp_path / "missing.dcm", pydicom_files / "DICOMDIR", tmp_path]
    assert await contexts_for_files(paths) == []
    assert await contexts_for_files([]) == []


async def test_looking_is_a_checkpoint(pydicom_files: Path) -> None:
    with assert_checkpoints():
        await contexts_for_files([])
    with assert_checkpoints():
        await contexts_for_files([str(pydicom_files / "CT_small.dcm")])


@pytest.mark.scenario("B53")
@pytest.mark.parametrize("uid", [b"1.2." + b"3" * 80, b"1.2 3.4\0", b"1.2.\xfc\0", b"1.2\n3\0"])
async def test_a_uid_that_cannot_be_proposed_keeps_no_other_file_back(
    pydicom_files: Path, tmp_path: Path, uid: bytes
) -> None:
    good = pydicom_files / "CT_small.dcm"
    data = good.read_bytes()
    own = b"\x08\0\x16\0UI\x1a\x001.2.840.10008.5.1.4.1.1.2\0"
    assert own in data
    bad_class = tmp_path / "class.dcm"
    bad_class.write_bytes(
        data.replace(own, b"\x08\0\x16\0UI" + len(uid).to_bytes(2, "little") + uid)
    )
    bad_syntax = tmp_path / "syntax.dcm"
    own = b"\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0"
    assert own in data
    bad_syntax.write_bytes(
        data.replace(own, b"\x02\0\x10\0UI" + len(uid).to_bytes(2, "little") + uid)
    )
    assert await contexts_for_files([bad_class, good]) == await contexts_for_files([good])
    assert syntaxes_of(await contexts_for_files([bad_syntax])) == [
        [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
    ]
