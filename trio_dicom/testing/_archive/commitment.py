"""Storage commitment: whether the archive keeps what a peer has stored (PS3.4 J.3)."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import trio
from attrs import define, field
from pydicom import Dataset

from trio_dicom._dimse.message import Response, response_to
from trio_dicom._dimse.n_messages import NActionRequest, NEventReportRequest
from trio_dicom._operations.acceptance import STORAGE_CLASSES
from trio_dicom._operations.reading import items_of, uid_of
from trio_dicom._operations.references import InstanceReference
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.sop_classes import STORAGE_COMMITMENT
from trio_dicom.status import Code
from trio_dicom.testing._archive.refusing import AssociationOver, Refused
from trio_dicom.testing._archive.reporting import report_elsewhere

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session
    from trio_dicom.testing.archive import MemoryArchive

__all__ = ["Commitments", "commit"]

_logger = logging.getLogger("trio_dicom")

_THE_INSTANCE: Final = "1.2.840.10008.1.20.1.1"  # all requests go to it (PS3.4 J.3.5)
_REQUEST: Final = 1  # action type (PS3.4 Table J.3-1)
_ALL_COMMITTED, _FAILURES_EXIST = 1, 2  # event types (PS3.4 Table J.3-2)

# Failure reasons (PS3.3 C.14.1.1).
_CLASS_INSTANCE_CONFLICT: Final = 0x0119
_DUPLICATE_TRANSACTION: Final = 0x0131


@define(eq=False)
class Commitments:
    """How an archive commits itself, and to what it has.

    Attributes:
        report: How it reports: ``"after"`` it has answered the request, or ``"before"`` that,
            on the same association, and where that has ended on one that it opens;
            ``"elsewhere"`` always on one that it opens. For that it must know the peer: see
            ``MemoryArchive.destinations``.
        delay: Seconds that it takes for the report. ``open_memory_association`` waits for no
            more than five when its block has ended: a report that is later than that is lost,
            as the log says. Stay in the block for it.
        failures: What it does not commit itself to although it has it, by SOP Instance UID:
            the Failure Reason (0008,1197), such as 0213H.
        results: The event information of the reports, by Transaction UID.
    """

    report: Literal["after", "before", "elsewhere"] = "after"
    delay: float = 0.0
    failures: dict[str, int] = field(factory=dict[str, int])
    results: dict[str, Dataset] = field(factory=dict[str, Dataset], repr=False)


async def commit(session: Session, request: NActionRequest, context: NegotiatedContext) -> Response:
    """Take a request, decide at once, and report as the archive is told to.

    Raises:
        Refused: The request is none, or there is nowhere to report to.
    """
    await trio.lowlevel.checkpoint()
    archive = session.archive
    if request.sop_instance_uid != _THE_INSTANCE:
        raise Refused(Code.NO_SUCH_SOP_INSTANCE, "commitment has one instance, and another name")
    if request.action_type_id != _REQUEST:
        raise Refused(Code.NO_SUCH_ACTION, "all that can be done is to request commitment")
    if archive.commitments.report == "elsewhere" and session.calling_ae not in archive.destinations:
        raise Refused(Code.PROCESSING_FAILURE, "the archive does not know where to report to")
    result = _result(archive, request.action_information or Dataset())
    report = NEventReportRequest(
        sop_class_uid=STORAGE_COMMITMENT.abstract_syntax,
        sop_instance_uid=_THE_INSTANCE,
        event_type_id=_FAILURES_EXIST if items_of(result, "FailedSOPSequence") else _ALL_COMMITTED,
        data_set=result,
    )
    is_first = archive.commitments.report == "before"
    reported = trio.Event()
    # Beside the serving in any case: it has to be brought also when this association ends.
    work = partial(_report, session, report, context, reported)
    session.later(work, after=None if is_first else request)
    if is_first:
        await reported.wait()
    return response_to(request, Code.SUCCESS)


def _result(archive: MemoryArchive, asked: Dataset) -> Dataset:
    transaction = uid_of(asked, "TransactionUID")
    if transaction is None:
        raise Refused(Code.INVALID_ARGUMENT_VALUE, "without a Transaction UID")
    references = _referenced(asked)
    is_used = transaction in archive.commitments.results
    committed: list[Dataset] = []
    failed: list[Dataset] = []
    for reference in references:
        reason = _DUPLICATE_TRANSACTION if is_used else _failure(archive, reference)
        item = reference.data_set()
        if reason is None:
            committed.append(item)
        else:
            item.FailureReason = reason
            failed.append(item)
    result = Dataset()
    result.TransactionUID = transaction
    result.RetrieveAETitle = archive.ae_title
    if committed:
        result.ReferencedSOPSequence = committed
    if failed:
        result.FailedSOPSequence = failed
    if not is_used:
        archive.commitments.results[transaction] = result
    return result


def _referenced(asked: Dataset) -> list[InstanceReference]:
    """What commitment is asked for, each instance once (PS3.4 J.3.2.1.1.3)."""
    references: list[InstanceReference] = []
    for item in items_of(asked, "ReferencedSOPSequence"):
        reference = InstanceReference.in_item(item)
        if reference is None or not reference.sop_class_uid:
            raise Refused(Code.INVALID_ARGUMENT_VALUE, "a Referenced SOP lacks one of its UIDs")
        references.append(reference)
    if not references:
        raise Refused(Code.INVALID_ARGUMENT_VALUE, "without Referenced SOPs")
    if len({it.sop_instance_uid for it in references}) < len(references):
        raise Refused(Code.INVALID_ARGUMENT_VALUE, "an instance is referenced more than once")
    return references


def _failure(archive: MemoryArchive, reference: InstanceReference) -> int | None:
    """Why the archive does not keep an instance; None where it does."""
    uid = reference.sop_instance_uid
    if uid in archive.commitments.failures:
        return archive.commitments.failures[uid]
    if uid not in archive.instances:
        known = reference.sop_class_uid in STORAGE_CLASSES
        return Code.NO_SUCH_SOP_INSTANCE if known else Code.SOP_CLASS_NOT_SUPPORTED
    if archive.instances[uid].sop_class_uid != reference.sop_class_uid:
        return _CLASS_INSTANCE_CONFLICT
    return None


async def _report(
    session: Session, report: NEventReportRequest, context: NegotiatedContext, reported: trio.Event
) -> None:
    """Bring a report to who asked, on that association if it still stands."""
    archive = session.archive
    try:
        await trio.sleep(archive.commitments.delay)
        try:
            if archive.commitments.report == "elsewhere":
                raise AssociationOver
            await session.ask(report, context)
        except AssociationOver:
            # By the name under which it was asked (PS3.4 J.3.3.1.2).
            await report_elsewhere(
                archive, report, STORAGE_COMMITMENT, session.calling_ae, as_ae=session.called_ae
            )
        reported.set()
    finally:
        if not reported.is_set():
            _logger.warning(
                "the archive has come to its end before %r was told of its storage",
                session.calling_ae,
            )
