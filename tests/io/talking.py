"""An association on which everything can be said, and calls that run beside a test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Self

import trio
from attrs import define, field
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.recording import CT, ECHO, FIND, serve
from trio_dicom import (
    CFindRequest,
    CGetRequest,
    ClientConnection,
    CMoveRequest,
    ConnectionHandler,
    ConnectionOptions,
    CStoreRequest,
    EncodedDataSet,
    Instrument,
    PresentationContext,
    Request,
    Response,
    Timeouts,
    TrioDicomError,
    propose,
    wrap_stream,
)
from trio_dicom.testing import LinkEnd, ScriptedPeer, scripted_peer

__all__ = [
    "COMMITMENT",
    "COMMITMENT_ID",
    "CT_ID",
    "EVERYTHING",
    "GET",
    "MOVE",
    "Call",
    "Sent",
    "answer_to",
    "ask",
    "find_request",
    "get_request",
    "instance",
    "is_silent",
    "move_request",
    "patient",
    "quick",
    "store_request",
    "talking",
]

GET = "1.2.840.10008.5.1.4.1.2.2.3"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
COMMITMENT = "1.2.840.10008.1.20.1"

EVERYTHING = (
    PresentationContext(ECHO),
    PresentationContext(CT, scu_role=True, scp_role=True),
    PresentationContext(FIND),
    PresentationContext(GET),
    PresentationContext(MOVE),
    PresentationContext(COMMITMENT),
)
CT_ID, COMMITMENT_ID = 3, 11


def quick(**timeouts: Any) -> ConnectionOptions:
    """Options with these timeouts."""
    return ConnectionOptions(timeouts=Timeouts(**timeouts))


def patient(name: str = "*") -> Dataset:
    data_set = Dataset()
    data_set.PatientName = name
    return data_set


def find_request(name: str = "*") -> CFindRequest:
    return CFindRequest(sop_class_uid=FIND, data_set=patient(name))


def get_request(name: str = "*") -> CGetRequest:
    return CGetRequest(sop_class_uid=GET, data_set=patient(name))


def move_request(name: str = "*") -> CMoveRequest:
    return CMoveRequest(sop_class_uid=MOVE, move_destination="HERE", data_set=patient(name))


def instance(size: int) -> EncodedDataSet:
    """A data set of ``size`` bytes, an even number from 12 on: Pixel Data, and no more."""
    header = b"\xe0\x7f\x10\x00OW\0\0" + (size - 12).to_bytes(4, "little")
    return EncodedDataSet(header + bytes(size - 12), ExplicitVRLittleEndian)


def store_request(size: int = 512, uid: str = "1.2.3", **fields: Any) -> CStoreRequest:
    return CStoreRequest(sop_class_uid=CT, sop_instance_uid=uid, data_set=instance(size), **fields)


@asynccontextmanager
async def talking(
    *,
    handler: ConnectionHandler | None = None,
    instrument: Instrument | None = None,
    options: ConnectionOptions | None = None,
    capacity: int | None = None,
    window: int = 1,
    performed: int = 1,
    contexts: Iterable[PresentationContext] = EVERYTHING,
    accept: dict[str, Any] | None = None,
) -> AsyncGenerator[tuple[ClientConnection, ScriptedPeer], None]:
    """An association, and its peer in the hands of the test.

    When the block ends in order, the peer obliges whatever still comes.

    Args:
        handler: As for ``wrap_stream``.
        instrument: Likewise.
        options: Likewise.
        capacity: As for ``scripted_peer``.
        window: Operations invoked to propose, and to accept unless ``accept`` differs.
        performed: Operations performed, likewise.
        contexts: What to propose.
        accept: As for ``ScriptedPeer.accept``.
    """
    request = propose(
        contexts=contexts, max_operations_invoked=window, max_operations_performed=performed
    )
    asked = None if (window, performed) == (1, 1) else (window, performed)
    answer = {"window": asked, **(accept or {})}
    # So that what waits for ever fails; a clock that jumps comes there at once.
    mocked = isinstance(trio.lowlevel.current_clock(), MockClock)
    with trio.fail_after(10_000_000 if mocked else 30):
        async with (
            scripted_peer(capacity=capacity) as (stream, peer),
            trio.open_nursery() as nursery,
            wrap_stream(
                stream, handler=handler, instrument=instrument, options=options
            ) as connection,
        ):
            async with trio.open_nursery() as handshake:
                handshake.start_soon(lambda: peer.accept(**answer))
                await connection.send_association_request(request)
            yield connection, peer
            nursery.start_soon(serve, peer)


async def ask(connection: ClientConnection, request: Request, **timeouts: Any) -> Response:
    """The final response to ``request``."""
    async with connection.open_request(request, **timeouts) as responses:
        return await responses.final()


@define(eq=False)
class Call:
    """A request in a task of its own.

    Attributes:
        response: The final response, once it is there.
        error: What was raised instead.
        scope: Cancels the caller.
        ended: Set when the caller has one of them, or was cancelled.
        at: When that was.
    """

    response: Response | None = None
    error: TrioDicomError | None = None
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    ended: trio.Event = field(factory=trio.Event)
    at: float = 0.0

    @classmethod
    async def begin(
        cls, nursery: trio.Nursery, connection: ClientConnection, request: Request, **timeouts: Any
    ) -> Self:
        """Start it, and return when nothing moves any more."""
        call = cls()
        nursery.start_soon(lambda: call._run(connection, request, **timeouts))
        await wait_all_tasks_blocked()
        return call

    async def _run(self, connection: ClientConnection, request: Request, **timeouts: Any) -> None:
        with self.scope:
            try:
                self.response = await ask(connection, request, **timeouts)
            except TrioDicomError as error:
                self.error = error
        self.at = trio.current_time()
        self.ended.set()

    async def cancel(self) -> None:
        """Cancel the caller, and return when nothing moves any more."""
        self.scope.cancel()
        await self.ended.wait()
        await wait_all_tasks_blocked()

    async def status(self) -> int:
        """The status of its final response."""
        await self.ended.wait()
        assert self.error is None
        assert self.response is not None
        return self.response.status.code

    async def failure(self) -> TrioDicomError:
        """What it raised."""
        await self.ended.wait()
        assert self.error is not None
        return self.error


async def answer_to(peer: ScriptedPeer, request: Request, context_id: int) -> Response:
    """What the peer gets when it sends ``request``."""
    await peer.send_message(request, context_id=context_id)
    answer = await peer.receive_message()
    assert isinstance(answer, Response)
    assert peer.last_context_id == context_id
    assert answer.message_id_being_responded_to == request.message_id
    return answer


async def is_silent(peer: ScriptedPeer) -> bool:
    """Whether nothing came that the peer has not received, and nothing comes any more."""
    await wait_all_tasks_blocked()
    assert isinstance(peer.stream, LinkEnd)
    is_unread = len(peer._unread) > peer._given
    return not (peer.stream._incoming.held or peer._buffer.pending or is_unread)


class Sent:
    """An instrument that keeps the operations that were sent, in order, and their context."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, int]] = []

    def bytes_sent(self, count: int) -> None: ...
    def bytes_received(self, count: int) -> None: ...
    def pdu_sent(self, pdu: Any) -> None: ...
    def event_received(self, event: object) -> None: ...
    def message_received(self, message: Any, context: Any) -> None: ...

    def message_sent(self, message: Any, context: Any) -> None:
        self.messages.append((type(message).__name__, context.context_id))
