"""C-STORE of a file or of a data set in memory."""

from __future__ import annotations

from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import trio
from pydicom import Dataset

from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._io.file_heads import look_at
from trio_dicom.errors import LocalProtocolError

__all__ = ["Storable", "c_store_request", "request_of", "store_request"]

Storable: TypeAlias = str | PathLike[str] | Dataset
"""What can be stored: a DICOM file, or a data set."""

# A file up to this size, in bytes, is read whole in the hop that looks at its head: one
# hop then does it all. Longer ones are streamed.
_SMALL = 1024 * 1024


async def c_store_request(source: Storable) -> CStoreRequest:
    """Look at an instance and make the request that stores it, for ``send_request``.

    ``Association.c_store`` does both in one. Apart, you know what goes out before it does,
    and what is wrong with a file before there is an association.

    Args:
        source: A DICOM file, or a data set. A long file stays where it is until it is sent.

    Raises:
        LocalProtocolError: There is no instance in it that could be stored.
        OSError: The file cannot be read.
    """
    if isinstance(source, Dataset):
        await trio.lowlevel.checkpoint()
    return await store_request(source, None)


async def store_request(
    source: Storable, limiter: trio.CapacityLimiter | None, **fields: Any
) -> CStoreRequest:
    """The request that stores ``source``.

    Args:
        source: A DICOM file, or a data set.
        limiter: Bounds the threads that read files; None: as Trio does.
        **fields: More fields of ``CStoreRequest``.

    Raises:
        LocalProtocolError: There is no instance in it that could be stored.
        OSError: The file cannot be read.
    """
    if isinstance(source, Dataset):
        return request_of(source, **fields)
    return await trio.to_thread.run_sync(
        partial(request_of, source, **fields),
        abandon_on_cancel=True,
        limiter=limiter,  # a dead mount holds nobody up
    )


def request_of(source: Storable, **fields: Any) -> CStoreRequest:
    """The request that stores ``source``. Reading a file takes as long as it takes.

    Args:
        source: A DICOM file, or a data set.
        **fields: More fields of ``CStoreRequest``.

    Raises:
        LocalProtocolError: There is no instance in it that could be stored.
        OSError: The file cannot be read.
    """
    if isinstance(source, Dataset):
        return _of_data_set(source, **fields)
    return _of_file(source, **fields)


def _of_data_set(data_set: Dataset, **fields: Any) -> CStoreRequest:
    sop_class_uid = data_set.get("SOPClassUID")
    sop_instance_uid = data_set.get("SOPInstanceUID")
    if not isinstance(sop_class_uid, str) or not isinstance(sop_instance_uid, str):
        sop_class_uid = sop_instance_uid = ""  # none, or several, which is no better
    if not sop_class_uid or not sop_instance_uid:
        raise LocalProtocolError(
            "the data set has no SOP Class UID (0008,0016) or no SOP Instance UID (0008,0018)"
        )
    return CStoreRequest(
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        data_set=data_set,
        **fields,
    )


def _of_file(path: str | PathLike[str], **fields: Any) -> CStoreRequest:
    head, beginning = look_at(path, whole=_SMALL)
    data_set: EncodedDataSet | StoredDataSet
    if head.offset + head.length == len(beginning):
        data_set = EncodedDataSet(memoryview(beginning)[head.offset :], head.transfer_syntax)
    else:
        data_set = head.stored(Path(path))
    return CStoreRequest(
        sop_class_uid=head.sop_class_uid,
        sop_instance_uid=head.sop_instance_uid,
        data_set=data_set,
        **fields,
    )
