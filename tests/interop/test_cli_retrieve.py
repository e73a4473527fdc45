"""``get`` and ``commit`` as they are typed, against servers as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from tests.interop import peers
from tests.interop.certificates import Certificates
from tests.interop.peers import OrthancPeer, Peer
from tests.interop.programs import free_port
from tests.interop.series import STUDY, data_set_in, store, write_study
from trio_dicom.cli.app import run


@pytest.fixture
def study(pydicom_files: Path, tmp_path: Path) -> list[Path]:
    folder = tmp_path / "study"
    folder.mkdir()
    return write_study(pydicom_files / "CT_small.dcm", folder)


async def command(
    capsys: pytest.CaptureFixture[str], *arguments: object
) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of a command with ``--json``, and what it printed."""
    capsys.readouterr()
    code = await run([*map(str, arguments), "--json"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def assert_all_came(records: list[dict[str, Any]], study: list[Path]) -> None:
    *instances, end = records
    assert (end["kind"], end["completed"]) == ("success", len(study))
    came = {it["sop_instance_uid"]: Path(it["path"]) for it in instances}
    assert len(instances) == len(study) == len(came)
    for path in study:
        assert data_set_in(came[dcmread(path).SOPInstanceUID]) == data_set_in(path)


async def test_get_from_dcmqrscp(
    dcmqrscp: Peer, study: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await store(dcmqrscp, study)
    key = f"StudyInstanceUID={STUDY}"
    code, records = await command(
        capsys, "get", dcmqrscp.address, "-k", key, "--into", tmp_path / "in"
    )
    assert code == 0
    assert_all_came(records, study)
    key = "StudyInstanceUID=1.2.3.4.5"
    code, records = await command(
        capsys, "get", dcmqrscp.address, "-k", key, "--into", tmp_path / "none"
    )
    assert code == 1  # which dcmqrscp calls a success
    assert [(it["kind"], it["completed"]) for it in records] == [("success", 0)]


@pytest.mark.scenario("B21")
async def test_get_from_orthanc_what_is_compressed_and_what_is_not(
    orthanc: OrthancPeer,
    study: list[Path],
    pydicom_files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await store(orthanc, study)
    key = f"StudyInstanceUID={STUDY}"
    code, records = await command(
        capsys, "get", orthanc.address, "-k", key, "--into", tmp_path / "in"
    )
    assert code == 0
    assert_all_came(records, study)
    compressed = pydicom_files / "SC_rgb_jpeg_dcmtk.dcm"
    await store(orthanc, [compressed])
    head = dcmread(compressed)
    keys = [f"{name}={head[name].value}" for name in ("StudyInstanceUID", "SOPInstanceUID")]
    keys += [f"SeriesInstanceUID={head.SeriesInstanceUID}"]
    code, records = await command(
        capsys,
        *("get", orthanc.address, "--into", tmp_path / "in"),
        *(it for key in keys for it in ("-k", key)),
    )
    assert code == 0
    assert_all_came(records, [compressed])


@pytest.mark.scenario("B21")
async def test_get_from_orthanc_by_the_series_or_the_instance_alone(
    orthanc: OrthancPeer,
    pydicom_files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    head = dcmread(pydicom_files / "SC_rgb_jpeg_dcmtk.dcm")
    head.SeriesInstanceUID = f"{STUDY}.9"  # the others in its series are other tests'
    head.SOPInstanceUID = f"{STUDY}.9.1"
    compressed = tmp_path / "compressed.dcm"
    head.save_as(compressed)
    await store(orthanc, [compressed])
    for name in ("SeriesInstanceUID", "SOPInstanceUID"):
        key = f"{name}={head[name].value}"
        code, records = await command(
            capsys, "get", orthanc.address, "-k", key, "--into", tmp_path / "in"
        )
        assert code == 0
        assert_all_came(records, [compressed])


@pytest.mark.scenario("B21")
async def test_get_from_dcmqrscp_what_is_compressed_beside_what_is_not(
    dcmtk: None,
    study: list[Path],
    pydicom_files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    compressed = dcmread(pydicom_files / "SC_rgb_jpeg_dcmtk.dcm")
    compressed.StudyInstanceUID = STUDY
    compressed.PatientID = "STUDY"
    path = study[0].with_name("compressed.dcm")
    compressed.save_as(path)
    folder = tmp_path / "dcmqrscp"
    folder.mkdir()
    async with peers.dcmqrscp(folder, "+xy") as peer:
        await store(peer, [*study, path])
        key = f"StudyInstanceUID={STUDY}"
        into = ("--into", tmp_path / "in")
        code, records = await command(capsys, "get", peer.address, "-k", key, *into)
    assert code == 0
    assert_all_came(records, [*study, path])


async def test_get_through_tls_with_our_certificate(
    study: list[Path],
    tmp_path: Path,
    certificates: Certificates,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "orthanc"
    folder.mkdir()
    files = certificates
    tls = ("--tls", "--ca", files.ca, "--cert", files.client_cert, "--key", files.client_key)
    async with peers.orthanc(folder, tls=certificates) as orthanc:
        code, _ = await command(capsys, "store", orthanc.address, *study, *tls)
        assert code == 0
        into = tmp_path / "in"
        key = f"StudyInstanceUID={STUDY}"
        code, records = await command(
            capsys, "get", orthanc.address, "-k", key, "--into", into, *tls
        )
    assert code == 0
    assert_all_came(records, study)


@pytest.mark.scenario("B51")
@pytest.mark.pitfall(21)
async def test_orthanc_commits_what_it_has_and_reports_to_our_port(
    study: list[Path], tmp_path: Path, pydicom_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "orthanc"
    folder.mkdir()
    port = free_port()
    async with peers.orthanc(folder, move_to={"TRIO_DICOM": port}) as orthanc:
        await store(orthanc, study)
        files = [study[0].parent, pydicom_files / "MR_small.dcm"]
        code, records = await command(
            capsys, "commit", orthanc.address, *files, "--receive-port", port
        )
    assert code == 1
    *kept, missing = records
    assert [it["kind"] for it in kept] == ["committed"] * len(study)
    assert (missing["kind"], missing["reason"]) == ("failed", 0x0112)
