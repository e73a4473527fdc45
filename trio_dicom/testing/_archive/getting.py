"""C-GET: instances sent back on the association that asked for them (PS3.4 C.4.3)."""

from __future__ import annotations

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
from trio_dicom.testing._archive.finding import identifier_of
from trio_dicom.testing._archive.instances import Instance
from trio_dicom.testing._archive.refusing import Refused

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["get"]


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


async def get(session: Session, request: CGetRequest, context: NegotiatedContext) -> Response:
    """Send what is asked for, one instance after the other; the final response.

    Each goes out as it is stored if a context for that was accepted, else re-encoded if that
    keeps every value; otherwise it counts as failed.

    Args:
        session: The association.
        request: What asks for them.
        context: Its context, for the pending responses.

    Raises:
        Refused: The identifier does not say what to retrieve.
    """
    try:
        instances = session.archive.instances.select(identifier_of(request))
    except ValueError as error:
        raise Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, str(error)) from None
    counts = _Counts(len(instances))
    for instance in instances:
        if session.is_cancelled(request):
            return counts.response(request, Code.CANCEL, final=True)
        await _send(session, instance, counts)
        counts.remaining -= 1
        if counts.remaining:
            pending = counts.response(request, Code.PENDING, final=False)
            await session.send(pending, context)
    well = not (counts.failed or counts.warning)
    status = Code.SUCCESS if well else Code.SUB_OPERATIONS_COMPLETE_WITH_FAILURES
    return counts.response(request, status, final=True)


async def _send(session: Session, instance: Instance, counts: _Counts) -> None:
    association = session.machine.association
    assert association is not None
    request = CStoreRequest(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        data_set=instance.data_set,
    )
    try:
        context = select_context(association.contexts, request)
        status = (await session.ask(request, context)).status
    except (NoAcceptedContext, NotConvertible):
        counts.failed.append(instance.sop_instance_uid)
        return
    if status.is_success:
        counts.completed += 1
    elif status.is_warning:
        counts.warning += 1
    else:
        counts.failed.append(instance.sop_instance_uid)
