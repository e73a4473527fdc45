"""What peers report about unified procedure steps (PS3.4 CC.2.4)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Final, TypeAlias

import trio
from attrs import field, frozen
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._dimse.message import response_to
from trio_dicom._dimse.n_messages import NEventReportRequest, NEventReportResponse
from trio_dicom._operations.reading import items_of, text_of
from trio_dicom._operations.references import CodedEntry
from trio_dicom._operations.ups_values import UPSState
from trio_dicom.handler import EventSource
from trio_dicom.sop_classes import UPS_CLASSES
from trio_dicom.status import Code

__all__ = [
    "UPSAssigned",
    "UPSCancelRequested",
    "UPSEvent",
    "UPSProgress",
    "UPSProviderStatus",
    "UPSStateReport",
    "ups_event",
    "ups_events",
]

_UPS: Final = frozenset(it.abstract_syntax for it in UPS_CLASSES)

# Events that wait for a program to look at them. Past that, peers wait for our answer.
_MOST_WAITING: Final = 256


@frozen(kw_only=True)
class UPSStateReport:
    """A step has a new state, or has been subscribed to and has this one.

    Attributes:
        sop_instance_uid: The step.
        state: Its state; None if the peer named none that there is.
        input_readiness: ``READY``, ``UNAVAILABLE`` or ``INCOMPLETE``.
        reason: Why it was cancelled, in words.
        discontinuation_reasons: The same in codes.
    """

    sop_instance_uid: UID = field(converter=as_uid)
    state: UPSState | None
    input_readiness: str = ""
    reason: str = ""
    discontinuation_reasons: tuple[CodedEntry, ...] = ()


@frozen(kw_only=True)
class UPSCancelRequested:
    """Somebody wants a step to be cancelled; who performs it decides.

    Attributes:
        sop_instance_uid: The step.
        requesting_ae: The AE title of who asks.
        reason: Why, in words.
        discontinuation_reasons: The same in codes.
        contact_name: Whom to talk to about it.
        contact_uri: How.
    """

    sop_instance_uid: UID = field(converter=as_uid)
    requesting_ae: str
    reason: str = ""
    discontinuation_reasons: tuple[CodedEntry, ...] = ()
    contact_name: str = field(default="", repr=False)
    contact_uri: str = field(default="", repr=False)


@frozen(kw_only=True)
class UPSProgress:
    """A step goes on.

    Attributes:
        sop_instance_uid: The step.
        progress: How far it is, in percent.
        description: The same in words.
    """

    sop_instance_uid: UID = field(converter=as_uid)
    progress: str = ""
    description: str = ""


@frozen(kw_only=True)
class UPSProviderStatus:
    """The peer itself goes down or has come back.

    Attributes:
        sop_instance_uid: The instance that stands for all steps.
        status: ``RESTARTED`` or ``GOING DOWN``.
        subscription_list: ``COLD START`` or ``WARM START``: whether it has lost who
            subscribed.
        step_list: The same for the steps.
    """

    sop_instance_uid: UID = field(converter=as_uid)
    status: str
    subscription_list: str = ""
    step_list: str = ""


@frozen(kw_only=True)
class UPSAssigned:
    """A step has been given to somebody.

    Attributes:
        sop_instance_uid: The step.
        stations: The devices that shall perform it.
        performers: The people.
        organization: Theirs.
    """

    sop_instance_uid: UID = field(converter=as_uid)
    stations: tuple[CodedEntry, ...] = ()
    performers: tuple[CodedEntry, ...] = ()
    organization: str = ""


UPSEvent: TypeAlias = (
    UPSStateReport | UPSCancelRequested | UPSProgress | UPSProviderStatus | UPSAssigned
)
"""What a peer reports about unified procedure steps."""

# By the identity of a source, which an open block keeps alive: where its events go. All blocks
# that are open on it get them, though only one taker can answer.
_open: Final[dict[int, list[trio.MemorySendChannel[UPSEvent]]]] = {}


def ups_event(request: NEventReportRequest) -> UPSEvent | None:
    """Read a report, for handlers of your own.

    Returns:
        The event, or None if it is none about unified procedure steps.

    Raises:
        PDUError: The data set of the report is broken.
    """
    read = _EVENTS.get(request.event_type_id)
    if read is None or request.sop_class_uid not in _UPS:
        return None
    return read(request.sop_instance_uid, request.event_information or Dataset())


@contextmanager
def ups_events(*sources: EventSource) -> Generator[trio.MemoryReceiveChannel[UPSEvent], None, None]:
    """Receive the events about unified procedure steps while the block is open.

    ::

        with ups_events(association, receiver) as events:
            async for event in events:
                print(event)

    Each is answered when it has been taken into the channel. Where nobody receives, the
    first 256 wait in it, and the peers wait with the next. Blocks that are open on the same
    source get all events each.

    Args:
        sources: Where the events come from: associations on which the peer accepted
            ``UPS_EVENT``, and receivers.
    """
    sending, receiving = trio.open_memory_channel[UPSEvent](_MOST_WAITING)
    with ExitStack() as stack, sending, receiving:
        # One that is named twice is one.
        for source in {id(it): it for it in sources}.values():
            stack.enter_context(_brought_to(sending, source))
        yield receiving


@contextmanager
def _brought_to(
    sending: trio.MemorySendChannel[UPSEvent], source: EventSource
) -> Generator[None, None, None]:
    """Have the events of ``source`` brought to ``sending`` while the block is open."""
    channels = _open.setdefault(id(source), [])
    channels.append(sending)
    try:
        with source.events(partial(_take, channels)):
            yield
    finally:
        channels.remove(sending)
        if not channels:
            del _open[id(source)]


async def _take(
    channels: list[trio.MemorySendChannel[UPSEvent]], request: NEventReportRequest
) -> NEventReportResponse | None:
    event = ups_event(request)
    if event is None:
        await trio.lowlevel.checkpoint()
        if request.sop_class_uid in _UPS:
            return response_to(request, Code.NO_SUCH_EVENT_TYPE)
        return None
    is_taken = False
    for sending in tuple(channels):
        # Its block may have been left meanwhile.
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await sending.send(event)
            is_taken = True
    return response_to(request, Code.SUCCESS) if is_taken else None


# --- by event type (PS3.4 Table CC.2.4-1) --------------------------------------------


def _state(uid: UID, data_set: Dataset) -> UPSEvent:
    return UPSStateReport(
        sop_instance_uid=uid,
        state=UPSState.in_data_set(data_set),
        input_readiness=text_of(data_set, "InputReadinessState"),
        reason=text_of(data_set, "ReasonForCancellation"),
        discontinuation_reasons=_discontinuation(data_set),
    )


def _cancel(uid: UID, data_set: Dataset) -> UPSEvent:
    return UPSCancelRequested(
        sop_instance_uid=uid,
        requesting_ae=text_of(data_set, "RequestingAE"),
        reason=text_of(data_set, "ReasonForCancellation"),
        discontinuation_reasons=_discontinuation(data_set),
        contact_name=text_of(data_set, "ContactDisplayName"),
        contact_uri=text_of(data_set, "ContactURI"),
    )


def _progress(uid: UID, data_set: Dataset) -> UPSEvent:
    items = items_of(data_set, "ProcedureStepProgressInformationSequence")
    latest = items[0] if items else Dataset()
    return UPSProgress(
        sop_instance_uid=uid,
        progress=text_of(latest, "ProcedureStepProgress"),
        description=text_of(latest, "ProcedureStepProgressDescription"),
    )


def _provider(uid: UID, data_set: Dataset) -> UPSEvent:
    return UPSProviderStatus(
        sop_instance_uid=uid,
        status=text_of(data_set, "SCPStatus"),
        subscription_list=text_of(data_set, "SubscriptionListStatus"),
        step_list=text_of(data_set, "UnifiedProcedureStepListStatus"),
    )


def _assigned(uid: UID, data_set: Dataset) -> UPSEvent:
    return UPSAssigned(
        sop_instance_uid=uid,
        stations=CodedEntry.in_sequence(data_set, "ScheduledStationNameCodeSequence"),
        performers=CodedEntry.in_sequence(data_set, "HumanPerformerCodeSequence"),
        organization=text_of(data_set, "HumanPerformerOrganization"),
    )


def _discontinuation(data_set: Dataset) -> tuple[CodedEntry, ...]:
    return CodedEntry.in_sequence(data_set, "ProcedureStepDiscontinuationReasonCodeSequence")


_EVENTS: Final[Mapping[int, Callable[[UID, Dataset], UPSEvent]]] = {
    1: _state,
    2: _cancel,
    3: _progress,
    4: _provider,
    5: _assigned,
}
