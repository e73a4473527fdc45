"""Both sides of ours, a client and a receiver, each in front of a peer that a test plays."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import trio
from attrs import define, field
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.faults.wire import (
    COMMAND,
    ECHO,
    ECHO_REQUEST,
    LAST,
    answered,
    associate,
    command,
    proposed,
    said,
    user_information,
)
from tests.io.recording import CT, FIND
from tests.operations.calling import Keeper
from trio_dicom import (
    CEchoRequest,
    ClientConnection,
    ConnectionHandler,
    ConnectionOptions,
    PresentationContext,
    TrioDicomError,
    open_receiver,
    propose,
    wrap_stream,
)
from trio_dicom.testing import memory_link

__all__ = ["CLIENT", "CT_ID", "RECEIVER", "REFUSED_ID", "SIDES", "Ours", "asked", "associated"]

CLIENT, RECEIVER = "client", "receiver"
SIDES = [CLIENT, RECEIVER]
CT_ID, REFUSED_ID = 3, 5
# With the roles that let a peer bring instances to a client, as in a C-GET.
PROPOSED = [
    PresentationContext(ECHO),
    PresentationContext(CT, ["1.2.840.10008.1.2.1"], scu_role=True, scp_role=True),
    PresentationContext(FIND),
]
ROLES = b"\x54\0\0\x1d" + len(CT).to_bytes(2, "big") + CT.encode() + b"\1\1"
ACCEPTANCE = associate(
    2,
    [
        answered(1),
        answered(CT_ID),
        answered(REFUSED_ID, result=3),
        user_information(ROLES),
    ],
)
REQUEST = associate(
    1,
    [
        proposed(1, ECHO, "1.2.840.10008.1.2.1"),
        proposed(CT_ID, CT, "1.2.840.10008.1.2.1"),
        proposed(REFUSED_ID, FIND, "1.2.840.10008.1.2.1"),
        user_information(),
    ],
)


@define(eq=False)
class Ours(ABC):
    """Our side of a connection, and the bytes that the peer and we exchange.

    Attributes:
        stream: The peer's end.
        heard: What we said that the peer has not taken out, in order.
        errors: How it ended on our side: nothing if that was in order.
        ended: Set when it has ended.
        log: What was logged meanwhile.
    """

    stream: Any
    heard: bytearray = field(factory=bytearray)
    errors: list[Exception] = field(factory=list[Exception])
    ended: trio.Event = field(factory=trio.Event)
    log: list[str] = field(factory=list[str])

    async def says(self, data: bytes) -> None:
        """The peer says ``data``, whatever becomes of it."""
        await self.stream.send_all(data)
        await wait_all_tasks_blocked()

    async def hears(self, size: int) -> bytes:
        """The next ``size`` bytes that we say."""
        while len(self.heard) < size:
            data = await self.stream.receive_some()
            assert data, f"it closed after {self.heard.hex(' ')}"
            self.heard += data
        data, self.heard = bytes(self.heard[:size]), self.heard[size:]
        return data

    async def hears_pdu(self) -> bytes:
        """The next PDU that we say."""
        header = await self.hears(6)
        return header + await self.hears(int.from_bytes(header[2:], "big"))

    async def hears_command(self) -> bytes:
        """The command set of the next message that we say, which has no data set."""
        heard = b""
        while True:
            pdu = await self.hears_pdu()
            assert pdu[0] == 4
            heard += pdu[12:]
            if pdu[11] == COMMAND | LAST:
                return heard

    async def last_words(self) -> bytes:
        """All that we still say, once the peer has said its last."""
        try:
            await self.stream.send_eof()
            while data := await self.stream.receive_some():
                self.heard += data
        except trio.BrokenResourceError:
            pass
        await self.ended.wait()
        return bytes(self.heard)

    @abstractmethod
    async def lives(self) -> bool:
        """Whether the association serves for a C-ECHO."""

    @property
    def error(self) -> Exception:
        """The one error with which it ended on our side."""
        (error,) = self.errors
        return error


@define(eq=False)
class OurClient(Ours):
    """A client of ours that has an association, or has asked for one.

    Attributes:
        connection: Ours.
    """

    connection: ClientConnection = field(kw_only=True)

    async def lives(self) -> bool:
        statuses: list[int] = []

        async def ask() -> None:
            async with self.connection.open_request(CEchoRequest()) as responses:
                statuses.append((await responses.final()).status.code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            request = await self.hears_command()
            at = request.index(b"\0\0\x10\x01\2\0\0\0") + 8  # (0000,0110)
            answer = {
                0x0002: ECHO_REQUEST[0x0002],
                0x0100: b"\x30\x80",
                0x0120: request[at : at + 2],
                0x0800: b"\1\1",
                0x0900: b"\0\0",
            }
            await self.stream.send_all(said(command(answer), 3))
        return statuses == [0]

    async def run(self) -> None:
        try:
            await self.connection.send_association_request(propose(contexts=PROPOSED))
            await self.connection.listener.wait()
        except TrioDicomError as error:
            self.errors.append(error)
        self.ended.set()


class OurReceiver(Ours):
    """A receiver of ours that serves this one peer."""

    async def lives(self) -> bool:
        await self.stream.send_all(said(command(ECHO_REQUEST), 3))
        answer = await self.hears_command()
        return b"\0\0\0\x01\2\0\0\0\x30\x80" in answer and answer.endswith(b"\0\x09\2\0\0\0\0\0")


class _Listening(logging.Handler):
    """Hears what is logged, and with a receiver of associations that ended badly."""

    def __init__(self, ours: Ours) -> None:
        super().__init__()
        self.ours = ours

    def emit(self, record: logging.LogRecord) -> None:
        self.ours.log.append(record.getMessage())
        if isinstance(self.ours, OurReceiver) and isinstance(record.args, tuple):
            self.ours.errors += [it for it in record.args if isinstance(it, Exception)]


@contextmanager
def _logging(ours: Ours) -> Generator[None, None, None]:
    log, listening = logging.getLogger("trio_dicom"), _Listening(ours)
    log.addHandler(listening)
    try:
        yield
    finally:
        log.removeHandler(listening)


@asynccontextmanager
async def asked(
    side: str,
    *,
    handler: ConnectionHandler | None = None,
    into: Any = None,
    options: ConnectionOptions | None = None,
    capacity: int | None = None,
    **settings: Any,
) -> AsyncGenerator[Ours, None]:
    """Ours at the moment in which the peer has to say its first word.

    The client has asked for an association, the receiver has been called and nothing was said.

    Args:
        side: Which of us.
        handler: The client's.
        into: The receiver's place for instances, which has one of its own otherwise.
        options: Ours.
        capacity: As for ``memory_link``.
        **settings: As for ``open_receiver``.
    """
    theirs, ours = memory_link(capacity=capacity)
    mocked = isinstance(trio.lowlevel.current_clock(), MockClock)
    with trio.fail_after(10_000_000 if mocked else 30):
        if side == CLIENT:
            async with (
                trio.open_nursery() as nursery,
                wrap_stream(ours, handler=handler, options=options) as connection,
            ):
                client = OurClient(theirs, connection=connection)
                nursery.start_soon(client.run)
                await client.hears_pdu()
                with _logging(client):
                    yield client
                theirs.close()
            return
        async with (
            open_receiver(
                into=Keeper() if into is None else into, options=options, **settings
            ) as receiver,
            trio.open_nursery() as nursery,
        ):
            server = OurReceiver(theirs)

            async def serve() -> None:
                await receiver.serve(ours)
                server.ended.set()

            nursery.start_soon(serve)
            with _logging(server):
                yield server
            theirs.close()


@asynccontextmanager
async def associated(side: str, **settings: Any) -> AsyncGenerator[Ours, None]:
    """Ours with an association: contexts 1 and 3 for C-ECHO and CT images, 5 was refused."""
    async with asked(side, **settings) as ours:
        await ours.stream.send_all(ACCEPTANCE if side == CLIENT else REQUEST)
        if side == RECEIVER:
            assert (await ours.hears_pdu())[0] == 2
        await wait_all_tasks_blocked()
        yield ours
