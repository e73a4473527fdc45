"""The scripted peer, as this project's own tests use it."""

from __future__ import annotations

import pytest
import trio

from trio_dicom._dimse.c_messages import (
    CEchoRequest,
)
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._protocol.negotiation import propose
from trio_dicom._wire.control import ReleaseResponse
from trio_dicom.connection import wrap_stream
from trio_dicom.testing import ConversationEnd, ConversationOver, scripted_peer

ECHO = "1.2.840.10008.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
REQUEST = propose(contexts=[PresentationContext(ECHO), PresentationContext(FIND)])


async def echo(stream: trio.abc.Stream) -> int:
    async with wrap_stream(stream) as connection:
        await connection.send_association_request(REQUEST)
        async with connection.open_request(CEchoRequest()) as responses:
            return (await responses.final()).status.code


async def test_a_script_accepts_answers_and_lets_go(nursery: trio.Nursery) -> None:
    async with scripted_peer() as (stream, peer):
        nursery.start_soon(echo, stream)
        request = await peer.accept(max_length=4096)
        assert request == REQUEST
        echo_request = await peer.expect_message(CEchoRequest)
        assert peer.last_context_id == 1
        assert [pdv.is_command for pdv in peer.last_fragments] == [True]
        await peer.reply(echo_request, 0x0000)
        with pytest.raises(ConversationOver) as over:
            await peer.receive_message()
        assert over.value.how is ConversationEnd.RELEASED
        assert peer.sent.endswith(ReleaseResponse().encode())
        await peer.expect_closed()
        assert peer.received == b"".join(pdu.encode() for pdu in peer.pdus)
