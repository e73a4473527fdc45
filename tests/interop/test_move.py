"""C-MOVE from archives as they are, to us: what comes is what was stored, byte for byte."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import frozen
from pydicom import Dataset, dcmread

from tests.interop import peers
from tests.interop.peers import Peer
from tests.interop.programs import free_port
from tests.interop.series import STUDY, came_back, query, query_for, store, write_study
from trio_dicom import (
    Association,
    MoveRetrieval,
    StatusError,
    open_association,
    open_receiver,
)
from trio_dicom.sop_classes import PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE, VERIFICATION

ARCHIVES = pytest.mark.parametrize("archive", ["dcmqrscp", "orthanc"])
OURS = "TRIOSTORE"


@frozen
class Known:
    """An archive that knows us.

    Attributes:
        peer: The archive.
        port: Where it expects us.
    """

    peer: Peer
    port: int

    @asynccontextmanager
    async def associated(self) -> AsyncGenerator[Association, None]:
        async with open_association(
            self.peer.host,
            self.peer.port,
            called_ae=self.peer.ae_title,
            calling_ae=OURS,
            contexts=[STUDY_ROOT_MOVE, PATIENT_ROOT_MOVE, VERIFICATION],
        ) as association:
            yield association


@pytest.fixture
async def known(dcmtk: None, tmp_path: Path, archive: str) -> AsyncGenerator[Known, None]:
    """The archive of that name, which knows where TRIOSTORE is."""
    port = free_port()
    folder = tmp_path / archive
    folder.mkdir()
    async with getattr(peers, archive)(folder, move_to={OURS: port}) as peer:
        yield Known(peer, port)


@pytest.fixture
def study(pydicom_files: Path, tmp_path: Path) -> list[Path]:
    """Six CT images in two series."""
    folder = tmp_path / "study"
    folder.mkdir()
    return write_study(pydicom_files / "CT_small.dcm", folder)


async def move(association: Association, keys: Dataset, **more: Any) -> MoveRetrieval:
    async with association.c_move(keys, **more) as retrieval:
        await retrieval.final()
    return retrieval


@ARCHIVES
@pytest.mark.scenario("B26", "B37")
async def test_a_study_comes_at_every_level(
    known: Known, study: list[Path], tmp_path: Path
) -> None:
    await store(known.peer, study)
    first = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": f"{STUDY}.2"}
    wanted = [
        (query("PATIENT", PatientID="STUDY"), study),
        (query("STUDY", StudyInstanceUID=STUDY), study),
        (query("SERIES", **first), study[::2]),
        (query("IMAGE", **first, SOPInstanceUID=[f"{STUDY}.2.1", f"{STUDY}.2.5"]), study[::4]),
    ]
    async with known.associated() as association:
        for keys, expected in wanted:
            into = tmp_path / keys.QueryRetrieveLevel
            async with association.c_move(
                keys, into=into, receive_port=known.port, idle_timeout=10
            ) as retrieval:
                counts = [it.completed async for it in retrieval]
            total = len(expected)
            assert counts == sorted(counts)
            assert retrieval.response is not None
            assert retrieval.response.status.is_success
            assert retrieval.response.completed == total
            assert came_back(retrieval.instances, expected)
            assert len(list(into.iterdir())) == total


@ARCHIVES
async def test_two_moves_at_a_time_through_one_receiver_keep_apart(
    known: Known, study: list[Path], tmp_path: Path
) -> None:
    await store(known.peer, study)
    retrievals: dict[int, MoveRetrieval] = {}

    async def bring(number: int) -> None:
        keys = query("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=f"{STUDY}.{number}")
        async with known.associated() as association:
            retrievals[number] = await move(
                association, keys, into=tmp_path / f"in-{number}", receiver=receiver
            )

    async with (
        open_receiver(known.port, into=None, ae_title=OURS) as receiver,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(bring, 1)
        nursery.start_soon(bring, 2)
    assert came_back(retrievals[1].instances, study[1::2])
    assert came_back(retrievals[2].instances, study[::2])


@pytest.mark.parametrize("archive", ["orthanc"])
async def test_compressed_instances_come_as_they_are_stored(
    known: Known, pydicom_files: Path, tmp_path: Path
) -> None:
    path = pydicom_files / "SC_rgb_jpeg_dcmtk.dcm"
    await store(known.peer, [path])
    async with known.associated() as association:
        retrieval = await move(
            association, query_for(path), into=tmp_path / "in", receive_port=known.port
        )
    assert came_back(retrieval.instances, [path])


@ARCHIVES
async def test_one_that_does_not_know_us_fails_and_the_error_says_what_it_must_know(
    known: Known, study: list[Path], tmp_path: Path
) -> None:
    await store(known.peer, study)
    async with known.associated() as association:
        with pytest.raises(StatusError, match=r"AE title STRANGER, host 127\.0\.0\.1, port"):
            await move(
                association,
                query("STUDY", StudyInstanceUID=STUDY),
                into=tmp_path / "in",
                receive_ae="STRANGER",
                receive_port=0,
            )
        assert (await association.c_echo()).status.is_success


@ARCHIVES
@pytest.mark.scenario("B48")
async def test_one_that_is_left_early_leaves_the_association_usable(
    known: Known, study: list[Path], tmp_path: Path
) -> None:
    await store(known.peer, study)
    keys = query("STUDY", StudyInstanceUID=STUDY)
    async with known.associated() as association:
        async with association.c_move(keys, into=tmp_path / "a", receive_port=known.port):
            pass
        assert (await association.c_echo()).status.is_success
        retrieval = await move(association, keys, into=tmp_path / "b", receive_port=known.port)
    assert came_back(retrieval.instances, study)


async def test_dcmqrscp_sends_a_study_to_a_third_party(
    dcmtk: None, tmp_path: Path, study: list[Path]
) -> None:
    for name in ("archive", "storescp"):
        (tmp_path / name).mkdir()
    async with (
        peers.storescp(tmp_path / "storescp") as third,
        peers.dcmqrscp(tmp_path / "archive", move_to={third.ae_title: third.port}) as archive,
    ):
        await store(archive, study)
        async with Known(archive, 0).associated() as association:
            keys = query("STUDY", StudyInstanceUID=STUDY)
            async with association.c_move(keys, third.ae_title) as retrieval:
                response = await retrieval.final()
        assert response.completed == len(study)
        came = {dcmread(path).SOPInstanceUID for path in third.stored()}
    assert came == {dcmread(path).SOPInstanceUID for path in study}
    assert retrieval.instances == []


@ARCHIVES
async def test_the_command_moves_a_study_into_a_directory(
    known: Known, study: list[Path], tmp_path: Path
) -> None:
    await store(known.peer, study)
    command = [
        *(sys.executable, "-m", "trio_dicom", "move", known.peer.address, "--json"),
        *("-k", f"StudyInstanceUID={STUDY}", "--into", str(tmp_path / "in")),
        *("--calling-ae", OURS, "--receive-port", str(known.port)),
    ]
    ran = await trio.run_process(command, capture_stdout=True)
    *instances, answer = [json.loads(line) for line in ran.stdout.splitlines()]
    assert answer["completed"] == len(instances) == len(study)
    assert {Path(it["path"]) for it in instances} == set((tmp_path / "in").iterdir())
