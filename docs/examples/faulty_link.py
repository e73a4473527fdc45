"""A test of a program that has to cope with a link that breaks, wherever it breaks."""

import trio

from trio_dicom import ConnectionLost, propose, wrap_stream
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import Cut, FaultyStream, MemoryArchive, Trickle, memory_link


async def archive_is_ready(stream: trio.abc.Stream) -> bool:
    """The program under test."""
    try:
        async with wrap_stream(stream) as connection:
            await connection.send_association_request(propose(contexts=[VERIFICATION]))
    except ConnectionLost:
        return False
    return True


async def test_an_archive_that_is_cut_off_is_not_ready() -> None:
    for number in range(100):  # of its answer, which comes byte by byte
        ours, theirs = memory_link()
        broken = FaultyStream(ours, receiving=[Trickle(), Cut(at=number, how="reset")])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(MemoryArchive().serve, theirs)
            assert not await archive_is_ready(broken)
