"""What a service of the pynetdicom peer stands on: memory, matching, and reports to the client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from io import BytesIO
from typing import Any

import trio
from attrs import define, field, frozen
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.dsutils import encode

__all__ = [
    "Asked",
    "Memory",
    "Refused",
    "Report",
    "class_of",
    "instance_of",
    "matches",
    "report",
    "selected",
    "soon",
]


class Refused(Exception):
    """Answer the request with this failure status, and with nothing else."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}H")
        self.status = status


@frozen(kw_only=True)
class Asked:
    """A request that arrived.

    Attributes:
        service: Such as ``"N-SET"``.
        sop_class_uid: As the command set names it.
        sop_instance_uid: Likewise; None where it names none.
        type_id: The type of an N-ACTION.
        attributes: The attributes that an N-GET wants.
        data_set: What came with it, decoded.
        abstract_syntax: Of the context on which it came.
        calling_ae: Who asked.
    """

    service: str
    sop_class_uid: str
    sop_instance_uid: str | None = None
    type_id: int | None = None
    attributes: tuple[BaseTag, ...] = ()
    data_set: Dataset | None = None
    abstract_syntax: str
    calling_ae: str


@frozen(kw_only=True)
class Report:
    """An N-EVENT-REPORT that was sent, and what became of it.

    Attributes:
        type_id: Its event type.
        sop_class_uid: What it is about.
        sop_instance_uid: Likewise.
        data_set: The event information.
        status: The status that it was answered with; None: with none.
        as_scp: Whether the sender had the role of the provider on that context.
    """

    type_id: int
    sop_class_uid: str
    sop_instance_uid: str
    data_set: Dataset
    status: int | None
    as_scp: bool | None = None


@define(eq=False)
class Memory:
    """What all services of one server remember, in order.

    Attributes:
        asked: Every request of the services, also those that were refused.
        reports: Every N-EVENT-REPORT.
        refusing: Services such as ``"N-SET"`` that answer with this status and do nothing.
    """

    asked: list[Asked] = field(factory=list)
    reports: list[Report] = field(factory=list)
    refusing: dict[str, int] = field(factory=dict)
    _changed: threading.Condition = field(factory=threading.Condition)

    def add_request(self, asked: Asked) -> None:
        """Remember a request, and refuse it if that is wanted."""
        with self._changed:
            self.asked.append(asked)
            self._changed.notify_all()
        if asked.service in self.refusing:
            raise Refused(self.refusing[asked.service])

    def add_report(self, sent: Report) -> None:
        """Remember a report."""
        with self._changed:
            self.reports.append(sent)
            self._changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when ``condition`` is true, which is looked at after each request and report."""

        def wait() -> None:
            with self._changed:
                if not self._changed.wait_for(condition, timeout=30):
                    raise AssertionError(f"still not so: {self.asked} {self.reports}")

        await trio.to_thread.run_sync(wait)


# --- data sets -----------------------------------------------------------------------


def selected(data_set: Dataset, tags: Iterable[BaseTag]) -> Dataset:
    """The elements with these tags, and how their text is encoded; all if there are none."""
    wanted = set(tags)
    if wanted:
        wanted.add(Tag("SpecificCharacterSet"))
    chosen = Dataset()
    for element in data_set:
        if not wanted or element.tag in wanted:
            chosen.add(element)
    return chosen


def matches(key: Dataset, item: Dataset) -> bool:
    """Whether ``item`` matches the keys: empty ones, wildcards, lists, and in sequences."""
    for element in key:
        found = item.get(element.tag)
        if element.VR == "SQ":
            inner: list[Dataset] = list(element.value)
            if not inner or not any(inner[0]):
                continue
            if found is None or not any(matches(inner[0], each) for each in found.value):
                return False
        elif element.value not in (None, ""):
            values = _texts(element.value)
            if found is None or not any(
                fnmatchcase(text, pattern) for text in _texts(found.value) for pattern in values
            ):
                return False
    return True


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, MultiValue):
        yield from map(str, value)
    else:
        yield str(value)


# --- reports to the client -----------------------------------------------------------


def report(
    association: Association,
    context_id: int,
    *,
    type_id: int,
    sop_class_uid: str,
    sop_instance_uid: str,
    data_set: Dataset,
) -> int | None:
    """Send an N-EVENT-REPORT in the association's own thread and return the answer's status.

    Not ``send_n_event_report``: that takes whatever comes next for the answer, also a
    request of the client.
    """
    (context,) = [each for each in association.accepted_contexts if each.context_id == context_id]
    syntax = context.transfer_syntax[0]
    encoded = encode(data_set, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    assert encoded is not None
    request = N_EVENT_REPORT()
    request.MessageID = 1
    request.AffectedSOPClassUID = sop_class_uid
    request.AffectedSOPInstanceUID = sop_instance_uid
    request.EventTypeID = type_id
    request.EventInformation = BytesIO(encoded)
    association.dimse.send_msg(request, context_id)
    others: list[Any] = []
    try:
        while True:
            came = association.dimse.get_msg(block=True)
            if came[1] is None:
                return None
            if isinstance(came[1], N_EVENT_REPORT) and not came[1].is_valid_request:
                status: int | None = came[1].Status
                return status
            others.append(came)
    finally:
        for other in others:
            association.dimse.msg_queue.put(other)


@frozen
class _Later:
    """Something to do that looks to pynetdicom's loop like a message without a request."""

    action: Callable[[], None]
    msg_type: str = "nobody's"

    @property
    def is_valid_request(self) -> bool:
        self.action()
        return False


def soon(association: Association, action: Callable[[], None]) -> None:
    """Do something in the association's thread once it has answered what it is answering."""
    # pynetdicom has no place for that; its queue of messages is the one thing it looks at
    # after an answer has been written.
    association.dimse.msg_queue.put((0, _Later(action)))  # type: ignore[arg-type]


def class_of(event: evt.Event) -> str:
    """The SOP class that a request names."""
    request = event.request
    for name in ("AffectedSOPClassUID", "RequestedSOPClassUID"):
        if getattr(request, name, None) is not None:
            return str(getattr(request, name))
    return ""


def instance_of(event: evt.Event) -> str | None:
    """The SOP instance that a request names, or None."""
    request = event.request
    for name in ("AffectedSOPInstanceUID", "RequestedSOPInstanceUID"):
        if getattr(request, name, None) is not None:
            return str(getattr(request, name))
    return None
