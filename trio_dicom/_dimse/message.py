"""The registry of DIMSE messages: which there are, and how they become command sets.

A new service is one row in ``SERVICES``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, overload

from attrs import evolve, frozen

from trio_dicom._dimse import c_messages as c
from trio_dicom._dimse import n_messages as n
from trio_dicom._dimse.base import (
    CommandField,
    Message,
    MessageData,
    Priority,
    Request,
    Response,
)
from trio_dicom._dimse.command_set import UI, US, as_uid, decode_command_set, encode_command_set
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom.errors import LocalProtocolError, PDUError
from trio_dicom.status import Status

__all__ = [
    "MESSAGES",
    "REQUEST_TO_RESPONSE",
    "SERVICES",
    "CommandField",
    "DecodedCommand",
    "Message",
    "MessageData",
    "Priority",
    "Request",
    "Response",
    "complete_response",
    "decode_command",
    "decode_message",
    "encode_command",
    "response_to",
]

R = TypeVar("R", bound=Response)

# Request and response of each DIMSE service (PS3.7 7.5).
SERVICES: tuple[tuple[type[Request], type[Response]], ...] = (
    (c.CEchoRequest, c.CEchoResponse),
    (c.CStoreRequest, c.CStoreResponse),
    (c.CFindRequest, c.CFindResponse),
    (c.CGetRequest, c.CGetResponse),
    (c.CMoveRequest, c.CMoveResponse),
    (n.NEventReportRequest, n.NEventReportResponse),
    (n.NGetRequest, n.NGetResponse),
    (n.NSetRequest, n.NSetResponse),
    (n.NActionRequest, n.NActionResponse),
    (n.NCreateRequest, n.NCreateResponse),
    (n.NDeleteRequest, n.NDeleteResponse),
)

REQUEST_TO_RESPONSE: Mapping[type[Request], type[Response]] = dict(SERVICES)

MESSAGES: Mapping[int, type[Message]] = {
    message.command_field: message
    for message in (*(m for pair in SERVICES for m in pair), c.CCancelRequest)
}
"""Every message by its command field."""

_COMMAND_FIELD = 0x0100
_DATA_SET_TYPE = 0x0800
_NO_UID = as_uid("")
_NO_DATA_SET = US.encode(0x0101)
_DATA_SET = US.encode(0x0001)  # any other value says so (PS3.7 Annex E)
_COMMAND_FIELDS = {number: US.encode(number) for number in MESSAGES}

# What a response repeats of its request, where both have it.
_REPEATED = ("sop_class_uid", "sop_instance_uid", "event_type_id", "action_type_id")


def _names(message: type[Message]) -> frozenset[str]:
    return frozenset(row.name for row in message.rows)


_ECHOES: Mapping[type[Response], tuple[str, ...]] = {
    response: tuple(name for name in _REPEATED if name in _names(request) & _names(response))
    for request, response in SERVICES
}


def encode_command(message: Message, *, has_data_set: bool) -> bytes:
    """The command set of ``message``.

    Args:
        message: The message, with its message ID.
        has_data_set: Whether a data set follows. An empty one counts as none.

    Raises:
        LocalProtocolError: A field that the message needs is missing, or does not fit.
    """
    if has_data_set and not message.may_have_data_set:
        raise LocalProtocolError(f"{message.command_field.name} carries no data set")
    elements = {
        _COMMAND_FIELD: _COMMAND_FIELDS[message.command_field],
        _DATA_SET_TYPE: _DATA_SET if has_data_set else _NO_DATA_SET,
    }
    for row in message.rows:
        value: Any = getattr(message, row.name)  # its row knows its type
        if not value and not isinstance(value, int):  # None, or nothing in it
            if row.required:
                raise LocalProtocolError(f"{message.command_field.name} without its {row.name}")
            continue
        elements[row.element] = row.codec.encode(value)
    return encode_command_set(elements)


@frozen
class DecodedCommand:
    """A command set that has been understood, before its data set is there.

    Attributes:
        message: The message, without its data set.
        has_data_set: Whether it says that a data set follows.
    """

    message: Message
    has_data_set: bool


def decode_command(command_set: bytes | bytearray | memoryview) -> DecodedCommand:
    """Understand a command set.

    Raises:
        PDUError: It is none, names no message, or lacks what the message needs.
    """
    values = decode_command_set(command_set)
    number = US.decode(values.get(_COMMAND_FIELD, b""))
    message_type = MESSAGES.get(number)
    if message_type is None:
        said = "no command field" if number is None else f"unknown command field {number:04X}H"
        raise PDUError(f"a command set with {said}")
    data_set_type = US.decode(values.get(_DATA_SET_TYPE, b""))
    if data_set_type is None:
        raise PDUError(f"{message_type.command_field.name} without a data set type (0000,0800)")
    return DecodedCommand(
        message_type.received(_fields_of(message_type, values)), data_set_type != 0x0101
    )


def _fields_of(message: type[Message], values: Mapping[int, bytes]) -> dict[str, Any]:
    """The fields of a message that are there, by their names."""
    fields: dict[str, Any] = {}
    for row in message.rows:
        raw = values.get(row.element)
        if raw is not None:
            try:
                value = row.codec.decode(raw)
            except PDUError as error:
                raise PDUError(f"{row.name} (0000,{row.element:04X}) is {error}") from None
            if value is not None:
                fields[row.name] = value
                continue
        if row.required:
            if raw is None or row.codec is not UI:
                raise PDUError(
                    f"{message.command_field.name} without its {row.name} (0000,{row.element:04X})"
                )
            # One instance without a name is for the service to refuse: the message is sound,
            # and so may be the thousand after it.
            fields[row.name] = _NO_UID
    return fields


def decode_message(
    command_set: bytes | bytearray | memoryview, data_set: EncodedDataSet | None
) -> Message:
    """The message of a command set and the data set that came with it.

    Raises:
        PDUError: The command set is broken, or says otherwise about the data set.
    """
    command = decode_command(command_set)
    if command.has_data_set is not (data_set is not None):
        said, came = ("a", "none") if command.has_data_set else ("no", "one")
        name = command.message.command_field.name
        raise PDUError(f"{name} announces {said} data set, and {came} came")
    return command.message if data_set is None else command.message.with_data_set(data_set)


@overload
def response_to(
    request: c.CStoreRequest, status: Status | int, **fields: Any
) -> c.CStoreResponse: ...
@overload
def response_to(
    request: n.NEventReportRequest, status: Status | int, **fields: Any
) -> n.NEventReportResponse: ...
@overload
def response_to(request: Request, status: Status | int, **fields: Any) -> Response: ...
def response_to(request: Request, status: Status | int, **fields: Any) -> Response:
    """The response to ``request``, with its message ID and its UIDs.

    Args:
        request: What is answered.
        status: What came of it.
        **fields: More fields of the response, as its class takes them.
    """
    kind = REQUEST_TO_RESPONSE[type(request)]
    for name in _ECHOES[kind]:
        if fields.get(name) is None:
            fields[name] = getattr(request, name)
    fields["message_id_being_responded_to"] = request.message_id
    return kind(status=status, **fields)


def complete_response(response: R, request: Request) -> R:
    """``response`` with what it repeats of ``request`` filled in where it was left open.

    Raises:
        LocalProtocolError: It is the response of another service.
    """
    if REQUEST_TO_RESPONSE[type(request)] is not type(response):
        raise LocalProtocolError(f"{type(response).__name__} does not answer a {request.operation}")
    missing: dict[str, Any] = {
        name: getattr(request, name)
        for name in _ECHOES[type(response)]
        if getattr(response, name) is None
    }
    if not missing and response.message_id_being_responded_to == request.message_id:
        return response
    return evolve(response, message_id_being_responded_to=request.message_id, **missing)
