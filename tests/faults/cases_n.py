"""The DIMSE-N services and what stands on them, to be cancelled anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.faults.scenes import Case, Scene
from tests.operations.asking_ups import REASON, STEP, data
from tests.operations.committing import ONE, TWO
from tests.operations.test_performed_steps import SERIES, attributes
from tests.operations.test_print_image import image
from tests.operations.test_printing import IMAGE
from trio_dicom import (
    Association,
    UnifiedWorklist,
    complete_performed_step,
    create_performed_step,
    discontinue_performed_step,
    get_print_job,
    get_printer,
    open_film_session,
    request_commitment,
    update_performed_step,
)
from trio_dicom.sop_classes import MPPS

__all__ = ["CASES"]

_CLASS, _INSTANCE = str(MPPS.abstract_syntax), "1.2.3"


async def storage_commitment(scene: Scene) -> None:
    async with request_commitment(scene.association, [ONE, TWO]) as commitment:
        assert (await commitment.result()).is_complete


async def performed_step(scene: Scene) -> None:
    step = await create_performed_step(scene.association, attributes())
    step = await update_performed_step(scene.association, step, series=[SERIES])
    await complete_performed_step(scene.association, step)


async def discontinued_step(scene: Scene) -> None:
    step = await create_performed_step(scene.association, attributes())
    await discontinue_performed_step(scene.association, step, REASON, series=[SERIES])


async def film_session(scene: Scene) -> None:
    async with open_film_session(scene.association) as session:
        film = await session.create_film_box()
        (box,) = film.image_boxes
        await session.set_image(box, IMAGE)
        await session.set_image(box, image([100, 200, 300]))
        await session.print(film)
        await session.delete_film_box(film)


async def search(scene: Scene) -> None:
    async with UnifiedWorklist(scene.association).search() as steps:
        assert len([step async for step in steps]) == 2


async def search_and_close(scene: Scene) -> None:
    async with UnifiedWorklist(scene.association).search() as steps:
        await steps.receive()
        await steps.aclose()


Call = Callable[[Any], Awaitable[object]]

ON_AN_ASSOCIATION: dict[str, Callable[[Association], Awaitable[object]]] = {
    "n_get": lambda it: it.n_get(_CLASS, _INSTANCE),
    "n_set": lambda it: it.n_set(_CLASS, _INSTANCE, data(PatientID="1")),
    "n_action": lambda it: it.n_action(_CLASS, _INSTANCE, 1),
    "n_create": lambda it: it.n_create(_CLASS),
    "n_delete": lambda it: it.n_delete(_CLASS, _INSTANCE),
    "n_event_report": lambda it: it.n_event_report(_CLASS, _INSTANCE, 1),
    "get_printer": get_printer,
    "get_print_job": lambda it: get_print_job(it, _INSTANCE),
}

ON_A_WORKLIST: dict[str, Callable[[UnifiedWorklist], Awaitable[object]]] = {
    "create": lambda it: it.create(data(ProcedureStepLabel="Plan")),
    "get": lambda it: it.get(_INSTANCE),
    "claim": lambda it: it.claim(_INSTANCE),
    "update": lambda it: it.update(STEP, data(ProcedureStepLabel="Plan B")),
    "report_progress": lambda it: it.report_progress(STEP, 50),
    "complete": lambda it: it.complete(STEP),
    "cancel": lambda it: it.cancel(STEP, REASON),
    "request_cancel": lambda it: it.request_cancel(_INSTANCE),
    "subscribe": lambda it: it.subscribe(),
    "unsubscribe": lambda it: it.unsubscribe(),
    "suspend": lambda it: it.suspend(),
}


def _called(name: str, on: Callable[[Scene], Any], call: Call) -> Case:
    async def body(scene: Scene) -> None:
        await call(on(scene))

    body.__name__ = name
    return Case(body=body)


CASES = (
    Case(body=storage_commitment),
    Case(body=performed_step),
    Case(body=discontinued_step),
    Case(body=film_session),
    Case(body=search),
    Case(body=search_and_close),
    *[_called(name, lambda it: it.association, it) for name, it in ON_AN_ASSOCIATION.items()],
    *[
        _called(f"ups_{name}", lambda it: UnifiedWorklist(it.association), it)
        for name, it in ON_A_WORKLIST.items()
    ],
)
