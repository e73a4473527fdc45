"""What printers report of themselves and of their jobs (PS3.4 H.4.5, H.4.6)."""

from __future__ import annotations

from collections import deque
from typing import Final

import trio
from attrs import define, field
from pydicom import Dataset

from trio_dicom._dimse.message import response_to
from trio_dicom._dimse.n_messages import NEventReportRequest, NEventReportResponse
from trio_dicom._operations.print_values import PrintReport
from trio_dicom._operations.reading import text_of
from trio_dicom._operations.references import InstanceReference
from trio_dicom.status import Code

__all__ = ["PrintReports"]

# By SOP class: where the reason stands, and the states by their event types.
_REPORTS: Final = {
    "1.2.840.10008.5.1.1.16": ("PrinterStatusInfo", ("NORMAL", "WARNING", "FAILURE")),
    "1.2.840.10008.5.1.1.14": (
        "ExecutionStatusInfo",
        ("PENDING", "PRINTING", "DONE", "FAILURE"),
    ),
}
_MOST: Final = 1000


@define(eq=False)
class PrintReports:
    """Takes the reports of a printer, and keeps the latest thousand.

    Attributes:
        latest: They.
    """

    latest: deque[PrintReport] = field(factory=lambda: deque[PrintReport](maxlen=_MOST), init=False)

    async def take(self, request: NEventReportRequest) -> NEventReportResponse | None:
        """Answer a report, if it is one."""
        await trio.lowlevel.checkpoint()
        keyword, states = _REPORTS.get(request.sop_class_uid, ("", ()))
        if not states:
            return None
        if not 1 <= request.event_type_id <= len(states):
            return response_to(request, Code.NO_SUCH_EVENT_TYPE)
        report = PrintReport(
            reference=InstanceReference(request.sop_class_uid, request.sop_instance_uid),
            status=states[request.event_type_id - 1],
            status_info=text_of(request.event_information or Dataset(), keyword),
        )
        self.latest.append(report)
        return response_to(request, Code.SUCCESS)
