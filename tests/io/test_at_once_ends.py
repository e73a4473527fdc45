"""What an end of the association makes of a request of which a part has gone at once."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.io.talking import Call, store_request, talking
from trio_dicom import (
    AssociationAborted,
    AssociationReleased,
    CEchoRequest,
    ClientConnection,
    Delivery,
    RemoteProtocolError,
    response_to,
)
from trio_dicom.lowlevel import (
    DataTransfer,
    PresentationDataValue,
    ReleaseRequest,
    ReleaseResponse,
    encode_command,
)
from trio_dicom.testing import ScriptedPeer

_UNEXPECTED = bytes.fromhex("03 00 00000004 00 01 01 01")  # A-ASSOCIATE-RJ
_RELEASE = ReleaseRequest().encode()
_ABORT = bytes.fromhex("07 00 00000004 00 00 00 00")


async def what_follows_a_part(
    said: bytes, connection: ClientConnection, peer: ScriptedPeer, until: bytes
) -> tuple[Exception, bytes]:
    """Have a part of a C-STORE written by the very answer behind which the peer says ``said``.

    Returns:
        What the C-STORE ends with, and what the peer gets, to ``until`` or to its end.
    """
    async with trio.open_nursery() as nursery:
        first = await Call.begin(nursery, connection, CEchoRequest())
        second = await Call.begin(nursery, connection, store_request(2000))
        request = await peer.expect_message(CEchoRequest)
        command = encode_command(response_to(request, 0x0000), has_data_set=False)
        pdv = PresentationDataValue(context_id=1, is_command=True, is_last=True, data=command)
        await peer.send_bytes(DataTransfer((pdv,)).encode() + said)
        await wait_all_tasks_blocked()
        received = bytearray()
        while not received.endswith(until) and (data := await peer.stream.receive_some()):
            received += data
        await peer.aclose()
        assert await first.status() == 0x0000
        return await second.failure(), bytes(received)


@pytest.mark.scenario("B43")
async def test_an_abort_follows_the_request_of_which_a_part_has_gone() -> None:
    async with talking(capacity=1000) as (connection, peer):
        aborted = bytes.fromhex("07 00 00000004 00 00 02 02")
        error, received = await what_follows_a_part(_UNEXPECTED, connection, peer, aborted)
        assert isinstance(error, RemoteProtocolError)
        assert received.endswith(aborted)
        assert len(received) > 2000


@pytest.mark.scenario("B42")
async def test_a_request_whose_end_follows_may_have_been_served_before_a_release() -> None:
    async with talking(capacity=1000) as (connection, peer):
        released = ReleaseResponse().encode()
        error, received = await what_follows_a_part(_RELEASE, connection, peer, released)
        assert isinstance(error, AssociationReleased)
        assert error.delivery is Delivery.SENT_WITHOUT_ANSWER
        assert received.endswith(released)
        assert len(received) > 2000


@pytest.mark.scenario("B43")
async def test_a_request_whose_end_stays_unwritten_is_partly_sent() -> None:
    async with talking(capacity=1000) as (connection, peer):
        error, received = await what_follows_a_part(_ABORT, connection, peer, b"no end")
        assert isinstance(error, AssociationAborted)
        assert error.delivery is Delivery.PARTLY_SENT
        assert len(received) == 1000
