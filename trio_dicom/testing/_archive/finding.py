"""C-FIND: the queries that an archive answers (PS3.4 C.4.1), and what their keys must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import Dataset

from trio_dicom._dimse.c_messages import CFindRequest, CGetRequest, CMoveRequest
from trio_dicom._dimse.message import Response, response_to
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.sop_classes import PATIENT_ROOT_FIND, PATIENT_ROOT_GET, PATIENT_ROOT_MOVE
from trio_dicom.status import Code
from trio_dicom.testing._archive.index import level_of
from trio_dicom.testing._archive.refusing import Refused

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["find", "identifier_of"]

_PATIENT_ROOT = (
    PATIENT_ROOT_FIND.abstract_syntax,
    PATIENT_ROOT_GET.abstract_syntax,
    PATIENT_ROOT_MOVE.abstract_syntax,
)


async def find(session: Session, request: CFindRequest, context: NegotiatedContext) -> Response:
    """Send the matches one after the other; the final response."""
    identifier = identifier_of(request)
    archive = session.archive
    for match in archive.instances.find(identifier, ae_title=archive.ae_title):
        if session.is_cancelled(request):
            return response_to(request, Code.CANCEL)
        pending = response_to(request, Code.PENDING, data_set=match)
        await session.send(pending, context)
    return response_to(request, Code.SUCCESS)


def identifier_of(request: CFindRequest | CGetRequest | CMoveRequest) -> Dataset:
    """The keys, of a level that the information model has (PS3.4 C.6.1, C.6.2).

    Raises:
        Refused: There are none, or they are of another level.
    """
    identifier = request.identifier
    if identifier is None:
        raise Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, "there is no identifier")
    try:
        level = level_of(identifier)
    except ValueError as error:
        raise Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, str(error)) from None
    if level == "PATIENT" and request.sop_class_uid not in _PATIENT_ROOT:
        raise Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, "the study root has no patients")
    return identifier
