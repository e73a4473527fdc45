"""Instances of a peer that arrive bit by bit, and who keeps them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import trio
from attrs import define, field
from pydicom.uid import ExplicitVRLittleEndian

from tests.dimse.elements import explicit
from tests.io.recording import CT
from tests.io.talking import CT_ID, get_request, talking
from trio_dicom import (
    BaseHandler,
    CGetRequest,
    ClientConnection,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    Destination,
    EncodedDataSet,
    InstanceHandler,
    Limits,
    Timeouts,
    TrioDicomError,
    response_to,
)
from trio_dicom.lowlevel import encode_command, file_meta_bytes, fragment
from trio_dicom.testing import ScriptedPeer

__all__ = [
    "UID",
    "Arrival",
    "Getting",
    "Keeper",
    "arrival",
    "data_set",
    "getting",
    "is_clean",
    "left_open",
    "limited",
    "names_in",
    "whole_file",
]

UID = "1.2.3"
Sink = Path | Destination | None


def data_set(size: int = 400, uid: str | None = UID, sop_class: str = CT) -> bytes:
    """An instance of ``size`` bytes, an even number; None: it does not say which."""
    names = b""
    if uid is not None:
        for tag, value in ((0x0008_0016, sop_class), (0x0008_0018, uid)):
            names += explicit(tag, "UI", value.encode() + b"\0" * (len(value) & 1))
    return names + explicit(0x7FE0_0010, "OW", bytes(size - len(names) - 12))


def whole_file(data: bytes, uid: str = UID) -> bytes:
    """What the file of an instance looks like that the peer sent."""
    return (
        file_meta_bytes(
            sop_class_uid=CT,
            sop_instance_uid=uid,
            transfer_syntax=ExplicitVRLittleEndian,
            source_ae="ANY-SCP",
        )
        + data
    )


def limited(*, idle: float = 60, buffered: int = 16 * 1024 * 1024, **limits: int) -> Any:
    """Options with these limits."""
    return ConnectionOptions(
        timeouts=Timeouts(idle=idle), limits=Limits(buffered_responses=buffered, **limits)
    )


class Keeper(BaseHandler):
    """Lets instances go where the test says, and keeps what it is asked.

    Attributes:
        announced: The requests whose data sets were about to come.
        arrived: The requests whose data sets have come.
        has_arrived: Set when the first of them has.
        gate: Opened when an instance may be answered.
    """

    def __init__(self, sink: Sink | Callable[[CStoreRequest], Sink] = None) -> None:
        self._sink = sink
        self.announced: list[CStoreRequest] = []
        self.arrived: list[CStoreRequest] = []
        self.has_arrived = trio.Event()
        self.gate = trio.Event()
        self.gate.set()

    async def c_store_sink(self, request: CStoreRequest) -> Sink:
        self.announced.append(request)
        return self._sink(request) if callable(self._sink) else self._sink

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        self.arrived.append(request)
        self.has_arrived.set()
        await self.gate.wait()
        return response_to(request, 0x0000)


@define(eq=False)
class Arrival:
    """One instance on its way from the peer, in the hands of the test."""

    peer: ScriptedPeer
    message_id: int
    _context_id: int = CT_ID

    async def more(self, data: bytes, *, is_last: bool = False, size: int = 16_000) -> None:
        """Send the next bytes of its data set."""
        pieces = fragment(self._context_id, data, is_command=False, is_last=is_last, size=size)
        await self.peer.send_bytes(b"".join(pieces))

    async def answer(self) -> CStoreResponse:
        """What the peer is told."""
        answer = await self.peer.expect_message(CStoreResponse)
        assert answer.message_id_being_responded_to == self.message_id
        assert answer.sop_instance_uid == UID
        return answer

    async def whole(self, data: bytes | None = None) -> CStoreResponse:
        """Send all of it and get the answer."""
        await self.more(data_set() if data is None else data, is_last=True)
        return await self.answer()


async def arrival(peer: ScriptedPeer, message_id: int = 5, uid: str = UID) -> Arrival:
    """Announce an instance: its command set, and nothing of its data set."""
    request = CStoreRequest(
        sop_class_uid=CT,
        sop_instance_uid=uid,
        message_id=message_id,
        data_set=EncodedDataSet(b"", ExplicitVRLittleEndian),
    )
    command = encode_command(request, has_data_set=True)
    pieces = fragment(CT_ID, command, is_command=True, is_last=True, size=16_000)
    await peer.send_bytes(b"".join(pieces))
    return Arrival(peer, message_id)


@define(eq=False)
class Getting:
    """A C-GET whose peer is in the hands of the test.

    Attributes:
        connection: Ours.
        peer: The other side.
        request: The C-GET as it came to the peer.
        error: What the caller got instead of the final response.
        leave: Cancelled to leave the C-GET early.
        ended: Set when the caller has left it.
    """

    connection: ClientConnection
    peer: ScriptedPeer
    request: CGetRequest | None = None
    error: TrioDicomError | None = None
    leave: trio.CancelScope = field(factory=trio.CancelScope)
    ended: trio.Event = field(factory=trio.Event)

    async def store(self, data: bytes | None = None, message_id: int = 5) -> CStoreResponse:
        """Let an instance come and be answered."""
        return await (await arrival(self.peer, message_id)).whole(data)

    async def finish(self) -> None:
        """The peer has sent everything."""
        assert self.request is not None
        await self.peer.reply(self.request, 0x0000)
        await self.ended.wait()

    async def run(self, instances: InstanceHandler | None) -> None:
        try:
            with self.leave:
                async with self.connection.open_request(
                    get_request(), instances=instances
                ) as responses:
                    await responses.final()
        except TrioDicomError as error:
            self.error = error
        self.ended.set()


@asynccontextmanager
async def getting(
    instances: InstanceHandler | None, *, is_finished: bool = True, **options: Any
) -> AsyncGenerator[Getting, None]:
    """A C-GET that is under way.

    Args:
        instances: Who takes its instances; None: the connection's handler.
        is_finished: Whether to finish it at the end of the block.
        **options: As for ``talking``.
    """
    async with talking(**options) as (connection, peer), trio.open_nursery() as nursery:
        get = Getting(connection, peer)
        nursery.start_soon(get.run, instances)
        get.request = await peer.expect_message(CGetRequest)
        yield get
        if is_finished:
            await get.finish()
            assert get.error is None


def left_open(folder: Path) -> list[str]:
    """The files in ``folder`` that this process has open."""
    found: list[str] = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one that lists them is gone
            found.append(str(descriptor.readlink()))
    return [it for it in found if it.startswith(str(folder))]


def is_clean(folder: Path, *files: str) -> bool:
    """Whether ``files`` are all that lies in ``folder``, and nothing in it is open."""
    return names_in(folder) == sorted(files) and not left_open(folder)


def names_in(folder: Path) -> list[str]:
    """What lies in ``folder``."""
    return sorted(it.name for it in folder.iterdir())
