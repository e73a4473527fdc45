"""The archive in memory, told by other people's clients to move what it holds, and asked more."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from pydicom import Dataset, FileDataset, dcmread
from pydicom.config import disable_value_validation
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove

from tests.interop import peers
from tests.interop.answers.held import UIDS, instances
from tests.interop.answers.questions import Question
from tests.interop.answers.rows import QUESTIONS
from tests.interop.programs import free_port
from tests.interop.pynetdicom_peer import pynetdicom_peer
from tests.interop.stored_tree import make_tree
from tests.testing.builders import instance, query
from tests.testing.others import client_says, with_pynetdicom
from trio_dicom import QueryExtension
from trio_dicom.testing import MemoryArchive

with_dcmtk = pytest.mark.usefixtures("dcmtk")
STUDY = ("-k", "0008,0052=STUDY", "-k", "StudyInstanceUID=1.2.100")


def kept(folder: Path) -> set[str]:
    """The SOP Instance UIDs of the files in a folder."""
    return {str(dcmread(path).SOPInstanceUID) for path in folder.iterdir()}


@pytest.mark.interop
@with_dcmtk
async def test_movescu_moves_a_study_to_itself(archive: MemoryArchive, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        archive.instances.add(instance(number))
    port = free_port()
    archive.destinations["MOVESCU"] = ("127.0.0.1", port)
    said = await client_says(
        "movescu", archive, "-d", "-S", "-aet", "MOVESCU", "+P", port, "-od", tmp_path, *STUDY
    )
    assert "Remaining Suboperations       : 1" in said, "there are pending responses"
    assert "Completed Suboperations       : 3" in said
    assert "0x0000: Success" in said
    assert kept(tmp_path) == {"1.2.1", "1.2.2", "1.2.3"}


@pytest.mark.interop
@with_dcmtk
async def test_movescu_moves_images_to_somebody_else(
    archive: MemoryArchive, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        archive.instances.add(instance(number))
    async with peers.storescp(tmp_path) as third:
        archive.destinations[third.ae_title] = (third.host, third.port)
        await client_says(
            *("movescu", archive, "-S", "-aem", third.ae_title, "-k", "0008,0052=IMAGE"),
            *("-k", "StudyInstanceUID=1.2.100", "-k", "SeriesInstanceUID=1.2.200"),
            *("-k", "SOPInstanceUID=1.2.1\\1.2.3"),
        )
        assert {str(dcmread(it).SOPInstanceUID) for it in third.stored()} == {"1.2.1", "1.2.3"}


@pytest.mark.interop
@with_dcmtk
async def test_movescu_cancels(archive: MemoryArchive, tmp_path: Path) -> None:
    """The archive hears it between two sub-operations, unless all have been done by then."""
    for number in range(1, 100):
        archive.instances.add(instance(number))
    port = free_port()
    archive.destinations["MOVESCU"] = ("127.0.0.1", port)
    said = await client_says(
        *("movescu", archive, "-d", "-S", "-aet", "MOVESCU", "+P", port, "-od", tmp_path),
        *("--cancel", "2", *STUDY),
    )
    assert "Sending Cancel" in said
    assert "0xfe00: Cancel" in said
    assert 2 <= len(kept(tmp_path)) < 99


@pytest.mark.interop
@with_dcmtk
@pytest.mark.parametrize("option,level", [("-P", "PATIENT"), ("-P", "SERIES"), ("-S", "IMAGE")])
async def test_getscu_fetches_every_level(
    archive: MemoryArchive, tmp_path: Path, pydicom_files: Path, option: str, level: str
) -> None:
    tree = make_tree(pydicom_files)
    for each in tree.instances:
        archive.instances.add(each)
    first = tree.instances[0]
    keys = {
        "PatientID": first.PatientID,
        "StudyInstanceUID": first.StudyInstanceUID,
        "SeriesInstanceUID": first.SeriesInstanceUID,
        "SOPInstanceUID": first.SOPInstanceUID,
    }
    last = ["PATIENT", "STUDY", "SERIES", "IMAGE"].index(level)
    chosen = dict(list(keys.items())[: last + 1])
    arguments = [it for key in chosen.items() for it in ("-k", "{}={}".format(*key))]
    await client_says(
        "getscu", archive, option, "-od", tmp_path, "-k", f"0008,0052={level}", *arguments
    )
    assert kept(tmp_path) == {uid for (uid,) in tree.values("SOPInstanceUID", **chosen)}


@pytest.mark.interop
async def test_pynetdicom_moves_to_pynetdicom(archive: MemoryArchive) -> None:
    for number in (1, 2):
        archive.instances.add(instance(number))

    def use(association: Association) -> list[tuple[int, int]]:
        answers = association.send_c_move(
            query("STUDY", StudyInstanceUID="1.2.100"),
            "PYNETDICOM",
            StudyRootQueryRetrieveInformationModelMove,
        )
        return [(it.Status, it.NumberOfCompletedSuboperations) for it, _ in answers]

    with pynetdicom_peer() as peer:
        archive.destinations[peer.ae_title] = (peer.host, peer.port)
        answers = await with_pynetdicom(
            archive, use, (StudyRootQueryRetrieveInformationModelMove, ExplicitVRLittleEndian)
        )
        assert answers == [(0xFF00, 1), (0x0000, 2)]
        assert peer.received[-2:] == [instance(1), instance(2)]


# --- findscu asks questions of the table -----------------------------------------------


def written(question: Question, path: Path) -> Path:
    """The query as a file, which findscu sends."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with disable_value_validation():
        FileDataset(path, question.identifier(), file_meta=meta).save_as(path)
    return path


ASKED = [it for it in QUESTIONS if it.found is not None and it.charset][::2] + [
    it
    for it in QUESTIONS
    if it.found is not None
    and not it.charset
    and not it.insists
    and it.extension == QueryExtension()
][::8]


@pytest.fixture
def full(archive: MemoryArchive) -> MemoryArchive:
    """The archive with what those of the table hold."""
    for each in instances():
        archive.instances.add(each)
    return archive


@pytest.mark.interop
@with_dcmtk
async def test_findscu_finds_what_the_table_says(full: MemoryArchive, tmp_path: Path) -> None:
    found: dict[str, set[str]] = {}

    async def ask(number: int, question: Question, limiter: trio.CapacityLimiter) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        file = written(question, tmp_path / f"{number}.dcm")
        model = "-P" if question.root == "patient" else "-S"
        async with limiter:
            await client_says("findscu", full, model, "-X", "-od", folder, file)
        found[question.words] = {label(dcmread(it), question) for it in folder.iterdir()}

    limiter = trio.CapacityLimiter(2)
    async with trio.open_nursery() as nursery:
        for number, question in enumerate(ASKED):
            nursery.start_soon(ask, number, question, limiter)
    print(f"{len(ASKED)} questions asked with findscu")
    assert found == {it.words: it.found for it in ASKED}


def label(match: Dataset, question: Question) -> str:
    return str(match[question.unique_key].value).removeprefix(f"{UIDS}.")
