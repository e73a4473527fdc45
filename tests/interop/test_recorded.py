"""Conversations with Orthanc, each once for real and once more from its recording.

``TRIO_DICOM_RECORD=1 python -m pytest tests/interop/test_recorded.py`` writes the recordings anew
that are kept for those who have no Orthanc.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.interop import peers
from tests.interop.peers import OrthancPeer
from tests.testing.recordings.study import (
    CALLED_AE,
    CONTEXTS,
    MOVE_CONTEXTS,
    MOVE_RECORDING,
    OUR_AE,
    RECORDING,
    bring_here,
    bring_here_again,
    keep_and_give_back,
    keep_and_give_back_again,
)
from trio_dicom import Recording, open_association, open_receiver
from trio_dicom.recording import RecordKind, read_recording


async def test_what_orthanc_said_passes_the_same_test_in_memory(
    orthanc: OrthancPeer, tmp_path: Path
) -> None:
    path = tmp_path / "trace.jsonl"
    async with open_association(
        orthanc.host,
        orthanc.port,
        called_ae=CALLED_AE,
        contexts=CONTEXTS,
        instrument=Recording(path, keeps_bytes=True),
    ) as association:
        await keep_and_give_back(association, tmp_path / "live")
    await keep_and_give_back_again(path, tmp_path / "replayed")
    keep(path, RECORDING, associations=1)


async def test_what_orthanc_moved_passes_the_same_test_in_memory(tmp_path: Path) -> None:
    path, folder = tmp_path / "trace.jsonl", tmp_path / "orthanc"
    folder.mkdir()
    recording = Recording(path, keeps_bytes=True)
    async with (
        open_receiver(into=None, ae_title=OUR_AE, instrument=recording) as receiver,
        peers.orthanc(folder, move_to={OUR_AE: receiver.port}) as orthanc,
        open_association(
            orthanc.host,
            orthanc.port,
            called_ae=CALLED_AE,
            calling_ae=OUR_AE,
            contexts=MOVE_CONTEXTS,
            instrument=recording,
        ) as association,
    ):
        await bring_here(association, receiver, tmp_path / "live")
    await bring_here_again(path, tmp_path / "replayed")
    keep(path, MOVE_RECORDING, associations=2)


def keep(path: Path, kept: Path, *, associations: int) -> None:
    """The recording is whole; it takes the place of that which is kept if that was asked for."""
    records = list(read_recording(path))
    print(f"{len(records)} records, {sum(it.length for it in records)} bytes")
    ends = [it.association for it in records if it.kind is RecordKind.CLOSE]
    assert sorted(ends) == [*range(1, associations + 1)]
    if os.environ.get("TRIO_DICOM_RECORD"):
        shutil.copyfile(path, kept)
