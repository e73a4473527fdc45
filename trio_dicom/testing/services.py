"""What the archive answers, service by service."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pydicom import Dataset

from trio_dicom._dimse.c_messages import (
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    CStoreRequest,
)
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.message import Request, Response, response_to
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.errors import PDUError
from trio_dicom.sop_classes import PATIENT_ROOT_FIND, PATIENT_ROOT_GET
from trio_dicom.status import Code
from trio_dicom.testing.index import level_of
from trio_dicom.testing.retrieve import retrieve

if TYPE_CHECKING:
    from trio_dicom.testing.archive_server import Session

__all__ = ["AssociationOver", "serve_request"]

_logger = logging.getLogger("trio_dicom")

_PATIENT_ROOT = (PATIENT_ROOT_FIND.abstract_syntax, PATIENT_ROOT_GET.abstract_syntax)


class AssociationOver(Exception):
    """The association has ended while we had something to say."""


class _Refused(Exception):
    """A request that is answered with a failure.

    Attributes:
        status: Which one.
    """

    def __init__(self, status: Code, comment: str) -> None:
        super().__init__(comment)
        self.status = status


async def serve_request(session: Session, request: Request, context: NegotiatedContext) -> None:
    """Do what ``request`` asks for, and answer it on ``context``."""
    try:
        if request.sop_class_uid != context.abstract_syntax:
            raise _Refused(Code.SOP_CLASS_NOT_SUPPORTED, "the context is for another SOP class")
        response = await _serve(session, request, context)
    except _Refused as refused:
        response = response_to(request, refused.status, error_comment=str(refused))
    except PDUError:
        # Its words may quote the data set: they stay here.
        response = response_to(
            request, Code.CANNOT_UNDERSTAND, error_comment="the data set is malformed"
        )
    except AssociationOver:
        raise
    except Exception:
        _logger.exception("the archive failed on a peer's %s", request.operation)
        response = response_to(request, Code.PROCESSING_FAILURE)
    await session.send(response, context)


async def _serve(session: Session, request: Request, context: NegotiatedContext) -> Response:
    match request:
        case CEchoRequest():
            return response_to(request, Code.SUCCESS)
        case CStoreRequest():
            return _store(session, request)
        case CFindRequest():
            return await _find(session, request, context)
        case CGetRequest():
            return await _get(session, request, context)
        case CMoveRequest():
            raise _Refused(Code.MOVE_DESTINATION_UNKNOWN, "the archive knows nobody to move to")
        case _:
            raise _Refused(Code.UNRECOGNIZED_OPERATION, "the archive has no such operation")


def _store(session: Session, request: CStoreRequest) -> Response:
    data = request.data_set
    if not isinstance(data, EncodedDataSet):
        raise _Refused(Code.CANNOT_UNDERSTAND, "there is no data set")
    instances = session.archive.instances
    if not instances.keep(request.sop_class_uid, request.sop_instance_uid, data):
        raise _Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, "the data set is another instance")
    return response_to(request, Code.SUCCESS)


async def _find(session: Session, request: CFindRequest, context: NegotiatedContext) -> Response:
    identifier = _identifier(request)
    archive = session.archive
    for match in archive.instances.find(identifier, ae_title=archive.ae_title):
        if session.is_cancelled(request):
            return response_to(request, Code.CANCEL)
        pending = response_to(request, Code.PENDING, data_set=match)
        await session.send(pending, context)
    return response_to(request, Code.SUCCESS)


async def _get(session: Session, request: CGetRequest, context: NegotiatedContext) -> Response:
    try:
        instances = session.archive.instances.select(_identifier(request))
    except ValueError as error:
        raise _Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, str(error)) from None
    return await retrieve(session, request, context, instances)


def _identifier(request: CFindRequest | CGetRequest) -> Dataset:
    """The keys, of a level that the information model has (PS3.4 C.6.1, C.6.2)."""
    identifier = request.identifier
    if identifier is None:
        raise _Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, "there is no identifier")
    try:
        level = level_of(identifier)
    except ValueError as error:
        raise _Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, str(error)) from None
    if level == "PATIENT" and request.sop_class_uid not in _PATIENT_ROOT:
        raise _Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, "the study root has no patients")
    return identifier
