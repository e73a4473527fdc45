"""Bounds that nobody needs to change, as each other one tried from both sides."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.faults.sides import REQUEST
from tests.faults.wire import NO_DATA_SET, STORE_REQUEST, abort, command, pdu, said
from tests.io.talking import CT_ID, talking
from trio_dicom import (
    BaseHandler,
    CStoreRequest,
    CStoreResponse,
    NEventReportRequest,
    RemoteProtocolError,
    response_to,
)
from trio_dicom._operations.print_reports import PrintReports
from trio_dicom.lowlevel import AssociationMachine, Role

PRINTER = "1.2.840.10008.5.1.1.16"


@pytest.mark.pitfall(33)
@pytest.mark.parametrize("requests, aborts", [(1, 2), (24, 25), (25, 26), (26, 26), (1000, 26)])
def test_a_peer_cannot_make_us_pile_up_aborts(requests: int, aborts: int) -> None:
    machine = AssociationMachine(Role.ACCEPTOR)
    machine.receive_data(pdu(6, bytes(4)))
    with pytest.raises(RemoteProtocolError):
        machine.next_event()
    for _ in range(requests):  # each is answered by one more in this state (AA-7)
        machine.receive_data(REQUEST)
        assert machine.next_event() is None
    assert machine.data_to_send() == abort(0, 0) + abort(2, 2) * (aborts - 1)


@pytest.mark.pitfall(29)
@pytest.mark.parametrize("asked, at_a_time", [(15, 15), (16, 16), (17, 16), (200, 16)])
async def test_no_more_than_sixteen_handlers_run_at_a_time(asked: int, at_a_time: int) -> None:
    running: list[int] = []
    gate = trio.Event()

    class Counting(BaseHandler):
        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            running.append(request.message_id or 0)
            await gate.wait()
            return response_to(request, 0x0000)

    # The peer may have as many open as it likes: 0 is no limit.
    async with talking(handler=Counting(), performed=0) as (_, peer):
        await peer.send_bytes(
            said(command(STORE_REQUEST | {0x0800: NO_DATA_SET}), 3, CT_ID) * asked
        )
        await wait_all_tasks_blocked()
        assert len(running) == at_a_time
        gate.set()
        for _ in range(asked):
            await peer.expect_message(CStoreResponse)
    assert len(running) == asked


@pytest.mark.pitfall(29)
async def test_of_the_reports_of_a_printer_the_latest_thousand_are_kept() -> None:
    reports = PrintReports()
    for number in range(1, 1002):
        await reports.take(
            NEventReportRequest(
                sop_class_uid=PRINTER, sop_instance_uid=f"1.{number}", event_type_id=1
            )
        )
        assert len(reports.latest) == min(number, 1000)
    assert reports.latest[0].reference.sop_instance_uid == "1.2"
