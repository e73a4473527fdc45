"""What the tests of the archive's other services share: an archive and a client in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from pydicom import Dataset

from trio_dicom import (
    Association,
    NEventReportRequest,
    NEventReportResponse,
    PresentationContext,
    response_to,
)
from trio_dicom.testing import MemoryArchive, open_memory_association

__all__ = ["Listening", "associated", "data", "performed"]


def data(**values: Any) -> Dataset:
    """A data set with these values."""
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


def performed(**values: object) -> Dataset:
    """What a performed procedure step is created with, for ``create_performed_step``."""
    return data(
        **{
            "PatientName": "Müller^Jürgen",
            "PerformedProcedureStepID": "PPS1",
            "Modality": "CT",
            "ScheduledStepAttributesSequence": [data(StudyInstanceUID="1.2.3")],
            **values,
        }
    )


@asynccontextmanager
async def associated(
    archive: MemoryArchive,
    *contexts: PresentationContext,
    calling_ae: str = "TRIO_DICOM",
    called_ae: str = "ARCHIVE",
) -> AsyncGenerator[Association, None]:
    """An association with the archive in memory."""
    async with open_memory_association(
        archive.serve, contexts=contexts, calling_ae=calling_ae, called_ae=called_ae
    ) as association:
        yield association


class Listening:
    """Remembers the events that it takes.

    Attributes:
        reports: What was reported, in order.
    """

    def __init__(self) -> None:
        self.reports: list[NEventReportRequest] = []
        self._came = trio.Condition()

    async def take(self, request: NEventReportRequest) -> NEventReportResponse:
        async with self._came:
            self.reports.append(request)
            self._came.notify_all()
        return response_to(request, 0x0000)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when ``condition`` is true, which is looked at after each report."""
        with trio.fail_after(60):
            async with self._came:
                while not condition():
                    await self._came.wait()
