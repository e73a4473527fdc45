"""The archive's modality worklist, asked by our client in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from pydicom import Dataset, dcmread
from pydicom.config import disable_value_validation

from tests.interop.worklists import worklist_items, worklist_query, write_worklist
from trio_dicom import (
    Association,
    CCancelRequest,
    CFindRequest,
    CFindResponse,
    StatusError,
    propose,
)
from trio_dicom.lowlevel import AssociationAccept
from trio_dicom.sop_classes import MODALITY_WORKLIST
from trio_dicom.status import Code
from trio_dicom.testing import (
    MemoryArchive,
    ScriptedPeer,
    memory_link,
    open_memory_association,
)


@asynccontextmanager
async def asking(worklist: list[Dataset]) -> AsyncGenerator[Association, None]:
    archive = MemoryArchive(worklist=worklist)
    async with open_memory_association(archive.serve, contexts=[MODALITY_WORKLIST]) as association:
        yield association


async def found_by(association: Association, query: Dataset) -> list[Dataset]:
    async with association.c_find(query) as matches:
        return [match.identifier async for match in matches]


async def test_files_of_a_worklist_server_are_a_worklist(tmp_path: Path) -> None:
    write_worklist(tmp_path)
    worklist: list[Dataset] = [
        dcmread(tmp_path / f"{item.AccessionNumber}.wl") for item in worklist_items()
    ]
    async with asking(worklist) as association:
        found = await found_by(association, worklist_query())
    assert [str(it.PatientName) for it in found] == [str(it.PatientName) for it in worklist_items()]


@pytest.mark.parametrize(
    "query,numbers",
    [
        (worklist_query(Modality="MR"), ["A1", "A3", "A4"]),
        (worklist_query(Modality="MR", ScheduledStationAETitle="MR2"), ["A3"]),
        (worklist_query(Modality="XA"), []),
        (
            worklist_query(ScheduledProcedureStepStartDate="20260303-20260401"),
            ["A3", "A4", "A5", "A6"],
        ),
    ],
    ids=["modality", "station", "nothing", "dates"],
)
async def test_keys_of_the_step_choose(query: Dataset, numbers: list[str]) -> None:
    async with asking(worklist_items()) as association:
        assert [it.AccessionNumber for it in await found_by(association, query)] == numbers


@pytest.mark.parametrize("keyword", ["Modality", "ScheduledStationAETitle", "PatientID"])
@pytest.mark.parametrize("pattern,finds", [("?", False), ("?*", False), ("**", False), ("*", True)])
async def test_keys_of_single_values_take_no_wild_cards_but_a_star_alone(
    keyword: str, pattern: str, finds: bool
) -> None:
    with disable_value_validation():
        query = worklist_query()
        where = query if keyword == "PatientID" else query.ScheduledProcedureStepSequence[0]
        setattr(where, keyword, pattern)
    async with asking(worklist_items()) as association:
        assert bool(await found_by(association, query)) is finds


@pytest.mark.parametrize(
    "dates,times,numbers",
    [
        ("20260302-20260304", "0900-0730", ["A3"]),
        ("20260302-20260304", "0730-0900", ["A1", "A2", "A3", "A4", "A5"]),
        ("20260402-", "0900-", ["A8"]),
        ("-20260303", "-0730", ["A1", "A2"]),
        ("20260302", "0730-0900", ["A1", "A2"]),
        ("20260302-20260304", "0900-", []),
    ],
)
async def test_ranges_of_the_start_date_and_time_are_one_period(
    dates: str, times: str, numbers: list[str]
) -> None:
    """Every step starts at eight; ranges of different forms count each for itself."""
    query = worklist_query()
    with disable_value_validation():
        [step] = query.ScheduledProcedureStepSequence
        step.ScheduledProcedureStepStartDate = dates
        step.ScheduledProcedureStepStartTime = times
    async with asking(worklist_items()) as association:
        assert [it.AccessionNumber for it in await found_by(association, query)] == numbers


async def test_other_keys_of_a_worklist_take_wild_cards() -> None:
    query = worklist_query()
    query.AccessionNumber = "A?"
    async with asking(worklist_items()) as association:
        assert len(await found_by(association, query)) == len(worklist_items())


async def test_what_is_asked_for_comes_and_nothing_else() -> None:
    query = worklist_query(Modality="US")
    query.MedicalAlerts = ""  # nobody knows them
    query.ReferencedStudySequence = []
    query.TimezoneOffsetFromUTC = "+0100"  # says how the keys are meant
    async with asking(worklist_items()) as association:
        [found] = await found_by(association, query)
    assert [it.keyword for it in found] == [
        "SpecificCharacterSet",  # that of the item, which is not ASCII
        *(it.keyword for it in query if it.keyword != "TimezoneOffsetFromUTC"),
    ]
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert found.PatientName == "Yamada^Tarou=山田^太郎"
    assert found["MedicalAlerts"].is_empty
    [step] = found.ScheduledProcedureStepSequence
    [asked] = query.ScheduledProcedureStepSequence
    assert [it.keyword for it in step] == [it.keyword for it in asked]
    assert step.ScheduledProcedureStepID == "S5"


async def test_text_comes_in_the_character_set_of_the_item() -> None:
    async with asking(worklist_items()) as association:
        query = worklist_query(ScheduledProcedureStepStartDate="20260304", Modality="MR")
        [found] = await found_by(association, query)
    assert found.SpecificCharacterSet == "ISO_IR 100"
    assert found.PatientName == "Müller^Käthe"


@pytest.mark.parametrize("items", [[], [Dataset()]])
async def test_a_sequence_without_keys_comes_whole(items: list[Dataset]) -> None:
    query = worklist_query()
    query.PatientID = "P1"
    query.ScheduledProcedureStepSequence = items
    async with asking(worklist_items()) as association:
        [found] = await found_by(association, query)
    assert (
        found.ScheduledProcedureStepSequence == worklist_items()[0].ScheduledProcedureStepSequence
    )


def code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodeMeaning = f"Größe {value}"
    item.SpecificCharacterSet = "ISO_IR 6"
    return item


async def test_of_a_sequence_the_items_that_match_come() -> None:
    [one, *_] = worklist_items()
    one.RequestedProcedureCodeSequence = [code("A"), code("B")]
    before = str(one)
    query = worklist_query()
    for wanted, values in ((code("B"), ["B"]), (Dataset(), ["A", "B"])):
        wanted.CodeMeaning = ""
        query.RequestedProcedureCodeSequence = [wanted]
        async with asking([one]) as association:
            [found] = await found_by(association, query)
        items = found.RequestedProcedureCodeSequence
        assert [it.CodeMeaning for it in items] == [f"Größe {it}" for it in values]
        assert [it.get("CodeValue") for it in items] == [
            it if len(values) == 1 else None for it in values
        ]
    query.RequestedProcedureCodeSequence = []
    async with asking([one]) as association:
        [found] = await found_by(association, query)
    assert [it.CodeValue for it in found.RequestedProcedureCodeSequence] == ["A", "B"]
    assert str(one) == before


async def test_an_item_of_several_steps_is_several_matches() -> None:
    [one, two, *_] = worklist_items()
    one.ScheduledProcedureStepSequence.extend(two.ScheduledProcedureStepSequence)
    async with asking([one]) as association:
        found = await found_by(association, worklist_query())
        assert [it.ScheduledProcedureStepSequence[0].Modality for it in found] == ["MR", "CT"]
        assert {it.AccessionNumber for it in found} == {"A1"}
        [second] = await found_by(association, worklist_query(Modality="CT"))
        [step] = second.ScheduledProcedureStepSequence
        assert step.ScheduledProcedureStepID == "S2"
    assert len(one.ScheduledProcedureStepSequence) == 2  # it is as it was


async def test_a_query_without_keys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CFindRequest, "must_have_data_set", False)
    request = CFindRequest(sop_class_uid=MODALITY_WORKLIST.abstract_syntax)
    async with asking(worklist_items()) as association:
        assert (await association.send_request(request)).status.code == 0xA900


async def test_a_query_leaves_the_worklist_as_it_is() -> None:
    worklist = worklist_items()
    query = worklist_query()
    query.SpecificCharacterSet = "ISO_IR 192"
    query.PatientName = "*ü*"
    async with asking(worklist) as association:
        [found] = await found_by(association, query)
    assert found.AccessionNumber == "A4"
    assert worklist == worklist_items()


async def test_a_query_that_is_cancelled_ends_as_that() -> None:
    archive = MemoryArchive(worklist=worklist_items() * 100)
    ours, theirs = memory_link(capacity=1_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(archive.serve, theirs)
        client = ScriptedPeer(ours)
        client.request = propose(contexts=[MODALITY_WORKLIST])
        await client.send(client.request)
        client.accepted = await client.expect(AssociationAccept)
        await client.send_message(
            CFindRequest(
                sop_class_uid=MODALITY_WORKLIST.abstract_syntax,
                message_id=1,
                data_set=worklist_query(),
            ),
            context_id=1,
        )
        await client.expect_message(CFindResponse)
        await client.send_message(CCancelRequest(message_id_being_responded_to=1), context_id=1)
        count = 1
        while (response := await client.expect_message(CFindResponse)).status.is_pending:
            count += 1
        ours.close()
    assert response.status.code == 0xFE00
    assert count < 100


async def test_what_is_no_item_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with asking([*worklist_items(), "nonsense"]) as association:  # type: ignore[list-item]
        with pytest.raises(StatusError) as failure:
            await found_by(association, worklist_query())
    assert failure.value.status.code == Code.PROCESSING_FAILURE
    assert "TypeError: an item of the worklist is a Dataset, not 'nonsense'" in caplog.text
