"""The sub-items of the user information item, 51H to 59H (PS3.8 Annex D.1, PS3.7 Annex D.3.3).

One class per item and one row per class in the table at the end. The direction is
not judged: an item that belongs into a request decodes in an answer as well.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import ClassVar, Self, TypeAlias

from attrs import field, frozen

from trio_dicom._wire.cursor import Cursor
from trio_dicom._wire.fields import (
    counted,
    decode_text,
    encode_text,
    encode_u8,
    encode_u16,
    encode_u32,
    take_counted,
)
from trio_dicom._wire.items import UnknownItem, encode_item, split_items

__all__ = [
    "CommonExtendedNegotiation",
    "ExtendedNegotiation",
    "ImplementationClassUID",
    "ImplementationVersionName",
    "MaximumLength",
    "OperationsWindow",
    "RoleSelection",
    "UserIdentity",
    "UserIdentityAnswer",
    "UserIdentityType",
    "UserItem",
    "decode_user_items",
]


@frozen
class MaximumLength:
    """The longest P-DATA-TF that the sender of this item takes (PS3.8 D.1).

    Attributes:
        max_length: Bytes of the PDU after its header; 0 means no limit.
    """

    item_type: ClassVar[int] = 0x51

    max_length: int

    def encode(self) -> bytes:
        """The whole item."""
        body = encode_u32(self.max_length, "maximum length")
        return encode_item(self.item_type, body, "maximum length")

    @classmethod
    def decode(cls, body: Cursor) -> MaximumLength:
        """The value from the body of its item."""
        return cls(body.u32())


@frozen
class ImplementationClassUID:
    """Which implementation the sender is (PS3.7 D.3.3.2).

    Attributes:
        uid: The UID of its class of implementations.
    """

    item_type: ClassVar[int] = 0x52

    uid: str

    def encode(self) -> bytes:
        """The whole item."""
        body = encode_text(self.uid, "implementation class UID")
        return encode_item(self.item_type, body, "implementation class UID")

    @classmethod
    def decode(cls, body: Cursor) -> ImplementationClassUID:
        """The value from the body of its item."""
        return cls(decode_text(body.rest()))


@frozen
class OperationsWindow:
    """How many operations may be open at once (PS3.7 D.3.3.3).

    Attributes:
        invoked: By the requestor of the association; 0 means no limit.
        performed: By its acceptor; 0 means no limit.
    """

    item_type: ClassVar[int] = 0x53

    invoked: int
    performed: int

    def encode(self) -> bytes:
        """The whole item."""
        body = encode_u16(self.invoked, "operations invoked")
        body += encode_u16(self.performed, "operations performed")
        return encode_item(self.item_type, body, "operations window")

    @classmethod
    def decode(cls, body: Cursor) -> OperationsWindow:
        """The value from the body of its item."""
        return cls(body.u16(), body.u16())


@frozen(kw_only=True)
class RoleSelection:
    """Which roles the requestor plays for a SOP class (PS3.7 D.3.3.4).

    Attributes:
        sop_class_uid: The SOP class.
        scu: The requestor as its user: proposed, or accepted.
        scp: The requestor as its provider: proposed, or accepted.
    """

    item_type: ClassVar[int] = 0x54

    sop_class_uid: str
    scu: bool
    scp: bool

    def encode(self) -> bytes:
        """The whole item."""
        body = counted(encode_text(self.sop_class_uid, "SOP class UID"), "SOP class UID")
        return encode_item(self.item_type, body + bytes((self.scu, self.scp)), "role selection")

    @classmethod
    def decode(cls, body: Cursor) -> RoleSelection:
        """The value from the body of its item."""
        return cls(
            sop_class_uid=decode_text(take_counted(body)),
            scu=body.u8() == 1,
            scp=body.u8() == 1,
        )


@frozen
class ImplementationVersionName:
    """Which version of its implementation the sender is (PS3.7 D.3.3.2).

    Attributes:
        name: 1 to 16 characters.
    """

    item_type: ClassVar[int] = 0x55

    name: str

    def encode(self) -> bytes:
        """The whole item."""
        body = encode_text(self.name, "implementation version name")
        return encode_item(self.item_type, body, "implementation version name")

    @classmethod
    def decode(cls, body: Cursor) -> ImplementationVersionName:
        """The value from the body of its item."""
        return cls(decode_text(body.rest()))


@frozen(kw_only=True)
class ExtendedNegotiation:
    """What a service class has to say about a SOP class (PS3.7 Table D.3-11).

    Attributes:
        sop_class_uid: The SOP class.
        application_information: Bytes whose meaning the service class defines.
    """

    item_type: ClassVar[int] = 0x56

    sop_class_uid: str
    application_information: bytes

    def encode(self) -> bytes:
        """The whole item."""
        body = counted(encode_text(self.sop_class_uid, "SOP class UID"), "SOP class UID")
        return encode_item(
            self.item_type, body + self.application_information, "extended negotiation"
        )

    @classmethod
    def decode(cls, body: Cursor) -> ExtendedNegotiation:
        """The value from the body of its item."""
        return cls(
            sop_class_uid=decode_text(take_counted(body)),
            application_information=bytes(body.rest()),
        )


@frozen(kw_only=True)
class CommonExtendedNegotiation:
    """The family of a SOP class, for peers that do not know it (PS3.7 D.3.3.6).

    Attributes:
        sop_class_uid: The SOP class.
        service_class_uid: The service class that it belongs to.
        related_general_sop_class_uids: SOP classes that its instances also fit.
    """

    item_type: ClassVar[int] = 0x57

    sop_class_uid: str
    service_class_uid: str
    related_general_sop_class_uids: tuple[str, ...]

    def encode(self) -> bytes:
        """The whole item."""
        related = b"".join(
            counted(encode_text(uid, "related SOP class UID"), "related SOP class UID")
            for uid in self.related_general_sop_class_uids
        )
        body = counted(encode_text(self.sop_class_uid, "SOP class UID"), "SOP class UID")
        body += counted(encode_text(self.service_class_uid, "service class UID"), "service class")
        body += counted(related, "related general SOP classes")
        return encode_item(self.item_type, body, "common extended negotiation")

    @classmethod
    def decode(cls, body: Cursor) -> CommonExtendedNegotiation:
        """The value from the body of its item."""
        sop_class_uid = decode_text(take_counted(body))
        service_class_uid = decode_text(take_counted(body))
        related = body.sub(body.u16(), "related general SOP classes")
        uids: list[str] = []
        while related.remaining:
            uids.append(decode_text(take_counted(related)))
        return cls(
            sop_class_uid=sop_class_uid,
            service_class_uid=service_class_uid,
            related_general_sop_class_uids=tuple(uids),
        )


class UserIdentityType(IntEnum):
    """What a user identity is made of (PS3.7 Table D.3-14).

    A type that the standard does not name is kept as a member named after its number.
    """

    USERNAME = 1
    USERNAME_AND_PASSCODE = 2
    KERBEROS = 3
    SAML = 4
    JWT = 5

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not 0 <= value <= 0xFF:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"RESERVED_{value}"
        member._value_ = value
        return member


@frozen(kw_only=True)
class UserIdentity:
    """Who asks for the association (PS3.7 Table D.3-14). Its repr tells no secret.

    Attributes:
        identity_type: What ``primary`` and ``secondary`` are.
        primary: The user name in UTF-8, or the ticket, assertion or token.
        secondary: The passcode in UTF-8, for ``USERNAME_AND_PASSCODE`` alone.
        positive_response_requested: Whether the acceptor shall answer with an item.
    """

    item_type: ClassVar[int] = 0x58

    identity_type: UserIdentityType
    primary: bytes = field(repr=False)
    secondary: bytes = field(default=b"", repr=False)
    positive_response_requested: bool = False

    def encode(self) -> bytes:
        """The whole item."""
        body = encode_u8(self.identity_type, "user identity type")
        body += bytes((self.positive_response_requested,))
        body += counted(self.primary, "primary field of the user identity")
        body += counted(self.secondary, "secondary field of the user identity")
        return encode_item(self.item_type, body, "user identity")

    @classmethod
    def decode(cls, body: Cursor) -> UserIdentity:
        """The value from the body of its item."""
        return cls(
            identity_type=UserIdentityType(body.u8()),
            positive_response_requested=body.u8() == 1,
            primary=bytes(take_counted(body)),
            secondary=bytes(take_counted(body)),
        )


@frozen
class UserIdentityAnswer:
    """What the acceptor says to a user identity (PS3.7 D.3.3.7). Its repr tells no secret.

    Attributes:
        server_response: The server's ticket, assertion or token; empty for user names.
    """

    item_type: ClassVar[int] = 0x59

    server_response: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The whole item."""
        body = counted(self.server_response, "server response")
        return encode_item(self.item_type, body, "user identity answer")

    @classmethod
    def decode(cls, body: Cursor) -> UserIdentityAnswer:
        """The value from the body of its item."""
        return cls(bytes(take_counted(body)))


UserItem: TypeAlias = (
    MaximumLength
    | ImplementationClassUID
    | OperationsWindow
    | RoleSelection
    | ImplementationVersionName
    | ExtendedNegotiation
    | CommonExtendedNegotiation
    | UserIdentity
    | UserIdentityAnswer
    | UnknownItem
)
"""Whatever can stand in the user information of an A-ASSOCIATE PDU."""

_DECODERS: dict[int, Callable[[Cursor], UserItem]] = {
    MaximumLength.item_type: MaximumLength.decode,
    ImplementationClassUID.item_type: ImplementationClassUID.decode,
    OperationsWindow.item_type: OperationsWindow.decode,
    RoleSelection.item_type: RoleSelection.decode,
    ImplementationVersionName.item_type: ImplementationVersionName.decode,
    ExtendedNegotiation.item_type: ExtendedNegotiation.decode,
    CommonExtendedNegotiation.item_type: CommonExtendedNegotiation.decode,
    UserIdentity.item_type: UserIdentity.decode,
    UserIdentityAnswer.item_type: UserIdentityAnswer.decode,
}


def decode_user_items(cursor: Cursor) -> tuple[UserItem, ...]:
    """The items that fill ``cursor``, in order; those of unknown types as ``UnknownItem``.

    Raises:
        PDUError: A length lies, or an item is too short for its type.
    """
    found: list[UserItem] = []
    for item_type, body in split_items(cursor):
        decoder = _DECODERS.get(item_type)
        if decoder is None:
            found.append(UnknownItem(item_type, bytes(body.rest())))
        else:
            found.append(decoder(body))
    return tuple(found)
