"""A recorded conversation, played back to a client up to the point where it is cut."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from itertools import accumulate

import trio
from attrs import define, field, frozen

from trio_dicom.testing import ScriptedPeer, memory_link

__all__ = ["Cut", "Record", "Replay", "record"]


class Cut(Enum):
    """How a link breaks."""

    EOF = "end of file"
    RESET = "reset"
    SILENCE = "silence"


@frozen
class Record:
    """What a peer said, and when.

    Attributes:
        said: What the peer wrote in one go, each after so many bytes of the client's.
        asked: What the client wrote, all together.
    """

    said: tuple[tuple[int, bytes], ...]
    asked: bytes

    @property
    def heard(self) -> int:
        """Bytes that the client wrote in all."""
        return len(self.asked)

    @property
    def ends(self) -> list[int]:
        """Where in the peer's stream each of its writes ends."""
        return list(accumulate(len(data) for _, data in self.said))

    @property
    def length(self) -> int:
        """Bytes that the peer said in all."""
        return self.ends[-1]

    @property
    def script(self) -> tuple[tuple[int, bytes], ...]:
        """What the peer said, and that it hung up when it had heard everything."""
        return (*self.said, (self.heard, b""))

    def whole_at(self, position: int) -> int:
        """How many of the peer's writes lie whole before ``position`` of its stream."""
        return sum(end <= position for end in self.ends)

    def said_after(self, heard: int) -> int:
        """How many of them the peer makes when it has got the client's first bytes."""
        return sum(needed <= heard for needed, _ in self.said)

    def said_before(self, heard: int) -> int:
        """How many of them it makes before the last of the client's first bytes has come."""
        return sum(needed < heard for needed, _ in self.said)


async def record(
    client: Callable[[trio.abc.Stream], Awaitable[object]],
    script: Callable[[ScriptedPeer], Awaitable[object]],
) -> Record:
    """Let the two talk and note what the peer says after what."""
    ours, theirs = memory_link()
    said: list[tuple[int, bytes]] = []

    class NotedPeer(ScriptedPeer):
        async def send_bytes(self, data: bytes | bytearray | memoryview) -> None:
            said.append((len(self.received), bytes(data)))
            await super().send_bytes(data)

    peer = NotedPeer(ours)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(script, peer)
        await client(theirs)
    return Record(tuple(said), bytes(peer.received))


@define(eq=False)
class Replay(trio.abc.Stream):
    """Says what was recorded when the client has said its part, until the link breaks.

    Attributes:
        script: What the peer said after how many bytes of the client's.
        cut: How the link breaks.
        said_before: Bytes that the client still gets.
        heard_before: Bytes that the peer still takes.
        is_closed: Whether the client has closed its end.
    """

    script: Sequence[tuple[int, bytes]]
    cut: Cut
    said_before: float = float("inf")
    heard_before: float = float("inf")
    is_closed: bool = False
    _heard: int = 0
    _said: int = 0
    _next: int = 0
    _moved: trio.lowlevel.ParkingLot = field(factory=trio.lowlevel.ParkingLot)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        if self.is_closed:
            raise trio.ClosedResourceError
        taken = min(len(data), int(min(self.heard_before, 2**40)) - self._heard)
        self._heard += taken
        self._moved.unpark_all()
        if taken < len(data) or (self.cut is Cut.RESET and self._has_said_all()):
            await self._break()
            raise trio.BrokenResourceError

    def send_nowait(self, data: bytes | bytearray | memoryview) -> int:
        """Small messages go this way; what breaks the link is left to the other one."""
        is_last = self.cut is Cut.RESET and self._has_said_all()
        if self.is_closed or is_last or self._heard + len(data) > self.heard_before:
            return 0
        self._heard += len(data)
        self._moved.unpark_all()
        return len(data)

    async def wait_send_all_might_not_block(self) -> None:
        raise NotImplementedError

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        while True:
            if self.is_closed:
                raise trio.ClosedResourceError
            if (data := self._available()) is not None:
                return data
            if self._has_said_all() or self._heard >= self.heard_before:
                await self._break()
                if self.cut is Cut.EOF:
                    return b""
                raise trio.BrokenResourceError
            await self._moved.park()

    def close(self) -> None:
        self.is_closed = True
        self._moved.unpark_all()

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()

    def _available(self) -> bytes | None:
        if self._next == len(self.script):
            return None
        needed, data = self.script[self._next]
        room = self.said_before - self._said
        if needed > self._heard or not room:
            return None
        self._next += 1
        data = data[: int(min(room, len(data)))]
        self._said += len(data)
        return data

    def _has_said_all(self) -> bool:
        """Whether nothing more comes: a peer closes after the last word, too."""
        return self._next == len(self.script) or self._said >= self.said_before

    async def _break(self) -> None:
        if self.cut is Cut.SILENCE:
            while not self.is_closed:
                await self._moved.park()
            raise trio.ClosedResourceError
