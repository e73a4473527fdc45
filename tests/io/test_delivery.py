"""How far a request came when the connection ended: never less than it may have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.asking import BIG, Outcomes, ask
from tests.io.recording import CT, REQUEST
from trio_dicom import (
    CEchoRequest,
    ConnectionEnded,
    CStoreRequest,
    Delivery,
    EncodedDataSet,
    Request,
    wrap_stream,
)
from trio_dicom.testing import LinkEnd, ScriptedPeer, memory_link

SMALL = EncodedDataSet(bytes(20), "1.2.840.10008.1.2.1")
REQUESTS: dict[str, Request] = {
    "echo": CEchoRequest(),
    "small store": CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2", data_set=SMALL),
    "big store": CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2", data_set=BIG),
}


class LateReturn(trio.abc.Stream):
    """A link whose ``send_all`` returns a while after the peer has got everything.

    So does a socket's: the task is scheduled again, and the answer may be quicker.
    """

    def __init__(self, link: LinkEnd) -> None:
        self._link = link

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._link.send_all(data)
        await wait_all_tasks_blocked()

    async def wait_send_all_might_not_block(self) -> None:
        await self._link.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self._link.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._link.aclose()


@pytest.mark.parametrize("end", [ScriptedPeer.aclose, ScriptedPeer.reset, ScriptedPeer.abort])
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_what_the_peer_has_whole_counts_as_sent_also_before_the_write_returned(
    request_: Request, end: Callable[[ScriptedPeer], Awaitable[None]]
) -> None:
    """Otherwise a retry would believe that the peer cannot have stored the instance."""
    ours, theirs = memory_link()
    peer = ScriptedPeer(theirs)
    outcomes: Outcomes = []

    async def hang_up() -> None:
        await peer.expect_message(type(request_))
        await end(peer)

    async with trio.open_nursery() as nursery, wrap_stream(LateReturn(ours)) as connection:
        nursery.start_soon(peer.accept)
        await connection.send_association_request(REQUEST)
        nursery.start_soon(hang_up)
        await ask(connection, outcomes, request_)
        await peer.aclose()
    [error] = outcomes
    assert isinstance(error, ConnectionEnded)
    assert error.delivery is Delivery.SENT_WITHOUT_ANSWER


async def test_what_cannot_have_been_sent_whole_does_not_count_as_sent(
    autojump_clock: MockClock,
) -> None:
    ours, theirs = memory_link(capacity=1000)
    peer = ScriptedPeer(theirs)
    outcomes: Outcomes = []
    async with trio.open_nursery() as nursery, wrap_stream(ours) as connection:
        nursery.start_soon(peer.accept)
        await connection.send_association_request(REQUEST)
        nursery.start_soon(ask, connection, outcomes, REQUESTS["big store"])
        await wait_all_tasks_blocked()
        await peer.aclose()
    [error] = outcomes
    assert isinstance(error, ConnectionEnded)
    assert error.delivery is Delivery.PARTLY_SENT
