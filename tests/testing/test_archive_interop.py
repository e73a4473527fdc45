"""The archive in memory, asked by other people's clients."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from tests.testing.builders import instance, query
from tests.testing.others import client_says, with_pynetdicom
from trio_dicom.testing import MemoryArchive


@pytest.mark.interop
@pytest.mark.usefixtures("dcmtk")
async def test_echoscu_is_answered(archive: MemoryArchive) -> None:
    await client_says("echoscu", archive)


@pytest.mark.interop
@pytest.mark.usefixtures("dcmtk")
@pytest.mark.parametrize(
    "option,name",
    [
        ("-xe", "CT_small.dcm"),
        ("-xi", "rtplan.dcm"),
        ("-xb", "MR_small_bigendian.dcm"),
        ("-xw", "JPEG2000.dcm"),
        ("-xr", "SC_rgb_rle.dcm"),
    ],
)
async def test_what_storescu_stores_is_kept(
    archive: MemoryArchive, pydicom_files: Path, option: str, name: str
) -> None:
    path = pydicom_files / name
    await client_says("storescu", archive, option, path)
    [kept] = archive.instances
    expected = dcmread(path)
    assert kept.data_set.transfer_syntax == expected.file_meta.TransferSyntaxUID
    decoded = kept.data_set.decode()
    assert decoded.PatientID == expected.PatientID
    assert decoded.get("PixelData") == expected.get("PixelData")


@pytest.mark.interop
@pytest.mark.usefixtures("dcmtk")
async def test_findscu_finds(archive: MemoryArchive) -> None:
    archive.instances.add(instance(1))
    archive.instances.add(instance(2, StudyInstanceUID="1.2.101", StudyDate="19990101"))
    said = await client_says(
        "findscu", archive, "-v", "-S",
        "-k", "0008,0052=STUDY", "-k", "StudyDate=20200101-20301231", "-k", "StudyInstanceUID",
    )  # fmt: skip
    assert "1.2.100" in said
    assert "1.2.101" not in said


@pytest.mark.interop
@pytest.mark.usefixtures("dcmtk")
async def test_findscu_cancels(archive: MemoryArchive) -> None:
    for number in range(1, 500):
        archive.instances.add(instance(number))
    said = await client_says(
        "findscu", archive, "-v", "-S", "--cancel", "3",
        "-k", "0008,0052=IMAGE", "-k", "SOPInstanceUID",
    )  # fmt: skip
    assert "Sending Cancel" in said


@pytest.mark.interop
@pytest.mark.usefixtures("dcmtk")
async def test_getscu_fetches_what_was_stored(
    archive: MemoryArchive, pydicom_files: Path, tmp_path: Path
) -> None:
    kept = archive.instances.add(pydicom_files / "CT_small.dcm")
    study = kept.attributes.StudyInstanceUID
    await client_says(
        "getscu", archive, "-S", "-od", tmp_path, "+B",
        "-k", "0008,0052=STUDY", "-k", f"StudyInstanceUID={study}",
    )  # fmt: skip
    [fetched] = tmp_path.iterdir()  # noqa: ASYNC240
    assert fetched.read_bytes().endswith(bytes(kept.data_set.data))


@pytest.mark.interop
async def test_pynetdicom_echoes_and_stores(archive: MemoryArchive, pydicom_files: Path) -> None:
    jpeg = dcmread(pydicom_files / "JPEG2000.dcm")

    def use(association: Association) -> tuple[int, int]:
        return association.send_c_echo().Status, association.send_c_store(jpeg).Status

    syntax = jpeg.file_meta.TransferSyntaxUID
    statuses = await with_pynetdicom(
        archive, use, (Verification, ExplicitVRLittleEndian), (jpeg.SOPClassUID, syntax)
    )
    assert statuses == (0, 0)
    assert archive.instances[jpeg.SOPInstanceUID].data_set.transfer_syntax == syntax


@pytest.mark.interop
async def test_pynetdicom_finds(archive: MemoryArchive) -> None:
    archive.instances.add(instance(1, PatientName="Doe^Jane"))

    def use(association: Association) -> list[tuple[int, str | None]]:
        answers = association.send_c_find(
            query("PATIENT", PatientID="", PatientName="doe*"),
            PatientRootQueryRetrieveInformationModelFind,
        )
        return [(status.Status, found and str(found.PatientName)) for status, found in answers]

    answers = await with_pynetdicom(
        archive, use, (PatientRootQueryRetrieveInformationModelFind, ExplicitVRLittleEndian)
    )
    assert answers == [(0xFF00, "Doe^Jane"), (0x0000, None)]


@pytest.mark.interop
async def test_pynetdicom_gets(archive: MemoryArchive) -> None:
    for number in (1, 2):
        archive.instances.add(instance(number))
    received: list[Dataset] = []

    def on_store(event: evt.Event) -> int:
        received.append(event.dataset)
        return 0x0000

    def use(association: Association) -> list[tuple[int, int]]:
        answers = association.send_c_get(
            query("STUDY", StudyInstanceUID="1.2.100"), StudyRootQueryRetrieveInformationModelGet
        )
        return [(it.Status, it.NumberOfCompletedSuboperations) for it, _ in answers]

    answers = await with_pynetdicom(
        archive,
        use,
        (StudyRootQueryRetrieveInformationModelGet, ExplicitVRLittleEndian),
        (CTImageStorage, ExplicitVRLittleEndian),
        handlers=[(evt.EVT_C_STORE, on_store)],
    )
    assert answers == [(0xFF00, 1), (0x0000, 2)]
    assert received == [instance(1), instance(2)]
