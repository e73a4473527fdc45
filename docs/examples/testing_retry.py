"""Tests of a program that tries again, and of one that has its association already."""

import trio
from trio.testing import MockClock

from trio_dicom import Association, CEchoRequest, Code, ConnectionEnded, open_association
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import (
    ScriptedPeer,
    open_memory_association,
    open_scripted_server,
    playing,
)


async def dying(peer: ScriptedPeer) -> None:
    """An archive that is restarted in the midst of a request."""
    await peer.accept()
    await peer.expect_message(CEchoRequest)
    await peer.abort()


async def full(peer: ScriptedPeer) -> None:
    """An archive that has no room."""
    await peer.accept()
    await peer.reply(await peer.expect_message(CEchoRequest), Code.RESOURCE_LIMITATION)


async def status_of(association: Association) -> int:
    """A program that is given its association."""
    return (await association.c_echo()).status.code


async def status_in_the_end(host: str, port: int) -> int:
    """A program that opens its own, and tries again."""
    while True:
        try:
            async with open_association(host, port, contexts=[VERIFICATION]) as association:
                return await status_of(association)
        except ConnectionEnded:
            await trio.sleep(1)


# [test
async def test_it_tries_again(autojump_clock: MockClock) -> None:
    async with open_scripted_server(dying, dying, full) as server:
        assert await status_in_the_end(server.host, server.port) == Code.RESOURCE_LIMITATION
    assert server.connections == 3
    assert autojump_clock.current_time() == 2  # which took no time


async def test_it_hears_of_a_full_archive() -> None:
    async with open_memory_association(playing(full), contexts=[VERIFICATION]) as association:
        assert await status_of(association) == Code.RESOURCE_LIMITATION


# test]
