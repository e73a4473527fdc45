"""C-GET: instances sent back on the association that asked for them (PS3.4 C.4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_dicom._dimse.c_messages import CGetRequest, CStoreRequest
from trio_dicom._dimse.message import Response
from trio_dicom._dimse.transcode import NotConvertible
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom._protocol.selection import select_context
from trio_dicom.errors import NoAcceptedContext
from trio_dicom.status import Status
from trio_dicom.testing._archive.instances import Instance
from trio_dicom.testing._archive.retrieving import instances_for, retrieve

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["get"]


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
    association = session.machine.association
    assert association is not None

    async def send(instance: Instance) -> Status | None:
        part = CStoreRequest(
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=instance.sop_instance_uid,
            priority=request.priority,
            data_set=instance.data_set,
        )
        try:
            response = await session.ask(part, select_context(association.contexts, part))
        except (NoAcceptedContext, NotConvertible):
            return None
        return response.status

    return await retrieve(session, request, context, instances_for(session, request), send)
