"""What a scripted printer tells of itself and of its jobs, asked or not."""

from __future__ import annotations

from typing import Any

import trio
from pydicom import Dataset

from tests.operations.speaking import beside, speaking
from trio_dicom import (
    InstanceReference,
    NCreateRequest,
    NDeleteRequest,
    NEventReportRequest,
    NEventReportResponse,
    NGetRequest,
    PrintJob,
    PrintReport,
    get_print_job,
    get_printer,
    open_film_session,
)
from trio_dicom.sop_classes import BASIC_GRAYSCALE_PRINT, PRINT_JOB

PRINTER, JOB = "1.2.840.10008.5.1.1.16", "1.2.840.10008.5.1.1.14"


def data(**values: Any) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


async def test_the_printer_says_how_it_is() -> None:
    async with speaking([BASIC_GRAYSCALE_PRINT]) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(NGetRequest)
            assert request.sop_class_uid == PRINTER
            assert request.sop_instance_uid == "1.2.840.10008.5.1.1.17"
            assert request.attribute_identifiers == ()
            answer = data(
                PrinterStatus="WARNING",
                PrinterStatusInfo="SUPPLY LOW",
                PrinterName="P1",
                SoftwareVersions=["1", "2"],
                DateOfLastCalibration="20260102",
                TimeOfLastCalibration="0300",
            )
            await peer.reply(request, 0x0000, data_set=answer)

        printer = await beside(script, get_printer(association))
    assert (printer.status, printer.status_info, printer.name) == ("WARNING", "SUPPLY LOW", "P1")
    assert (printer.software, printer.calibrated) == ("1\\2", "202601020300")
    assert printer.manufacturer == ""


async def test_a_print_job_says_how_far_it_is() -> None:
    async with speaking([PRINT_JOB]) as (association, peer):

        async def script() -> None:
            request = await peer.expect_message(NGetRequest)
            assert (request.sop_class_uid, request.sop_instance_uid) == (JOB, "1.6")
            answer = data(ExecutionStatus="PRINTING", CreationDate="20260102", PrinterName="P1")
            await peer.reply(request, 0x0000, data_set=answer)

        job = await beside(script, get_print_job(association, "1.6"))
    assert job == PrintJob(
        status="PRINTING", status_info="", printer_name="P1", priority="", created="20260102"
    )


async def test_what_the_printer_reports_is_answered_and_kept() -> None:
    reported = trio.Event()

    async with speaking([BASIC_GRAYSCALE_PRINT]) as (association, peer):

        async def answer_of(sop_class_uid: str, kind: int, **values: Any) -> int:
            event = NEventReportRequest(
                sop_class_uid=sop_class_uid,
                sop_instance_uid="1.7",
                event_type_id=kind,
                message_id=9,
                data_set=data(**values) if values else None,
            )
            await peer.send_message(event, context_id=1)
            return (await peer.expect_message(NEventReportResponse)).status.code

        async def script() -> None:
            await peer.reply(await peer.expect_message(NCreateRequest), 0x0000)
            assert await answer_of(PRINTER, 3, PrinterStatusInfo="FILM JAM") == 0
            assert await answer_of(PRINTER, 4) == 0x0113
            assert await answer_of("1.2.3", 1) == 0x0122
            assert await answer_of(JOB, 3) == 0
            reported.set()
            await peer.reply(await peer.expect_message(NDeleteRequest), 0x0000)

        async def call() -> list[PrintReport]:
            async with open_film_session(association) as session:
                await reported.wait()
            return list(session.reports)

        reports = await beside(script, call())
    assert reports == [
        PrintReport(
            reference=InstanceReference(PRINTER, "1.7"), status="FAILURE", status_info="FILM JAM"
        ),
        PrintReport(reference=InstanceReference(JOB, "1.7"), status="DONE", status_info=""),
    ]
