"""Worklists, as DCMTK, Orthanc and pynetdicom serve them, and a query that is left early."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from pydicom import Dataset
from pynetdicom import evt

from tests.interop import peers
from tests.interop.pynetdicom_services import ServicesPeer, pynetdicom_services
from tests.interop.wire import Wire
from tests.interop.worklists import worklist_items, worklist_query
from trio_dicom import Association, CFindRequest, StatusError, open_association
from trio_dicom.sop_classes import MODALITY_WORKLIST, VERIFICATION

Server: TypeAlias = peers.Peer | ServicesPeer


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Server:
    if request.param == "pynetdicom":
        served: ServicesPeer = request.getfixturevalue("pynetdicom_services")
        served.worklist.extend(worklist_items())
        return served
    peer: peers.Peer = request.getfixturevalue(request.param)
    return peer


every_server = pytest.mark.parametrize(
    "server", ["wlmscpfs", "orthanc_worklist", "pynetdicom"], indirect=True
)


@asynccontextmanager
async def associated(server: Server, wire: Wire | None = None) -> AsyncGenerator[Association, None]:
    async with open_association(
        server.host,
        server.port,
        called_ae=server.ae_title,
        contexts=[VERIFICATION, MODALITY_WORKLIST],
        instrument=wire,
    ) as association:
        yield association


async def found_by(association: Association, query: Dataset) -> dict[str, Dataset]:
    """The matches by their accession numbers."""
    async with association.c_find(query) as matches:
        items = [match.identifier async for match in matches]
    assert matches.status is not None
    assert matches.status.is_success
    found = {item.AccessionNumber: item for item in items if item is not None}
    assert len(found) == len(items)
    return found


@every_server
async def test_an_open_query_gets_the_whole_worklist_with_its_values(server: Server) -> None:
    query = worklist_query()
    async with associated(server) as association:
        found = await found_by(association, query)
    expected = {item.AccessionNumber: item for item in worklist_items()}
    assert found.keys() == expected.keys()
    for number, item in found.items():
        assert item.PatientName == expected[number].PatientName, number
        for keyword in ("PatientID", "StudyInstanceUID", "RequestedProcedureID"):
            assert item[keyword].value == expected[number][keyword].value, number
        (step,) = item.ScheduledProcedureStepSequence
        (wanted,) = expected[number].ScheduledProcedureStepSequence
        asked = [element.keyword for element in query.ScheduledProcedureStepSequence[0]]
        assert {name: step[name].value for name in asked} == {
            name: wanted[name].value for name in asked
        }


@every_server
@pytest.mark.parametrize(
    ("step", "numbers"),
    [
        ({"Modality": "MR"}, {"A1", "A3", "A4"}),
        ({"Modality": "CT", "ScheduledStationAETitle": "CT1"}, {"A2", "A6"}),
        ({"Modality": "XA"}, set()),
    ],
    ids=["modality", "station", "nothing"],
)
async def test_keys_inside_the_sequence_choose_the_steps(
    server: Server, step: dict[str, str], numbers: set[str]
) -> None:
    async with associated(server) as association:
        assert (await found_by(association, worklist_query(**step))).keys() == numbers


@pytest.mark.parametrize("server", ["wlmscpfs", "orthanc_worklist"], indirect=True)
async def test_a_range_of_dates_chooses_the_steps(server: Server) -> None:
    query = worklist_query(ScheduledProcedureStepStartDate="20260303-20260401")
    async with associated(server) as association:
        assert (await found_by(association, query)).keys() == {"A3", "A4", "A5", "A6"}


@every_server
async def test_a_wildcard_in_the_name_chooses_the_patients(server: Server) -> None:
    query = worklist_query()
    query.PatientName = "Do*"
    async with associated(server) as association:
        assert (await found_by(association, query)).keys() == {"A1", "A2", "A3"}


async def test_a_name_with_an_umlaut_is_found_in_its_character_set(
    wlmscpfs: peers.Peer,
) -> None:
    query = worklist_query()
    query.SpecificCharacterSet = "ISO_IR 100"
    query.PatientName = "Müller^Käthe"
    async with associated(wlmscpfs) as association:
        found = await found_by(association, query)
    assert found.keys() == {"A4"}
    assert found["A4"].PatientName == "Müller^Käthe"


@pytest.mark.scenario("B59")
async def test_a_worklist_that_breaks_off_does_not_look_complete() -> None:
    def on_find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        yield 0xFF00, worklist_items()[0]
        yield 0xA700, None

    with pynetdicom_services(handlers=[(evt.EVT_C_FIND, on_find)]) as server:
        async with associated(server) as association:
            async with association.c_find(worklist_query()) as matches:
                await matches.receive()
                with pytest.raises(StatusError, match="A700H"):
                    await matches.receive()
            assert (await association.c_echo()).status.is_success


@pytest.mark.scenario("B48")
@pytest.mark.pitfall(1, 19)
async def test_a_slow_worklist_left_after_the_first_match_ends_with_our_cancel(
    dcmtk: None, tmp_path: Path
) -> None:
    """wlmscpfs sleeps a second at each match, and listens for C-CANCEL between them."""
    wire = Wire()
    async with (
        peers.wlmscpfs(tmp_path, "--sleep-during", "1", "--single-process") as peer,
        associated(peer, wire) as association,
    ):
        async with association.c_find(worklist_query()) as matches:
            await matches.receive()
        one = worklist_query(Modality="US")
        assert (await found_by(association, one)).keys() == {"A5"}
    first, second = wire.requests
    assert isinstance(first, CFindRequest)
    assert wire.cancelled == [first.message_id]
    assert [(it.message_id_being_responded_to, it.status.code) for it in wire.final] == [
        (first.message_id, 0xFE00),
        (second.message_id, 0x0000),
    ]
    assert wire.matched.count(first.message_id) < len(worklist_items())
