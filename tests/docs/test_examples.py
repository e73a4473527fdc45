"""The programs of the documentation do what their pages say."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from tests.interop.certificates import make_certificates
from tests.interop.programs import free_port
from tests.interop.pynetdicom_peer import PynetdicomPeer, pynetdicom_peer
from trio_dicom.testing import MemoryArchive, open_archive

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def main_of(example: str) -> Callable[..., Any]:
    """The function ``main`` of an example."""
    main: Callable[..., Any] = runpy.run_path(str(EXAMPLES / f"{example}.py"))["main"]
    return main


def on_find(event: evt.Event) -> Generator[tuple[int, Dataset | None], None, None]:
    for number in (1, 2):
        study = Dataset()
        study.PatientName = f"Somebody^{number}"
        study.StudyDate = "20260102"
        study.StudyInstanceUID = f"2.25.{number}"
        yield 0xFF00, study


@pytest.fixture
def peer() -> Generator[PynetdicomPeer, None, None]:
    def configure(entity: AE) -> None:
        entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)

    with pynetdicom_peer(handlers=[(evt.EVT_C_FIND, on_find)], configure=configure) as running:
        yield running


@pytest.fixture
def file(pydicom_files: Path) -> str:
    return str(pydicom_files / "CT_small.dcm")


async def test_store_echoes_and_stores(
    peer: PynetdicomPeer, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await main_of("store")(peer.host, peer.port, file)
    assert capsys.readouterr().out == (f"echo: 0000H (success)\n{file}: 0000H (success)\n")
    assert [data_set.PatientID for data_set in peer.received] == ["1CT1"]


async def test_store_many_tries_what_is_missing_once_more(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = str(shutil.copy(file, tmp_path / "other.dcm"))
    statuses = iter([0xA700, 0x0000, 0x0000])
    with pynetdicom_peer(handlers=[(evt.EVT_C_STORE, lambda _: next(statuses))]) as peer:
        await main_of("store_many")(peer.host, peer.port, file, other)
    assert capsys.readouterr().out == (
        f"{file}: A700H (failure: out of resources)\n2 of 2 stored\n"
    )


async def test_find_prints_the_studies(
    peer: PynetdicomPeer, capsys: pytest.CaptureFixture[str]
) -> None:
    await main_of("find")(peer.host, peer.port)
    assert capsys.readouterr().out == ("20260102 Somebody^1 2.25.1\n20260102 Somebody^2 2.25.2\n")


async def test_errors_says_what_became_of_the_file(peer: PynetdicomPeer, file: str) -> None:
    main = main_of("errors")
    assert await main(peer.host, peer.port, file) == "stored"
    assert (await main(peer.host, 1, file)).startswith("nobody there")


async def test_contexts_shows_each_answer(peer: PynetdicomPeer) -> None:
    assert await main_of("contexts")(peer.host, peer.port) == [
        "CT Image Storage in JPEG 2000 Image Compression (Lossless Only)",
        "CT Image Storage in Implicit VR Little Endian",  # the acceptor chooses
        "1.2.826.0.1.3680043.9.1 in Explicit VR Little Endian (abstract syntax not supported)",
    ]


async def test_tls_echoes_and_says_who_we_are(tmp_path: Path) -> None:
    files = make_certificates(tmp_path)
    users: list[str] = []

    def on_identity(event: evt.Event) -> tuple[bool, bytes | None]:
        users.append(event.primary_field.decode())
        return True, b""

    handlers = [(evt.EVT_USER_ID, on_identity)]
    with pynetdicom_peer(handlers=handlers, tls=files.server_context()) as peer:
        said = await main_of("tls")(
            peer.host, peer.port, str(files.ca), str(files.client_cert), str(files.client_key)
        )
    assert said == "0000H (success)"
    assert users == ["reader"]


async def test_timeouts_echoes(peer: PynetdicomPeer) -> None:
    assert await main_of("timeouts")(peer.host, peer.port) == "0000H (success)"


async def test_window_stores_from_several_tasks(
    peer: PynetdicomPeer, pydicom_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(pydicom_files / name) for name in ("CT_small.dcm", "MR_small.dcm")]
    await main_of("window")(peer.host, peer.port, *files)
    assert "at once: 1\n" in capsys.readouterr().out
    assert {data_set.Modality for data_set in peer.received} == {"CT", "MR"}


async def test_handler_is_told_of_the_answer_and_the_end(
    peer: PynetdicomPeer, capsys: pytest.CaptureFixture[str]
) -> None:
    await main_of("handler")(peer.host, peer.port)
    assert capsys.readouterr().out == ("completed: C-ECHO 0000H (success)\nclosed: in order\n")


async def test_watch_logs_the_conversation(
    peer: PynetdicomPeer, caplog: pytest.LogCaptureFixture
) -> None:
    await main_of("watch")(peer.host, peer.port)
    assert "> CEchoRequest" in caplog.text
    assert "< CEchoResponse" in caplog.text


def test_pdus_asserts_what_it_says() -> None:
    assert "abort" in runpy.run_path(str(EXAMPLES / "pdus.py"))


async def test_record_prints_what_was_said(
    peer: PynetdicomPeer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await main_of("record")(peer.host, peer.port, tmp_path / "trace.jsonl")
    said = capsys.readouterr().out
    for word in ("A-ASSOCIATE-AC", "> C-ECHO-RQ", "< C-ECHO-RSP", "0000H (success)", "closed"):
        assert word in said


async def test_replay_is_a_test_that_passes(peer: PynetdicomPeer, tmp_path: Path) -> None:
    example = runpy.run_path(str(shutil.copy(EXAMPLES / "replay.py", tmp_path)))
    await example["record"](peer.host, peer.port, example["RECORDING"])
    await example["test_the_recorded_archive_is_ready"]()


async def test_replay_move_is_a_test_that_passes(file: str, tmp_path: Path) -> None:
    example = runpy.run_path(str(shutil.copy(EXAMPLES / "replay_move.py", tmp_path)))
    study, path = example["STUDY"], example["RECORDING"]
    instance = dcmread(file)
    instance.StudyInstanceUID = study
    archive = MemoryArchive()
    archive.instances.add(instance)
    receive_port = free_port()
    archive.destinations["TRIOSTORE"] = ("127.0.0.1", receive_port)
    async with open_archive(archive=archive):
        await example["record"](archive.host, archive.port, receive_port, study, path)
    await example["test_the_recorded_archive_brings_a_study"](tmp_path / "in")


@pytest.mark.parametrize(
    ("example", "tests"),
    [
        ("archive", 1),
        ("archive_faults", 1),
        ("archive_moves", 1),
        ("scripted_peer", 1),
        ("testing_contexts", 1),
        ("testing_rejected", 1),
        ("testing_retry", 2),
        ("testing_worklist", 1),
        ("testing_commitment", 2),
    ],
)
def test_those_of_the_test_kit_are_tests_that_pass(
    example: str, tests: int, pytester: pytest.Pytester
) -> None:
    pytester.makeini("[pytest]\ntrio_mode = true\n")
    pytester.makeconftest('pytest_plugins = ["trio_dicom.testing.plugin"]')
    pytester.makepyfile((EXAMPLES / f"{example}.py").read_text())
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=tests)


async def test_faulty_link_is_a_test_that_passes() -> None:
    example = runpy.run_path(str(EXAMPLES / "faulty_link.py"))
    await example["test_an_archive_that_is_cut_off_is_not_ready"]()
