"""C-ECHO and C-STORE: what an archive takes in (PS3.4 A, B)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_dicom._dimse.c_messages import CEchoRequest, CStoreRequest
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.message import Response, response_to
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.status import Code
from trio_dicom.testing._archive.refusing import Refused

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["echo", "store"]


async def echo(_session: Session, request: CEchoRequest, _on: NegotiatedContext) -> Response:
    """The answer to a C-ECHO."""
    await trio.lowlevel.checkpoint()
    return response_to(request, Code.SUCCESS)


async def store(session: Session, request: CStoreRequest, _on: NegotiatedContext) -> Response:
    """Keep an instance, and answer."""
    await trio.lowlevel.checkpoint()
    data = request.data_set
    if not isinstance(data, EncodedDataSet):
        raise Refused(Code.CANNOT_UNDERSTAND, "there is no data set")
    instances = session.archive.instances
    if not instances.keep(request.sop_class_uid, request.sop_instance_uid, data):
        raise Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, "the data set is another instance")
    return response_to(request, Code.SUCCESS)
