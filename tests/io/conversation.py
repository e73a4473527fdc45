"""A conversation that has a bit of everything, to be cut wherever one likes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache

import pytest
import trio
from attrs import define, field
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.io.recording import CT, FIND, REQUEST, Recorder
from tests.io.replay import Record, record
from trio_dicom import (
    CEchoRequest,
    CFindRequest,
    ClientConnection,
    CStoreRequest,
    EncodedDataSet,
    TrioDicomError,
    wrap_stream,
)
from trio_dicom.testing import ConversationOver, ScriptedPeer

__all__ = ["MATCHES", "QUERY", "STEPS", "STORE", "Run", "conversation"]

MATCHES = 3
DATA = EncodedDataSet(
    b"\x10\x00\x10\x00LO\x40\x00"
    + b"1" * 64
    + b"\xe0\x7f\x10\x00OW\0\0\x00\x05\0\0"
    + bytes(0x500),
    ExplicitVRLittleEndian,
)
QUERY = Dataset()
QUERY.PatientID = "*"
STORE = CStoreRequest(sop_class_uid=CT, sop_instance_uid="1.2.3", data_set=DATA)


async def associate(connection: ClientConnection) -> int:
    await connection.send_association_request(REQUEST)
    return 0


async def echo(connection: ClientConnection) -> int:
    async with connection.open_request(CEchoRequest()) as responses:
        return (await responses.final()).status.code


async def store(connection: ClientConnection) -> int:
    async with connection.open_request(STORE) as responses:
        return (await responses.final()).status.code


async def find(connection: ClientConnection) -> int:
    found = 0
    query = CFindRequest(sop_class_uid=FIND, data_set=QUERY)
    try:
        async with connection.open_request(query) as responses:
            async for _ in responses:
                found += 1
            await responses.final()
    except TrioDicomError as error:
        error.add_note(f"found {found}")
        raise
    return found


async def release(connection: ClientConnection) -> int:
    await connection.send_association_release_request()
    return 0


STEPS: dict[str, Callable[[ClientConnection], Awaitable[int]]] = {
    "associate": associate,
    "echo": echo,
    "store": store,
    "find": find,
    "release": release,
}


@define(eq=False)
class Run:
    """One client from the first step to the last, whatever comes between.

    Attributes:
        results: What each step returned or raised.
        heard: What ``listener.wait`` raised, or None.
        handler: What the callbacks were told.
        seconds: How long it took, on the clock of the test.
    """

    results: dict[str, int | TrioDicomError] = field(factory=dict[str, int | TrioDicomError])
    heard: TrioDicomError | None = None
    handler: Recorder = field(factory=Recorder)
    seconds: float = 0.0

    async def through(self, stream: trio.abc.Stream) -> None:
        begun = trio.current_time()
        async with (
            trio.open_nursery() as nursery,
            wrap_stream(stream, handler=self.handler) as connection,
        ):
            nursery.start_soon(self._listen, connection)
            for name, step in STEPS.items():
                try:
                    self.results[name] = await step(connection)
                except TrioDicomError as error:
                    self.results[name] = error
        self.seconds = trio.current_time() - begun

    async def _listen(self, connection: ClientConnection) -> None:
        try:
            await connection.listener.wait()
        except TrioDicomError as error:
            self.heard = error

    @property
    def errors(self) -> dict[str, TrioDicomError]:
        return {name: it for name, it in self.results.items() if isinstance(it, TrioDicomError)}


async def script(peer: ScriptedPeer) -> None:
    await peer.accept(max_length=512)
    await peer.reply(await peer.expect_message(CEchoRequest), 0x0000)
    await peer.reply(await peer.expect_message(CStoreRequest), 0x0000)
    query = await peer.expect_message(CFindRequest)
    for number in range(MATCHES):
        await peer.reply(query, 0xFF00, data_set=QUERY, max_fragment=8 if number == 1 else None)
    await peer.reply(query, 0x0000)
    with pytest.raises(ConversationOver):
        await peer.receive_message()


@cache
def conversation() -> Record:
    """The whole of it, as it goes when nothing breaks."""
    return trio.run(record, Run().through, script)
