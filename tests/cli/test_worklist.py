"""``trio-dicom worklist``."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.cli.conftest import Command
from tests.cli.finding import finder
from tests.interop.pynetdicom_services import ServicesPeer, pynetdicom_services
from tests.interop.worklists import worklist_items
from trio_dicom import CCancelRequest
from trio_dicom.sop_classes import MODALITY_WORKLIST

STEP = "ScheduledProcedureStepSequence[0]"


@pytest.fixture(scope="module")
def server() -> Generator[ServicesPeer, None, None]:
    """A server with eight steps to do."""
    with pynetdicom_services() as server:
        server.worklist += worklist_items()
        yield server


async def test_a_worklist_is_a_table(command: Command, server: ServicesPeer) -> None:
    ran = await command("worklist", server.address)
    assert ran.code == 0
    titles, *rows = ran.out.splitlines()
    assert titles.split()[:5] == ["Date", "Time", "Modality", "Station", "Name"]
    assert len(rows) == 8
    assert any("Müller^Käthe" in row for row in rows)
    assert any("Yamada^Tarou=山田^太郎" in row for row in rows)
    assert ran.err == "8 matches\n"


@pytest.mark.parametrize(
    "arguments, accessions",
    [
        (["--modality", "CT"], {"A2", "A6", "A7"}),
        (["--modality", "CT", "--station", "CT1"], {"A2", "A6"}),
        (["--date", "20260304"], {"A4", "A5"}),
        (["--date", "20260304", "--modality", "US"], {"A5"}),
        (["-k", f"{STEP}.Modality=US"], {"A5"}),
        (["-k", "PatientName=Roe*"], {"A6", "A7"}),
    ],
)
async def test_options_and_keys_choose_the_steps(
    command: Command, server: ServicesPeer, arguments: list[str], accessions: set[str]
) -> None:
    ran = await command("worklist", server.address, *arguments, "--json")
    assert ran.code == 0
    assert {it["00080050"]["Value"][0] for it in ran.records} == accessions


async def test_json_has_what_an_acquisition_needs_besides(
    command: Command, server: ServicesPeer
) -> None:
    ran = await command("worklist", server.address, "--json", "-k", "AccessionNumber=A1")
    (record,) = ran.records
    assert record["0020000D"]["Value"]
    assert record["00400100"]["Value"][0]["00400009"]["Value"]


async def test_the_usual_keys_go_out(command: Command) -> None:
    async with finder() as peer:
        await command("worklist", peer.address, "--modality=MR", "-k", "PatientWeight", "-k", STEP)
    assert peer.requests[0].sop_class_uid == MODALITY_WORKLIST.abstract_syntax
    (step,) = peer.query.ScheduledProcedureStepSequence
    assert step.Modality == "MR"
    assert step["ScheduledProcedureStepStartDate"].value == ""
    assert peer.query["PatientName"].value == ""
    assert "QueryRetrieveLevel" not in peer.query
    # It tells how the keys are encoded, and is no key itself (PS3.4 K.4.1.1.3.1).
    assert "SpecificCharacterSet" not in peer.query


async def test_a_key_of_ones_own_is_shown(command: Command, server: ServicesPeer) -> None:
    ran = await command("worklist", server.address, "--csv", "-k", "StudyInstanceUID", "--limit=1")
    titles, row = ran.out.splitlines()
    assert titles.startswith(f"{STEP}.ScheduledProcedureStepStartDate,")
    assert titles.endswith(",StudyInstanceUID")
    assert row.count(",") == titles.count(",")


@pytest.mark.scenario("B48")
async def test_a_limit_cancels(command: Command) -> None:
    async with finder(*worklist_items() * 5, seconds=0.01) as peer:
        ran = await command("worklist", peer.address, "--limit", 3)
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 4
    assert isinstance(peer.later[0], CCancelRequest)


async def test_what_is_asked_for_twice_is_a_mistake(command: Command) -> None:
    ran = await command("worklist", "RIS@host", "--modality", "MR", "-k", "00400100[0].00080060=CT")
    assert ran.code == 2
    assert f"{STEP}.Modality is asked for twice" in ran.err
