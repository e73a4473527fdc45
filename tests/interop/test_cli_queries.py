"""``find`` and ``worklist`` as they are typed, against servers as they are."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from tests.interop import peers
from tests.interop.certificates import Certificates
from tests.interop.peers import OrthancPeer, Peer
from trio_dicom.cli.app import run

FILES = ("CT_small.dcm", "MR_small.dcm", "test-SR.dcm")

Command = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs ``trio-dicom`` with ``--json`` and gives what it printed."""

    async def command(*arguments: object) -> list[dict[str, Any]]:
        capsys.readouterr()
        code = await run([*map(str, arguments), "--json"])
        printed = capsys.readouterr()
        assert code == 0, printed.err
        return [json.loads(line) for line in printed.out.splitlines()]

    return command


async def every_level_finds_what_was_stored(
    command: Command, address: str, folder: Path, *options: str
) -> None:
    paths = [folder / name for name in FILES]
    await command("store", address, *paths, *options)
    for path in paths:
        head = dcmread(path, stop_before_pixels=True)
        study = f"StudyInstanceUID={head.StudyInstanceUID}"
        series = f"SeriesInstanceUID={head.SeriesInstanceUID}"
        (found,) = await command("find", address, "-k", study, *options)
        assert found["00100010"]["Value"] == [{"Alphabetic": str(head.PatientName)}]
        (found,) = await command("find", address, "--level=series", "-k", study, *options)
        assert found["0020000E"]["Value"] == [head.SeriesInstanceUID]
        (found,) = await command(
            "find", address, "--level=image", "-k", study, "-k", series, *options
        )
        assert found["00080018"]["Value"] == [head.SOPInstanceUID]
        if head.PatientID:
            patient = f"PatientID={head.PatientID}"
            (found,) = await command("find", address, "--level=patient", "-k", patient, *options)
            assert found["00100010"]["Value"] == [{"Alphabetic": str(head.PatientName)}]


async def test_dcmqrscp_is_asked_at_every_level(
    command: Command, dcmqrscp: Peer, pydicom_files: Path
) -> None:
    await every_level_finds_what_was_stored(command, dcmqrscp.address, pydicom_files)


async def test_orthanc_is_asked_at_every_level(
    command: Command, orthanc: OrthancPeer, pydicom_files: Path
) -> None:
    await every_level_finds_what_was_stored(command, orthanc.address, pydicom_files)


async def test_orthanc_is_asked_over_tls_with_our_certificate(
    command: Command, tmp_path: Path, pydicom_files: Path, certificates: Certificates
) -> None:
    options = ["--tls", "--ca", str(certificates.ca), "--no-verify-hostname"]
    options += ["--cert", str(certificates.client_cert), "--key", str(certificates.client_key)]
    async with peers.orthanc(tmp_path, tls=certificates) as peer:
        await every_level_finds_what_was_stored(command, peer.address, pydicom_files, *options)


async def test_wlmscpfs_is_asked_for_a_range_of_days(
    command: Command, dcmtk: None, tmp_path: Path
) -> None:
    async with peers.wlmscpfs(tmp_path) as peer:
        found = await command(
            "worklist", peer.address, "--date", "20260304-20260401", "--modality", "CT"
        )
    assert [it["00080050"]["Value"] for it in found] == [["A6"]]


@pytest.mark.scenario("B48")
@pytest.mark.pitfall(19)
async def test_a_slow_wlmscpfs_is_told_to_stop_at_the_limit(
    command: Command, dcmtk: None, tmp_path: Path
) -> None:
    async with peers.wlmscpfs(tmp_path, "--sleep-during", "1", "--single-process") as peer:
        found = await command("worklist", peer.address, "--limit", "1")
        assert len(found) == 1
        assert "Cancel" in peer.log.read_text(errors="replace")
