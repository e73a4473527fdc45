"""What Orthanc said once, without Orthanc."""

from __future__ import annotations

from pathlib import Path

from tests.testing.recordings.study import CALLED_AE, CONTEXTS, RECORDING, keep_and_give_back
from trio_dicom import Association, propose, wrap_stream
from trio_dicom.recording import read_recording, sequence
from trio_dicom.testing import replay_peer


async def test_a_recorded_orthanc_passes_the_test_of_a_real_one(tmp_path: Path) -> None:
    async with replay_peer(RECORDING) as stream, wrap_stream(stream) as connection:
        request = propose(contexts=CONTEXTS, called_ae=CALLED_AE)
        negotiated = await connection.send_association_request(request)
        await keep_and_give_back(Association(connection, negotiated), tmp_path / "in")


def test_its_sequence_is_that_of_the_test() -> None:
    lines = [line.split() for line in sequence(read_recording(RECORDING))]
    messages = [f"{line[2]} {line[3]}" for line in lines if line[3].startswith("C-")]
    store, sub_operation = ["> C-STORE-RQ", "< C-STORE-RSP"], ["< C-STORE-RQ", "> C-STORE-RSP"]
    assert [it for it in messages if it != "< C-GET-RSP"] == [
        *("> C-ECHO-RQ", "< C-ECHO-RSP"),
        *store * 3,
        *("> C-FIND-RQ", "< C-FIND-RSP", "< C-FIND-RSP"),
        "> C-GET-RQ",
        *sub_operation * 3,
    ]
    assert messages[-1] == "< C-GET-RSP"
