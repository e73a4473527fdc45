"""Several requests at once, and what became of each."""

from __future__ import annotations

import trio
from trio.testing import wait_all_tasks_blocked

from trio_dicom import (
    CEchoRequest,
    ClientConnection,
    Delivery,
    EncodedDataSet,
    Request,
    Response,
    TrioDicomError,
)
from trio_dicom.testing import ScriptedPeer

__all__ = ["BIG", "Outcomes", "ask", "asked", "check_shared_by_nobody"]

Outcomes = list[Response | Exception]
BIG = EncodedDataSet(bytes(100_000), "1.2.840.10008.1.2.1")


async def ask(
    connection: ClientConnection, outcomes: Outcomes, request: Request | None = None
) -> None:
    """Ask, and note the answer or the error."""
    try:
        async with connection.open_request(request or CEchoRequest()) as responses:
            outcomes.append(await responses.final())
    except TrioDicomError as error:
        outcomes.append(error)


async def asked(
    connection: ClientConnection, peer: ScriptedPeer, nursery: trio.Nursery, outcomes: Outcomes
) -> None:
    """Five tasks ask; the window lets three go out, and the peer has got them."""
    for _ in range(5):
        nursery.start_soon(ask, connection, outcomes)
    for _ in range(3):
        await peer.expect_message(CEchoRequest)
    await wait_all_tasks_blocked()


def check_shared_by_nobody(outcomes: Outcomes) -> None:
    """Each waiter has an error of its own, and knows how far its request came."""
    assert len({id(it) for it in outcomes}) == 5
    deliveries = [getattr(it, "delivery", None) for it in outcomes]
    assert deliveries.count(Delivery.SENT_WITHOUT_ANSWER) == 3
    assert deliveries.count(Delivery.NOT_SENT) == 2
