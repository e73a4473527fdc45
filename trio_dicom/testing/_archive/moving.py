"""C-MOVE: instances sent to somebody on an association of its own (PS3.4 C.4.2)."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from trio_dicom._dimse.c_messages import CMoveRequest, CStoreRequest
from trio_dicom._dimse.message import Response
from trio_dicom._operations.contexts_for_files import contexts_for_needs
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.association import Association
from trio_dicom.errors import TrioDicomError
from trio_dicom.status import Code, Status
from trio_dicom.testing._archive.instances import Instance
from trio_dicom.testing._archive.refusing import Refused
from trio_dicom.testing._archive.retrieving import instances_for, none_sent, retrieve
from trio_dicom.testing.calling import call

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["move"]

_logger = logging.getLogger("trio_dicom")

_MOST_CONTEXTS = 128  # of one association; what has none of them counts as failed


async def move(session: Session, request: CMoveRequest, context: NegotiatedContext) -> Response:
    """Send what is asked for to the move destination; the final response.

    Each goes out as it is stored if the destination takes it so, else re-encoded if that
    keeps every value; otherwise it counts as failed. If nobody can be reached there, all do.

    Args:
        session: The association that asks for them.
        request: Its request.
        context: The context of that, for the pending responses.

    Raises:
        Refused: The destination is unknown, or the identifier does not say what to retrieve.
    """
    place = session.archive.destinations.get(request.move_destination)
    if place is None:
        raise Refused(Code.MOVE_DESTINATION_UNKNOWN, "the archive does not know the destination")
    instances = instances_for(session, request)
    needs = dict.fromkeys((it.sop_class_uid, it.data_set.transfer_syntax) for it in instances)
    if not needs:
        return none_sent(request, ())
    async with AsyncExitStack() as stack:
        try:
            destination = await stack.enter_async_context(
                call(
                    place,
                    called_ae=request.move_destination,
                    calling_ae=session.archive.ae_title,
                    contexts=contexts_for_needs(needs)[:_MOST_CONTEXTS],
                )
            )
        except TrioDicomError as error:
            _logger.info("the archive cannot move to %s: %s", request.move_destination, error)
            return none_sent(request, instances)
        sub_operation = partial(_send, destination, request, _originator_of(session))
        return await retrieve(session, request, context, instances, sub_operation)


def _originator_of(session: Session) -> str:
    association = session.machine.association
    assert association is not None
    return association.calling_ae


async def _send(
    destination: Association, request: CMoveRequest, originator_ae: str, instance: Instance
) -> Status | None:
    part = CStoreRequest(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        priority=request.priority,
        move_originator_ae=originator_ae,
        move_originator_message_id=request.message_id,
        data_set=instance.data_set,
    )
    try:
        response = await destination.send_request(part)
    except TrioDicomError as error:  # refused, not convertible, silent, or gone
        _logger.info("the archive cannot move an instance: %s", error)
        return None
    return response.status
