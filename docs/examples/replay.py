"""A program, a recording of what an archive said to it, and the test that needs no archive."""

from pathlib import Path

import trio

from trio_dicom import Association, Recording, open_association, propose, wrap_stream
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import replay_peer


async def archive_is_ready(association: Association) -> bool:
    """The program under test."""
    return (await association.c_echo()).status.is_success


async def record(host: str, port: int, path: Path) -> None:
    """Done once, where there is an archive."""
    recording = Recording(path, keeps_bytes=True)
    async with open_association(
        host, port, called_ae="ARCHIVE", contexts=[VERIFICATION], instrument=recording
    ) as association:
        assert await archive_is_ready(association)


# [test
RECORDING = Path(__file__).with_name("archive.jsonl")


async def test_the_recorded_archive_is_ready() -> None:
    request = propose(contexts=[VERIFICATION], called_ae="ARCHIVE")
    async with replay_peer(RECORDING) as stream, wrap_stream(stream) as connection:
        negotiated = await connection.send_association_request(request)
        assert await archive_is_ready(Association(connection, negotiated))
    # test]


if __name__ == "__main__":
    trio.run(record, "localhost", 104, RECORDING)
