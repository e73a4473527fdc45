"""Those who look on: asking for a cancel, and subscriptions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.operations.asking_ups import EVERYTHING, MATCHING, REASON, UPS, asked, data
from trio_dicom import (
    UnifiedWorklist,
)
from trio_dicom.sop_classes import UPS_WATCH


async def test_somebody_elses_step_can_only_be_asked_to_be_cancelled() -> None:
    (request,), status = await asked(
        lambda it: it.request_cancel(
            "1.2.3", REASON, "ill", contact_name="Desk", contact_uri="tel:1"
        ),
        contexts=[UPS_WATCH],
    )
    assert request.action_type_id == 2
    assert request.action_information == data(
        ReasonForCancellation="ill",
        ProcedureStepDiscontinuationReasonCodeSequence=[REASON.data_set()],
        ContactURI="tel:1",
        ContactDisplayName="Desk",
    )
    assert status.is_success


OURS = {"ReceivingAE": "TRIO_DICOM"}


@pytest.mark.parametrize(
    ("call", "uid", "action", "information"),
    [
        (lambda it: it.subscribe("1.2.3"), "1.2.3", 3, {"DeletionLock": "FALSE", **OURS}),
        (
            lambda it: it.subscribe(receiving_ae="OTHER", deletion_lock=True),
            EVERYTHING,
            3,
            {"DeletionLock": "TRUE", "ReceivingAE": "OTHER"},
        ),
        (
            lambda it: it.subscribe(matching=data(WorklistLabel="Planning")),
            MATCHING,
            3,
            {"DeletionLock": "FALSE", "WorklistLabel": "Planning", **OURS},
        ),
        (lambda it: it.unsubscribe("1.2.3"), "1.2.3", 4, OURS),
        (lambda it: it.unsubscribe(), EVERYTHING, 4, OURS),
        (lambda it: it.unsubscribe(matching=True), MATCHING, 4, OURS),
        (lambda it: it.suspend(), EVERYTHING, 5, OURS),
        (lambda it: it.suspend(matching=True), MATCHING, 5, OURS),
    ],
)
async def test_subscriptions_are_to_one_step_to_all_or_to_those_that_match(
    call: Callable[[UnifiedWorklist], Awaitable[Any]],
    uid: str,
    action: int,
    information: dict[str, str],
) -> None:
    (request,), status = await asked(call, contexts=[UPS_WATCH])
    assert (request.sop_class_uid, request.sop_instance_uid) == (UPS, uid)
    assert request.action_type_id == action
    assert request.action_information == data(**information)
    assert status.is_success
