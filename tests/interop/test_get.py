"""C-GET from archives as they are: what comes is what was stored, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage, MRImageStorage, SecondaryCaptureImageStorage
from pynetdicom import AE, evt

from tests.interop import peers
from tests.interop.peers import Peer
from tests.interop.pynetdicom_peer import pynetdicom_peer
from tests.interop.series import STUDY, came_back, query, query_for, store, write_study
from trio_dicom import (
    Association,
    CGetResponse,
    Inbox,
    PresentationContext,
    Retrieval,
    StatusError,
    open_association,
)
from trio_dicom._operations.inbox import Into
from trio_dicom.sop_classes import (
    PATIENT_ROOT_GET,
    STUDY_ROOT_GET,
    VERIFICATION,
    storage_contexts,
)

ARCHIVES = pytest.mark.parametrize("archive", ["dcmqrscp", "orthanc"])
CT = storage_contexts(CTImageStorage)


@pytest.fixture
def peer(request: pytest.FixtureRequest, archive: str) -> Peer:
    """The archive of that name."""
    value: Peer = request.getfixturevalue(archive)
    return value


@pytest.fixture
def study(pydicom_files: Path, tmp_path: Path) -> list[Path]:
    """Six CT images in two series."""
    folder = tmp_path / "study"
    folder.mkdir()
    return write_study(pydicom_files / "CT_small.dcm", folder)


@asynccontextmanager
async def associated(
    peer: Peer, contexts: Sequence[PresentationContext] = CT
) -> AsyncGenerator[Association, None]:
    async with open_association(
        peer.host,
        peer.port,
        called_ae=peer.ae_title,
        contexts=[STUDY_ROOT_GET, PATIENT_ROOT_GET, VERIFICATION, *contexts],
    ) as association:
        yield association


async def get(
    association: Association, keys: Dataset, into: Into, **more: Any
) -> Retrieval[CGetResponse]:
    async with association.c_get(keys, into=into, **more) as retrieval:
        await retrieval.final()
    return retrieval


@ARCHIVES
@pytest.mark.scenario("B21", "B26")
async def test_a_study_comes_back_at_every_level(
    peer: Peer, study: list[Path], tmp_path: Path
) -> None:
    await store(peer, study)
    first = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": f"{STUDY}.2"}
    wanted = [
        (query("PATIENT", PatientID="STUDY"), study),
        (query("STUDY", StudyInstanceUID=STUDY), study),
        (query("SERIES", **first), study[::2]),
        (query("IMAGE", **first, SOPInstanceUID=[f"{STUDY}.2.1", f"{STUDY}.2.5"]), study[::4]),
    ]
    async with associated(peer) as association:
        for keys, expected in wanted:
            into = tmp_path / keys.QueryRetrieveLevel
            async with association.c_get(keys, into=into) as retrieval:
                counts = [(it.remaining, it.completed) async for it in retrieval]
            total = len(expected)
            assert counts == [(total - it, it) for it in range(1, total + 1)]
            assert retrieval.response is not None
            assert retrieval.response.status.is_success
            assert retrieval.response.completed == total
            assert came_back(retrieval.instances, expected)
            assert len(list(into.iterdir())) == total


@pytest.mark.parametrize(
    "name", ["rtplan.dcm", "waveform_ecg.dcm", "reportsi.dcm", "image_dfl.dcm"]
)
@ARCHIVES
async def test_whatever_is_stored_comes_back(
    peer: Peer, pydicom_files: Path, tmp_path: Path, name: str
) -> None:
    path = pydicom_files / name
    original = dcmread(path)
    await store(peer, [path])
    contexts = storage_contexts(original.SOPClassUID, as_stored=True)
    async with associated(peer, contexts) as association:
        retrieval = await get(association, query_for(path), tmp_path)
    (received,) = retrieval.instances
    for data_set in (original, came := dcmread(received.path)):
        for tag in list(data_set.keys()):
            # DCMTK, which is in both, leaves away what says nothing.
            if tag.element == 0 or tag == 0xFFFCFFFC:
                del data_set[tag]
    assert came == original


@pytest.mark.scenario("B21")
@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_small_odd_jpeg.dcm"])
async def test_orthanc_gives_back_compressed_instances_byte_for_byte(
    orthanc: Peer, pydicom_files: Path, tmp_path: Path, name: str
) -> None:
    path = pydicom_files / name
    await store(orthanc, [path])
    contexts = storage_contexts(SecondaryCaptureImageStorage, as_stored=True)
    async with associated(orthanc, contexts) as association:
        retrieval = await get(association, query_for(path), tmp_path)
    assert came_back(retrieval.instances, [path])


@pytest.mark.scenario("B21")
@pytest.mark.parametrize("name", ["rtplan.dcm", "ExplVR_BigEnd.dcm"])
async def test_orthanc_gives_back_uncompressed_instances_byte_for_byte(
    orthanc: Peer, pydicom_files: Path, tmp_path: Path, name: str
) -> None:
    """Implicit and big endian: what is stored in one does not come in another."""
    path = pydicom_files / name
    original = dcmread(path)
    await store(orthanc, [path])
    contexts = storage_contexts(original.SOPClassUID, as_stored=True)
    async with associated(orthanc, contexts) as association:
        retrieval = await get(association, query_for(path), tmp_path)
    (received,) = retrieval.instances
    assert received.transfer_syntax == original.file_meta.TransferSyntaxUID
    assert came_back(retrieval.instances, [path])


@pytest.mark.scenario("B21")
async def test_dcmqrscp_needs_a_context_without_uncompressed_syntaxes_for_them(
    dcmtk: None, pydicom_files: Path, tmp_path: Path
) -> None:
    """It prefers an uncompressed context, and then cannot decompress."""
    path = pydicom_files / "SC_rgb_jpeg_dcmtk.dcm"
    all_of_them = storage_contexts(SecondaryCaptureImageStorage, as_stored=True)
    others = [it for it in all_of_them if it.transfer_syntaxes[0].is_encapsulated]
    folder = tmp_path / "dcmqrscp"
    folder.mkdir()
    async with peers.dcmqrscp(folder, "+xy") as peer:
        await store(peer, [path])
        async with associated(peer, all_of_them) as association:
            retrieve = get(association, query_for(path), tmp_path / "a")
            with pytest.raises(StatusError, match="A702H"):
                await retrieve
        async with associated(peer, others) as association:
            retrieval = await get(association, query_for(path), tmp_path / "b")
    assert came_back(retrieval.instances, [path])


@ARCHIVES
@pytest.mark.scenario("B59")
async def test_a_study_that_nobody_knows_brings_nothing(peer: Peer, tmp_path: Path) -> None:
    async with associated(peer) as association:
        keys = query("STUDY", StudyInstanceUID="1.2.3.4.5.6.7.8.9")
        retrieval = await get(association, keys, tmp_path, check=False)
    assert retrieval.instances == []
    assert retrieval.status is not None
    # For dcmqrscp that is a success with nothing in it, for Orthanc a failure.
    assert retrieval.status.code in (0x0000, 0xC000)


@ARCHIVES
@pytest.mark.scenario("B21")
async def test_what_was_not_proposed_does_not_come_and_is_no_success(
    peer: Peer, study: list[Path], tmp_path: Path
) -> None:
    await store(peer, study)
    async with associated(peer, storage_contexts(MRImageStorage)) as association:
        with pytest.raises(StatusError):
            await get(association, query("STUDY", StudyInstanceUID=STUDY), tmp_path / "in")
        assert (await association.c_echo()).status.is_success


@ARCHIVES
@pytest.mark.scenario("B52")
async def test_what_we_cannot_keep_is_counted_and_the_others_come(
    peer: Peer, study: list[Path], tmp_path: Path
) -> None:
    await store(peer, study)
    inbox = Inbox(
        tmp_path / "in",
        check=lambda stored: 0xA700 if stored.sop_instance_uid == f"{STUDY}.1.2" else None,
    )
    async with associated(peer) as association:
        retrieval = await get(association, query("STUDY", StudyInstanceUID=STUDY), inbox)
    assert retrieval.response is not None
    assert retrieval.response.status.code == 0xB000
    assert (retrieval.response.completed, retrieval.response.failed) == (5, 1)
    assert came_back(retrieval.instances, [path for path in study if path != study[1]])


@ARCHIVES
@pytest.mark.scenario("B48")
@pytest.mark.pitfall(19)
async def test_one_that_is_left_stops_and_the_next_is_complete(
    peer: Peer, study: list[Path], tmp_path: Path
) -> None:
    await store(peer, study)
    keys = query("STUDY", StudyInstanceUID=STUDY)
    async with associated(peer) as association:
        async with association.c_get(keys, into=tmp_path / "a") as left:
            await left.receive()
        assert (await association.c_echo()).status.is_success
        few = len(left.instances)
        retrieval = await get(association, keys, tmp_path / "b")
    assert len(left.instances) == few == len(list((tmp_path / "a").iterdir()))
    assert came_back(retrieval.instances, study)


@pytest.mark.scenario("B21", "B50")
@pytest.mark.pitfall(8, 22)
async def test_pynetdicom_sends_in_a_window_of_one_whatever_was_offered(
    study: list[Path], tmp_path: Path
) -> None:
    def on_get(_: evt.Event) -> Iterator[int | tuple[int, Dataset]]:
        yield len(study)
        for path in study:
            yield 0xFF00, dcmread(path)

    def configure(entity: AE) -> None:
        entity.add_supported_context(STUDY_ROOT_GET.abstract_syntax)
        entity.add_supported_context(CTImageStorage, scu_role=True, scp_role=True)

    handlers = [(evt.EVT_C_GET, on_get)]
    with pynetdicom_peer(handlers=handlers, configure=configure) as peer:
        async with open_association(
            peer.host,
            peer.port,
            contexts=[STUDY_ROOT_GET, *CT],
            max_operations_invoked=8,
            max_operations_performed=8,
        ) as association:
            assert association.negotiated.max_operations_performed == 1
            keys = query("STUDY", StudyInstanceUID=STUDY)
            async with association.c_get(keys, into=tmp_path / "in") as retrieval:
                counts = [(it.remaining, it.completed) async for it in retrieval]
    assert counts == [(6 - it, it) for it in range(1, 7)]
    assert sorted(it.sop_instance_uid for it in retrieval.instances) == sorted(
        str(dcmread(path).SOPInstanceUID) for path in study
    )
    for it in retrieval.instances:
        (original,) = [p for p in study if dcmread(p).SOPInstanceUID == it.sop_instance_uid]
        came = dcmread(it.path)
        assert came == dcmread(original)
