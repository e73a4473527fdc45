"""What all DIMSE messages have in common: requests, responses, and their table rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Any, ClassVar, Final, Self, cast

from attrs import Attribute, field, fields, frozen
from pydicom import Dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from trio_dicom._dimse.command_set import AT, LO, UI, US, ValueCodec, as_uid
from trio_dicom._dimse.encoded import EncodedDataSet, MessageData, StoredDataSet
from trio_dicom.errors import LocalProtocolError, StatusError
from trio_dicom.status import Service, Status, service_for

__all__ = [
    "CommandField",
    "Message",
    "MessageData",
    "Priority",
    "Request",
    "Response",
    "Row",
    "TagLike",
    "as_optional_uid",
    "as_tags",
    "check_optional_unsigned",
    "check_unsigned",
]

TagLike = int | str | tuple[int, int]
"""A tag as callers write it: a number, a keyword, a pair of group and element."""


class CommandField(IntEnum):
    """Which message it is (PS3.7 Annex E)."""

    C_STORE_RQ = 0x0001
    C_GET_RQ = 0x0010
    C_FIND_RQ = 0x0020
    C_MOVE_RQ = 0x0021
    C_ECHO_RQ = 0x0030
    N_EVENT_REPORT_RQ = 0x0100
    N_GET_RQ = 0x0110
    N_SET_RQ = 0x0120
    N_ACTION_RQ = 0x0130
    N_CREATE_RQ = 0x0140
    N_DELETE_RQ = 0x0150
    C_CANCEL_RQ = 0x0FFF
    C_STORE_RSP = 0x8001
    C_GET_RSP = 0x8010
    C_FIND_RSP = 0x8020
    C_MOVE_RSP = 0x8021
    C_ECHO_RSP = 0x8030
    N_EVENT_REPORT_RSP = 0x8100
    N_GET_RSP = 0x8110
    N_SET_RSP = 0x8120
    N_ACTION_RSP = 0x8130
    N_CREATE_RSP = 0x8140
    N_DELETE_RSP = 0x8150

    @property
    def operation(self) -> str:
        """The service as the standard writes it: ``C-FIND``, ``N-EVENT-REPORT``."""
        return self.name.rpartition("_")[0].replace("_", "-")


class Priority(IntEnum):
    """How urgent a request is; few peers care (PS3.7 Annex E)."""

    MEDIUM = 0
    HIGH = 1
    LOW = 2


@frozen
class Row:
    """One field of a message: where it stands in the command set.

    Attributes:
        element: Its element number in group 0000.
        codec: How its value is encoded.
        name: The attribute of the message that holds it.
        required: Whether a message without it is none.
    """

    element: int
    codec: ValueCodec
    name: str
    required: bool = False


def check_unsigned(_instance: object, attribute: Attribute[int], value: int) -> None:
    """Refuse a number that 16 bits do not hold."""
    if not 0 <= value <= 0xFFFF:
        raise LocalProtocolError(f"{attribute.name} {value} is not between 0 and 65535")


def check_optional_unsigned(
    instance: object, attribute: Attribute[int | None], value: int | None
) -> None:
    """The same for a number that may be missing."""
    if value is not None:
        check_unsigned(instance, cast("Attribute[int]", attribute), value)  # only named there


def as_optional_uid(text: str | None) -> UID | None:
    """A UID where there is one."""
    return None if text is None else as_uid(text)


def as_tags(tags: Iterable[TagLike]) -> tuple[BaseTag, ...]:
    """Tags from keywords, pairs or numbers."""
    return tuple([Tag(tag) for tag in tags])


def _as_status(status: Status | int) -> Status:
    return status if isinstance(status, Status) else Status.of(status)


def _size_only(data: MessageData) -> str:
    """Data sets are patients' data: how much there is, and nothing of it."""
    if data is None:
        return "None"
    return f"<{len(data)} {'elements' if isinstance(data, Dataset) else 'bytes'}>"


class _Attributes(dict[type["Message"], tuple[tuple[str, Callable[..., None], Any], ...]]):
    """The attributes of messages: their names, how they are set, and their defaults.

    For those who know that the values are right, and for new messages only. To set one
    in this way costs half of what ``object.__setattr__`` does.
    """

    def __missing__(
        self, message: type[Message]
    ) -> tuple[tuple[str, Callable[..., None], Any], ...]:
        self[message] = attributes = tuple(
            [(it.name, getattr(message, it.name).__set__, it.default) for it in fields(message)]
        )
        return attributes


_ATTRIBUTES: Final = _Attributes()


@lru_cache(maxsize=256)
def _status_of(code: int, sop_class_uid: UID | None, service: Service) -> Status:
    """What a code means depends on what it answers: FF00H to a C-STORE promises no more."""
    return Status.of(code, service_for(sop_class_uid, service))


@frozen(kw_only=True)
class Message:
    """A DIMSE message: a command set and, often, a data set (PS3.7 6.3).

    Attributes:
        data_set: What it carries, decoded or not, or None.
    """

    command_field: ClassVar[CommandField]
    rows: ClassVar[tuple[Row, ...]]
    may_have_data_set: ClassVar[bool] = True

    data_set: MessageData = field(default=None, repr=_size_only)

    def decoded_data_set(self) -> Dataset | None:
        """The data set, decoded, or None where there is none.

        Raises:
            PDUError: The bytes that came are no data set.
            LocalProtocolError: It lies in a file, which this layer does not open.
        """
        match self.data_set:
            case EncodedDataSet() as encoded:
                return encoded.decode()
            case StoredDataSet():
                raise LocalProtocolError("the data set lies in a file: read it with pydicom")
            case data_set:
                return data_set

    @classmethod
    def received(cls, values: Mapping[str, Any]) -> Self:
        """The message with these values, which have been decoded as its rows say.

        So they are right, and are neither converted nor checked once more.
        """
        message = object.__new__(cls)
        for name, put, default in _ATTRIBUTES[cls]:
            put(message, values.get(name, default))
        return message

    def with_data_set(self, data_set: MessageData) -> Self:
        """The same message with this data set instead of its own."""
        return self._with("data_set", data_set)

    def _with(self, changed: str, value: object) -> Self:
        # Its other fields are right already: to convert and check them once more, as evolve
        # does, would cost every match of a query more than the rest of its way.
        message = object.__new__(type(self))
        for name, put, _ in _ATTRIBUTES[type(self)]:
            put(message, value if name == changed else getattr(self, name))
        return message

    @property
    def operation(self) -> str:
        """The service as the standard writes it: ``C-FIND``, ``N-EVENT-REPORT``."""
        return self.command_field.operation


@frozen(kw_only=True)
class Request(Message):
    """A message that asks for something and is answered.

    Attributes:
        sop_class_uid: The SOP class that it is about, affected or requested.
        message_id: What the answers refer to. None lets the connection choose.
    """

    rows: ClassVar[tuple[Row, ...]] = (Row(0x0110, US, "message_id", required=True),)
    must_have_data_set: ClassVar[bool] = False

    sop_class_uid: UID = field(converter=as_uid)
    message_id: int | None = field(default=None, validator=check_optional_unsigned)

    def with_message_id(self, message_id: int) -> Self:
        """The same request with this message ID, of 16 bits, instead of its own."""
        return self._with("message_id", message_id)


@frozen(kw_only=True)
class Response(Message):
    """An answer, one of several or the last (PS3.7 9.3, 10.3 and Annex C).

    Attributes:
        status: What came of the request. An int is taken as a code.
        message_id_being_responded_to: The ``message_id`` of the request.
        sop_class_uid: The SOP class of the request, which many peers leave out.
        offending_elements: In which elements the error lies.
        error_comment: The peer's own words. They may name a patient, so they are not
            part of the representation. At most 64 ASCII characters are sent.
        error_id: The peer's own code.
    """

    service: ClassVar[Service] = Service.GENERAL
    rows: ClassVar[tuple[Row, ...]] = (
        Row(0x0002, UI, "sop_class_uid"),
        Row(0x0120, US, "message_id_being_responded_to", required=True),
        Row(0x0900, US, "status", required=True),
        Row(0x0901, AT, "offending_elements"),
        Row(0x0902, LO, "error_comment"),
        Row(0x0903, US, "error_id"),
    )

    status: Status = field(converter=_as_status)
    message_id_being_responded_to: int | None = field(
        default=None, validator=check_optional_unsigned
    )
    sop_class_uid: UID | None = field(default=None, converter=as_optional_uid)
    offending_elements: tuple[BaseTag, ...] = field(default=(), converter=as_tags)
    error_comment: str | None = field(default=None, repr=False)
    error_id: int | None = field(default=None, validator=check_optional_unsigned)

    def __attrs_post_init__(self) -> None:
        status = _status_of(self.status.code, self.sop_class_uid, self.service)
        object.__setattr__(self, "status", status)

    @classmethod
    def received(cls, values: Mapping[str, Any]) -> Self:
        """See ``Message``. The status comes as a number."""
        status = _status_of(values["status"], values.get("sop_class_uid"), cls.service)
        return super().received({**values, "status": status})

    @property
    def is_final(self) -> bool:
        """Whether no other response to the request follows."""
        return not self.status.is_pending

    def raise_for_status(self) -> None:
        """Raise if the status says failure.

        Raises:
            StatusError: It does.
        """
        if self.status.is_failure:
            raise StatusError(
                self.status, operation=self.operation, comment=self.error_comment or ""
            )
