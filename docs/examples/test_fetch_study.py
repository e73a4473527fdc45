"""A test of a function that fetches a study."""

from collections.abc import Callable
from pathlib import Path

from pydicom import Dataset, dcmread

from trio_dicom import Association
from trio_dicom.testing import MemoryArchive

pytest_plugins = ["trio_dicom.testing.plugin"]


async def fetch_study(association: Association, study: str, directory: Path) -> list[Path]:
    """The function under test."""
    query = Dataset()
    query.StudyInstanceUID = study
    async with association.c_get(query, level="STUDY", into=directory) as retrieval:
        async for _ in retrieval:
            pass
    return [it.path for it in retrieval.instances]


async def test_a_study_is_fetched_and_no_other(
    dicom_archive: MemoryArchive,
    dicom_association: Association,
    dicom_files: Callable[..., list[Path]],
    tmp_path: Path,
) -> None:
    files = dicom_files(2, studies=2)
    for file in files:
        dicom_archive.instances.add(file)
    study = dcmread(files[0]).StudyInstanceUID
    fetched = await fetch_study(dicom_association, study, tmp_path / "fetched")
    assert [dcmread(it) for it in fetched] == [dcmread(it) for it in files[:2]]
