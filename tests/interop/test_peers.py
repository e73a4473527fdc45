"""The peers themselves, asked by DCMTK's own clients: is it the peer when a test fails?"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from pydicom import dcmread
from pydicom.uid import generate_uid

from tests.interop import peers
from tests.interop.certificates import Certificates
from tests.interop.programs import in_background, program
from tests.interop.pynetdicom_peer import PynetdicomPeer, pynetdicom_peer


async def dcmtk_client(name: str, *arguments: str | Path) -> int:
    """Run one of DCMTK's clients and return its exit code."""
    command = [program(name, package="dcmtk"), *map(str, arguments)]
    return (await trio.run_process(command, check=False)).returncode


def tls_options(certificates: Certificates) -> Sequence[str | Path]:
    return ("+tls", certificates.client_key, certificates.client_cert, "+cf", certificates.ca)


async def test_storescp_stores_what_it_gets(storescp: peers.Peer, pydicom_files: Path) -> None:
    file = pydicom_files / "CT_small.dcm"
    target = ("-aec", storescp.ae_title, storescp.host, str(storescp.port))
    assert await dcmtk_client("echoscu", *target) == 0
    assert await dcmtk_client("storescu", *target, file) == 0
    (stored,) = storescp.stored()
    # Not byte by byte: storescu leaves out the trailing padding of this file.
    assert dcmread(stored).PixelData == dcmread(file).PixelData


async def test_storescp_with_options_does_as_they_say(dcmtk: None, tmp_path: Path) -> None:
    async with peers.storescp(tmp_path, "--refuse") as peer:
        assert await dcmtk_client("echoscu", peer.host, str(peer.port)) != 0


async def test_storescp_with_tls_wants_our_certificate(
    storescp_tls: peers.Peer, certificates: Certificates
) -> None:
    target = (storescp_tls.host, str(storescp_tls.port))
    assert await dcmtk_client("echoscu", *tls_options(certificates), *target) == 0
    assert await dcmtk_client("echoscu", "+tla", "+cf", certificates.ca, *target) != 0
    assert await dcmtk_client("echoscu", *target) != 0


async def test_dcmqrscp_finds_what_was_stored(dcmqrscp: peers.Peer, pydicom_files: Path) -> None:
    target = ("-aec", dcmqrscp.ae_title, dcmqrscp.host, str(dcmqrscp.port))
    assert await dcmtk_client("storescu", *target, pydicom_files / "CT_small.dcm") == 0
    command = [program("findscu", package="dcmtk"), "-S", *target, "-k", "0008,0052=STUDY"]
    found = await trio.run_process([*command, "-k", "StudyInstanceUID"], capture_stderr=True)
    assert b"1.3.6.1.4.1.5962.1.2.1.20040119072730.12322" in found.stderr


async def test_orthanc_tells_what_arrived(
    orthanc: peers.OrthancPeer, dcmtk: None, tmp_path: Path, pydicom_files: Path
) -> None:
    new = dcmread(pydicom_files / "MR_small.dcm")
    new.SOPInstanceUID = new.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    file = tmp_path / "new.dcm"
    new.save_as(file)
    target = ("-aec", orthanc.ae_title, orthanc.host, str(orthanc.port))
    before = await orthanc.get("/instances")
    assert await dcmtk_client("storescu", *target, file) == 0
    (instance,) = set(await orthanc.get("/instances")) - set(before)
    assert (await orthanc.get("/statistics"))["CountInstances"] == len(before) + 1
    assert (await orthanc.get_bytes(f"/instances/{instance}/file"))[128:132] == b"DICM"


def test_orthanc_with_tls_wants_our_certificate(
    dcmtk: None, tmp_path: Path, certificates: Certificates
) -> None:
    program("Orthanc", package="orthanc")
    with in_background(lambda: peers.orthanc(tmp_path, tls=certificates)) as peer:
        command = [program("echoscu", package="dcmtk"), peer.host, str(peer.port)]
        with_tls = subprocess.run([*command, *map(str, tls_options(certificates))], check=False)
        without = subprocess.run(command, check=False)
    assert with_tls.returncode == 0
    assert without.returncode != 0


async def test_pynetdicom_decodes_what_it_gets(
    pynetdicom: PynetdicomPeer, dcmtk: None, pydicom_files: Path
) -> None:
    file = pydicom_files / "CT_small.dcm"
    assert await dcmtk_client("storescu", pynetdicom.host, str(pynetdicom.port), file) == 0
    (data_set,) = pynetdicom.received
    assert data_set.PatientID == "1CT1"
    ((syntax, encoded),) = pynetdicom.encoded
    assert syntax == "1.2.840.10008.1.2.1"
    assert len(encoded) > 32_768


async def test_pynetdicom_serves_tls(dcmtk: None, certificates: Certificates) -> None:
    with pynetdicom_peer(tls=certificates.server_context()) as peer:
        arguments = (*tls_options(certificates), peer.host, str(peer.port))
        assert await dcmtk_client("echoscu", *arguments) == 0


def test_a_peer_that_cannot_start_says_why(dcmtk: None, tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="ended with"),
        in_background(lambda: peers.storescp(tmp_path, "--no-such-option")),
    ):
        pass


def test_a_missing_program_skips_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIO_DICOM_REQUIRE_PEERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install nobody"):
        program("no-such-dicom-server", package="nobody")
    monkeypatch.setenv("TRIO_DICOM_REQUIRE_PEERS", "1")
    with pytest.raises(pytest.fail.Exception, match="apt-get install nobody"):
        program("no-such-dicom-server", package="nobody")
