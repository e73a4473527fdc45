"""The head of a DICOM file: enough of it to send the rest undecoded (PS3.10 Section 7)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from io import SEEK_END
from os import PathLike
from pathlib import Path
from struct import Struct
from struct import error as struct_error
from typing import BinaryIO, Final, NamedTuple, TypeAlias

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
from trio_dicom._dimse.headers import (
    DELIMITER_LENGTH,
    FORBIDDEN_GROUPS,
    HEADERS,
    UNDEFINED_LENGTH,
    Bytes,
    Header,
)
from trio_dicom._dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from trio_dicom._dimse.scan import scan
from trio_dicom._dimse.syntax import Encoding, encoding_of, is_deflated, is_native
from trio_dicom._dimse.vr import SHORT_VRS
from trio_dicom.errors import LocalProtocolError, PDUError
from trio_dicom.options import Limits

__all__ = [
    "HEAD",
    "LONGEST_HEAD",
    "LOOK",
    "Head",
    "file_meta_bytes",
    "head_of",
    "read_head",
    "sop_uids",
]

_log = logging.getLogger("trio_dicom")

_PREAMBLE: Final = 128
_PREFIX: Final = b"DICM"
_PREAMBLED: Final = _PREAMBLE + len(_PREFIX)
_META_GROUP: Final = 0x0002
_META_SOP_CLASS: Final = 0x0002
_META_SOP_INSTANCE: Final = 0x0003
_META_SYNTAX: Final = 0x0010
_TELLING: Final = frozenset({_META_SOP_CLASS, _META_SOP_INSTANCE, _META_SYNTAX})
_META_HEADER: Final = HEADERS[Encoding(False, True)]
_SHORT_HEADER: Final = Struct("<HH2sH")
_LONGEST_META: Final = 1 << 20  # bytes; private information may lie in it
LOOK: Final = 1 << 16
"""Bytes of a data set in which its SOP UIDs must be."""
HEAD: Final = 1 << 14
"""Bytes of a file in which its whole head lies, unless it is an odd one."""
LONGEST_HEAD: Final = _PREAMBLED + _LONGEST_META + LOOK
"""Bytes of a file in which its head lies, or it has none."""
_SOP_CLASS: Final = 0x0008_0016
_SOP_INSTANCE: Final = 0x0008_0018
_DICOMDIR: Final = MediaStorageDirectoryStorage.encode()
_DEEP: Final = frozenset({None, "SQ", "UN"})
_UID: Final = re.compile(rb"[0-9.]{1,64}")
_NESTING: Final = Limits().nesting

# Of files that do not say it: the order in which it is tried, which is the order of likelihood.
_UNNAMED: Final = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)

_SOP: TypeAlias = tuple[bytes, bytes]
"""Which instance of which class: the bytes of the UIDs of the class and of the instance."""


class Head(NamedTuple):
    """What lies in a file, and where.

    Attributes:
        offset: Where the data set begins, in bytes.
        length: How many bytes it has.
        transfer_syntax: How it is encoded.
        sop_class_uid: The SOP class that the data set itself names.
        sop_instance_uid: The SOP instance that it names.
    """

    offset: int
    length: int
    transfer_syntax: UID
    sop_class_uid: UID
    sop_instance_uid: UID

    def stored(self, path: Path) -> StoredDataSet:
        """The data set, left in its file, which is at ``path``."""
        return StoredDataSet(path=path, **self._asdict())


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
    beginning = file.read(HEAD)
    length = file.seek(0, SEEK_END)
    head = head_of(beginning, length, path)
    if head is None:
        file.seek(0)
        beginning = file.read(LONGEST_HEAD)
        if len(beginning) < LONGEST_HEAD:
            length = len(beginning)  # all of it, also if it has just become shorter
        head = head_of(beginning, length, path)
        assert head is not None  # there are no longer ones
    return head.stored(path)


def head_of(beginning: bytes, length: int, path: str | PathLike[str]) -> Head | None:
    """What lies in a file that begins so: see ``read_head``.

    Args:
        beginning: The first bytes of the file; the more, the likelier they are enough.
        length: How many bytes the file has.
        path: Where it is, for errors.

    Returns:
        The head. None: the first ``LONGEST_HEAD`` bytes will tell, but these do not.

    Raises:
        LocalProtocolError: This is no file to send, and why.
    """
    is_cut = len(beginning) < length
    try:
        found = _meta_of(beginning, is_cut)
    except PDUError as error:
        raise LocalProtocolError(f"{path} is no DICOM file: {error}") from None
    if found is None:
        return None
    meta, offset = found
    meta_class, meta_instance = meta.get(_META_SOP_CLASS), meta.get(_META_SOP_INSTANCE)
    if meta_class == _DICOMDIR:
        raise LocalProtocolError(f"{path} is a DICOMDIR, which is never stored")
    look = memoryview(beginning)[offset : offset + LOOK]
    recognised = _recognised(look, is_cut and len(look) < LOOK, meta.get(_META_SYNTAX), path)
    if recognised is None:
        return None
    syntax, (sop_class, sop_instance) = recognised
    if sop_class == _DICOMDIR:
        raise LocalProtocolError(f"{path} is a DICOMDIR, which is never stored")
    length -= offset
    if length & 1 and not is_deflated(syntax):
        raise LocalProtocolError(f"{path} has a data set of odd length, which is malformed")
    if (meta_class is not None and meta_class != sop_class) or (
        meta_instance is not None and meta_instance != sop_instance
    ):
        _log.warning(
            "%s: its meta header names other SOP UIDs than its data set, which count", path
        )
    return Head(offset, length, syntax, _known_uid(sop_class), _uid(sop_instance))


def sop_uids(beginning: bytes, transfer_syntax: UID) -> tuple[UID, UID] | None:
    """The SOP class and instance that a data set names, or None if it does not.

    Neither does one that names several, one behind the other: some readers take the first and
    some the last. Nobody looks for others where they have no place (PS3.5 7.1).

    Args:
        beginning: Its first ``LOOK`` bytes, or all of it.
        transfer_syntax: How it is encoded.
    """
    sop = _sop_of(beginning, transfer_syntax)
    return None if sop is None else (_uid(sop[0]), _uid(sop[1]))


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


def _meta_of(data: bytes, is_cut: bool) -> tuple[Mapping[int, bytes], int] | None:
    """What group 0002 says about the data set, padding stripped, and where that begins.

    Element by element: the group length is wrong in some files and missing in others.
    None: it goes on behind the end of ``data``, which are cut.
    """
    if is_cut and len(data) < _PREAMBLED:
        return None
    # Some begin with group 0002 at once; whether this one does, its first header tells.
    offset = _PREAMBLED if data[_PREAMBLE:_PREAMBLED] == _PREFIX else 0
    end = offset + _LONGEST_META
    values: dict[int, bytes] = {}
    try:
        while True:
            group, element, vr, length = _SHORT_HEADER.unpack_from(data, offset)
            if group != _META_GROUP:
                return values, offset
            start = offset + _SHORT_HEADER.size
            if vr not in SHORT_VRS:
                _tag, _vr, start, length = _META_HEADER(data, offset)
            stop = start + length
            if length == UNDEFINED_LENGTH or stop > end:
                raise PDUError("its meta header has no end")
            if stop > len(data):
                break
            if element in _TELLING:
                values[element] = data[start:stop].rstrip(b"\0 ")
            offset = stop
    except struct_error:
        if not is_cut and int.from_bytes(data[offset : offset + 2], "little") != _META_GROUP:
            return values, offset
    if is_cut:
        return None
    raise PDUError("its meta header ends within an element")


def _recognised(
    beginning: memoryview, is_cut: bool, named: bytes | None, path: str | PathLike[str]
) -> tuple[UID, _SOP] | None:
    """The transfer syntax of a data set that begins so, and what it is an instance of.

    None: it is cut, and there is too little of it to tell.
    """
    syntax = _known_uid(named) if named else _UNNAMED[0]
    sop = _sop_of(beginning, syntax)
    if is_cut and (sop is None or is_deflated(syntax)):
        return None  # behind this beginning, a deflate stream may turn out to be none
    if not named:
        for syntax in _UNNAMED:
            sop = _sop_of(beginning, syntax)
            if sop and _UID.fullmatch(sop[0]) and _UID.fullmatch(sop[1]):
                return syntax, sop
        raise LocalProtocolError(f"{path} is no DICOM file, or has no SOP class and instance UID")
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


def _sop_of(beginning: Bytes, syntax: UID) -> _SOP | None:
    """The SOP UIDs of a data set that begins so, if it is in this transfer syntax."""
    inflated, encoding, header = _layout(syntax)
    names: dict[int, bytes] = {}
    position = 0
    # What is wrong behind them, or cut, is none of our business.
    with suppress(PDUError, struct_error, StopIteration):
        if inflated:
            beginning = inflate_beginning(beginning, LOOK)
        end = len(beginning)
        while True:
            tag, vr, start, length = header(beginning, position)
            if tag > _SOP_INSTANCE:
                break
            stop = behind = start + length
            if stop > end or length & 1 or vr in _DEEP or tag >> 16 in FORBIDDEN_GROUPS:
                # Scanned, because it nests or is wrong. Plain ones need no generator.
                scanned = scan(
                    beginning, encoding, nesting=_NESTING, position=position, beginning=True
                )
                tag, vr, start, stop, length = next(scanned)
                behind = stop + (DELIMITER_LENGTH if length == UNDEFINED_LENGTH else 0)
            if tag in (_SOP_CLASS, _SOP_INSTANCE):
                name = bytes(beginning[start:stop]).rstrip(b"\0 ")
                if names.setdefault(tag, name) != name:
                    return None
            position = behind
    sop_class, instance = names.get(_SOP_CLASS), names.get(_SOP_INSTANCE)
    return (sop_class, instance) if sop_class and instance else None


@lru_cache(maxsize=64)
def _layout(syntax: UID) -> tuple[bool, Encoding, Header]:
    """Whether data sets in this transfer syntax are deflated, and how their elements lie."""
    encoding = encoding_of(syntax)
    return is_deflated(syntax), encoding, HEADERS[encoding]


def _uid(value: bytes) -> UID:
    return as_uid(value.decode("latin-1"))


# There are few transfer syntaxes and SOP classes, and many files of each.
_known_uid = lru_cache(maxsize=256)(_uid)
