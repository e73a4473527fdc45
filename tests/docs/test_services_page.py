"""The examples of the page about services do what it says."""

from __future__ import annotations

import runpy
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from tests.interop.pynetdicom_services import ServicesPeer, pynetdicom_services
from trio_dicom import PerformedStepState, open_receiver

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "services.rst").read_text()
EXAMPLES = ("n_services", "commitment", "performed_step", "unified_steps", "print_film")


def example(name: str) -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "examples" / f"{name}.py"))


@pytest.fixture
def peer() -> Generator[ServicesPeer, None, None]:
    with pynetdicom_services() as running:
        yield running


@pytest.fixture
def files(pydicom_files: Path) -> list[str]:
    return [str(pydicom_files / name) for name in ("CT_small.dcm", "MR_small.dcm")]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_shows_each_example(name: str) -> None:
    assert f"examples/{name}.py" in PAGE


async def test_n_services_tells_the_state_of_the_printer(peer: ServicesPeer) -> None:
    assert await example("n_services")["main"](peer.host, peer.port) == "PAPER: NORMAL"


@pytest.mark.scenario("B51")
async def test_commitment_tells_what_became_of_each_file(
    peer: ServicesPeer, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    uids = [dcmread(file, stop_before_pixels=True).SOPInstanceUID for file in files]
    peer.commitment.failing = {uids[1]: 0x0112}
    result = await example("commitment")["main"](peer.host, peer.port, *files)
    assert not result.is_complete
    assert capsys.readouterr().out == (
        f"{uids[0]} committed\n{uids[1]} 0112H: no such SOP instance\n"
    )


@pytest.mark.scenario("B51")
@pytest.mark.pitfall(21)
async def test_commitment_takes_the_report_at_the_receiver(
    peer: ServicesPeer, files: list[str], tmp_path: Path
) -> None:
    async with open_receiver(into=tmp_path, ae_title="COMMITTER") as receiver:
        peer.commitment.report_to = receiver.port
        with_receiver = example("commitment")["with_receiver"]
        result = await with_receiver(receiver, peer.host, peer.port, *files)
    assert result.is_complete


def worklist_item() -> Dataset:
    step = Dataset()
    step.Modality, step.ScheduledProcedureStepID = "CT", "SPS1"
    item = Dataset()
    item.PatientName, item.PatientID = "Somebody^Else", "42"
    item.StudyInstanceUID, item.AccessionNumber = "1.2.3", "A1"
    item.ScheduledProcedureStepSequence = [step]
    return item


@pytest.mark.parametrize(
    ("fails", "state"),
    [(False, PerformedStepState.COMPLETED), (True, PerformedStepState.DISCONTINUED)],
)
async def test_performed_step_tells_what_was_done(
    peer: ServicesPeer, fails: bool, state: PerformedStepState
) -> None:
    peer.worklist.append(worklist_item())
    step = await example("performed_step")["main"](peer.host, peer.port, fails=fails)
    assert step.state is state
    told = peer.steps.instances[step.sop_instance_uid]
    assert told.PerformedProcedureStepStatus == state.value
    assert told.PatientName == "Somebody^Else"
    assert told.PerformedStationAETitle == "CT1"
    assert told.ScheduledStepAttributesSequence[0].AccessionNumber == "A1"


async def test_unified_steps_are_done_and_watched(
    peer: ServicesPeer, capsys: pytest.CaptureFixture[str]
) -> None:
    await example("unified_steps")["main"](peer.host, peer.port)
    (step,) = peer.work_items.instances.values()
    assert step.ProcedureStepState == "COMPLETED"
    assert step.UnifiedProcedureStepPerformedProcedureSequence
    said = capsys.readouterr().out
    assert "UPSStateReport" in said
    assert "COMPLETED" in said


async def test_print_film_prints(
    peer: ServicesPeer, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    printed = await example("print_film")["main"](peer.host, peer.port, *files)
    assert printed.status.is_success
    assert capsys.readouterr().out == "PAPER NORMAL NORMAL\n"
    (sheet,) = peer.printer.printed
    assert sheet.session.MediumType == "BLUE FILM"
    assert sheet.film_box.ImageDisplayFormat == "STANDARD\\2,1"
    for box, file in zip(sheet.images, files, strict=True):
        (image,) = box.BasicGrayscaleImageSequence
        assert (image.Rows, image.Columns) == (dcmread(file).Rows, dcmread(file).Columns)
        assert len(image.PixelData) == image.Rows * image.Columns
