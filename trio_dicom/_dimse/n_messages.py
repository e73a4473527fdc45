"""The messages of the six DIMSE-N services (PS3.7 10.3)."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen
from pydicom import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from trio_dicom._dimse.base import (
    CommandField,
    Request,
    Response,
    Row,
    as_optional_uid,
    as_tags,
    check_optional_unsigned,
    check_unsigned,
)
from trio_dicom._dimse.command_set import AT, UI, US, as_uid

__all__ = [
    "NActionRequest",
    "NActionResponse",
    "NCreateRequest",
    "NCreateResponse",
    "NDeleteRequest",
    "NDeleteResponse",
    "NEventReportRequest",
    "NEventReportResponse",
    "NGetRequest",
    "NGetResponse",
    "NSetRequest",
    "NSetResponse",
]

# The instance exists and is Requested, or the operation makes or reports it: Affected.
_AFFECTED_CLASS = Row(0x0002, UI, "sop_class_uid", required=True)
_REQUESTED_CLASS = Row(0x0003, UI, "sop_class_uid", required=True)
_REQUESTED_INSTANCE = Row(0x1001, UI, "sop_instance_uid", required=True)
_ATTRIBUTES = Row(0x1005, AT, "attribute_identifiers")


@frozen(kw_only=True)
class _InstanceRequest(Request):
    rows: ClassVar[tuple[Row, ...]] = (_REQUESTED_CLASS, *Request.rows, _REQUESTED_INSTANCE)

    sop_instance_uid: UID = field(converter=as_uid)


@frozen(kw_only=True)
class _InstanceResponse(Response):
    rows: ClassVar[tuple[Row, ...]] = (*Response.rows, Row(0x1000, UI, "sop_instance_uid"))

    sop_instance_uid: UID | None = field(default=None, converter=as_optional_uid)


@frozen(kw_only=True)
class _AttributesResponse(_InstanceResponse):
    rows: ClassVar[tuple[Row, ...]] = (*_InstanceResponse.rows, _ATTRIBUTES)

    attribute_identifiers: tuple[BaseTag, ...] = field(default=(), converter=as_tags)

    @property
    def attribute_list(self) -> Dataset | None:
        """The attributes with their values, decoded."""
        return self.decoded_data_set()


@frozen(kw_only=True)
class NEventReportRequest(Request):
    """Something happened to this instance (PS3.7 10.3.1.1).

    Attributes:
        sop_instance_uid: The instance.
        event_type_id: What happened, in the numbers of the SOP class.
    """

    command_field: ClassVar = CommandField.N_EVENT_REPORT_RQ
    rows: ClassVar = (
        _AFFECTED_CLASS,
        *Request.rows,
        Row(0x1000, UI, "sop_instance_uid", required=True),
        Row(0x1002, US, "event_type_id", required=True),
    )

    sop_instance_uid: UID = field(converter=as_uid)
    event_type_id: int = field(validator=check_unsigned)

    @property
    def event_information(self) -> Dataset | None:
        """More about it, decoded."""
        return self.decoded_data_set()


@frozen(kw_only=True)
class NEventReportResponse(_InstanceResponse):
    """The report has been heard (PS3.7 10.3.1.2).

    Attributes:
        sop_instance_uid: The instance. It and the event type may be missing.
        event_type_id: The event type of the request.
    """

    command_field: ClassVar = CommandField.N_EVENT_REPORT_RSP
    rows: ClassVar = (*_InstanceResponse.rows, Row(0x1002, US, "event_type_id"))

    event_type_id: int | None = field(default=None, validator=check_optional_unsigned)

    @property
    def event_reply(self) -> Dataset | None:
        """What there is to say to the event, decoded."""
        return self.decoded_data_set()


@frozen(kw_only=True)
class NGetRequest(_InstanceRequest):
    """What are the attributes of this instance? (PS3.7 10.3.2.1).

    Attributes:
        sop_instance_uid: The instance.
        attribute_identifiers: The attributes wanted; none means all.
    """

    command_field: ClassVar = CommandField.N_GET_RQ
    rows: ClassVar = (*_InstanceRequest.rows, _ATTRIBUTES)
    may_have_data_set: ClassVar = False

    attribute_identifiers: tuple[BaseTag, ...] = field(default=(), converter=as_tags)


class NGetResponse(_AttributesResponse):
    """The attributes (PS3.7 10.3.2.2).

    Attributes:
        sop_instance_uid: The instance, which may be missing.
        attribute_identifiers: With status 0107H, the attributes not known to the peer.
    """

    __slots__ = ()

    command_field: ClassVar = CommandField.N_GET_RSP


class NSetRequest(_InstanceRequest):
    """Change this instance (PS3.7 10.3.3.1).

    Attributes:
        sop_instance_uid: The instance.
    """

    __slots__ = ()

    command_field: ClassVar = CommandField.N_SET_RQ
    must_have_data_set: ClassVar = True

    @property
    def modification_list(self) -> Dataset | None:
        """The attributes with their new values, decoded."""
        return self.decoded_data_set()


class NSetResponse(_AttributesResponse):
    """What was changed (PS3.7 10.3.3.2).

    Attributes:
        sop_instance_uid: The instance, which may be missing.
        attribute_identifiers: The attributes in error, where the status tells of one.
    """

    __slots__ = ()

    command_field: ClassVar = CommandField.N_SET_RSP


@frozen(kw_only=True)
class NActionRequest(_InstanceRequest):
    """Do this with the instance (PS3.7 10.3.4.1).

    Attributes:
        sop_instance_uid: The instance.
        action_type_id: What to do, in the numbers of the SOP class.
    """

    command_field: ClassVar = CommandField.N_ACTION_RQ
    rows: ClassVar = (
        *_InstanceRequest.rows,
        Row(0x1008, US, "action_type_id", required=True),
    )

    action_type_id: int = field(validator=check_unsigned)

    @property
    def action_information(self) -> Dataset | None:
        """How to do it, decoded."""
        return self.decoded_data_set()


@frozen(kw_only=True)
class NActionResponse(_InstanceResponse):
    """What came of the action (PS3.7 10.3.4.2).

    Attributes:
        sop_instance_uid: The instance. It and the action type may be missing.
        action_type_id: The action type of the request.
    """

    command_field: ClassVar = CommandField.N_ACTION_RSP
    rows: ClassVar = (*_InstanceResponse.rows, Row(0x1008, US, "action_type_id"))

    action_type_id: int | None = field(default=None, validator=check_optional_unsigned)

    @property
    def action_reply(self) -> Dataset | None:
        """What the action gave, decoded."""
        return self.decoded_data_set()


@frozen(kw_only=True)
class NCreateRequest(Request):
    """Make an instance (PS3.7 10.3.5.1).

    Attributes:
        sop_instance_uid: Its UID, or None to let the peer choose one.
    """

    command_field: ClassVar = CommandField.N_CREATE_RQ
    rows: ClassVar = (
        _AFFECTED_CLASS,
        *Request.rows,
        Row(0x1000, UI, "sop_instance_uid"),
    )

    sop_instance_uid: UID | None = field(default=None, converter=as_optional_uid)

    @property
    def attribute_list(self) -> Dataset | None:
        """The attributes of the new instance, decoded."""
        return self.decoded_data_set()


class NCreateResponse(_AttributesResponse):
    """The new instance (PS3.7 10.3.5.2).

    Attributes:
        sop_instance_uid: Its UID, which is there when the peer chose it.
        attribute_identifiers: The attributes in error, where the status tells of one.
    """

    __slots__ = ()

    command_field: ClassVar = CommandField.N_CREATE_RSP


class NDeleteRequest(_InstanceRequest):
    """Take this instance away (PS3.7 10.3.6.1).

    Attributes:
        sop_instance_uid: The instance.
    """

    __slots__ = ()

    command_field: ClassVar = CommandField.N_DELETE_RQ
    may_have_data_set: ClassVar = False


class NDeleteResponse(_InstanceResponse):
    """It is gone (PS3.7 10.3.6.2).

    Attributes:
        sop_instance_uid: The instance, which may be missing.
    """

    __slots__ = ()

    command_field: ClassVar = CommandField.N_DELETE_RSP
    may_have_data_set: ClassVar = False
