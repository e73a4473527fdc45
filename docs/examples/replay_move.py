"""A program to which an archive brings a study, a recording of it, and the test from that."""

from pathlib import Path

import trio
from pydicom import Dataset

from trio_dicom import (
    Association,
    Receiver,
    Recording,
    open_association,
    open_receiver,
    propose,
    wrap_stream,
)
from trio_dicom.sop_classes import STUDY_ROOT_MOVE
from trio_dicom.testing import replay_peer


async def bring(association: Association, receiver: Receiver, study: str, folder: Path) -> int:
    """The program under test."""
    query = Dataset()
    query.StudyInstanceUID = study
    async with association.c_move(
        query, level="STUDY", receiver=receiver, into=folder
    ) as retrieval:
        await retrieval.final()
    return len(retrieval.instances)


async def record(host: str, port: int, receive_port: int, study: str, path: Path) -> None:
    """Done once, where there is an archive that knows TRIOSTORE at the receiver's port."""
    recording = Recording(path, keeps_bytes=True)
    async with (
        open_receiver(
            receive_port, into=None, ae_title="TRIOSTORE", instrument=recording
        ) as receiver,
        open_association(
            host,
            port,
            called_ae="ARCHIVE",
            calling_ae="TRIOSTORE",
            contexts=[STUDY_ROOT_MOVE],
            instrument=recording,
        ) as association,
    ):
        assert await bring(association, receiver, study, path.with_suffix("")) == 1


# [test
RECORDING = Path(__file__).with_name("archive.jsonl")
STUDY = "1.2.3"


async def test_the_recorded_archive_brings_a_study(tmp_path: Path) -> None:
    request = propose(contexts=[STUDY_ROOT_MOVE], called_ae="ARCHIVE", calling_ae="TRIOSTORE")
    async with (
        open_receiver(into=None, ae_title="TRIOSTORE") as receiver,
        replay_peer(RECORDING, calls=receiver.serve) as stream,
        wrap_stream(stream) as connection,
    ):
        negotiated = await connection.send_association_request(request)
        association = Association(connection, negotiated)
        assert await bring(association, receiver, STUDY, tmp_path) == 1
    # test]


if __name__ == "__main__":
    trio.run(record, "localhost", 104, 11112, STUDY, RECORDING)
