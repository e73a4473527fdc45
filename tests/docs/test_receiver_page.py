"""The examples of the pages about retrieving by C-MOVE and about the receiver."""

from __future__ import annotations

import runpy
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import trio
from pydicom import dcmread

from tests.interop import peers
from tests.interop.programs import HOST, free_port
from trio_dicom import ConnectFailed, contexts_for_files, open_association

DOCS = Path(__file__).parents[2] / "docs"
NAMES = ("CT_small.dcm", "MR_small.dcm")
SHOWN = {"receiver": ("receiver",), "retrieve": ("move", "moves")}


def main_of(name: str) -> Any:
    return runpy.run_path(str(DOCS / "examples" / f"{name}.py"))["main"]


@pytest.fixture
def files(pydicom_files: Path) -> list[Path]:
    return [pydicom_files / name for name in NAMES]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def archive(tmp_path: Path, files: list[Path], port: int) -> AsyncGenerator[Any, None]:
    """dcmqrscp with two studies, which knows BENCH."""
    folder = tmp_path / "archive"
    folder.mkdir()
    async with peers.dcmqrscp(folder, move_to={"BENCH": port}) as peer:
        await store(files, peer.port)
        yield peer


async def store(files: list[Path], port: int) -> None:
    contexts = await contexts_for_files(files)
    async with open_association(HOST, port, called_ae="ARCHIVE", contexts=contexts) as association:
        for file in files:
            (await association.c_store(file)).raise_for_status()


@pytest.mark.parametrize("page", SHOWN)
def test_the_page_shows_each_example(page: str) -> None:
    text = (DOCS / f"{page}.rst").read_text()
    for name in SHOWN[page]:
        assert f"examples/{name}.py" in text


async def test_receiver_takes_what_comes(
    tmp_path: Path, files: list[Path], port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(main_of("receiver"), port, str(tmp_path / "in"), 1000.0)
        while True:
            try:
                await store(files, port)
            except ConnectFailed:  # not yet
                await trio.sleep(0.01)
            else:
                break
        nursery.cancel_scope.cancel()
    received = [f"received {dcmread(file).SOPInstanceUID}.dcm" for file in files]
    waiting, *lines = capsys.readouterr().out.splitlines()
    assert waiting == f"waiting at INBOX@127.0.0.1:{port}"
    assert lines == received


async def test_move_fetches_a_study(
    tmp_path: Path, archive: Any, files: list[Path], port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    first = dcmread(files[0])
    folder = str(tmp_path / "in")
    await main_of("move")(archive.host, archive.port, first.StudyInstanceUID, folder, port)
    assert capsys.readouterr().out == f"1 came, 0 to come\n{first.SOPInstanceUID}.dcm\n"


async def test_moves_fetches_several_studies(
    tmp_path: Path,
    archive: Any,
    files: list[Path],
    port: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    studies = [str(dcmread(file).StudyInstanceUID) for file in files]
    await main_of("moves")(archive.host, archive.port, port, *studies)
    out = capsys.readouterr().out
    assert sorted(out.splitlines()) == sorted(f"{study} 1" for study in studies)
