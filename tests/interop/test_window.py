"""Several operations at once with dcmjs-dimse, the peer that answers them out of order."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import CTImageStorage, generate_uid

from tests.interop import dcmjs_peer
from tests.interop.dcmjs_peer import DcmjsPeer
from tests.interop.wire import Wire
from trio_dicom import Association, PresentationContext, open_association
from trio_dicom.sop_classes import STUDY_ROOT_FIND, VERIFICATION

CONTEXTS = [VERIFICATION, STUDY_ROOT_FIND, PresentationContext(CTImageStorage)]


@asynccontextmanager
async def associated(
    peer: DcmjsPeer, wire: Wire, window: int = 8
) -> AsyncGenerator[Association, None]:
    async with open_association(
        peer.host,
        peer.port,
        called_ae=peer.ae_title,
        contexts=CONTEXTS,
        instrument=wire,
        max_operations_invoked=window,
    ) as association:
        yield association


def instance(number: int) -> Dataset:
    data_set = Dataset()
    data_set.SOPClassUID = CTImageStorage
    data_set.SOPInstanceUID = generate_uid()
    data_set.PatientID = "1"
    data_set.InstanceNumber = number
    return data_set


def study_query(patient_id: str) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.PatientID = patient_id
    query.InstanceNumber = None
    return query


def most_open(peer: DcmjsPeer) -> int:
    most: int = peer.said("released")[-1]["mostOpen"]
    return most


async def store_many(association: Association, count: int) -> dict[int, int]:
    """Store so many instances at once; the status that each caller got, by its number."""
    statuses: dict[int, int] = {}

    async def store(number: int) -> None:
        response = await association.c_store(instance(number))
        statuses[number] = response.status.code

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(store, number)
    return statuses


@pytest.mark.scenario("B23", "B25")
@pytest.mark.pitfall(1, 22)
async def test_each_answer_out_of_order_reaches_its_own_caller(dcmjs: DcmjsPeer) -> None:
    wire = Wire()
    async with associated(dcmjs, wire) as association:
        assert association.negotiated.max_operations_invoked == 8
        statuses = await store_many(association, 40)
    assert statuses == {number: 0xB000 + number for number in range(40)}
    assert sorted(map(str, wire.answered)) == sorted(map(str, wire.asked))
    assert wire.answered != wire.asked
    assert wire.most_open == 8
    assert most_open(dcmjs) <= 8  # it may answer one before it has read the next


@pytest.mark.scenario("B23")
async def test_echoes_overtake_stores_and_each_is_answered(dcmjs: DcmjsPeer) -> None:
    wire = Wire()
    echoed: list[bool] = []

    async def echo(association: Association) -> None:
        echoed.append((await association.c_echo()).status.is_success)

    async with associated(dcmjs, wire) as association, trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(echo, association)
        assert await store_many(association, 20) == {n: 0xB000 + n for n in range(20)}
    assert echoed == [True] * 20
    assert wire.answered != wire.asked


@pytest.mark.scenario("B23", "B26")
@pytest.mark.pitfall(1)
async def test_each_of_eight_queries_gets_its_own_matches(dcmjs: DcmjsPeer) -> None:
    wire = Wire()
    found: dict[str, list[tuple[str, int]]] = {}

    async def find(association: Association, patient: str) -> None:
        async with association.c_find(study_query(patient)) as matches:
            identifiers = [match.identifier async for match in matches]
        found[patient] = [(it.PatientID, it.InstanceNumber) for it in identifiers if it]

    patients = [f"PATIENT{number}" for number in range(8)]
    async with associated(dcmjs, wire) as association, trio.open_nursery() as nursery:
        for patient in patients:
            nursery.start_soon(find, association, patient)
    assert found == {patient: [(patient, n) for n in (1, 2, 3)] for patient in patients}
    # The matches of one query came between those of others.
    assert wire.matched != sorted(wire.matched, key=wire.matched.index)
    assert most_open(dcmjs) == 8


@pytest.mark.scenario("B48")
@pytest.mark.pitfall(19)
async def test_a_query_left_early_at_a_peer_that_ignores_it_disturbs_nobody(
    dcmjs: DcmjsPeer,
) -> None:
    wire = Wire()
    async with associated(dcmjs, wire) as association:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store_many, association, 20)
            async with association.c_find(study_query("LEFT")) as matches:
                first = await matches.receive()
        assert first.identifier == _match("LEFT", 1)
        async with association.c_find(study_query("NEXT")) as matches:
            left = [match.identifier async for match in matches]
        statuses = await store_many(association, 4)
    assert left == [_match("NEXT", number) for number in (1, 2, 3)]
    assert statuses == {number: 0xB000 + number for number in range(4)}
    assert len(wire.cancelled) == 1
    assert sorted(map(str, wire.answered)) == sorted(map(str, wire.asked))


def _match(patient: str, number: int) -> Dataset:
    match = Dataset()
    match.PatientID = patient
    match.InstanceNumber = number
    return match


@pytest.mark.scenario("B66")
async def test_a_caller_cancelled_while_waiting_leaves_the_others_their_answers(
    dcmjs: DcmjsPeer,
) -> None:
    wire = Wire()
    given_up = instance(99)
    scope = wire.on_sent[given_up.SOPInstanceUID] = trio.CancelScope()
    async with associated(dcmjs, wire) as association:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store_many, association, 10)
            with scope:
                await association.c_store(given_up)
        assert scope.cancelled_caught
        assert await store_many(association, 10) == {n: 0xB000 + n for n in range(10)}
    assert len(wire.asked) == 21


@pytest.mark.scenario("B24")
@pytest.mark.parametrize(("offered", "used"), [(1, 1), (5, 5), (8, 8), (20, 8), (0, 8)])
async def test_the_window_is_what_both_sides_can(dcmjs: DcmjsPeer, offered: int, used: int) -> None:
    wire = Wire()
    async with associated(dcmjs, wire, offered) as association:
        assert association.negotiated.max_operations_invoked == used
        assert await store_many(association, 24) == {n: 0xB000 + n for n in range(24)}
    assert wire.most_open == used
    assert most_open(dcmjs) <= used
    if offered == 1:
        assert wire.answered == wire.asked


def test_the_lockfile_names_no_host_to_install_from() -> None:
    folder = Path(dcmjs_peer.__file__).parent / "dcmjs"
    lock = json.loads((folder / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    assert lock["packages"][""]["dependencies"] == wanted
