"""Every call of a service is a checkpoint, also one that is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing
from pydicom import Dataset

from tests.operations.speaking import speaking
from trio_dicom import (
    Association,
    ClaimedStep,
    FilmSession,
    ImageBox,
    InstanceReference,
    LocalProtocolError,
    PerformedStep,
    PerformedStepState,
    PrintImage,
    Status,
    UnifiedWorklist,
    UPSState,
    complete_performed_step,
    create_performed_step,
    discontinue_performed_step,
    request_commitment,
    update_performed_step,
)
from trio_dicom.sop_classes import MPPS

DONE = PerformedStep(sop_instance_uid="1.2", state=PerformedStepState.COMPLETED)
CLAIMED = ClaimedStep(sop_instance_uid="1.2", transaction_uid="1.3", state=UPSState.COMPLETED)


async def commit(association: Association) -> None:
    async with request_commitment(association, []):
        raise AssertionError


async def search(association: Association) -> None:
    async with UnifiedWorklist(association).search():
        raise AssertionError


async def set_image(association: Association) -> None:
    session = FilmSession(association, "1.2", status=Status.of(0), reports=())
    box = ImageBox(reference=InstanceReference("1.2", "1.3"), position=1)
    image = PrintImage(rows=1, columns=1, pixel_data=b"\0")
    await session.set_image(box, image, window=(0, 1))


@pytest.mark.parametrize(
    "call",
    [
        commit,
        search,
        set_image,
        lambda it: it.n_get("1.2", "1.3"),
        create_performed_step,
        lambda it: update_performed_step(it, DONE, Dataset()),
        lambda it: complete_performed_step(it, DONE),
        lambda it: discontinue_performed_step(it, DONE),
        lambda it: UnifiedWorklist(it).create(Dataset()),
        lambda it: UnifiedWorklist(it).update(CLAIMED, Dataset()),
        lambda it: UnifiedWorklist(it).report_progress(CLAIMED, 1),
        lambda it: UnifiedWorklist(it).complete(CLAIMED),
        lambda it: UnifiedWorklist(it).cancel(CLAIMED),
        lambda it: UnifiedWorklist(it).subscribe("1.2", matching=Dataset()),
    ],
)
async def test_a_refused_call_is_a_checkpoint(call: Callable[[Any], Awaitable[object]]) -> None:
    async with speaking([MPPS]) as (association, _peer):
        with trio.testing.assert_checkpoints(), pytest.raises(LocalProtocolError):
            await call(association)
