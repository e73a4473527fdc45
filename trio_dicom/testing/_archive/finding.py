"""C-FIND: the queries that an archive answers (PS3.4 C.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_dicom._dimse.c_messages import CFindRequest
from trio_dicom._dimse.message import Response, response_to
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.status import Code
from trio_dicom.testing._archive.identifiers import extension_of, identifier_of
from trio_dicom.testing._archive.index import level_of
from trio_dicom.testing._archive.keys import supported_keys

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["find"]


async def find(session: Session, request: CFindRequest, context: NegotiatedContext) -> Response:
    """Send the matches one after the other; the final response.

    Each says whether all keys are supported (PS3.4 C.4.1.1.4).
    """
    identifier = identifier_of(session, request)
    keys, is_complete = supported_keys(identifier, level_of(identifier))
    archive = session.archive
    matches = archive.instances.find(
        keys,
        ae_title=archive.ae_title,
        combined_date_time=extension_of(session, request.sop_class_uid).combined_date_time,
    )
    for match in matches:
        if session.is_cancelled(request):
            return response_to(request, Code.CANCEL)
        status = Code.PENDING if is_complete else Code.PENDING_WITH_WARNING
        await session.send(response_to(request, status, data_set=match), context)
    return response_to(request, Code.SUCCESS)
