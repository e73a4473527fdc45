"""From encoded bytes to a ``pydicom.Dataset`` whose elements are converted when touched."""

from __future__ import annotations

from typing import Final

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from trio_dicom._dimse.charsets import codecs_of
from trio_dicom._dimse.deflated import inflate
from trio_dicom._dimse.headers import SMALLEST_ELEMENT, Bytes
from trio_dicom._dimse.items import Reader
from trio_dicom._dimse.scan import scan
from trio_dicom._dimse.sequences import Allowance
from trio_dicom._dimse.syntax import Encoding, encoding_of, is_deflated
from trio_dicom.errors import PDUError
from trio_dicom.options import Limits

__all__ = ["read_data_set"]

_PIXELS: Final = frozenset({BaseTag(0x7FE0_0008), BaseTag(0x7FE0_0009), BaseTag(0x7FE0_0010)})


def read_data_set(
    data: Bytes,
    transfer_syntax: UID,
    limits: Limits,
    fallback_charset: str = "",
    *,
    lossless: bool = False,
) -> Dataset:
    """The data set in ``data``, checked down to its last length.

    Args:
        data: The data set as it is encoded.
        transfer_syntax: How it is encoded.
        limits: How deep its sequences may nest, how long it may be inflated, and how many
            elements it may have.
        fallback_charset: The Specific Character Set, in the standard's terms such
            as ``ISO_IR 192``, of text in data sets that declare none.
        lossless: Refuse data sets in which an element appears twice, of which a
            ``Dataset`` keeps the last.

    Raises:
        PDUError: The bytes are not a data set in this transfer syntax.
    """
    if is_deflated(transfer_syntax):
        data = inflate(data, limit=limits.inflated)
    data = bytes(data)
    encoding = encoding_of(transfer_syntax)
    _check_number(data, encoding, limits)
    reader = Reader(data=data, nesting=limits.nesting, lossless=lossless)
    try:
        data_set = reader.data_set(encoding, codecs_of(fallback_charset))
    except RecursionError:  # the limit is higher than Python's own
        raise PDUError("sequences nest deeper than Python can follow") from None
    if lossless and len(data_set) < sum(1 for _ in scan(data, encoding, nesting=limits.nesting)):
        raise PDUError("an element appears twice in a data set")
    if not _PIXELS.isdisjoint(data_set.keys()):
        # pydicom needs it to make an array of them, and we to send them on.
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = transfer_syntax
    return data_set


def _check_number(data: bytes, encoding: Encoding, limits: Limits) -> None:
    """Refuse more elements than anybody needs: the smallest costs us forty times its bytes."""
    if len(data) <= SMALLEST_ELEMENT * limits.elements:
        return  # so many do not fit
    for _ in scan(data, encoding, nesting=limits.nesting, allowance=Allowance(limits.elements)):
        pass  # it counts what there is on the way, on every level
