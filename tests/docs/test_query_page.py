"""The examples of the page about queries do what it says."""

from __future__ import annotations

import runpy
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import AE, evt

from tests.interop.pynetdicom_peer import PynetdicomPeer, pynetdicom_peer
from trio_dicom import Association, PresentationContext, open_association
from trio_dicom.sop_classes import MODALITY_WORKLIST, PATIENT_ROOT_FIND, STUDY_ROOT_FIND
from trio_dicom.testing import open_archive

DOCS = Path(__file__).parents[2] / "docs"
QUERY: dict[str, Any] = runpy.run_path(str(DOCS / "examples" / "query.py"))
PAGE = (DOCS / "query.rst").read_text()


@asynccontextmanager
async def archive_with(*files: Path) -> AsyncGenerator[Association, None]:
    async with open_archive() as archive:
        for file in files:
            archive.instances.add(file)
        async with open_association(
            archive.host, archive.port, contexts=[STUDY_ROOT_FIND]
        ) as association:
            yield association


@asynccontextmanager
async def asking(
    peer: PynetdicomPeer, context: PresentationContext
) -> AsyncGenerator[Association, None]:
    async with open_association(peer.host, peer.port, contexts=[context]) as association:
        yield association


Answers = Generator[tuple[int, Dataset | None], None, None]


def two_and_a_failure(event: evt.Event) -> Answers:
    for number in (1, 2):
        match = Dataset()
        match.PatientName = f"Somebody^{number}"
        yield 0xFF00, match
    yield 0xA700, None


def one_step(event: evt.Event) -> Answers:
    [step] = event.identifier.ScheduledProcedureStepSequence
    assert (step.Modality, step.ScheduledProcedureStepStartDate) == ("MR", "20260102")
    match = Dataset()
    match.PatientName = "Next^One"
    yield 0xFF00, match


@pytest.fixture
def failing() -> Generator[PynetdicomPeer, None, None]:
    def configure(entity: AE) -> None:
        entity.add_supported_context(STUDY_ROOT_FIND.abstract_syntax)

    handlers = [(evt.EVT_C_FIND, two_and_a_failure)]
    with pynetdicom_peer(handlers=handlers, configure=configure) as peer:
        yield peer


@pytest.fixture
def files(pydicom_files: Path) -> list[Path]:
    return [pydicom_files / name for name in ("CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm")]


async def test_first_takes_no_more_than_it_wants(files: list[Path]) -> None:
    async with archive_with(*files) as association:
        assert len(await QUERY["first_studies"](association, "*", 2)) == 2
        assert len(await QUERY["first_studies"](association, "*", 9)) == 3
        [study] = await QUERY["first_studies"](association, "*CT1", 9)
        assert study.PatientName == "CompressedSamples^CT1"


async def test_levels_descends_to_the_series(files: list[Path]) -> None:
    async with archive_with(*files) as association:
        series = await QUERY["series_of"](association, "CompressedSamples*")
        assert sorted(it.Modality for it in series) == ["CT", "MR", "NM"]


async def test_worklist_asks_by_modality_and_day() -> None:
    def configure(entity: AE) -> None:
        entity.add_supported_context(MODALITY_WORKLIST.abstract_syntax)

    with pynetdicom_peer(handlers=[(evt.EVT_C_FIND, one_step)], configure=configure) as peer:
        async with asking(peer, MODALITY_WORKLIST) as association:
            assert await QUERY["worklist"](association, "MR", "20260102") == ["Next^One"]


@pytest.mark.scenario("B59")
@pytest.mark.parametrize(
    "example, last",
    [
        ("print_names", "these 2 are not all: A700H (failure: out of resources)"),
        ("print_whatever_comes", "the end: A700H (failure: out of resources)"),
    ],
)
async def test_incomplete_and_unchecked_say_that_there_is_more(
    example: str, last: str, failing: PynetdicomPeer, capsys: pytest.CaptureFixture[str]
) -> None:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.PatientName = "*"
    async with asking(failing, STUDY_ROOT_FIND) as association:
        await QUERY[example](association, query)
    assert capsys.readouterr().out.splitlines() == ["Somebody^1", "Somebody^2", last]


@pytest.mark.scenario("B08")
@pytest.mark.parametrize(
    "agreed, name, timezone", [(b"\0\0\1\1", "Meier", "+0100"), (b"\0\0\0\0", "Me?er*", None)]
)
async def test_extended_asks_as_was_agreed(agreed: bytes, name: str, timezone: str | None) -> None:
    asked: list[dict[str, bytes]] = []
    queries: list[Dataset] = []

    def on_extended(event: evt.Event) -> dict[str, bytes]:
        asked.append(dict(event.app_info))
        return dict.fromkeys(event.app_info, agreed)

    def on_find(event: evt.Event) -> Answers:
        queries.append(event.identifier)
        yield 0x0000, None

    def configure(entity: AE) -> None:
        entity.add_supported_context(STUDY_ROOT_FIND.abstract_syntax)
        entity.add_supported_context(PATIENT_ROOT_FIND.abstract_syntax)

    handlers = [(evt.EVT_SOP_EXTENDED, on_extended), (evt.EVT_C_FIND, on_find)]
    with pynetdicom_peer(handlers=handlers, configure=configure) as peer:
        assert await QUERY["main"](peer.host, peer.port) == "0000H (success)"
    models = (PATIENT_ROOT_FIND, STUDY_ROOT_FIND)
    assert asked == [{str(it.abstract_syntax): b"\0\0\1\1" for it in models}]
    [query] = queries
    assert query.PatientName == name
    assert query.get("TimezoneOffsetFromUTC") == timezone


@pytest.mark.parametrize(
    "section", ["first", "incomplete", "unchecked", "levels", "worklist", "extended"]
)
def test_every_example_is_on_the_page(section: str) -> None:
    assert f":start-after: [{section}\n" in PAGE
    source = (DOCS / "examples" / "query.py").read_text()
    assert source.index(f"# [{section}\n") < source.index(f"# {section}]\n")
