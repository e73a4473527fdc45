"""The instances that the benchmarks send."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from benchmarks.data import KIB, MIB, make_files


@pytest.mark.parametrize("size", [4 * KIB, 100 * KIB + 1, 512 * KIB, 3 * MIB])
def test_they_are_files_as_they_should_be(tmp_path: Path, size: int) -> None:
    files = make_files(tmp_path / "files", 3, size)
    read = [dcmread(path) for path in files.paths]
    assert len({each.SOPInstanceUID for each in read}) == 3
    assert len({each.StudyInstanceUID for each in read}) == 1
    for path, each in zip(files.paths, read, strict=True):
        assert each.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert each.file_meta.MediaStorageSOPInstanceUID == each.SOPInstanceUID
        pixels = each.get("NumberOfFrames", 1) * each.Rows * each.Columns * 2
        assert len(each.PixelData) == pixels
        if size >= 512 * KIB:
            assert pixels == size
        else:
            assert size - 1024 <= path.stat().st_size <= size


def test_what_they_have_on_the_wire_is_known(tmp_path: Path) -> None:
    files = make_files(tmp_path / "files", 2, 4 * KIB)
    metas = 0
    for path in files.paths:
        meta = dcmread(path).file_meta
        metas += 128 + 4 + 12 + meta.FileMetaInformationGroupLength
    assert files.data_sets == sum(path.stat().st_size for path in files.paths) - metas


def test_a_slice_has_pixels_that_can_be_looked_at(tmp_path: Path) -> None:
    (path,) = make_files(tmp_path / "files", 1, 512 * KIB).paths
    assert dcmread(path).pixel_array.shape == (512, 512)


def test_what_is_too_long_for_a_disk_takes_no_room(tmp_path: Path) -> None:
    (path,) = make_files(tmp_path / "files", 1, 4096 * MIB).paths
    assert path.stat().st_size > 4095 * MIB
    assert path.stat().st_blocks * 512 < MIB
    assert dcmread(path, stop_before_pixels=True).NumberOfFrames == 8191
