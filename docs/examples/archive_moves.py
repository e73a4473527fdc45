"""A test of what a C-MOVE brings, without a network."""

from collections.abc import Callable
from pathlib import Path

from pydicom import Dataset

from trio_dicom.sop_classes import STUDY_ROOT_MOVE
from trio_dicom.testing import MemoryArchive, open_memory_association


async def test_a_study_moves_to_another_archive(
    dicom_files: Callable[..., list[Path]],
) -> None:
    [path] = dicom_files()
    other = MemoryArchive("OTHER")
    archive = MemoryArchive(destinations={"OTHER": other.serve})
    study = Dataset()
    study.StudyInstanceUID = archive.instances.add(path).attributes.StudyInstanceUID
    async with (
        open_memory_association(archive.serve, contexts=[STUDY_ROOT_MOVE]) as association,
        association.c_move(study, "OTHER", level="STUDY") as retrieval,
    ):
        response = await retrieval.final()
    assert response.completed == len(other.instances) == 1
