"""The items of A-ASSOCIATE PDUs and their presentation contexts (PS3.8 9.3.2, 9.3.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import ClassVar

from attrs import define, field, frozen

from trio_dicom._wire.cursor import Cursor
from trio_dicom._wire.fields import decode_text, encode_text, encode_u8
from trio_dicom.errors import PDUError
from trio_dicom.reasons import ContextResult

__all__ = [
    "ABSTRACT_SYNTAX",
    "APPLICATION_CONTEXT",
    "TRANSFER_SYNTAX",
    "USER_INFORMATION",
    "AnsweredContext",
    "ProposedContext",
    "UnknownItem",
    "encode_context_id",
    "encode_item",
    "size_alone",
    "split_items",
]

APPLICATION_CONTEXT = 0x10
ABSTRACT_SYNTAX = 0x30
TRANSFER_SYNTAX = 0x40
USER_INFORMATION = 0x50

_HEAD = struct.Struct(">BxH")

_INSIGNIFICANT_TRANSFER_SYNTAX = "1.2.840.10008.1.2"


def encode_item(item_type: int, body: bytes, what: str) -> bytes:
    """A whole item: type, a reserved byte, the length of ``body``, ``body``."""
    try:
        return _HEAD.pack(item_type, len(body)) + body
    except struct.error:
        fits = 0 <= item_type <= 0xFF  # the type, so that it is the length that does not
        field_name, value = ("length", len(body)) if fits else ("item type", item_type)
        raise PDUError(f"{what}: {field_name} {value} does not fit into its field") from None


def split_items(cursor: Cursor) -> Iterator[tuple[int, Cursor]]:
    """Type and body of each of the items that fill ``cursor`` to its end.

    Raises:
        PDUError: An item is longer than what holds it.
    """
    while cursor.remaining:
        item_type, length = _HEAD.unpack(cursor.take(_HEAD.size))
        yield item_type, cursor.sub(length, f"item {item_type:02X}H")


def encode_context_id(context_id: int) -> bytes:
    """The byte of a presentation context ID: odd, 1 to 255 (PS3.8 Table 9-13)."""
    if context_id % 2 == 0:
        raise PDUError(f"presentation context ID {context_id} is not odd")
    return encode_u8(context_id, "presentation context ID")


def size_alone(data: bytes | memoryview) -> str:
    """What the repr of a value says about bytes that belong to a patient or are a secret."""
    return f"<{len(data)} bytes>"


@frozen
class UnknownItem:
    """An item of a type that the standard does not name, kept as it came.

    Attributes:
        item_type: The first byte of the item, 0 to 255.
        data: Its body, without type and length.
    """

    item_type: int
    data: bytes = field(repr=size_alone)

    def encode(self) -> bytes:
        """The whole item."""
        return encode_item(self.item_type, self.data, "unknown item")


@frozen(kw_only=True)
class ProposedContext:
    """A presentation context of an A-ASSOCIATE-RQ (PS3.8 Table 9-13).

    Attributes:
        context_id: Its ID: odd, 1 to 255. Even ones from a peer are kept for the
            protocol to judge, and cannot be encoded.
        abstract_syntax: The UID of the SOP class that it is for.
        transfer_syntaxes: The UIDs of the encodings to choose from, at least one.
        unknown_items: Sub-items of other types, in order.
    """

    item_type: ClassVar[int] = 0x20

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    unknown_items: tuple[UnknownItem, ...] = ()

    def encode(self) -> bytes:
        """The whole item.

        Raises:
            PDUError: The ID is not odd or too large, or no transfer syntax is proposed.
        """
        if not self.transfer_syntaxes:
            raise PDUError(f"presentation context {self.context_id} has no transfer syntax")
        body = [encode_context_id(self.context_id), b"\0\0\0"]
        body.append(_encode_syntax(ABSTRACT_SYNTAX, self.abstract_syntax))
        body += [_encode_syntax(TRANSFER_SYNTAX, syntax) for syntax in self.transfer_syntaxes]
        body += [item.encode() for item in self.unknown_items]
        return encode_item(self.item_type, b"".join(body), "presentation context")

    @classmethod
    def decode(cls, body: Cursor) -> ProposedContext:
        """The context from the body of its item."""
        context_id = body.u8()
        body.take(3)
        syntaxes = _Syntaxes.decode(body)
        if len(syntaxes.abstract) != 1 or not syntaxes.transfer:
            raise PDUError(
                f"proposed presentation context {context_id} has "
                f"{len(syntaxes.abstract)} abstract and {len(syntaxes.transfer)} transfer syntaxes"
            )
        return cls(
            context_id=context_id,
            abstract_syntax=syntaxes.abstract[0],
            transfer_syntaxes=tuple(syntaxes.transfer),
            unknown_items=tuple(syntaxes.unknown),
        )


@frozen(kw_only=True)
class AnsweredContext:
    """The answer to a presentation context in an A-ASSOCIATE-AC (PS3.8 Table 9-18).

    Attributes:
        context_id: The ID of the context that it answers, as in ``ProposedContext``.
        result: Acceptance, or why it was refused.
        transfer_syntax: The UID of the encoding that was chosen; None exactly when
            the context was refused, whatever the item says.
        unknown_items: Sub-items of other types in an accepted context, in order.
    """

    item_type: ClassVar[int] = 0x21

    context_id: int
    result: ContextResult
    transfer_syntax: str | None
    unknown_items: tuple[UnknownItem, ...] = ()

    def __attrs_post_init__(self) -> None:
        if (self.result == ContextResult.ACCEPTANCE) != (self.transfer_syntax is not None):
            raise PDUError(
                f"answered presentation context {self.context_id}: "
                "an accepted one has a transfer syntax, a refused one has none"
            )

    def encode(self) -> bytes:
        """The whole item.

        Raises:
            PDUError: The ID is not odd or too large.
        """
        # The item must hold a transfer syntax although nobody may look at that of a
        # refused context: the one that every peer knows.
        syntax = self.transfer_syntax
        body = [
            encode_context_id(self.context_id),
            b"\0",
            encode_u8(self.result, "result of a presentation context"),
            b"\0",
            _encode_syntax(
                TRANSFER_SYNTAX, _INSIGNIFICANT_TRANSFER_SYNTAX if syntax is None else syntax
            ),
        ]
        body += [item.encode() for item in self.unknown_items]
        return encode_item(self.item_type, b"".join(body), "presentation context")

    @classmethod
    def decode(cls, body: Cursor) -> AnsweredContext:
        """The answer from the body of its item."""
        context_id = body.u8()
        body.take(1)
        result = ContextResult(body.u8())
        body.take(1)
        if result != ContextResult.ACCEPTANCE:
            # PS3.8 Table 9-18: not significant. Peers leave junk there.
            return cls(context_id=context_id, result=result, transfer_syntax=None)
        syntaxes = _Syntaxes.decode(body)
        if len(syntaxes.transfer) != 1:
            raise PDUError(
                f"accepted presentation context {context_id} has "
                f"{len(syntaxes.transfer)} transfer syntaxes instead of one"
            )
        return cls(
            context_id=context_id,
            result=result,
            transfer_syntax=syntaxes.transfer[0],
            unknown_items=tuple(syntaxes.unknown),
        )


@define(eq=False)
class _Syntaxes:
    """The sub-items of a presentation context, sorted by kind."""

    abstract: list[str] = field(factory=list[str])
    transfer: list[str] = field(factory=list[str])
    unknown: list[UnknownItem] = field(factory=list[UnknownItem])

    @classmethod
    def decode(cls, cursor: Cursor) -> _Syntaxes:
        found = cls()
        for item_type, body in split_items(cursor):
            if item_type == ABSTRACT_SYNTAX:
                found.abstract.append(decode_text(body.rest()))
            elif item_type == TRANSFER_SYNTAX:
                found.transfer.append(decode_text(body.rest()))
            else:
                found.unknown.append(UnknownItem(item_type, bytes(body.rest())))
        return found


def _encode_syntax(item_type: int, uid: str) -> bytes:
    return encode_item(item_type, encode_text(uid, "UID"), "syntax")
