"""C-GET: instances sent back on the association that asked for them (PS3.4 C.4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import define, field
from pydicom import Dataset

from trio_dicom._dimse.c_messages import CGetRequest, CStoreRequest
from trio_dicom._dimse.message import Response, response_to
from trio_dicom._dimse.transcode import NotConvertible
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom._protocol.selection import select_context
from trio_dicom.errors import NoAcceptedContext
from trio_dicom.status import Code
from trio_dicom.testing.instances import Instance

if TYPE_CHECKING:
    from trio_dicom.testing.archive_server import Session

__all__ = ["retrieve"]

_LARGEST_MESSAGE_ID = 0xFFFF


@define
class _Counts:
    """How far it is."""

    remaining: int
    completed: int = 0
    warning: int = 0
    failed: list[str] = field(factory=list[str])

    def response(self, request: CGetRequest, status: Code, *, final: bool) -> Response:
        """The response with that status; how many remain a final one tells if any do."""
        data_set = None
        if final and self.failed:
            data_set = Dataset()
            data_set.FailedSOPInstanceUIDList = self.failed
        return response_to(
            request,
            status,
            data_set=data_set,
            remaining=None if final and not self.remaining else self.remaining,
            completed=self.completed,
            failed=len(self.failed),
            warning=self.warning,
        )


async def retrieve(
    session: Session,
    request: CGetRequest,
    context: NegotiatedContext,
    instances: Sequence[Instance],
) -> Response:
    """Send ``instances`` one after the other; the final response.

    Each goes out as it is stored if a context for that was accepted, else re-encoded if that
    keeps every value; otherwise it counts as failed.

    Args:
        session: The association.
        request: What asked for them.
        context: Its context, for the pending responses.
        instances: What it asked for.
    """
    counts = _Counts(len(instances))
    for number, instance in enumerate(instances):
        if session.is_cancelled(request):
            return counts.response(request, Code.CANCEL, final=True)
        await _send(session, instance, number % _LARGEST_MESSAGE_ID + 1, counts)
        counts.remaining -= 1
        if counts.remaining:
            pending = counts.response(request, Code.PENDING, final=False)
            await session.send(pending, context)
    well = not (counts.failed or counts.warning)
    status = Code.SUCCESS if well else Code.SUB_OPERATIONS_COMPLETE_WITH_FAILURES
    return counts.response(request, status, final=True)


async def _send(session: Session, instance: Instance, message_id: int, counts: _Counts) -> None:
    association = session.machine.association
    assert association is not None
    request = CStoreRequest(
        message_id=message_id,
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        data_set=instance.data_set,
    )
    try:
        context = select_context(association.contexts, request)
        status = (await session.store(request, context)).status
    except (NoAcceptedContext, NotConvertible):
        counts.failed.append(instance.sop_instance_uid)
        return
    if status.is_success:
        counts.completed += 1
    elif status.is_warning:
        counts.warning += 1
    else:
        counts.failed.append(instance.sop_instance_uid)
