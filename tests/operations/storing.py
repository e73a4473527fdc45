"""An association to store on, its peer in the hands of the test, and files to store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.io.talking import talking
from trio_dicom import (
    Association,
    CStoreRequest,
    PresentationContext,
    StoreResult,
    StoreResults,
)
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import ScriptedPeer

__all__ = [
    "CONTEXTS",
    "answer_all",
    "ct_file",
    "ct_files",
    "data_set",
    "data_sets",
    "expect",
    "numbers",
    "storing",
    "take",
]

CONTEXTS = (VERIFICATION, PresentationContext(CTImageStorage, (ExplicitVRLittleEndian,)))


@asynccontextmanager
async def storing(**talk: Any) -> AsyncGenerator[tuple[Association, ScriptedPeer], None]:
    """An association, and its peer, who obliges when the block ends in order.

    Args:
        **talk: As for ``talking``.
    """
    async with talking(**{"contexts": CONTEXTS, **talk}) as (connection, peer):
        assert connection.association is not None
        yield Association(connection, connection.association), peer


def data_set(number: int = 1, *, size: int = 100) -> Dataset:
    """An instance with pixel data of ``size`` bytes; its UID ends with ``number``."""
    instance = Dataset()
    instance.SOPClassUID = CTImageStorage
    instance.SOPInstanceUID = f"1.2.{number}"
    instance.add_new("PixelData", "OW", bytes(size))
    return instance


def data_sets(count: int) -> list[Dataset]:
    """So many instances, numbered from 1. No thread reads them: a clock that jumps may be near."""
    return [data_set(number) for number in range(1, count + 1)]


def ct_file(
    directory: Path, number: int = 1, *, size: int = 100, syntax: str = ExplicitVRLittleEndian
) -> Path:
    """The same in a file."""
    path = directory / f"{number:06}.dcm"
    instance = data_set(number, size=size)
    instance.file_meta = FileMetaDataset()
    instance.file_meta.TransferSyntaxUID = syntax
    instance.save_as(path, enforce_file_format=True)
    return path


def ct_files(directory: Path, count: int, *, size: int = 100) -> list[Path]:
    """Files of so many instances, numbered from 1."""
    return [ct_file(directory, number, size=size) for number in range(1, count + 1)]


async def expect(peer: ScriptedPeer) -> CStoreRequest:
    """The next instance, which is not answered yet."""
    return await peer.expect_message(CStoreRequest)


async def answer_all(peer: ScriptedPeer, count: int, statuses: Iterable[int] = ()) -> list[str]:
    """Answer so many instances, with success behind ``statuses``, and name them in order."""
    uids: list[str] = []
    left = iter(statuses)
    for _ in range(count):
        request = await expect(peer)
        uids.append(request.sop_instance_uid)
        await peer.reply(request, next(left, 0x0000))
    return uids


async def take(results: StoreResults, taken: list[StoreResult]) -> None:
    """Append all results that come, also those that come before an error."""
    async for result in results:
        taken += [result]


def numbers(results: Iterable[StoreResult]) -> list[int]:
    """Of the instances, in order."""
    return [int(str(it.sop_instance_uid).rpartition(".")[2]) for it in results]
