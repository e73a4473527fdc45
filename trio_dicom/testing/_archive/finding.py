"""C-FIND: the queries that an archive answers (PS3.4 C.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_dicom._dimse.c_messages import CFindRequest
from trio_dicom._dimse.message import Response, response_to
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.status import Code
from trio_dicom.testing._archive.identifiers import extension_of, identifier_of

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["find"]


async def find(session: Session, request: CFindRequest, context: NegotiatedContext) -> Response:
    """Send the matches one after the other; the final response."""
    identifier = identifier_of(session, request)
    archive = session.archive
    matches = archive.instances.find(
        identifier,
        ae_title=archive.ae_title,
        combined_date_time=extension_of(session, request.sop_class_uid).combined_date_time,
    )
    for match in matches:
        if session.is_cancelled(request):
            return response_to(request, Code.CANCEL)
        pending = response_to(request, Code.PENDING, data_set=match)
        await session.send(pending, context)
    return response_to(request, Code.SUCCESS)
