"""What subscribers are told about unified procedure steps (PS3.4 CC.2.4)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from pydicom import Dataset

from trio_dicom._dimse.message import Request
from trio_dicom._dimse.n_messages import NEventReportRequest
from trio_dicom._operations.declaring import declare_text
from trio_dicom._operations.reading import copied, items_of
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.sop_classes import UPS_EVENT
from trio_dicom.testing._archive.refusing import AssociationOver
from trio_dicom.testing._archive.reporting import report_elsewhere
from trio_dicom.testing._archive.unified_codes import EVERYTHING, UPS_CLASS, Event

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session
    from trio_dicom.testing.archive import MemoryArchive

__all__ = ["assignment_of", "progress_of", "state_of", "tell", "tell_of_archive"]

_REASONS = ("ReasonForCancellation", "ProcedureStepDiscontinuationReasonCodeSequence")


def tell(
    session: Session,
    request: Request,
    uid: str,
    event: Event,
    information: Dataset,
    *,
    titles: Iterable[str] | None = None,
) -> None:
    """Report an event once a request is answered.

    Args:
        session: The association of the request.
        request: What has led to the event.
        uid: The step.
        event: What happened to it.
        information: What there is to say.
        titles: Whom to tell; None: those who are subscribed to the step.
    """
    archive = session.archive
    report = NEventReportRequest(
        sop_class_uid=UPS_CLASS,
        sop_instance_uid=uid,
        event_type_id=event,
        data_set=declare_text(copied(information)),
    )
    for title in archive.subscriptions.steps[uid] if titles is None else titles:
        archive.subscriptions.outboxes[title].reports.append(report)
        session.later(partial(_empty, archive, title), after=request)


async def tell_of_archive(archive: MemoryArchive, information: Dataset) -> None:
    """Report that something has changed that is about no step.

    Args:
        archive: Who reports, and what has changed.
        information: What there is to say.
    """
    report = NEventReportRequest(
        sop_class_uid=UPS_CLASS,
        # The standard does not say of which instance such an event is. This stands for all.
        sop_instance_uid=EVERYTHING,
        event_type_id=Event.PROVIDER_STATUS,
        data_set=information,
    )
    for title in archive.subscriptions.anybody():
        archive.subscriptions.outboxes[title].reports.append(report)
        await _empty(archive, title)


def state_of(step: Dataset) -> Dataset:
    """What a state report says."""
    said = Dataset()
    said.ProcedureStepState = step.get("ProcedureStepState", "")
    said.InputReadinessState = step.get("InputReadinessState", "")
    for item in items_of(step, "ProcedureStepProgressInformationSequence"):
        said.update({it.tag: it for it in item if it.keyword in _REASONS})
    return said


def progress_of(step: Dataset) -> Dataset:
    """What a progress report says."""
    said = Dataset()
    said.ProcedureStepProgressInformationSequence = items_of(
        copied(step), "ProcedureStepProgressInformationSequence"
    )
    return said


def assignment_of(step: Dataset) -> Dataset | None:
    """What the report says that a step is given to somebody; None where it is to nobody."""
    said = Dataset()
    if stations := items_of(copied(step), "ScheduledStationNameCodeSequence"):
        said.ScheduledStationNameCodeSequence = stations
    for performer in items_of(step, "ScheduledHumanPerformersSequence")[:1]:
        wanted = ("HumanPerformerCodeSequence", "HumanPerformerOrganization")
        said.update({it.tag: it for it in performer if it.keyword in wanted})
    return said if len(said) else None


async def _empty(archive: MemoryArchive, title: str) -> None:
    outbox = archive.subscriptions.outboxes[title]
    async with outbox.lock:
        while outbox.reports:
            await _bring(archive, title, outbox.reports.popleft())


async def _bring(archive: MemoryArchive, title: str, report: NEventReportRequest) -> None:
    """Report on an association that the subscriber has open, else on one of our own."""
    for session in tuple(archive.sessions):
        context = _context_for_events(session)
        if session.calling_ae == title and context is not None:
            try:
                await session.ask(report, context)
            except AssociationOver:
                continue
            return
    await report_elsewhere(archive, report, UPS_EVENT, title, as_ae=archive.ae_title)


def _context_for_events(session: Session) -> NegotiatedContext | None:
    for context in session.contexts:
        if (
            context.abstract_syntax == UPS_EVENT.abstract_syntax
            and context.accepted
            and context.as_scp
        ):
            return context
    return None
