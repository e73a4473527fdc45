"""A bounded look at a few values of an encoded data set."""

from __future__ import annotations

from collections.abc import Collection

from pydicom.uid import UID

from trio_dicom._dimse.deflated import inflate_beginning
from trio_dicom._dimse.scan import scan
from trio_dicom._dimse.syntax import encoding_of, is_deflated
from trio_dicom.errors import PDUError
from trio_dicom.options import Limits

__all__ = ["values_in"]


def values_in(
    beginning: bytes | bytearray | memoryview, transfer_syntax: UID, tags: Collection[int]
) -> dict[int, bytes]:
    """The values of those ``tags`` that a data set has on its top level, without padding.

    Args:
        beginning: As much of the data set as is worth a look.
        transfer_syntax: How it is encoded. What is deflated is not inflated to more than
            eight times the size of ``beginning``.
        tags: Which ones.
    """
    values: dict[int, bytes] = {}
    last = max(tags, default=-1)
    try:
        if is_deflated(transfer_syntax):
            beginning = inflate_beginning(bytes(beginning), 8 * len(beginning))
        for tag, _vr, start, stop, _length in scan(
            beginning, encoding_of(transfer_syntax), nesting=Limits().nesting, beginning=True
        ):
            if tag in tags:
                values[tag] = bytes(beginning[start:stop]).strip(b"\0 ")
            if tag >= last:
                break
    except PDUError:  # what was there before it stays what it is
        pass
    return values
