"""What Orthanc said once, without Orthanc."""

from __future__ import annotations

from pathlib import Path

from tests.testing.recordings.study import (
    MOVE_RECORDING,
    RECORDING,
    bring_here_again,
    keep_and_give_back_again,
)
from trio_dicom.recording import read_recording, sequence

STORE, SUB_OPERATION = ["> C-STORE-RQ", "< C-STORE-RSP"], ["< C-STORE-RQ", "> C-STORE-RSP"]


async def test_a_recorded_orthanc_passes_the_test_of_a_real_one(tmp_path: Path) -> None:
    await keep_and_give_back_again(RECORDING, tmp_path / "in")


async def test_a_recorded_orthanc_calls_as_a_real_one_does(tmp_path: Path) -> None:
    await bring_here_again(MOVE_RECORDING, tmp_path / "in")


def test_its_sequence_is_that_of_the_test() -> None:
    messages = messages_of(RECORDING)
    assert [it for it in messages if it != "< C-GET-RSP"] == [
        *("> C-ECHO-RQ", "< C-ECHO-RSP"),
        *STORE * 3,
        *("> C-FIND-RQ", "< C-FIND-RSP", "< C-FIND-RSP"),
        "> C-GET-RQ",
        *SUB_OPERATION * 3,
    ]
    assert messages[-1] == "< C-GET-RSP"


def test_that_of_its_call_lies_within_that_of_the_move() -> None:
    messages = messages_of(MOVE_RECORDING)
    assert [it for it in messages if it != "< C-MOVE-RSP"] == [
        *STORE * 3,
        "> C-MOVE-RQ",
        *SUB_OPERATION * 3,
    ]
    assert messages[-1] == "< C-MOVE-RSP"


def messages_of(recording: Path) -> list[str]:
    """Who said which messages, in order."""
    lines = [line.split() for line in sequence(read_recording(recording))]
    return [f"{line[2]} {line[3]}" for line in lines if line[3].startswith("C-")]
