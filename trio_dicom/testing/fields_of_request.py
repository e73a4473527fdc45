"""The fields of an A-ASSOCIATE-RQ as they came: decoding takes off padding, and judges little."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from trio_dicom._wire.associate import DICOM_APPLICATION_CONTEXT
from trio_dicom._wire.cursor import Cursor
from trio_dicom._wire.fields import take_counted
from trio_dicom._wire.items import (
    ABSTRACT_SYNTAX,
    APPLICATION_CONTEXT,
    TRANSFER_SYNTAX,
    USER_INFORMATION,
    ProposedContext,
    split_items,
)
from trio_dicom._wire.user_items import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    ImplementationClassUID,
    ImplementationVersionName,
    RoleSelection,
)

__all__ = ["UID", "of_fields"]

UID: Final = re.compile(rb"[0-9.]{1,64}")
"""The characters of a UID and their number, without padding (PS3.5 9.1, PS3.8 F.1)."""

_VERSION_NAME: Final = re.compile(rb"[ -~]{1,16}")
_BEFORE_ITEMS = 68  # bytes: version, titles and what is reserved
_BEFORE_SYNTAXES = 4  # bytes: the context ID and what is reserved
_SYNTAXES: Final = {ABSTRACT_SYNTAX: "abstract syntax", TRANSFER_SYNTAX: "transfer syntax"}


def of_fields(body: memoryview) -> Iterator[str]:
    """A line for each that is wrong (PS3.8 F.1, PS3.7 A.2.1 and D.3.3).

    Args:
        body: The bytes of the PDU after its header, which could be decoded.
    """
    cursor = Cursor(body, "A-ASSOCIATE-RQ")
    cursor.take(_BEFORE_ITEMS)
    application_context = ""
    for item_type, item in split_items(cursor):
        if item_type == APPLICATION_CONTEXT:
            application_context = _shown(item.rest())
        elif item_type == ProposedContext.item_type:
            item.take(_BEFORE_SYNTAXES)
            for syntax_type, syntax in split_items(item):
                if syntax_type in _SYNTAXES:
                    yield from _of_uid(_SYNTAXES[syntax_type], syntax.rest())
        elif item_type == USER_INFORMATION:
            for user_item_type, user_item in split_items(item):
                yield from _of_user_item(user_item_type, user_item)
    if application_context != (expected := DICOM_APPLICATION_CONTEXT):
        yield f"application_context: expected {expected!r}, but got {application_context!r}"


def _of_user_item(item_type: int, body: Cursor) -> Iterator[str]:
    match item_type:
        case ImplementationClassUID.item_type:
            yield from _of_uid("implementation class UID", body.rest())
        case ImplementationVersionName.item_type:
            if not _VERSION_NAME.fullmatch(name := body.rest()):
                expected = "1 to 16 characters of ISO 646"
                yield f"implementation version name: expected {expected}, but got {_shown(name)!r}"
        case RoleSelection.item_type:
            yield from _of_uid("SOP class of a role", take_counted(body))
            for role in ("SCU", "SCP"):
                if (value := body.u8()) not in (0, 1):
                    yield f"{role} of a role: expected 0 or 1, but got {value}"
        case ExtendedNegotiation.item_type:
            yield from _of_uid("SOP class of an extended negotiation", take_counted(body))
        case CommonExtendedNegotiation.item_type:
            yield from _of_uid("SOP class of a common extended negotiation", take_counted(body))
            yield from _of_uid("service class", take_counted(body))
            related = body.sub(body.u16(), "related general SOP classes")
            while related.remaining:
                yield from _of_uid("related general SOP class", take_counted(related))
            # Fields of later versions may follow (PS3.7 Table D.3-12).
        case _:
            pass


def _of_uid(what: str, value: memoryview) -> Iterator[str]:
    if not UID.fullmatch(value):
        yield f"{what}: expected a UID, padded by nothing, but got {_shown(value)!r}"


def _shown(value: memoryview) -> str:
    return bytes(value).decode("latin-1")
