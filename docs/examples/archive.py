"""A test of a program that stores, with an archive in memory."""

from collections.abc import Callable
from pathlib import Path

import trio

from trio_dicom import contexts_for_files, open_association
from trio_dicom.testing import open_archive


async def store(host: str, port: int, path: Path) -> None:
    """The program under test."""
    contexts = await contexts_for_files([path])
    async with open_association(host, port, called_ae="ARCHIVE", contexts=contexts) as association:
        response = await association.c_store(path)
        response.raise_for_status()


async def test_an_instance_arrives_as_it_is_in_the_file(
    dicom_files: Callable[..., list[Path]],
) -> None:
    [path] = dicom_files()
    async with open_archive() as archive:
        await store(archive.host, archive.port, path)
    [instance] = archive.instances.by_uid.values()
    file = await trio.Path(path).read_bytes()
    assert file.endswith(bytes(instance.data_set.data))
