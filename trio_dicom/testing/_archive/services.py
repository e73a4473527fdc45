"""Which service of the archive answers which request: one row for each."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import frozen

from trio_dicom._dimse.c_messages import (
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CMoveRequest,
    CStoreRequest,
)
from trio_dicom._dimse.message import Request, Response, response_to
from trio_dicom._dimse.n_messages import NActionRequest, NCreateRequest, NGetRequest, NSetRequest
from trio_dicom._operations.acceptance import STORAGE_CLASSES
from trio_dicom._protocol.contexts import NegotiatedContext, PresentationContext
from trio_dicom.errors import PDUError
from trio_dicom.sop_classes import (
    MODALITY_WORKLIST,
    MPPS,
    MPPS_RETRIEVE,
    STORAGE_COMMITMENT,
    UPS_EVENT,
    UPS_PULL,
    UPS_PUSH,
    UPS_QUERY,
    UPS_WATCH,
    VERIFICATION,
)
from trio_dicom.status import Code
from trio_dicom.testing._archive.commitment import commit
from trio_dicom.testing._archive.finding import find
from trio_dicom.testing._archive.getting import get
from trio_dicom.testing._archive.identifiers import FIND_CLASSES, GET_CLASSES, MOVE_CLASSES
from trio_dicom.testing._archive.moving import move
from trio_dicom.testing._archive.performed_steps import (
    create_performed,
    get_performed,
    set_performed,
)
from trio_dicom.testing._archive.refusing import AssociationOver, Refused
from trio_dicom.testing._archive.storing import echo, store
from trio_dicom.testing._archive.structure import drop_structure, with_keys_alone
from trio_dicom.testing._archive.unified_actions import act_unified
from trio_dicom.testing._archive.unified_steps import (
    create_unified,
    find_unified,
    get_unified,
    set_unified,
)
from trio_dicom.testing._archive.worklist import find_scheduled
from trio_dicom.testing.serving import is_of_a_script

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["SERVED_CLASSES", "serve_request"]

_logger = logging.getLogger("trio_dicom")

Serve: TypeAlias = Callable[["Session", Any, NegotiatedContext], Awaitable[Response]]
"""Does what a request of its class asks for on a context, and gives the final response."""


@frozen
class _Service:
    """One row.

    Attributes:
        request: The class of the requests that it answers.
        contexts: The abstract syntaxes on which they come.
        serve: Answers them.
        sop_classes: What they may name as their SOP class, where that is not the context's.
    """

    request: type[Request]
    contexts: frozenset[str]
    serve: Serve
    sop_classes: frozenset[str] = frozenset()


def _rows() -> Iterator[_Service]:
    yield _Service(CEchoRequest, _uids(VERIFICATION), echo)
    yield _Service(CStoreRequest, STORAGE_CLASSES, store)
    yield _Service(CFindRequest, frozenset(FIND_CLASSES), find)
    yield _Service(CGetRequest, frozenset(GET_CLASSES), get)
    yield _Service(CMoveRequest, frozenset(MOVE_CLASSES), move)
    yield _Service(CFindRequest, _uids(MODALITY_WORKLIST), find_scheduled)
    yield _Service(NActionRequest, _uids(STORAGE_COMMITMENT), commit)
    yield _Service(NCreateRequest, _uids(MPPS), create_performed)
    yield _Service(NSetRequest, _uids(MPPS), set_performed)
    yield _Service(NGetRequest, _uids(MPPS_RETRIEVE), get_performed)
    yield _Service(CFindRequest, _uids(UPS_PULL, UPS_WATCH, UPS_QUERY), find_unified)
    # A step is one of UPS Push, whatever the context is for (PS3.4 CC.3.1).
    ups = _uids(UPS_PUSH)
    yield _Service(NCreateRequest, ups, create_unified)
    yield _Service(NGetRequest, _uids(UPS_PUSH, UPS_PULL, UPS_WATCH), get_unified, ups)
    yield _Service(NSetRequest, _uids(UPS_PULL), set_unified, ups)
    yield _Service(NActionRequest, _uids(UPS_PUSH, UPS_PULL, UPS_WATCH), act_unified, ups)


def _uids(*contexts: PresentationContext) -> frozenset[str]:
    return frozenset(str(it.abstract_syntax) for it in contexts)


def _by_request(rows: Iterable[_Service]) -> dict[tuple[type[Request], str], _Service]:
    return {(row.request, uid): row for row in rows for uid in row.contexts}


_SERVICES: Final = _by_request(_rows())

SERVED_CLASSES: Final = frozenset(uid for _, uid in _SERVICES) | _uids(UPS_EVENT)
"""The abstract syntaxes of everything that the archive does; for events nobody can ask."""


async def serve_request(session: Session, request: Request, context: NegotiatedContext) -> None:
    """Do what ``request`` asks for, and answer it on ``context``."""
    try:
        await session.disturber.before_serving(request)
        service = _service_for(request, context)
        request = with_keys_alone(request)
        drop_structure(request.decoded_data_set())
        response = await service.serve(session, request, context)
    except Refused as refused:
        response = response_to(
            request, refused.status, error_comment=str(refused), **refused.fields
        )
    except PDUError:
        # Its words may quote the data set: they stay here.
        response = response_to(
            request, Code.CANNOT_UNDERSTAND, error_comment="the data set is malformed"
        )
    except AssociationOver:
        raise
    except Exception as error:
        if is_of_a_script(error):
            raise
        _logger.exception("the archive failed on a peer's %s", request.operation)
        response = response_to(request, Code.PROCESSING_FAILURE)
    await session.send(response, context)


def _service_for(request: Request, context: NegotiatedContext) -> _Service:
    service = _SERVICES.get((type(request), context.abstract_syntax))
    sop_classes = service.sop_classes if service is not None else ()
    if request.sop_class_uid not in (sop_classes or (context.abstract_syntax,)):
        raise Refused(Code.SOP_CLASS_NOT_SUPPORTED, "the context is for another SOP class")
    if service is None:
        raise Refused(Code.UNRECOGNIZED_OPERATION, "the archive has no such operation")
    return service
