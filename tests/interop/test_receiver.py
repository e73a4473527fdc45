"""DCMTK's own clients bring instances to our receiver."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, field
from pydicom import dcmread

from tests.interop import peers
from tests.interop.certificates import Certificates
from tests.interop.programs import free_port, program
from tests.interop.series import STUDY, came_back, store, write_study
from trio_dicom import Inbox, ReceivedInstance, Receiver, open_receiver

OURS = "TRIOSTORE"


@pytest.fixture
def study(pydicom_files: Path, tmp_path: Path) -> list[Path]:
    """Six CT images in two series."""
    folder = tmp_path / "study"
    folder.mkdir()
    return write_study(pydicom_files / "CT_small.dcm", folder)


@define(eq=False)
class Listening:
    """A receiver, and what has come.

    Attributes:
        receiver: The receiver.
        instances: What was stored, in order.
    """

    receiver: Receiver
    instances: list[ReceivedInstance] = field(factory=list[ReceivedInstance])

    async def called_by(self, name: str, *arguments: object, code: int = 0) -> str:
        """What a client of DCMTK says that calls the receiver and ends with ``code``."""
        command = [program(name, package="dcmtk"), "-v", *_before(name), "-aec", OURS]
        command += [self.receiver.host, str(self.receiver.port), *map(str, arguments)]
        ran = await trio.run_process(command, check=False, capture_stdout=True, capture_stderr=True)
        said = (ran.stdout + ran.stderr).decode(errors="replace")
        assert ran.returncode == code, said
        return said


def _before(name: str) -> list[str]:
    # It has no timeouts of its own.
    return ["-aet", "SENDER"] if name != "dcmsend" else ["-aet", "SENDER", "-to", "10"]


@asynccontextmanager
async def listening(folder: Path, **settings: Any) -> AsyncGenerator[Listening, None]:
    came: list[ReceivedInstance] = []
    settings = {"ae_title": OURS, "checks_called_ae": True, **settings}
    async with open_receiver(into=Inbox(folder, report=came.append), **settings) as receiver:
        yield Listening(receiver, came)


async def test_echoscu_is_answered(tmp_path: Path) -> None:
    async with listening(tmp_path) as ours:
        assert "Received Echo Response (Success)" in await ours.called_by("echoscu")


@pytest.mark.parametrize("options", [(), ("-R",), ("+C",), ("-xi",)], ids=str)
async def test_storescu_stores_a_study(
    tmp_path: Path, study: list[Path], options: tuple[str, ...]
) -> None:
    async with listening(tmp_path / "in") as ours:
        await ours.called_by("storescu", *options, *study)
    assert len(ours.instances) == len(study)
    if "-xi" not in options:
        assert came_back(ours.instances, study)
    head = dcmread(ours.instances[0].path).file_meta
    assert head.SourceApplicationEntityTitle == "SENDER"


@pytest.mark.scenario("B12")
@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("SC_rgb_jpeg_dcmtk.dcm", "-xy"),
        ("MR_small_RLE.dcm", "-xr"),
        ("JPEG2000.dcm", "-xw"),
        ("image_dfl.dcm", "-xd"),
    ],
)
async def test_compressed_instances_come_as_they_are(
    tmp_path: Path, pydicom_files: Path, name: str, option: str
) -> None:
    original = dcmread(pydicom_files / name)
    async with listening(tmp_path) as ours:
        await ours.called_by("storescu", option, pydicom_files / name)
    (came,) = ours.instances
    assert came.transfer_syntax == original.file_meta.TransferSyntaxUID
    assert dcmread(came.path).PixelData == original.PixelData


async def test_dcmsend_sends_all_there_is_and_compressed_instances_as_they_are(
    tmp_path: Path, pydicom_files: Path
) -> None:
    names = ["CT_small.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPEG2000.dcm", "rtplan.dcm", "image_dfl.dcm"]
    files = [pydicom_files / name for name in names]
    async with listening(tmp_path) as ours:
        said = await ours.called_by("dcmsend", "-dn", *files)
    assert "with status SUCCESS  : 5" in said
    syntaxes = {it.sop_instance_uid: it.transfer_syntax for it in ours.instances}
    for file in files:
        original = dcmread(file)
        syntax = original.file_meta.TransferSyntaxUID
        if syntax.is_compressed:  # others it sends in Explicit VR
            assert syntaxes[original.SOPInstanceUID] == syntax


async def test_sixteen_dcmsends_at_a_time(tmp_path: Path, study: list[Path]) -> None:
    async with listening(tmp_path / "in") as ours, trio.open_nursery() as nursery:
        for _ in range(16):
            nursery.start_soon(lambda: ours.called_by("dcmsend", *study))
    assert len(ours.instances) == 16 * len(study)
    assert came_back({it.path: it for it in ours.instances}.values(), study)


async def test_a_client_that_is_rejected_or_aborts_or_dies_harms_nobody(
    tmp_path: Path, study: list[Path]
) -> None:
    async with listening(tmp_path / "in", calling_aes=["SENDER"]) as ours:
        await ours.called_by("echoscu", "-aet", "OTHER", code=1)
        await ours.called_by("storescu", "--abort", study[0])
        with trio.move_on_after(0.02):
            await ours.called_by("storescu", "--repeat", 1000, *study)
        await ours.called_by("storescu", *study)
        names = {path.name for path in (tmp_path / "in").iterdir()}
    assert names >= {f"{dcmread(path).SOPInstanceUID}.dcm" for path in study}


async def test_storescu_over_tls_shows_its_certificate(
    tmp_path: Path, study: list[Path], certificates: Certificates
) -> None:
    context = certificates.server_context()
    tls = ("+tls", certificates.client_key, certificates.client_cert, "+cf", certificates.ca)
    async with listening(tmp_path / "in", tls=context) as ours:
        await ours.called_by("storescu", *tls, *study)
        await ours.called_by("echoscu", "+tla", "-ic", code=1)
        await ours.called_by("echoscu", "-ta", 5, code=1)
        await ours.called_by("echoscu", *tls)
    assert came_back(ours.instances, study)


@pytest.mark.parametrize("level", ["STUDY", "SERIES"])
async def test_movescu_has_dcmqrscp_send_a_study_to_us(
    dcmtk: None, tmp_path: Path, study: list[Path], level: str
) -> None:
    port = free_port()
    folder = tmp_path / "archive"
    folder.mkdir()
    async with (
        peers.dcmqrscp(folder, move_to={OURS: port}) as archive,
        listening(tmp_path / "in", port=port) as ours,
    ):
        await store(archive, study)
        keys = ["-k", f"QueryRetrieveLevel={level}", "-k", f"StudyInstanceUID={STUDY}"]
        if level == "SERIES":
            keys += ["-k", f"SeriesInstanceUID={STUDY}.2"]
        movescu = [program("movescu", package="dcmtk"), "-v", "-S", "-aet", "SENDER", "-aem", OURS]
        where = ["-aec", archive.ae_title, archive.host, str(archive.port)]
        await trio.run_process([*movescu, *where, *keys], capture_stderr=True)
    assert came_back(ours.instances, study if level == "STUDY" else study[::2])
