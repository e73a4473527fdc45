"""A-ASSOCIATE-RQ and A-ASSOCIATE-AC: what is proposed and what is accepted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, Self, TypeVar

from attrs import frozen

from trio_dicom._wire.cursor import Cursor
from trio_dicom._wire.fields import (
    AE_TITLE_LENGTH,
    decode_ae_title,
    decode_text,
    encode_ae_title,
    encode_text,
    encode_u16,
)
from trio_dicom._wire.header import PduType, encode_header
from trio_dicom._wire.items import (
    APPLICATION_CONTEXT,
    USER_INFORMATION,
    AnsweredContext,
    ProposedContext,
    UnknownItem,
    encode_item,
    split_items,
)
from trio_dicom._wire.user_items import UserItem, decode_user_items
from trio_dicom.errors import PDUError

__all__ = ["DICOM_APPLICATION_CONTEXT", "AssociationAccept", "AssociationRequest"]

DICOM_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
"""The only application context that DICOM defines (PS3.7 A.2.1)."""

_RESERVED = 32

_ContextT = TypeVar("_ContextT", ProposedContext, AnsweredContext)
_ItemT = TypeVar("_ItemT", bound=UserItem)


@frozen(kw_only=True)
class _Associate(ABC, Generic[_ContextT]):
    """The layout that request and answer share (PS3.8 Tables 9-11 and 9-17)."""

    pdu_type: ClassVar[PduType]

    called_ae: str
    calling_ae: str
    contexts: tuple[_ContextT, ...]
    user_information: tuple[UserItem, ...] = ()
    application_context: str = DICOM_APPLICATION_CONTEXT
    protocol_version: int = 1
    unknown_items: tuple[UnknownItem, ...] = ()

    def item(self, item_class: type[_ItemT]) -> _ItemT | None:
        """The first item of that class in the user information, or None."""
        return next(iter(self.items(item_class)), None)

    def items(self, item_class: type[_ItemT]) -> tuple[_ItemT, ...]:
        """All items of that class in the user information, in order."""
        return tuple(item for item in self.user_information if isinstance(item, item_class))

    def encode(self) -> bytes:
        """The whole PDU.

        Raises:
            PDUError: Something in it does not fit into its field.
        """
        parts = [
            encode_u16(self.protocol_version, "protocol version"),
            b"\0\0",
            encode_ae_title(self.called_ae, "called AE title"),
            encode_ae_title(self.calling_ae, "calling AE title"),
            bytes(_RESERVED),
        ]
        if self.application_context:
            name = encode_text(self.application_context, "application context name")
            parts.append(encode_item(APPLICATION_CONTEXT, name, "application context"))
        parts += [context.encode() for context in self.contexts]
        user_information = b"".join([item.encode() for item in self.user_information])
        parts.append(encode_item(USER_INFORMATION, user_information, "user information"))
        parts += [item.encode() for item in self.unknown_items]
        body = b"".join(parts)
        return encode_header(self.pdu_type, len(body)) + body

    @classmethod
    def decode(cls, body: bytes | memoryview) -> Self:
        """The value from a PDU's body, the bytes after its header.

        Raises:
            PDUError: A length lies, or what must be there once is not.
        """
        cursor = Cursor(memoryview(body), cls.pdu_type.name)
        protocol_version = cursor.u16()
        cursor.take(2)
        called_ae = decode_ae_title(cursor.take(AE_TITLE_LENGTH))
        calling_ae = decode_ae_title(cursor.take(AE_TITLE_LENGTH))
        cursor.take(_RESERVED)
        contexts: list[_ContextT] = []
        unknown_items: list[UnknownItem] = []
        once: dict[int, Cursor] = {}
        for item_type, item in split_items(cursor):
            if item_type == cls._context_item_type():
                contexts.append(cls._decode_context(item))
            elif item_type not in (APPLICATION_CONTEXT, USER_INFORMATION):
                unknown_items.append(UnknownItem(item_type, bytes(item.rest())))
            elif item_type in once:
                raise PDUError(f"{cls.pdu_type.name}: item {item_type:02X}H comes twice")
            else:
                once[item_type] = item
        # The cursor has come to its end: it serves as the body of an item that is not there.
        application_context = once.get(APPLICATION_CONTEXT, cursor)
        return cls(
            called_ae=called_ae,
            calling_ae=calling_ae,
            contexts=tuple(contexts),
            user_information=decode_user_items(once.get(USER_INFORMATION, cursor)),
            application_context=decode_text(application_context.rest()),
            protocol_version=protocol_version,
            unknown_items=tuple(unknown_items),
        )

    @staticmethod
    @abstractmethod
    def _context_item_type() -> int:
        """The type of the items that hold the contexts."""

    @staticmethod
    @abstractmethod
    def _decode_context(body: Cursor) -> _ContextT:
        """A context from the body of its item."""


@frozen(kw_only=True)
class AssociationRequest(_Associate[ProposedContext]):
    """A-ASSOCIATE-RQ (PS3.8 Table 9-11): what the requestor proposes.

    Attributes:
        called_ae: The AE title that is asked for, at most 16 characters.
        calling_ae: The AE title that asks, at most 16 characters.
        contexts: The presentation contexts proposed.
        user_information: Everything else that is negotiated, in order.
        application_context: The UID of the application context; "" where none was sent.
        protocol_version: A bit for each version supported; version 1 is bit 0.
        unknown_items: Items of types that do not belong here, in order.
    """

    pdu_type: ClassVar[PduType] = PduType.ASSOCIATE_RQ

    @staticmethod
    def _context_item_type() -> int:
        return ProposedContext.item_type

    @staticmethod
    def _decode_context(body: Cursor) -> ProposedContext:
        return ProposedContext.decode(body)


@frozen(kw_only=True)
class AssociationAccept(_Associate[AnsweredContext]):
    """A-ASSOCIATE-AC (PS3.8 Table 9-17): what the acceptor agrees to.

    Attributes:
        called_ae: Reserved: the title of the request, but never to be tested.
        calling_ae: Reserved likewise.
        contexts: The answers to the presentation contexts, in any order.
        user_information: Everything else that is negotiated, in order.
        application_context: The UID of the application context; "" where none was sent.
        protocol_version: A bit for each version supported; version 1 is bit 0.
        unknown_items: Items of types that do not belong here, in order.
    """

    pdu_type: ClassVar[PduType] = PduType.ASSOCIATE_AC

    @staticmethod
    def _context_item_type() -> int:
        return AnsweredContext.item_type

    @staticmethod
    def _decode_context(body: Cursor) -> AnsweredContext:
        return AnsweredContext.decode(body)
