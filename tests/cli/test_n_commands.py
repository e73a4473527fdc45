"""``trio-dicom n-get``, ``n-set``, ``n-action``, ``n-create`` and ``n-delete``."""

from __future__ import annotations

from collections.abc import Generator

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import generate_uid

from tests.cli.conftest import Command
from tests.cli.servers import listening
from tests.interop.programs import free_port
from tests.interop.pynetdicom_services import ServicesPeer, pynetdicom_services
from trio_dicom import EncodedDataSet, NGetRequest
from trio_dicom.testing import ConversationOver, ScriptedPeer

PRINTER = ("Printer", "PrinterInstance")
MPPS = "ModalityPerformedProcedureStep"
STARTED = (
    *("-k", "PerformedProcedureStepStatus=IN PROGRESS", "-k", "PerformedProcedureStepID=1"),
    *("-k", "PerformedStationAETitle=CT1", "-k", "Modality=CT", "-k", "PatientName=Müller"),
    *("-k", "PerformedProcedureStepStartDate=20260101"),
    *("-k", "PerformedProcedureStepStartTime=1000"),
    *("-k", "ScheduledStepAttributesSequence[0].StudyInstanceUID=1.2.3"),
)


@pytest.fixture(scope="module")
def server() -> Generator[ServicesPeer, None, None]:
    """A server for procedure steps, print and more."""
    with pynetdicom_services() as server:
        yield server


async def test_all_attributes_are_lines(command: Command, server: ServicesPeer) -> None:
    ran = await command("n-get", server.address, *PRINTER)
    assert ran.code == 0
    first, *lines = ran.out.splitlines()
    assert first == "ok  N-GET 1.2.840.10008.5.1.1.17: 0000H (success)"
    assert "  (2110,0010) CS PrinterStatus: NORMAL" in lines


async def test_some_attributes_as_json(command: Command, server: ServicesPeer) -> None:
    ran = await command(
        "n-get", server.address, "1.2.840.10008.5.1.1.16", "1.2.840.10008.5.1.1.17", "--json",
        "-k", "PrinterStatus",
    )  # fmt: skip
    assert ran.code == 0
    assert ran.records == [
        {
            "peer": server.address,
            "operation": "N-GET",
            "status": 0,
            "kind": "success",
            "meaning": None,
            "error": None,
            "sop_class_uid": "1.2.840.10008.5.1.1.16",
            "sop_instance_uid": "1.2.840.10008.5.1.1.17",
            "data_set": {"21100010": {"vr": "CS", "Value": ["NORMAL"]}},
        }
    ]


async def test_a_procedure_step_is_created_changed_and_read(
    command: Command, server: ServicesPeer
) -> None:
    uid = generate_uid(None)
    created = await command("n-create", server.address, MPPS, uid, *STARTED)
    assert created.code == 0
    assert created.out == f"ok  N-CREATE {uid}: 0000H (success)\n"
    again = await command("n-create", server.address, MPPS, uid, *STARTED, "--json")
    assert again.code == 1
    assert (again.records[0]["status"], again.records[0]["kind"]) == (0x0111, "failure")
    changed = await command(
        "n-set", server.address, MPPS, uid, "-k", "PerformedProcedureStepStatus=COMPLETED"
    )
    assert changed.code == 0
    read = await command(
        "n-get", server.address, MPPS, uid, "--context", f"{MPPS}Retrieve", "--json"
    )
    (record,) = read.records
    assert record["data_set"]["00400252"]["Value"] == ["COMPLETED"]
    assert record["data_set"]["00100010"]["Value"] == [{"Alphabetic": "Müller"}]
    (step,) = record["data_set"]["00400270"]["Value"]
    assert step["0020000D"]["Value"] == ["1.2.3"]


async def test_the_peer_may_choose_the_instance(command: Command, server: ServicesPeer) -> None:
    created = await command("n-create", server.address, "BasicFilmSession", "--json")
    uid = created.records[0]["sop_instance_uid"]
    assert created.code == 0
    assert uid


async def test_deleting_what_is_not_there_is_exit_code_1(
    command: Command, server: ServicesPeer
) -> None:
    ran = await command("n-delete", server.address, "BasicFilmSession", "1.2.3")
    assert ran.code == 1
    assert ran.out == "failed  N-DELETE 1.2.3: 0112H (failure: no such SOP instance)\n"


@pytest.mark.scenario("B18")
async def test_an_action_on_a_unified_procedure_step(
    command: Command, server: ServicesPeer
) -> None:
    push = "UnifiedProcedureStepPush"
    created = await command(
        "n-create", server.address, push, "-k", "ProcedureStepState=SCHEDULED", "--json"
    )
    uid = created.records[0]["sop_instance_uid"]
    claim = ("-k", "TransactionUID=1.2.3", "-k", "ProcedureStepState=IN PROGRESS")
    # On the context of a sister class, by which performers reach it.
    claimed = await command(
        "n-action", server.address, push, uid, 1, *claim, "--context", "UnifiedProcedureStepPull"
    )
    assert claimed.code == 0
    assert f"ok  N-ACTION {uid}" in claimed.out
    twice = await command("n-action", server.address, push, uid, 1, *claim)
    assert twice.code == 1
    assert "failed" in twice.out


async def test_a_context_that_is_refused_is_exit_code_1(
    command: Command, server: ServicesPeer
) -> None:
    ran = await command("n-get", server.address, "1.2.3.4", "1.2.3", "--json")
    assert ran.code == 1
    (record,) = ran.records
    assert (record["kind"], record["status"]) == ("error", None)
    assert "no accepted presentation context for 1.2.3.4" in record["error"]
    as_line = await command("n-get", server.address, *PRINTER, "--context", "1.2.3.4")
    assert as_line.code == 1
    assert as_line.out.startswith("failed  ")


async def test_an_answer_that_cannot_be_read_is_exit_code_1(command: Command) -> None:
    async def behave(stream: trio.SocketStream) -> None:
        peer = ScriptedPeer(stream)
        await peer.accept()
        request = await peer.expect_message(NGetRequest)
        broken = EncodedDataSet(b"\x10\0\x10\0PN\xff\xff", "1.2.840.10008.1.2.1")
        await peer.reply(request, 0x0000, data_set=broken, error_comment="\x1b[2J")
        with pytest.raises(ConversationOver):
            await peer.receive_message()

    async with listening(behave) as address:
        ran = await command("n-get", address, *PRINTER)
    assert ran.code == 1
    assert "the data set of the answer cannot be read" in ran.out


async def test_a_warning_is_good_and_its_comment_is_shown_harmlessly(command: Command) -> None:
    async def behave(stream: trio.SocketStream) -> None:
        peer = ScriptedPeer(stream)
        await peer.accept()
        request = await peer.expect_message(NGetRequest)
        found = Dataset()
        found.PrinterName = "two\nlines"
        await peer.reply(request, 0x0001, data_set=found, error_comment="odd")
        await peer.serve_until_closed()

    async with listening(behave) as address:
        ran = await command("n-get", address, *PRINTER)
    assert ran.code == 0
    assert ran.out.splitlines()[0].endswith(": odd")
    assert ran.out.splitlines()[1:] == [r"  (2110,0030) LO PrinterName: two\nlines"]


@pytest.mark.scenario("B10")
async def test_a_missing_peer_is_exit_code_3(command: Command) -> None:
    ran = await command("n-get", f"NOBODY@127.0.0.1:{free_port()}", *PRINTER, "--json")
    assert ran.code == 3
    assert ran.out == ""


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["n-get", "A@host", "Printer"], "SOP_INSTANCE"),
        (["n-get", "A@host", "Nonsense", "1.2"], "the SOP class 'Nonsense' is neither a UID"),
        (["n-get", "A@host", "Printer", "Nonsense"], "the SOP instance 'Nonsense' is neither"),
        (["n-get", "A@host", "Printer", "1" * 65], "is neither a UID"),
        (["n-get", "A@host", "Printer", "1.2", "--context", "x"], "--context 'x' is neither"),
        (["n-get", "A@host", "Printer", "1.2", "-k", "PrinterName=x"], "without values"),
        (["n-get", "A@host", MPPS, "1.2", "-k", "PerformedSeriesSequence[0]"], "whole attributes"),
        (["n-set", "A@host", "Printer", "1.2"], "--attribute"),
        (["n-set", "A@host", "Printer", "1.2", "-k", "Rows=x"], "whole numbers"),
        (["n-action", "A@host", "Printer", "1.2"], "ACTION"),
        (["n-action", "A@host", "Printer", "1.2", "x"], "ACTION"),
        (["n-action", "A@host", "Printer", "1.2", "65536"], "0 to 65535"),
        (["n-create", "A@host"], "SOP_CLASS"),
        (["n-create", "nobody", "Printer"], "has no AE title"),
        (["n-delete", "A@host", "Printer"], "SOP_INSTANCE"),
    ],
)
async def test_a_mistake_in_the_command_is_exit_code_2(
    command: Command, arguments: list[str], complaint: str
) -> None:
    ran = await command(*arguments)
    assert ran.code == 2
    assert complaint in ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err
