"""The context of each operation on a step: of a SOP class that has it (PS3.4 CC.2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydicom import Dataset

from tests.operations.asking_ups import NOON, REASON, STEP, UPS, data
from tests.operations.speaking import beside, speaking
from trio_dicom import (
    NActionRequest,
    NCreateRequest,
    NGetRequest,
    NoAcceptedContext,
    NSetRequest,
    PerformedWork,
    PresentationContext,
    Request,
    UnifiedWorklist,
)
from trio_dicom.sop_classes import (
    UPS_CLASSES,
    UPS_PULL,
    UPS_PUSH,
    UPS_QUERY,
    UPS_WATCH,
    VERIFICATION,
)

Call = Callable[[UnifiedWorklist], Awaitable[Any]]
WORK = PerformedWork(started=NOON, ended=NOON)
CREATE: Call = lambda it: it.create(data(ProcedureStepLabel="Plan"))  # noqa: E731
GET: Call = lambda it: it.get("1.2.3")  # noqa: E731
UPDATE: Call = lambda it: it.update("1.2.3", data(ProcedureStepLabel="Plan"))  # noqa: E731
CLAIM: Call = lambda it: it.claim("1.2.3")  # noqa: E731
COMPLETE: Call = lambda it: it.complete(STEP, WORK)  # noqa: E731
CANCEL: Call = lambda it: it.cancel(STEP, REASON)  # noqa: E731
REQUEST_CANCEL: Call = lambda it: it.request_cancel("1.2.3")  # noqa: E731
SUBSCRIBE: Call = lambda it: it.subscribe()  # noqa: E731
UNSUBSCRIBE: Call = lambda it: it.unsubscribe()  # noqa: E731
SUSPEND: Call = lambda it: it.suspend()  # noqa: E731


async def travelled(
    call: Call,
    contexts: list[PresentationContext],
    *,
    refused: tuple[int, ...] = (),
    count: int = 1,
) -> list[tuple[type[Request], str]]:
    """The requests of a call, and the SOP classes of the contexts that they came on."""
    came: list[tuple[type[Request], str]] = []
    async with speaking(contexts) as (association, peer):
        names = {it.context_id: it.abstract_syntax for it in association.negotiated.contexts}

        async def script() -> None:
            for _ in range(count):
                request = await peer.receive_message()
                assert isinstance(request, Request)
                assert request.sop_class_uid == UPS
                assert peer.last_context_id is not None
                came.append((type(request), names[peer.last_context_id]))
                await peer.reply(request, 0x0000)

        await beside(script, call(UnifiedWorklist(association)))
    return came


@pytest.mark.parametrize(
    ("call", "context", "requests"),
    [
        (CREATE, UPS_PUSH, [NCreateRequest]),
        (GET, UPS_PUSH, [NGetRequest]),
        (UPDATE, UPS_PULL, [NSetRequest]),
        (CLAIM, UPS_PULL, [NActionRequest]),
        (COMPLETE, UPS_PULL, [NSetRequest, NActionRequest]),
        (CANCEL, UPS_PULL, [NSetRequest, NActionRequest]),
        (REQUEST_CANCEL, UPS_PUSH, [NActionRequest]),
        (SUBSCRIBE, UPS_WATCH, [NActionRequest]),
        (UNSUBSCRIBE, UPS_WATCH, [NActionRequest]),
        (SUSPEND, UPS_WATCH, [NActionRequest]),
    ],
)
async def test_each_operation_goes_out_on_a_context_of_a_class_that_has_it(
    call: Call, context: PresentationContext, requests: list[type[Request]]
) -> None:
    came = await travelled(call, list(UPS_CLASSES), count=len(requests))
    assert came == [(each, context.abstract_syntax) for each in requests]


@pytest.mark.parametrize(
    ("call", "contexts", "context"),
    [
        (GET, [UPS_QUERY, UPS_WATCH, UPS_PULL], UPS_PULL),
        (GET, [UPS_QUERY, UPS_WATCH], UPS_WATCH),
        (REQUEST_CANCEL, [UPS_PULL, UPS_WATCH], UPS_WATCH),
    ],
)
async def test_one_that_several_classes_have_takes_what_there_is(
    call: Call, contexts: list[PresentationContext], context: PresentationContext
) -> None:
    ((_, came),) = await travelled(call, contexts)
    assert came == context.abstract_syntax


@pytest.mark.scenario("B18")
@pytest.mark.parametrize(
    ("call", "context"),
    [(CREATE, UPS_PULL), (CLAIM, UPS_PUSH), (UPDATE, UPS_WATCH), (SUBSCRIBE, UPS_PUSH)],
)
async def test_where_none_of_them_was_accepted_another_ups_class_is_tried(
    call: Call, context: PresentationContext
) -> None:
    ((_, came),) = await travelled(call, [VERIFICATION, context])
    assert came == context.abstract_syntax


async def test_without_any_ups_class_nothing_is_sent() -> None:
    async with speaking([VERIFICATION]) as (association, _peer):
        with pytest.raises(NoAcceptedContext):
            await UnifiedWorklist(association).claim("1.2.3")


async def test_of_several_contexts_the_one_in_which_the_data_set_can_go() -> None:
    baseline = PresentationContext(UPS_PULL.abstract_syntax, ["1.2.840.10008.1.2.4.50"])
    async with speaking([baseline, UPS_PULL]) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(NSetRequest)
            assert peer.last_context_id == 3
            await peer.reply(request, 0x0000)

        change = Dataset()
        change.ProcedureStepLabel = "Plan"
        await beside(script, UnifiedWorklist(association).update("1.2.3", change))
