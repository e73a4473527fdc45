"""Whether what arrived is what was sent: nobody is quick because he sends something else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydicom import DataElement, Dataset, dcmread
from pydicom.filereader import read_file_meta_info

__all__ = ["SAME_BYTES", "SAME_DATA_SET", "Differs", "compared"]

SAME_BYTES = "same bytes"
SAME_DATA_SET = "same data set"

_CHARACTER_SET = 0x0008_0005
_PIECE = 1024 * 1024


class Differs(Exception):
    """Something else arrived; the message says what."""


def compared(sent: Iterable[Path], arrived: Iterable[Path]) -> str:
    """How like the instances that arrived are to those that were sent.

    Args:
        sent: Files of DICOM, each with a UID of its own.
        arrived: The same, in any order.

    Returns:
        ``SAME_BYTES`` if each data set has the same bytes, ``SAME_DATA_SET`` if some have
        been encoded anew and all their elements are equal. Group lengths and the character
        set say how the others are encoded: they may differ.

    Raises:
        Differs: Other instances arrived, or other elements.
    """
    originals = {_instance_uid(path): path for path in sent}
    like = SAME_BYTES
    for path in arrived:
        uid = _instance_uid(path)
        original = originals.pop(uid, None)
        if original is None:
            raise Differs(f"instance {uid} arrived, which was not to come or came before")
        if not _same_bytes(original, path):
            _same_elements(uid, original, path)
            like = SAME_DATA_SET
    if originals:
        raise Differs(f"instance {min(originals)} did not arrive")
    return like


def _instance_uid(path: Path) -> str:
    return str(read_file_meta_info(path).MediaStorageSOPInstanceUID)


def _same_bytes(one: Path, other: Path) -> bool:
    metas = [read_file_meta_info(path) for path in (one, other)]
    if metas[0].TransferSyntaxUID != metas[1].TransferSyntaxUID:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        for file, meta in zip((first, second), metas, strict=True):
            # The preamble, the prefix, and the element that tells the length of the others.
            file.seek(128 + 4 + 12 + meta.FileMetaInformationGroupLength)
        while piece := first.read(_PIECE):
            if piece != second.read(_PIECE):
                return False
        return not second.read(1)


def _same_elements(uid: str, one: Path, other: Path) -> None:
    first, second = _elements(one), _elements(other)
    for tag in sorted(first.keys() | second.keys()):
        if tag not in first or tag not in second or first[tag] != second[tag]:
            raise Differs(f"instance {uid} has another {tag} than was sent")


def _elements(path: Path) -> Dataset:
    data_set = dcmread(path)
    data_set.walk(_drop_encoding)
    return data_set


def _drop_encoding(data_set: Dataset, element: DataElement) -> None:
    # Text has been decoded with the character set before it goes, since walk reads all.
    if not element.tag.element or element.tag == _CHARACTER_SET:
        del data_set[element.tag]
