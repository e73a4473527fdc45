"""A conversation with Orthanc, once for real and once more from its recording.

``TRIO_DICOM_RECORD=1 python -m pytest tests/interop/test_recorded.py`` writes the recording anew
that is kept for those who have no Orthanc.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.interop.peers import OrthancPeer
from tests.testing.recordings.study import CALLED_AE, CONTEXTS, RECORDING, keep_and_give_back
from trio_dicom import Association, Recording, open_association, propose, wrap_stream
from trio_dicom.recording import RecordKind, read_recording
from trio_dicom.testing import replay_peer


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
    async with replay_peer(path) as stream, wrap_stream(stream) as connection:
        request = propose(contexts=CONTEXTS, called_ae=CALLED_AE)
        negotiated = await connection.send_association_request(request)
        await keep_and_give_back(Association(connection, negotiated), tmp_path / "replayed")
    records = list(read_recording(path))
    print(f"{len(records)} records, {sum(it.length for it in records)} bytes")
    assert records[-1].kind is RecordKind.CLOSE
    if os.environ.get("TRIO_DICOM_RECORD"):
        shutil.copyfile(path, RECORDING)
