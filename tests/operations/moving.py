"""An association to move on, its peer in the hands of the test, and that peer's own calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from tests.io.talking import talking
from tests.operations.calling import calling, offer
from tests.operations.getting import ct, study_query
from trio_dicom import (
    Association,
    CMoveRequest,
    CStoreResponse,
    MoveRetrieval,
    Receiver,
)
from trio_dicom.sop_classes import PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE, VERIFICATION
from trio_dicom.testing import ScriptedPeer

__all__ = ["CONTEXTS", "deliver", "move_to", "moving", "originated"]

CONTEXTS = (STUDY_ROOT_MOVE, PATIENT_ROOT_MOVE, VERIFICATION)
OURS = "TRIO_DICOM"


@asynccontextmanager
async def moving(**talk: Any) -> AsyncGenerator[tuple[Association, ScriptedPeer], None]:
    """An association, and its peer, who obliges when the block ends in order.

    Args:
        **talk: As for ``talking``.
    """
    talk = {"contexts": CONTEXTS, **talk}
    async with talking(**talk) as (connection, peer):
        assert connection.association is not None
        yield Association(connection, connection.association), peer


@asynccontextmanager
async def move_to(
    association: Association, peer: ScriptedPeer, *arguments: Any, study: str = "1.2", **more: Any
) -> AsyncGenerator[tuple[MoveRetrieval, CMoveRequest], None]:
    """A C-MOVE of a study, and its request, which the peer has got."""
    async with association.c_move(study_query(study), *arguments, **more) as retrieval:
        yield retrieval, await peer.expect_message(CMoveRequest)


def originated(request: CMoveRequest, calling_ae: str = OURS) -> dict[str, Any]:
    """The fields of a sub-operation of ``request``."""
    return {
        "move_originator_ae": calling_ae,
        "move_originator_message_id": request.message_id,
    }


async def deliver(
    receiver: Receiver, uid: str = "1.2.3", *, study: str = "1.2", size: int = 100, **fields: Any
) -> CStoreResponse:
    """The answer to an instance that the peer brings on an association for itself."""
    data_set = ct(uid, StudyInstanceUID=study, size=size)
    async with calling(receiver) as association:
        return await offer(association, uid, data_set=data_set, **fields)
