"""The stream to a peer that says again what it said when it was recorded, in memory."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Final, TypeAlias

import trio
from attrs import define, field
from pydicom.uid import UID

from trio_dicom._wire.associate import AssociationAccept
from trio_dicom._wire.control import Abort
from trio_dicom._wire.header import HEADER_LENGTH
from trio_dicom.errors import PDUError
from trio_dicom.recording.reading import read_recording
from trio_dicom.recording.records import Record, RecordKind, Side
from trio_dicom.testing.agreed import accepted_syntaxes
from trio_dicom.testing.words import Said, Word, departures, name_of

__all__ = ["Line", "Lines", "Recorded", "ReplayOrder", "ReplayedPeer", "lines_of", "the_one_of"]

Recorded: TypeAlias = str | PathLike[str] | Iterable[Record]

Line: TypeAlias = tuple[int, Record]
"""A record, and which it is of the whole recording."""

Lines: TypeAlias = dict[int, list[Line]]
"""Those of each association, by its number."""

_SILENT_KINDS: Final = frozenset({RecordKind.CONNECTION, RecordKind.CLOSE})


def lines_of(recorded: Recorded) -> Lines:
    """What was recorded, association by association.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no recording.
    """
    if isinstance(recorded, str | PathLike):
        recorded = read_recording(recorded)
    lines: Lines = {}
    for line in enumerate(recorded):
        lines.setdefault(line[1].association, []).append(line)
    return lines


def the_one_of(recorded: Iterable[int], association: int | None) -> int:
    """The association that is wanted.

    Args:
        recorded: The numbers of those to choose from.
        association: Its number; None where there is but one.

    Raises:
        ValueError: There is none, or not that one, or there are several.
    """
    match numbers := sorted(recorded):
        case []:
            raise ValueError("there is no association in the recording that could be replayed")
        case [number] if association in (None, number):
            return number
        case _ if association is None:
            raise ValueError(f"the associations {numbers} were recorded: choose one")
        case _ if association in numbers:
            return association
        case _:
            raise ValueError(f"there is no association {association} to replay, but {numbers}")


@define(eq=False)
class ReplayOrder:
    """The order in which several connections go on: that in which they did.

    Attributes:
        peers: The ends of those connections.
        difference: In what the other side has departed from what was recorded; None while it has
            not. From then on all connections are broken.
        has_left: Whether it did so by leaving the first of them, which may be what came of an
            error of its own.
        moved: Where those wait whose turn it is not.
    """

    peers: list[ReplayedPeer] = field(factory=list["ReplayedPeer"])
    difference: str | None = None
    has_left: bool = False
    moved: trio.lowlevel.ParkingLot = field(factory=trio.lowlevel.ParkingLot)

    def is_due(self, number: int) -> bool:
        """Whether everything has happened that was recorded before that line."""
        return all(peer.is_past(number) for peer in self.peers)

    async def until_due(self, number: int) -> bool:
        """Wait for that; False if it will not come any more."""
        await trio.lowlevel.checkpoint()
        while self.difference is None and not self.is_due(number):
            await self.moved.park()
        return self.difference is None

    def differ(self, peer: ReplayedPeer, how: str, *, by_leaving: bool = False) -> None:
        """The other side departs from what was recorded, unless it has before."""
        if self.difference is None:
            self.difference, self.has_left = how, by_leaving and peer is self.peers[0]
        self.moved.unpark_all()

    def explain(self, error: Exception) -> Exception:
        """The error to report where ``error`` came out of the block that used the streams.

        Args:
            error: What came out.
        """
        if self.difference is None:
            return error
        if self.has_left:  # most likely that is what came of the error
            error.add_note(self.difference)
            return error
        return AssertionError(self.difference)


@define(eq=False)
class ReplayedPeer(trio.abc.Stream):
    """The stream to a peer that was recorded.

    Made by ``replay_peer``, or by ``of``. What the peer said, it says as soon as the other side
    has said as much as it had said then. Nothing waits for a clock.

    Attributes:
        association: The number of the association in the recording.
        begins: Which line of the recording is its first.
        is_closed: Whether the other side has closed its end.
    """

    association: int
    begins: int
    # What the peer said, and how far the other side was after each thing that it said, both by
    # the line of the recording.
    _script: list[tuple[int, RecordKind, bytes]] = field(repr=False)
    _turns: list[tuple[int, tuple[int, int]]] = field(repr=False)
    _expected: Said
    _syntaxes: dict[int, UID]
    _order: ReplayOrder = field(repr=False)
    _checks_words: bool
    is_closed: bool = field(default=False, init=False)
    _heard: Said = field(factory=Said, init=False, repr=False)
    _next: int = field(default=0, init=False)
    _turn: int = field(default=0, init=False)
    _rest: bytes = field(default=b"", init=False, repr=False)
    _end: RecordKind | None = field(default=None, init=False)

    @classmethod
    def of(
        cls, recorded: Recorded, association: int | None = None, *, checks_words: bool = True
    ) -> ReplayedPeer:
        """The peer of one association.

        Args:
            recorded: The file, or what is in it.
            association: The number of the association; None where there is but one.
            checks_words: Whether the other side must say what it said then.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is no recording, or has no bytes, or not that association alone.
        """
        lines = lines_of(recorded)
        chosen = lines[the_one_of(lines, association)]
        return cls.in_order(chosen, ReplayOrder(), checks_words=checks_words)

    @classmethod
    def in_order(
        cls, lines: Sequence[Line], order: ReplayOrder, *, checks_words: bool
    ) -> ReplayedPeer:
        """The peer of the one association of ``lines``, which goes on in ``order`` with others.

        Raises:
            ValueError: It has no bytes.
        """
        expected, syntaxes = Said(), dict[int, UID]()
        script: list[tuple[int, RecordKind, bytes]] = []
        turns: list[tuple[int, tuple[int, int]]] = []
        for number, it in lines:
            if it.data is None and it.length:
                raise ValueError("it was recorded without its bytes, so there is nothing to say")
            data = it.data or b""
            if it.kind is RecordKind.ASSOCIATE_AC:
                syntaxes |= _syntaxes(data)
            if it.by is Side.US:
                # What was cut off, if anything, nobody can be held to.
                expected.take(data if it.kind is not RecordKind.NO_PDU else b"")
                turns.append((number, expected.mark))
            elif it.kind not in _SILENT_KINDS:
                script.append((number, it.kind, data))
        begins, first = lines[0]
        peer = cls(
            first.association, begins, script, turns, expected, syntaxes, order, checks_words
        )
        order.peers.append(peer)
        return peer

    @property
    def difference(self) -> str | None:
        """In what the other side has departed from what was recorded; None while it has not.

        From then on the connection is broken.
        """
        return self._order.difference

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As ``trio.abc.SendStream.send_all``."""
        await trio.lowlevel.checkpoint()
        self._check()
        self._hear(data)

    def send_nowait(self, data: bytes | bytearray | memoryview) -> int:
        """Send without waiting; the number of bytes, or 0 where ``send_all`` would raise."""
        if self.is_closed or self._is_broken():
            return 0
        self._hear(data)
        return len(data)

    async def wait_send_all_might_not_block(self) -> None:
        """As ``trio.abc.SendStream.wait_send_all_might_not_block``: it never would."""
        await trio.lowlevel.checkpoint()
        self._check()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """As ``trio.abc.ReceiveStream.receive_some``."""
        if max_bytes is not None and operator.index(max_bytes) < 1:
            raise ValueError("max_bytes must be at least 1")
        await trio.lowlevel.checkpoint()
        while True:
            self._check()
            while not self._rest and self._is_due():
                self._rest = self._take()
            if self._rest:
                data = self._rest[:max_bytes]
                self._rest = self._rest[len(data) :]
                if not self._rest:
                    self._order.moved.unpark_all()
                return data
            if self._end is RecordKind.END_OF_FILE:
                return b""
            await self._order.moved.park()

    def close(self) -> None:
        """Close the other side's end."""
        if self.is_closed:
            return
        self.is_closed = True
        if missing := self._missing():
            self._order.differ(self, missing, by_leaving=True)
        self._order.moved.unpark_all()

    async def aclose(self) -> None:
        """As ``close``."""
        self.close()
        await trio.lowlevel.checkpoint()

    def check(self) -> None:
        """See that the other side has said what it had said when it was recorded.

        Raises:
            AssertionError: It has not: something else, or less.
        """
        if how := self.difference or self._missing():
            raise AssertionError(how)

    def is_past(self, number: int) -> bool:
        """Whether everything has happened here that was recorded before that line.

        Where the other side has closed its end, it need not hear the rest.
        """
        while self._turn < len(self._turns) and self._turns[self._turn][1] <= self._heard.mark:
            self._turn += 1
        if self._turn < len(self._turns) and self._turns[self._turn][0] < number:
            return False
        if self.is_closed:
            return True
        is_waiting = self._next < len(self._script) and self._script[self._next][0] < number
        return not self._rest and not is_waiting

    @property
    def is_to_be_aborted(self) -> bool:
        """Whether nothing more was said than that the other side had enough of it."""
        is_silent = self._next == len(self._script) and not self._rest
        return is_silent and [type(it) for it in self._still_to_say()] == [Abort]

    def _still_to_say(self) -> list[Word]:
        return self._expected.words[len(self._heard.words) :]

    def _missing(self) -> str | None:
        missing = self._still_to_say()
        if not missing:
            return None
        return (
            f"the other side left association {self.association}, but when it was recorded it "
            f"said {name_of(missing[0])} next"
        )

    def _hear(self, data: bytes | bytearray | memoryview) -> None:
        before = len(self._heard.words)
        try:
            self._heard.take(data)
        except PDUError as error:
            self._order.differ(self, f"the other side said what is no PDU: {error}")
        for number in range(before, len(self._heard.words) if self._checks_words else 0):
            word = self._heard.words[number]
            if number == len(self._expected.words):
                lines = [f"expected nothing more, but got {name_of(word)}"]
            else:
                lines = departures(self._expected.words[number], word, self._syntaxes)
            if lines:
                where = (
                    f"word number {number + 1} of association {self.association} ({name_of(word)})"
                )
                what = f"the other side does not say what was recorded, from {where} on:"
                self._order.differ(
                    self, "\n  ".join([what, *lines]), by_leaving=isinstance(word, Abort)
                )
                break
        self._order.moved.unpark_all()

    def _is_due(self) -> bool:
        if self._end is not None or self._next == len(self._script):
            return False
        return self._order.is_due(self._script[self._next][0])

    def _take(self) -> bytes:
        """What the peer says next, which is nothing where it ends."""
        _, kind, data = self._script[self._next]
        self._next += 1
        if kind in (RecordKind.END_OF_FILE, RecordKind.RESET):
            self._end = kind
        self._order.moved.unpark_all()
        return data

    def _is_reset(self) -> bool:
        is_next = self._next < len(self._script) and self._script[self._next][1] is RecordKind.RESET
        if is_next and not self._rest and self._is_due():
            self._take()
        return self._end is RecordKind.RESET

    def _is_broken(self) -> bool:
        return self.difference is not None or self._is_reset()

    def _check(self) -> None:
        if self.is_closed:
            raise trio.ClosedResourceError("this end was closed")
        if self.difference is not None:
            # In what it differs is for the test to hear, and not for every error of a client.
            raise trio.BrokenResourceError("this was not said when it was recorded")
        if self._is_reset():
            raise trio.BrokenResourceError("the link was reset")


def _syntaxes(accept: bytes) -> dict[int, UID]:
    try:
        return accepted_syntaxes(AssociationAccept.decode(memoryview(accept)[HEADER_LENGTH:]))
    except PDUError:
        return {}
