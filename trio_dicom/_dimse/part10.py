"""The head of a DICOM file: enough of it to send the rest undecoded (PS3.10 Section 7)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from struct import Struct
from struct import error as struct_error
from typing import BinaryIO, Final

from attrs import frozen
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._dimse.deflated import inflate_beginning
from trio_dicom._dimse.encoded import StoredDataSet
from trio_dicom._dimse.headers import HEADERS, UNDEFINED_LENGTH
from trio_dicom._dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from trio_dicom._dimse.scan import scan
from trio_dicom._dimse.syntax import (
    Encoding,
    encoding_of,
    is_deflated,
    is_native,
)
from trio_dicom.errors import LocalProtocolError, PDUError
from trio_dicom.options import Limits

__all__ = ["LOOK", "file_meta_bytes", "read_head", "sop_uids"]

_log = logging.getLogger("trio_dicom")

_PREAMBLE: Final = 128
_PREFIX: Final = b"DICM"
_META: Final = Encoding(False, True)
_META_GROUP: Final = 0x0002
_LONGEST_META: Final = 1 << 20  # bytes; private information may lie in it
LOOK: Final = 1 << 16
"""Bytes of a data set in which its SOP UIDs must be."""
_HEADER: Final = 12  # bytes, the longest header of an element
_SOP_CLASS: Final = 0x0008_0016
_SOP_INSTANCE: Final = 0x0008_0018
_UID: Final = re.compile(rb"[0-9.]{1,64}")
_NESTING: Final = Limits().nesting

# Of files that do not say it: the order in which it is tried, which is the order of likelihood.
_UNNAMED: Final = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)


@frozen
class _SOP:
    """Which instance of which class: the bytes of the two UIDs."""

    sop_class: bytes
    instance: bytes


def read_head(file: BinaryIO, path: Path) -> StoredDataSet:
    """Looks at the head of ``file`` and says what lies in it and where.

    The look is bounded, so it says nothing about the rest of the data set. The SOP
    UIDs are those of the data set. Files without a Part 10 header are recognised
    when their elements leave no doubt about the encoding.

    Args:
        file: The file, open for reading, at its beginning.
        path: Where it is, for the result and for errors.

    Raises:
        LocalProtocolError: This is no file to send, and why.
        OSError: It cannot be read.
    """
    try:
        meta, offset = _read_meta(file)
        named = meta.get(0x0002_0010)
        if meta.get(0x0002_0002) == MediaStorageDirectoryStorage.encode():
            raise LocalProtocolError(f"{path} is a DICOMDIR, which is never stored")
        file.seek(0, 2)
        length = file.tell() - offset
        file.seek(offset)
        beginning = file.read(LOOK)
    except PDUError as error:
        raise LocalProtocolError(f"{path} is no DICOM file: {error}") from None
    syntax, sop = _recognised(beginning, named, path)
    if sop.sop_class == MediaStorageDirectoryStorage.encode():
        raise LocalProtocolError(f"{path} is a DICOMDIR, which is never stored")
    if length & 1 and not is_deflated(syntax):
        raise LocalProtocolError(f"{path} has a data set of odd length, which is malformed")
    if (meta.get(0x0002_0002, sop.sop_class), meta.get(0x0002_0003, sop.instance)) != (
        sop.sop_class,
        sop.instance,
    ):
        _log.warning(
            "%s: its meta header names other SOP UIDs than its data set, which count", path
        )
    return StoredDataSet(
        path=path,
        offset=offset,
        length=length,
        transfer_syntax=syntax,
        sop_class_uid=as_uid(sop.sop_class.decode("latin-1")),
        sop_instance_uid=as_uid(sop.instance.decode("latin-1")),
    )


def sop_uids(beginning: bytes, transfer_syntax: UID) -> tuple[UID, UID] | None:
    """The SOP class and instance that a data set names, or None if it does not.

    Args:
        beginning: Its first ``LOOK`` bytes, or all of it.
        transfer_syntax: How it is encoded.
    """
    sop = _sop_of(beginning, transfer_syntax)
    if sop is None:
        return None
    return as_uid(sop.sop_class.decode("latin-1")), as_uid(sop.instance.decode("latin-1"))


def file_meta_bytes(
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax: str,
    source_ae: str | None = None,
) -> bytes:
    """Preamble, prefix and meta header of a file that we write (PS3.10 Table 7.1-1).

    Args:
        sop_class_uid: Of the data set that follows.
        sop_instance_uid: Of the data set that follows.
        transfer_syntax: In which it follows.
        source_ae: The AE title that it came from, if any.
    """
    elements = [
        _element(0x0001, "OB", b"\0\1"),
        _element(0x0002, "UI", sop_class_uid.encode("latin-1")),
        _element(0x0003, "UI", sop_instance_uid.encode("latin-1")),
        _element(0x0010, "UI", transfer_syntax.encode("latin-1")),
        _element(0x0012, "UI", IMPLEMENTATION_CLASS_UID.encode("latin-1")),
        _element(0x0013, "SH", IMPLEMENTATION_VERSION_NAME.encode("latin-1")),
    ]
    if source_ae:
        elements.append(_element(0x0016, "AE", source_ae.encode("latin-1")))
    body = b"".join(elements)
    length = _element(0x0000, "UL", len(body).to_bytes(4, "little"))
    return bytes(_PREAMBLE) + _PREFIX + length + body


def _element(element: int, vr: str, value: bytes) -> bytes:
    if len(value) & 1:
        value += b"\0" if vr == "UI" else b" "
    layout = "<HH2sxxL" if vr == "OB" else "<HH2sH"
    return Struct(layout).pack(_META_GROUP, element, vr.encode("ascii"), len(value)) + value


def _read_meta(file: BinaryIO) -> tuple[Mapping[int, bytes], int]:
    """The values of group 0002, padding stripped, and where the data set begins.

    Element by element: the group length is wrong in some files and missing in others.
    """
    offset = _PREAMBLE + len(_PREFIX)
    if file.read(offset)[_PREAMBLE:] != _PREFIX:
        # Some begin with group 0002 at once; whether this one does, its first header tells.
        offset = 0
    end = offset + _LONGEST_META
    values: dict[int, bytes] = {}
    while True:
        file.seek(offset)
        header = file.read(_HEADER)
        if int.from_bytes(header[:2], "little") != _META_GROUP:
            return values, offset
        try:
            tag, _vr, value_offset, length = HEADERS[_META](header, 0)
        except struct_error:
            raise PDUError("its meta header ends within an element") from None
        offset += value_offset
        if length == UNDEFINED_LENGTH or offset + length > end:
            raise PDUError("its meta header has no end")
        file.seek(offset)
        value = file.read(length)
        if len(value) < length:
            raise PDUError("its meta header ends within an element")
        values[tag] = value.rstrip(b"\0 ")
        offset += length


def _recognised(beginning: bytes, named: bytes | None, path: Path) -> tuple[UID, _SOP]:
    """The transfer syntax of a data set that begins so, and what it is an instance of."""
    if not named:
        for syntax in _UNNAMED:
            sop = _sop_of(beginning, syntax)
            if sop and _UID.fullmatch(sop.sop_class) and _UID.fullmatch(sop.instance):
                return syntax, sop
        raise LocalProtocolError(f"{path} is no DICOM file, or has no SOP class and instance UID")
    syntax = as_uid(named.decode("latin-1"))
    sop = _sop_of(beginning, syntax)
    if sop is None:
        found = ((other, _sop_of(beginning, other)) for other in _UNNAMED)
        actual, sop = next((it for it in found if it[1]), (syntax, None))
        if sop is None:
            raise LocalProtocolError(f"{path} has no SOP class and instance UID")
        _log.warning("%s: its elements are not encoded as its meta header says", path)
        if is_native(syntax):
            # A peer reads them as the context says, so that must be what they are.
            return actual, sop
        # Pixels in no syntax that exists: they go out as they are, under the name they have.
    return syntax, sop


def _sop_of(beginning: bytes, syntax: UID) -> _SOP | None:
    """The SOP UIDs of a data set that begins so, if it is in this transfer syntax."""
    values: dict[int, bytes] = {}
    try:
        if is_deflated(syntax):
            beginning = inflate_beginning(beginning, LOOK)
        elements = scan(beginning, encoding_of(syntax), nesting=_NESTING, beginning=True)
        for tag, _vr, start, stop, _length in elements:
            if tag in (_SOP_CLASS, _SOP_INSTANCE):
                values[tag] = beginning[start:stop].rstrip(b"\0 ")
            if tag >= _SOP_INSTANCE:
                break
    except PDUError:
        return None
    sop_class, instance = values.get(_SOP_CLASS), values.get(_SOP_INSTANCE)
    return _SOP(sop_class, instance) if sop_class and instance else None
