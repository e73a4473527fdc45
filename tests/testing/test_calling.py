"""Associations in memory: opened, used, refused and left like any other."""

from __future__ import annotations

import pytest
import trio.testing

from trio_dicom import AssociationRejected, CEchoRequest
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import (
    MemoryArchive,
    ScriptedPeer,
    open_archive,
    open_memory_association,
    playing,
)
from trio_dicom.testing.calling import call


async def test_an_archive_answers_in_memory() -> None:
    archive = MemoryArchive()
    async with open_memory_association(archive.serve, contexts=[VERIFICATION]) as association:
        assert (await association.c_echo()).status.is_success


async def test_a_rejection_in_memory_is_raised_as_it_is() -> None:
    archive = MemoryArchive("PACS", checks_called_ae=True)
    with pytest.raises(AssociationRejected):
        async with open_memory_association(archive.serve, contexts=[VERIFICATION]):
            pass


async def test_what_the_block_raises_comes_as_it_is() -> None:
    with pytest.raises(LookupError, match="of mine"):
        async with open_memory_association(MemoryArchive().serve, contexts=[VERIFICATION]):
            raise LookupError("of mine")


async def test_a_place_on_the_network_is_called_by_its_title() -> None:
    archive = MemoryArchive("PACS", checks_called_ae=True)
    async with (
        open_archive(archive=archive),
        call(
            (archive.host, archive.port),
            called_ae="PACS",
            calling_ae="OURS",
            contexts=[VERIFICATION],
        ) as association,
    ):
        assert (await association.c_echo()).status.is_success


async def test_a_place_in_memory_is_called_by_its_title() -> None:
    archive = MemoryArchive("PACS", checks_called_ae=True)
    async with call(
        archive.serve, called_ae="PACS", calling_ae="OURS", contexts=[VERIFICATION]
    ) as association:
        assert (await association.c_echo()).status.is_success


async def test_what_the_server_raises_comes_as_it_is() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        raise LookupError("of the server")

    with pytest.raises(LookupError, match="of the server"):
        async with open_memory_association(serve, contexts=[VERIFICATION]):
            pass


async def test_the_blocks_own_error_comes_with_that_of_the_server() -> None:
    async def script(peer: ScriptedPeer) -> None:
        await peer.accept()
        await peer.expect_message(CEchoRequest)

    with pytest.raises(LookupError, match="of mine") as mine:  # noqa: PT012
        async with open_memory_association(playing(script), contexts=[VERIFICATION]) as association:
            await association.abort()
            await trio.testing.wait_all_tasks_blocked()
            raise LookupError("of mine")
    [note] = mine.value.__notes__
    assert note.startswith("The other side has failed, too: expected CEchoRequest, but the other")
