"""The rules that bytes break although they can be understood.

An archive in the field takes such bytes or does not; who writes a client wants to know.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from struct import Struct
from typing import Final

from pydicom.tag import Tag

from trio_dicom._dimse.command_set import UI
from trio_dicom._dimse.message import Message
from trio_dicom._wire.associate import AssociationRequest
from trio_dicom._wire.data import PDV_HEADER_LENGTH, DataTransfer
from trio_dicom._wire.items import UnknownItem
from trio_dicom._wire.pdus import Pdu
from trio_dicom._wire.user_items import ImplementationClassUID, MaximumLength
from trio_dicom.testing.agreed import Agreed
from trio_dicom.testing.fields_of_request import UID, of_fields

__all__ = ["of_command_set", "of_pdu"]

_ELEMENT: Final = Struct("<HHI")  # group, element, length
_CONTROL = PDV_HEADER_LENGTH - 1  # where the message control header stands in a PDV
_KNOWN_BITS = 0x03
_IN_EVERY_MESSAGE = frozenset({0x0000, 0x0100, 0x0800})  # group length, command, data set type
_GROUP_LENGTH = 4  # bytes
_VERSION_1 = 0x0001
_TITLES: Final = {"called_ae": slice(4, 20), "calling_ae": slice(20, 36)}
_TITLE: Final = re.compile(rb"[ -\[\]-~]+")
_NEEDED: Final = (MaximumLength, ImplementationClassUID)


def of_pdu(body: memoryview, pdu: Pdu, agreed: Agreed) -> Iterator[str]:
    """Of an A-ASSOCIATE-RQ or a P-DATA-TF, a line for each; the others can break none.

    Args:
        body: Its bytes after the header.
        pdu: What they were decoded to.
        agreed: What was agreed before.
    """
    match pdu:
        case AssociationRequest():
            yield from _of_request(body, pdu)
        case DataTransfer():
            yield from _of_data_transfer(body, pdu, agreed)
        case _:
            pass


def _of_request(body: memoryview, request: AssociationRequest) -> Iterator[str]:
    """PS3.8 Table 9-11, C.1 and D.1; PS3.5 Table 6.2-1 (AE); PS3.7 D.3.3."""
    if not request.protocol_version & _VERSION_1:
        yield f"protocol_version: expected bit 0, but got {request.protocol_version:04X}H"
    for title, place in _TITLES.items():
        value = bytes(body[place])
        if not getattr(request, title):
            yield f"{title}: expected a title, but got none"
        elif b"\0" in value:
            yield f"{title}: expected spaces to pad it, but got 00H"
        elif not _TITLE.fullmatch(value):
            got = value.decode("latin-1").strip(" ")
            yield f"{title}: expected characters of ISO 646 without a backslash, but got {got!r}"
    if missing := [it.__name__ for it in _NEEDED if request.item(it) is None]:
        yield f"user_information: expected {' and '.join(missing)}, too"
    yield from _of_repeated_items(request)
    ids = [it.context_id for it in request.contexts]
    if not ids or len(set(ids)) < len(ids) or not all(it % 2 for it in ids):
        got = ", ".join(map(str, ids)) or "none"
        yield f"contexts: expected odd IDs, each once, but got {got}"
    yield from of_fields(body)


def _of_repeated_items(request: AssociationRequest) -> Iterator[str]:
    """Each comes once; those about a SOP class once for each (PS3.8 D.1, PS3.7 D.3.3.2 to 7)."""
    counts = Counter(
        (type(it).__name__, getattr(it, "sop_class_uid", None))
        for it in request.user_information
        if not isinstance(it, UnknownItem)
    )
    for (name, sop_class), count in counts.items():
        if count > 1:
            what = name if sop_class is None else f"{name} of {sop_class!r}"
            yield f"user_information: expected one {what}, but got {count}"


def _of_data_transfer(body: memoryview, pdu: DataTransfer, agreed: Agreed) -> Iterator[str]:
    """PS3.8 9.3.5, D.1 and Annex E."""
    if 0 < agreed.max_length < len(body):
        yield f"length: expected {agreed.max_length} bytes at most, but got {len(body)}"
    at = 0
    for pdv in pdu.pdvs:
        if agreed.syntaxes is not None and pdv.context_id not in agreed.syntaxes:
            accepted = ", ".join(map(str, agreed.syntaxes)) or "none was"
            yield f"context {pdv.context_id}: expected one that was accepted ({accepted})"
        control = body[at + _CONTROL]
        if control & ~_KNOWN_BITS:
            known = control & _KNOWN_BITS
            yield f"message control header: expected {known:02X}H, but got {control:02X}H"
        if len(pdv.data) % 2:
            yield f"fragment: expected an even length, but got {_bytes(pdv.data)}"
        at += PDV_HEADER_LENGTH + len(pdv.data)


def of_command_set(command_set: bytes, message: Message) -> Iterator[str]:
    """Of a command set (PS3.7 6.3.1 and Annex E), a line for each.

    Args:
        command_set: Its bytes.
        message: What they were decoded to.
    """
    uids = {row.element for row in message.rows if row.codec is UI}
    known = _IN_EVERY_MESSAGE | {row.element for row in message.rows}
    before = None
    for tag, value, rest in _elements(command_set):
        if before is None:
            yield from _of_group_length(tag, value, rest)
        elif tag < before:
            yield f"{Tag(tag)}: expected it in order, but it comes behind {Tag(before)}"
        before = tag
        if tag not in known:
            name = message.command_field.name.replace("_", "-")
            yield f"{Tag(tag)}: expected none in {name}, but it is there"
        if len(value) % 2:
            yield f"{Tag(tag)}: expected an even length, but got {_bytes(value)}"
        if tag in uids and value and not UID.fullmatch(value.removesuffix(b"\0")):
            shown = value.decode("latin-1")
            yield f"{Tag(tag)}: expected a UID, padded by one 00H if it is odd, but got {shown!r}"


def _elements(command_set: bytes) -> Iterator[tuple[int, bytes, int]]:
    """The tag and the value of each, and how many bytes follow."""
    at, end = 0, len(command_set)
    while at < end:
        group, element, length = _ELEMENT.unpack_from(command_set, at)
        start = at + _ELEMENT.size
        at = start + length
        yield group << 16 | element, command_set[start:at], end - at


def _of_group_length(tag: int, value: bytes, rest: int) -> Iterator[str]:
    if tag:
        yield f"(0000,0000): expected it first, but {Tag(tag)} is"
    elif value != rest.to_bytes(_GROUP_LENGTH, "little"):
        said = int.from_bytes(value, "little")
        got = said if len(value) == _GROUP_LENGTH else _bytes(value)
        yield f"(0000,0000): expected {rest}, as so many bytes follow, but got {got}"


def _bytes(data: bytes | memoryview) -> str:
    return f"{len(data)} bytes"
