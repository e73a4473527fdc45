"""A study for archives to keep and give back, and what they gave back compared with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydicom import Dataset, dcmread

from tests.interop.peers import Peer
from trio_dicom import ReceivedInstance, contexts_for_files, open_association
from trio_dicom.lowlevel import read_head

__all__ = ["STUDY", "came_back", "data_set_in", "query", "query_for", "store", "write_study"]

STUDY = "1.2.826.0.1.3680043.10.1"


def write_study(template: Path, folder: Path, *, instances: int = 6) -> list[Path]:
    """Write a study of two series, in a form that no archive has a reason to change.

    Args:
        template: The instance that all are made of.
        folder: Where to.
        instances: How many.
    """
    paths = []
    for number in range(1, instances + 1):
        data_set = dcmread(template)
        for tag in list(data_set.keys()):
            if tag.element == 0 or tag == 0xFFFCFFFC:  # group lengths, padding at the end
                del data_set[tag]
        data_set.PatientID = "STUDY"
        data_set.StudyInstanceUID = STUDY
        data_set.SeriesInstanceUID = f"{STUDY}.{number % 2 + 1}"
        data_set.InstanceNumber = number
        data_set.SOPInstanceUID = f"{data_set.SeriesInstanceUID}.{number}"
        data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
        path = folder / f"{number}.dcm"
        data_set.save_as(path)
        paths.append(path)
    return paths


def query(level: str, **keys: object) -> Dataset:
    """A query for these keys."""
    data_set = Dataset()
    data_set.QueryRetrieveLevel = level
    data_set.update(keys)
    return data_set


def query_for(path: Path) -> Dataset:
    """A query for the instance in a file."""
    head = dcmread(path, stop_before_pixels=True)
    return query(
        "IMAGE",
        StudyInstanceUID=head.StudyInstanceUID,
        SeriesInstanceUID=head.SeriesInstanceUID,
        SOPInstanceUID=head.SOPInstanceUID,
    )


async def store(peer: Peer, paths: Sequence[Path]) -> None:
    """Store files at a peer."""
    async with open_association(
        peer.host, peer.port, called_ae=peer.ae_title, contexts=await contexts_for_files(paths)
    ) as association:
        for path in paths:
            (await association.c_store(path)).raise_for_status()


def data_set_in(path: Path) -> bytes:
    """The data set of a file, encoded as it is there."""
    with path.open("rb") as file:
        head = read_head(file, path)
        file.seek(head.offset)
        return file.read(len(head))


def came_back(instances: Iterable[ReceivedInstance], originals: Iterable[Path]) -> bool:
    """Whether these instances came, each once, and byte for byte."""
    stored = {str(dcmread(path).SOPInstanceUID): data_set_in(path) for path in originals}
    came = list(instances)
    assert sorted(it.sop_instance_uid for it in came) == sorted(stored)
    return all(data_set_in(it.path) == stored[it.sop_instance_uid] for it in came)
