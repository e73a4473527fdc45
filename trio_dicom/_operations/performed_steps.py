"""Modality performed procedure steps: telling a department what is being done (PS3.4 F.7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import trio
from attrs import evolve
from pydicom import Dataset
from pydicom.uid import generate_uid

from trio_dicom._operations.declaring import declare_text
from trio_dicom._operations.n_services import NServices
from trio_dicom._operations.performed_values import (
    PerformedSeries,
    PerformedStep,
    PerformedStepState,
    begin_step,
)
from trio_dicom._operations.reading import as_da, as_tm, copied, items_of
from trio_dicom._operations.references import CodedEntry
from trio_dicom._operations.scheduled import performed_from_scheduled
from trio_dicom.errors import LocalProtocolError
from trio_dicom.sop_classes import MPPS

__all__ = [
    "complete_performed_step",
    "create_performed_step",
    "discontinue_performed_step",
    "update_performed_step",
]

_MPPS: Final = MPPS.abstract_syntax


async def create_performed_step(
    association: NServices,
    attributes: Dataset | None = None,
    *,
    scheduled: Dataset | None = None,
    sop_instance_uid: str | None = None,
    started: datetime | None = None,
    idle_timeout: float | None = None,
    timeout: float | None = None,
) -> PerformedStep:
    """Say that a step has begun (PS3.4 F.7.2.1).

    What the standard wants to be there, be it empty, is added where you leave it out. The
    status is ``IN PROGRESS``, and the station is our AE title unless you say otherwise. Text
    beyond ASCII goes out in the character set of the worklist item or of your attributes, and
    as UTF-8 where that does not suffice; so it does in the calls that follow.

    Args:
        association: One on which the peer accepted ``MPPS``.
        attributes: What there is to say; it has the last word. It is not changed.
        scheduled: The worklist item that it is about; patient, request and modality are
            taken from it.
        sop_instance_uid: A UID of your own for the step.
        started: When it began; None: now.
        idle_timeout: As for ``send_request``.
        timeout: As for ``send_request``.

    Returns:
        The step, for the calls that follow.

    Raises:
        LocalProtocolError: An attribute without which the peer must refuse it is missing.
            Nothing was sent.
        StatusError: The peer refused it.
        NoAcceptedContext: As ``send_request``; so are the others.
    """
    await trio.lowlevel.checkpoint()
    data_set = Dataset() if scheduled is None else performed_from_scheduled(scheduled)
    data_set.update(copied(attributes))
    moment = datetime.now() if started is None else started  # noqa: DTZ005 - DA and TM are local
    for keyword, value in (
        ("PerformedStationAETitle", association.negotiated.calling_ae),
        ("PerformedProcedureStepStartDate", as_da(moment)),
        ("PerformedProcedureStepStartTime", as_tm(moment)),
    ):
        data_set.setdefault(keyword, value)
    begin_step(data_set)
    declare_text(data_set)
    uid = sop_instance_uid or generate_uid(prefix=None)
    response = await association.n_create(
        _MPPS, uid, data_set, idle_timeout=idle_timeout, timeout=timeout
    )
    response.raise_for_status()
    return PerformedStep(
        sop_instance_uid=response.sop_instance_uid or uid,
        has_series=bool(items_of(data_set, "PerformedSeriesSequence")),
        status=response.status,
    )


async def update_performed_step(
    association: NServices,
    step: PerformedStep,
    modifications: Dataset | None = None,
    *,
    series: Iterable[PerformedSeries] = (),
    idle_timeout: float | None = None,
    timeout: float | None = None,
) -> PerformedStep:
    """Say more about a step that goes on (PS3.4 F.7.2.2).

    Args:
        association: As for ``create_performed_step``.
        step: The step.
        modifications: What has changed. It is not changed itself.
        series: All series that there are by now, not the new ones alone.
        idle_timeout: As for ``send_request``.
        timeout: As for ``send_request``.

    Raises:
        LocalProtocolError: The step has ended, or would end by this. Nothing was sent.
        StatusError: The peer refused it.
        NoAcceptedContext: As ``send_request``; so are the others.
    """
    await trio.lowlevel.checkpoint()
    data_set = _with_series(modifications, series)
    if "PerformedProcedureStepStatus" in data_set:
        raise LocalProtocolError(
            "the status of a performed procedure step changes with complete_performed_step "
            "and discontinue_performed_step, not by an update"
        )
    return await _set(
        association, step, data_set, step.state, idle_timeout=idle_timeout, timeout=timeout
    )


async def complete_performed_step(
    association: NServices,
    step: PerformedStep,
    series: Iterable[PerformedSeries] = (),
    *,
    modifications: Dataset | None = None,
    ended: datetime | None = None,
    idle_timeout: float | None = None,
    timeout: float | None = None,
) -> PerformedStep:
    """Say that a step is done (PS3.4 F.7.2.2). It cannot be changed any more.

    Args:
        association: As for ``create_performed_step``.
        step: The step.
        series: What it has made; may be left out where an update has said it all. There
            must be at least one, be it without images.
        modifications: What else has changed. It is not changed itself.
        ended: When it ended; None: now.
        idle_timeout: As for ``send_request``.
        timeout: As for ``send_request``.

    Raises:
        LocalProtocolError: The step has ended before, or no series was told. Nothing was
            sent.
        StatusError: The peer refused it.
        NoAcceptedContext: As ``send_request``; so are the others.
    """
    await trio.lowlevel.checkpoint()
    data_set = _with_series(modifications, series)
    _end(data_set, ended)
    return await _set(
        association,
        step,
        data_set,
        PerformedStepState.COMPLETED,
        idle_timeout=idle_timeout,
        timeout=timeout,
    )


async def discontinue_performed_step(
    association: NServices,
    step: PerformedStep,
    reason: CodedEntry | None = None,
    *,
    series: Iterable[PerformedSeries] = (),
    modifications: Dataset | None = None,
    ended: datetime | None = None,
    idle_timeout: float | None = None,
    timeout: float | None = None,
) -> PerformedStep:
    """Say that a step will not be finished (PS3.4 F.7.2.2). It cannot be changed any more.

    Args:
        association: As for ``create_performed_step``.
        step: The step.
        reason: Why; PS3.16 CID 9300 has the usual reasons.
        series: What it has made all the same; may be left out where an update has said it
            all. There must be at least one, and where nothing was made it has no images: the
            series that was to be.
        modifications: What else has changed. It is not changed itself.
        ended: When it ended; None: now.
        idle_timeout: As for ``send_request``.
        timeout: As for ``send_request``.

    Raises:
        LocalProtocolError: The step has ended before, or no series was told. Nothing was
            sent.
        StatusError: The peer refused it.
        NoAcceptedContext: As ``send_request``; so are the others.
    """
    await trio.lowlevel.checkpoint()
    data_set = _with_series(modifications, series)
    if reason is not None:
        data_set.PerformedProcedureStepDiscontinuationReasonCodeSequence = [reason.data_set()]
    _end(data_set, ended)
    return await _set(
        association,
        step,
        data_set,
        PerformedStepState.DISCONTINUED,
        idle_timeout=idle_timeout,
        timeout=timeout,
    )


async def _set(
    association: NServices,
    step: PerformedStep,
    data_set: Dataset,
    state: PerformedStepState,
    *,
    idle_timeout: float | None,
    timeout: float | None,
) -> PerformedStep:
    if step.state is not PerformedStepState.IN_PROGRESS:
        raise LocalProtocolError(f"the step is {step.state.value} and cannot be changed any more")
    has_series = step.has_series or bool(items_of(data_set, "PerformedSeriesSequence"))
    if state is not step.state:
        if not has_series:  # PS3.4 Table F.7.2-1, note 2
            raise LocalProtocolError(
                "a step that ends has at least one series: give it, be it without images"
            )
        data_set.PerformedProcedureStepStatus = state.value
    declare_text(data_set)
    response = await association.n_set(
        _MPPS, step.sop_instance_uid, data_set, idle_timeout=idle_timeout, timeout=timeout
    )
    response.raise_for_status()
    return evolve(step, state=state, has_series=has_series, status=response.status)


def _end(data_set: Dataset, ended: datetime | None) -> None:
    moment = datetime.now() if ended is None else ended  # noqa: DTZ005 - DA and TM are local
    data_set.setdefault("PerformedProcedureStepEndDate", as_da(moment))
    data_set.setdefault("PerformedProcedureStepEndTime", as_tm(moment))


def _with_series(modifications: Dataset | None, series: Iterable[PerformedSeries]) -> Dataset:
    data_set = copied(modifications)
    if items := [it.data_set() for it in series]:
        data_set.PerformedSeriesSequence = items
    return data_set
