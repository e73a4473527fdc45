"""The messages of the five DIMSE-C services, and C-CANCEL (PS3.7 9.3)."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.base import (
    CommandField,
    Message,
    Priority,
    Request,
    Response,
    Row,
    as_optional_uid,
    check_optional_unsigned,
    check_unsigned,
)
from trio_dicom._dimse.command_set import AE, UI, US, ValueCodec, as_uid
from trio_dicom.errors import LocalProtocolError, PDUError
from trio_dicom.status import Service

__all__ = [
    "CCancelRequest",
    "CEchoRequest",
    "CEchoResponse",
    "CFindRequest",
    "CFindResponse",
    "CGetRequest",
    "CGetResponse",
    "CMoveRequest",
    "CMoveResponse",
    "CStoreRequest",
    "CStoreResponse",
]

# A message without fields of its own is a plain subclass: its parent has all that attrs
# makes, and making it again is most of what importing a message costs.

_REQUEST = (Row(0x0002, UI, "sop_class_uid", required=True), *Request.rows)
_VERIFICATION = as_uid("1.2.840.10008.1.1")


def _as_priority(priority: int) -> Priority:
    if isinstance(priority, Priority):
        return priority
    try:
        return Priority(priority)
    except ValueError:
        raise LocalProtocolError(f"there is no priority {priority}") from None


def _decode_priority(value: bytes) -> Priority | None:
    # A peer's request is not refused for a reserved priority: it only describes.
    number = US.decode(value)
    return _PRIORITIES.get(number)


_PRIORITIES = {priority.value: priority for priority in Priority}
_PRIORITY = Row(0x0700, ValueCodec("US", US.encode, _decode_priority), "priority")


@frozen(kw_only=True)
class CEchoRequest(Request):
    """Are you there? (PS3.7 9.3.5.1)."""

    command_field: ClassVar = CommandField.C_ECHO_RQ
    rows: ClassVar = (Row(0x0002, UI, "sop_class_uid"), *Request.rows)
    may_have_data_set: ClassVar = False

    sop_class_uid: UID = field(default=_VERIFICATION, converter=as_uid)


class CEchoResponse(Response):
    """Yes (PS3.7 9.3.5.2)."""

    __slots__ = ()

    command_field: ClassVar = CommandField.C_ECHO_RSP
    service: ClassVar = Service.VERIFICATION
    may_have_data_set: ClassVar = False


@frozen(kw_only=True)
class CStoreRequest(Request):
    """Keep this instance (PS3.7 9.3.1.1).

    Attributes:
        sop_instance_uid: The instance.
        priority: How urgent it is.
        move_originator_ae: Who asked for the C-MOVE that this is a part of, if it is.
        move_originator_message_id: The message ID of that C-MOVE.
    """

    command_field: ClassVar = CommandField.C_STORE_RQ
    rows: ClassVar = (
        *_REQUEST,
        _PRIORITY,
        Row(0x1000, UI, "sop_instance_uid", required=True),
        Row(0x1030, AE, "move_originator_ae"),
        Row(0x1031, US, "move_originator_message_id"),
    )
    must_have_data_set: ClassVar = True

    sop_instance_uid: UID = field(converter=as_uid)
    priority: Priority = field(default=Priority.MEDIUM, converter=_as_priority)
    move_originator_ae: str | None = None
    move_originator_message_id: int | None = field(default=None, validator=check_optional_unsigned)

    def dataset(self) -> Dataset:
        """The instance, decoded.

        Raises:
            PDUError: What came is no data set, or nothing came.
            LocalProtocolError: It lies in a file, which this layer does not open.
        """
        data_set = self.decoded_data_set()
        if data_set is None:
            raise PDUError("a C-STORE request without a data set")
        return data_set


@frozen(kw_only=True)
class CStoreResponse(Response):
    """What became of the instance (PS3.7 9.3.1.2).

    Attributes:
        sop_instance_uid: The instance, which some peers leave out.
    """

    command_field: ClassVar = CommandField.C_STORE_RSP
    service: ClassVar = Service.STORAGE
    rows: ClassVar = (*Response.rows, Row(0x1000, UI, "sop_instance_uid"))
    may_have_data_set: ClassVar = False

    sop_instance_uid: UID | None = field(default=None, converter=as_optional_uid)


@frozen(kw_only=True)
class _IdentifierRequest(Request):
    rows: ClassVar[tuple[Row, ...]] = (*_REQUEST, _PRIORITY)
    must_have_data_set: ClassVar[bool] = True

    priority: Priority = field(default=Priority.MEDIUM, converter=_as_priority)

    @property
    def identifier(self) -> Dataset | None:
        """The keys to match, decoded."""
        return self.decoded_data_set()


@frozen(kw_only=True)
class _SubOperationsResponse(Response):
    rows: ClassVar[tuple[Row, ...]] = (
        *Response.rows,
        Row(0x1020, US, "remaining"),
        Row(0x1021, US, "completed"),
        Row(0x1022, US, "failed"),
        Row(0x1023, US, "warning"),
    )

    remaining: int | None = field(default=None, validator=check_optional_unsigned)
    completed: int | None = field(default=None, validator=check_optional_unsigned)
    failed: int | None = field(default=None, validator=check_optional_unsigned)
    warning: int | None = field(default=None, validator=check_optional_unsigned)

    @property
    def identifier(self) -> Dataset | None:
        """The decoded data set: in a final response, the instances that failed."""
        return self.decoded_data_set()

    @property
    def failed_sop_instance_uids(self) -> tuple[UID, ...]:
        """The instances that failed, (0008,0058); empty where the peer names none."""
        identifier = self.decoded_data_set()
        value = None if identifier is None else identifier.get("FailedSOPInstanceUIDList")
        if not value:
            return ()
        if isinstance(value, bytes):  # too many for the length of a UI, so it came as UN
            value = value.decode("latin-1").rstrip("\0 ").split("\\")
        return (as_uid(value),) if isinstance(value, str) else tuple(as_uid(uid) for uid in value)


class CFindRequest(_IdentifierRequest):
    """Who or what matches? (PS3.7 9.3.2.1).

    Attributes:
        priority: How urgent it is.
    """

    __slots__ = ()

    command_field: ClassVar = CommandField.C_FIND_RQ


class CFindResponse(Response):
    """One match, or the end of the matches (PS3.7 9.3.2.2)."""

    __slots__ = ()

    command_field: ClassVar = CommandField.C_FIND_RSP
    service: ClassVar = Service.QUERY_RETRIEVE_FIND

    @property
    def identifier(self) -> Dataset:
        """The match, decoded; empty where there is none, as in most final responses."""
        data_set = self.decoded_data_set()
        return Dataset() if data_set is None else data_set


class CGetRequest(_IdentifierRequest):
    """Send me these, here (PS3.7 9.3.3.1).

    Attributes:
        priority: How urgent it is.
    """

    __slots__ = ()

    command_field: ClassVar = CommandField.C_GET_RQ


class CGetResponse(_SubOperationsResponse):
    """How far the sub-operations are (PS3.7 9.3.3.2).

    Attributes:
        remaining: Instances still to be sent. Peers may leave out each of the counts.
        completed: Instances sent.
        failed: Instances that could not be sent.
        warning: Instances sent with a warning.
    """

    __slots__ = ()

    command_field: ClassVar = CommandField.C_GET_RSP
    service: ClassVar = Service.QUERY_RETRIEVE_GET


@frozen(kw_only=True)
class CMoveRequest(_IdentifierRequest):
    """Send these to somebody (PS3.7 9.3.4.1).

    Attributes:
        move_destination: To whom: the AE title as the peer knows it.
        priority: How urgent it is.
    """

    command_field: ClassVar = CommandField.C_MOVE_RQ
    rows: ClassVar[tuple[Row, ...]] = (
        *_IdentifierRequest.rows,
        Row(0x0600, AE, "move_destination", required=True),
    )

    move_destination: str


class CMoveResponse(_SubOperationsResponse):
    """How far the sub-operations are (PS3.7 9.3.4.2).

    Attributes:
        remaining: Instances still to be sent. Peers may leave out each of the counts.
        completed: Instances sent.
        failed: Instances that could not be sent.
        warning: Instances sent with a warning.
    """

    __slots__ = ()

    command_field: ClassVar = CommandField.C_MOVE_RSP
    service: ClassVar = Service.QUERY_RETRIEVE_MOVE


@frozen(kw_only=True)
class CCancelRequest(Message):
    """Stop that C-FIND, C-GET or C-MOVE. It has no answer of its own (PS3.7 9.3.2.3).

    Attributes:
        message_id_being_responded_to: The message ID of what is to stop.
    """

    command_field: ClassVar = CommandField.C_CANCEL_RQ
    rows: ClassVar = (Row(0x0120, US, "message_id_being_responded_to", required=True),)
    may_have_data_set: ClassVar = False

    message_id_being_responded_to: int = field(validator=check_unsigned)
