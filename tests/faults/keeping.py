"""Instances that can be told apart by their bytes, and what a folder really keeps of them."""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from attrs import frozen
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.dimse.elements import explicit
from trio_dicom import CStoreRequest, EncodedDataSet, LocalProtocolError
from trio_dicom.lowlevel import read_head

__all__ = ["Instance", "half_files", "instance", "kept", "lost", "strange"]


@frozen(kw_only=True)
class Instance:
    """What a peer brings.

    Attributes:
        uid: Its SOP instance UID.
        request: The C-STORE that brings it.
        digest: Of its data set's bytes.
    """

    uid: str
    request: CStoreRequest
    digest: str


def instance(uid: str, size: int, *, message_id: int | None = None) -> Instance:
    """An instance of random pixel data, the same ones for the same UID.

    Args:
        uid: Its SOP instance UID.
        size: The bytes of its pixel data, an even number.
        message_id: That of the request, where nobody fills it in.
    """
    data = b"".join(
        explicit(tag, "UI", value.encode() + b"\0" * (len(value) & 1))
        for tag, value in ((0x0008_0016, CTImageStorage), (0x0008_0018, uid))
    ) + explicit(0x7FE0_0010, "OW", _pixels(uid, size))
    request = CStoreRequest(
        message_id=message_id,
        sop_class_uid=CTImageStorage,
        sop_instance_uid=uid,
        data_set=EncodedDataSet(data, ExplicitVRLittleEndian),
    )
    return Instance(uid=uid, request=request, digest=hashlib.sha256(data).hexdigest())


@cache
def _noise() -> bytes:
    return random.Random(0).randbytes(4_000_000)


def _pixels(uid: str, size: int) -> bytes:
    """A part of the noise that has to do with ``uid``: to make new noise takes too long."""
    noise = _noise()
    at = zlib.crc32(uid.encode()) % (len(noise) - size)
    return noise[at : at + size]


def kept(folder: Path) -> dict[str, str]:
    """The digests of the data sets in the files that have a name, by UID.

    A file that is no DICOM file, or another instance than its name says, has the digest "".
    """
    found: dict[str, str] = {}
    for path in folder.iterdir():
        if path.suffix == ".part":
            continue
        content = path.read_bytes()
        try:
            with path.open("rb") as file:
                stored = read_head(file, path)
        except LocalProtocolError:
            found[path.stem] = ""
        else:
            is_it = stored.sop_instance_uid == path.stem
            data = content[stored.offset :]
            found[path.stem] = hashlib.sha256(data).hexdigest() if is_it else ""
    return found


def half_files(folder: Path) -> list[str]:
    """The files that have no name yet."""
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".part")


def lost(acknowledged: Iterable[Instance], found: dict[str, str]) -> list[str]:
    """Those of which a peer was told that they are stored, and that are not, byte for byte."""
    return [it.uid for it in acknowledged if found.get(it.uid) != it.digest]


def strange(offered: Iterable[Instance], found: dict[str, str]) -> list[str]:
    """Files with a name that are not, byte for byte, what somebody has offered."""
    digests = {it.uid: it.digest for it in offered}
    return [uid for uid, digest in found.items() if digests.get(uid) != digest]
