"""Data sets into the transfer syntax that a peer has accepted.

What is already in it goes out byte for byte. What is not is re-encoded where
every sample value and every element can be preserved, and refused otherwise:
pixel data are never compressed, decompressed, dropped or altered here.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._dimse.deflated import deflate, inflate
from trio_dicom._dimse.encoded import EncodedDataSet, MessageData
from trio_dicom._dimse.headers import Bytes
from trio_dicom._dimse.reading import read_data_set
from trio_dicom._dimse.syntax import (
    encoding_of,
    is_deflated,
    is_encapsulated,
    is_native,
)
from trio_dicom._dimse.writing import NotConvertible, Writer
from trio_dicom.errors import LocalProtocolError, PDUError
from trio_dicom.options import Limits

__all__ = ["NotConvertible", "can_convert", "encode_data_set", "encode_pieces", "source_syntax"]

_DEFAULT_LIMITS = Limits()
_PIXEL_DATA = 0x7FE0_0010


def can_convert(source: UID, target: UID) -> bool:
    """Whether data in ``source`` may be sent on a context in ``target``.

    True promises an attempt: a single value may still refuse big endian.
    """
    return source == target or (is_native(source) and is_native(target))


def source_syntax(data: MessageData) -> UID | None:
    """The transfer syntax that ``data`` need if they are to be sent as they are.

    None where there is no such thing: no data, or a ``Dataset`` that does not name
    one or has no pixel data for it to matter.
    """
    if data is None:
        return None
    if not isinstance(data, Dataset):
        return data.transfer_syntax
    meta = getattr(data, "file_meta", None)
    named = None if meta is None else meta.get("TransferSyntaxUID")
    if not named:
        return None
    syntax = as_uid(named)
    return syntax if is_native(syntax) or _PIXEL_DATA in data else None


def encode_data_set(data: Dataset | EncodedDataSet, transfer_syntax: UID) -> bytes:
    """``data`` as they go on the wire, in one piece: see ``encode_pieces``."""
    return b"".join(encode_pieces(data, transfer_syntax))


def encode_pieces(data: Dataset | EncodedDataSet, transfer_syntax: UID) -> Sequence[Bytes]:
    """``data`` as they go on the wire, one piece after the other. They are not changed.

    What is long in them, as an image is, is not copied where it can go out as it is.

    Args:
        data: A data set. An empty one gives no bytes at all.
        transfer_syntax: The one of the presentation context.

    Raises:
        NotConvertible: They cannot be put into it with every value preserved.
        LocalProtocolError: They are no data set: of odd length, or with elements
            or values that none can have.
    """
    if isinstance(data, Dataset):
        return _encode(data, source_syntax(data), transfer_syntax)
    source = data.transfer_syntax
    if source == transfer_syntax:
        return _as_it_is(data)
    _check_convertible(source, transfer_syntax)
    try:
        if encoding_of(source) == encoding_of(transfer_syntax):
            return [_inflated_or_deflated(data, transfer_syntax)]
        data_set = read_data_set(data.data, source, _DEFAULT_LIMITS, lossless=True)
    except PDUError as error:
        raise NotConvertible(f"the data set is malformed: {error}") from error
    return _encode(data_set, source, transfer_syntax)


def _as_it_is(data: EncodedDataSet) -> Sequence[Bytes]:
    if len(data) & 1 == 0:
        return [data.data if _is_unchanging(data.data) else bytes(data.data)]
    if is_deflated(data.transfer_syntax):
        return [bytes(data.data) + b"\0"]  # PS3.5 A.5
    raise LocalProtocolError("a data set of odd length is malformed")


def _is_unchanging(data: Bytes) -> bool:
    """Whether ``data`` are plain bytes that nobody can change while they are sent."""
    if isinstance(data, memoryview):
        is_flat = data.ndim == 1 and data.format == "B" and data.c_contiguous
        return is_flat and isinstance(data.obj, bytes)
    return isinstance(data, bytes)


def _encode(data_set: Dataset, source: UID | None, target: UID) -> Sequence[Bytes]:
    if source is not None:
        _check_convertible(source, target)
    writer = Writer(
        target=encoding_of(target),
        fragments=False if is_native(target) else is_encapsulated(target) or None,
        source_little_endian=_is_little_endian(data_set, source),
        verbatim=source is not None or not is_native(target),
    )
    try:
        pieces = writer.data_set(data_set)
    except RecursionError:
        raise LocalProtocolError("the data set nests deeper than can be written") from None
    return [deflate(b"".join(pieces))] if pieces and is_deflated(target) else pieces


def _inflated_or_deflated(data: EncodedDataSet, target: UID) -> bytes:
    """Explicit VR Little Endian with or without deflating: not one element changes."""
    if is_deflated(target):
        return deflate(bytes(data.data))
    return inflate(data.data, limit=_DEFAULT_LIMITS.inflated)


def _is_little_endian(data_set: Dataset, source: UID | None) -> bool:
    if source is not None:
        return encoding_of(source).little_endian
    return data_set.original_encoding[1] is not False


def _check_convertible(source: UID, target: UID) -> None:
    if not can_convert(source, target):
        raise NotConvertible(f"{source.name} cannot be turned into {target.name} without a codec")
