"""What tests of unified procedure steps share: the requests of a call, and their answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from pydicom import Dataset

from tests.operations.speaking import beside, speaking
from trio_dicom import (
    ClaimedStep,
    CodedEntry,
    PresentationContext,
    Request,
    UnifiedWorklist,
)
from trio_dicom.sop_classes import UPS_PULL

__all__ = ["EVERYTHING", "MATCHING", "NOON", "REASON", "STEP", "UPS", "asked", "data"]


UPS = "1.2.840.10008.5.1.4.34.6.1"
EVERYTHING = "1.2.840.10008.5.1.4.34.5"
MATCHING = "1.2.840.10008.5.1.4.34.5.1"
STEP = ClaimedStep(sop_instance_uid="1.2.3", transaction_uid="1.2.9")
REASON = CodedEntry("110500", "DCM", "Doctor canceled procedure")
NOON = datetime(2026, 1, 2, 12, 30, 59, tzinfo=UTC)


def data(**values: Any) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


async def asked(
    call: Callable[[UnifiedWorklist], Awaitable[Any]],
    *,
    contexts: list[PresentationContext] | None = None,
    status: int = 0x0000,
    count: int = 1,
    **fields: Any,
) -> tuple[list[Any], Any]:
    """The requests that ``call`` sends, and what it returns if the answer is ``status``."""
    came: list[Request] = []
    async with speaking(contexts or [UPS_PULL]) as (association, peer):

        async def script() -> None:
            for _ in range(count):
                request = await peer.receive_message()
                assert isinstance(request, Request)
                came.append(request)
                await peer.reply(request, status, **fields)

        result = await beside(script, call(UnifiedWorklist(association)))
    return came, result
