"""A test of a program that has to cope with a full archive."""

from collections.abc import Callable

import trio

from trio_dicom import CEchoRequest, Code, propose, wrap_stream
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import LinkEnd, ScriptedPeer


async def archive_is_ready(stream: trio.abc.Stream) -> bool:
    """The program under test."""
    async with wrap_stream(stream) as connection:
        await connection.send_association_request(propose(contexts=[VERIFICATION]))
        async with connection.open_request(CEchoRequest()) as responses:
            return (await responses.final()).status.is_success


async def test_an_archive_without_resources_is_not_ready(
    scripted_peer: Callable[..., LinkEnd],
) -> None:
    async def full(peer: ScriptedPeer) -> None:
        await peer.accept(max_length=4096)
        request = await peer.expect_message(CEchoRequest)
        await peer.reply(request, Code.RESOURCE_LIMITATION)

    assert not await archive_is_ready(scripted_peer(full))
