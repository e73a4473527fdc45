"""The example of the page about retrieving by C-GET."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.interop import peers
from tests.interop.series import STUDY, data_set_in, store, write_study
from trio_dicom.testing import open_archive

DOCS = Path(__file__).parents[2] / "docs"
JPEG = "SC_rgb_jpeg_dcmtk.dcm"


def test_the_page_shows_it() -> None:
    assert "examples/get.py" in (DOCS / "retrieve.rst").read_text()


async def fetch(host: str, port: int, study: str, directory: Path) -> None:
    main = runpy.run_path(str(DOCS / "examples" / "get.py"))["main"]
    await main(host, port, study, str(directory))


async def test_it_fetches_a_study_as_it_is_stored(
    pydicom_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = pydicom_files / JPEG
    head = dcmread(original)
    async with open_archive() as archive:
        archive.instances.add(original)
        await fetch(archive.host, archive.port, head.StudyInstanceUID, tmp_path)
    name = f"{head.SOPInstanceUID}.dcm"
    assert capsys.readouterr().out == f"{name} JPEG Baseline (Process 1)\n"
    assert data_set_in(tmp_path / name) == data_set_in(original)


async def test_it_fetches_one_from_an_archive_that_does_not_tell_its_classes(
    dcmtk: None, pydicom_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("study", "dcmqrscp"):
        (tmp_path / name).mkdir()
    files = write_study(pydicom_files / "CT_small.dcm", tmp_path / "study", instances=2)
    async with peers.dcmqrscp(tmp_path / "dcmqrscp") as peer:
        await store(peer, files)
        await fetch(peer.host, peer.port, STUDY, tmp_path / "in")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["1 came, 1 to come", "2 came, 0 to come"]
    for line, file in zip(lines[2:4], files, strict=True):
        name, _, syntax = line.partition(" ")
        assert syntax == "Explicit VR Little Endian"
        assert data_set_in(tmp_path / "in" / name) == data_set_in(file)
