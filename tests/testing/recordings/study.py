"""A conversation about a study that is nobody's, with an archive or with a recording of one."""

from __future__ import annotations

from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage

from trio_dicom import (
    Association,
    PresentationContext,
    Receiver,
    open_receiver,
    propose,
    wrap_stream,
)
from trio_dicom.sop_classes import STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE, VERIFICATION
from trio_dicom.testing import replay_peer

__all__ = [
    "CALLED_AE",
    "CONTEXTS",
    "MOVE_CONTEXTS",
    "MOVE_RECORDING",
    "OUR_AE",
    "RECORDING",
    "bring_here",
    "bring_here_again",
    "keep_and_give_back",
    "keep_and_give_back_again",
]

RECORDING = Path(__file__).with_name("orthanc.jsonl")
"""That with Orthanc. ``tests/interop/test_recorded.py`` tells how to record it again."""

MOVE_RECORDING = Path(__file__).with_name("orthanc-move.jsonl")
"""That in which it calls us, likewise."""

CALLED_AE = "ORTHANC"
OUR_AE = "TRIOSTORE"
MOVE_CONTEXTS = [STUDY_ROOT_MOVE, PresentationContext(CTImageStorage)]
CONTEXTS = [
    VERIFICATION,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    PresentationContext(CTImageStorage, scu_role=True, scp_role=True),
]

_STUDY = "1.2.826.0.1.3680043.10.2"
_INSTANCES = 3
_SIDE = 16  # of an image, in pixels


def _instance(number: int) -> Dataset:
    data_set = Dataset()
    data_set.SOPClassUID = CTImageStorage
    data_set.SOPInstanceUID = f"{_STUDY}.1.{number}"
    data_set.StudyDate, data_set.StudyTime = "20260101", "101500"
    data_set.AccessionNumber, data_set.Modality = "", "CT"
    data_set.PatientName, data_set.PatientID = "Synthetic^Study", "NOBODY"
    data_set.PatientBirthDate = data_set.PatientSex = ""
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID = _STUDY, f"{_STUDY}.1"
    data_set.StudyID = "1"
    data_set.SeriesNumber, data_set.InstanceNumber = 1, number
    data_set.SamplesPerPixel, data_set.PhotometricInterpretation = 1, "MONOCHROME2"
    data_set.Rows = data_set.Columns = _SIDE
    data_set.BitsAllocated = data_set.BitsStored = 16
    data_set.HighBit, data_set.PixelRepresentation = 15, 0
    data_set.add_new("PixelData", "OW", bytes([number, 0]) * _SIDE * _SIDE)
    return data_set


async def keep_and_give_back(association: Association, folder: Path) -> None:
    """The test: an archive keeps a study, finds it, and gives it back as it was."""
    assert (await association.c_echo()).status.is_success
    stored = {it.SOPInstanceUID: it for it in map(_instance, range(1, _INSTANCES + 1))}
    for data_set in stored.values():
        assert (await association.c_store(data_set)).status.is_success
    query = Dataset()
    query.StudyInstanceUID, query.PatientName = _STUDY, ""
    async with association.c_find(query, level="STUDY") as matches:
        found = [it.identifier async for it in matches]
    assert [str(it.PatientName) for it in found] == ["Synthetic^Study"]
    wanted = Dataset()
    wanted.StudyInstanceUID = _STUDY
    async with association.c_get(wanted, level="STUDY", into=folder) as retrieval:
        response = await retrieval.final()
    assert response.status.is_success
    assert _read(folder) == stored


async def keep_and_give_back_again(path: Path, folder: Path) -> None:
    """The same with the archive that was recorded in ``path``."""
    async with replay_peer(path) as stream, wrap_stream(stream) as connection:
        request = propose(contexts=CONTEXTS, called_ae=CALLED_AE)
        negotiated = await connection.send_association_request(request)
        await keep_and_give_back(Association(connection, negotiated), folder)


async def bring_here(association: Association, receiver: Receiver, folder: Path) -> None:
    """The test: an archive brings a study on an association of its own, as it was."""
    stored = {it.SOPInstanceUID: it for it in map(_instance, range(1, _INSTANCES + 1))}
    for data_set in stored.values():
        assert (await association.c_store(data_set)).status.is_success
    wanted = Dataset()
    wanted.StudyInstanceUID = _STUDY
    async with association.c_move(
        wanted, level="STUDY", receiver=receiver, into=folder
    ) as retrieval:
        counts = [step.completed or 0 async for step in retrieval]
    assert counts == sorted(counts)
    assert retrieval.response is not None
    assert retrieval.response.completed == _INSTANCES
    assert _read(folder) == stored


async def bring_here_again(path: Path, folder: Path) -> None:
    """The same with the archive that was recorded in ``path``."""
    async with (
        open_receiver(into=None, ae_title=OUR_AE) as receiver,
        replay_peer(path, calls=receiver.serve) as stream,
        wrap_stream(stream) as connection,
    ):
        request = propose(contexts=MOVE_CONTEXTS, called_ae=CALLED_AE, calling_ae=OUR_AE)
        negotiated = await connection.send_association_request(request)
        await bring_here(Association(connection, negotiated), receiver, folder)


def _read(folder: Path) -> dict[str, Dataset]:
    return {it.SOPInstanceUID: it for it in map(dcmread, folder.glob("*.dcm"))}
