"""A recorded conversation, played back to a client up to the point where it is cut."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from enum import Enum
from itertools import accumulate

import trio
from attrs import frozen

from trio_dicom.recording import Record as Recorded
from trio_dicom.recording import RecordKind, Side
from trio_dicom.testing import Cut as LinkCut
from trio_dicom.testing import (
    Fault,
    FaultyStream,
    ReplayedPeer,
    ScriptedPeer,
    Stall,
    memory_link,
)

__all__ = ["Cut", "Record", "record"]


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

    def peer(self) -> ReplayedPeer:
        """The peer once more. It hangs up when it has heard as much as then, whatever it was."""
        return ReplayedPeer.of(self._records(), checks_words=False)

    def cut(self, how: Cut, at: int) -> FaultyStream:
        """The peer once more, over a link that breaks when it has said so many bytes."""
        faults: dict[Cut, Fault] = {
            Cut.EOF: LinkCut(at, "eof"),
            Cut.RESET: LinkCut(at, "reset"),
            Cut.SILENCE: Stall(at),
        }
        return FaultyStream(self.peer(), receiving=[faults[how]])

    def _records(self) -> Iterator[Recorded]:
        at = 0
        for needed, data in self.script:
            asked, at = self.asked[at:needed], max(at, needed)
            kind = RecordKind.P_DATA_TF if data else RecordKind.END_OF_FILE
            yield Recorded(time=0, association=1, by=Side.US, kind=kind, data=asked)
            yield Recorded(time=0, association=1, by=Side.PEER, kind=kind, data=data)

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
        async def _write(self, data: bytes | bytearray | memoryview, what: str) -> None:
            said.append((len(self.received), bytes(data)))
            await super()._write(data, what)

    peer = NotedPeer(ours)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(script, peer)
        await client(theirs)
    return Record(tuple(said), bytes(peer.received))
