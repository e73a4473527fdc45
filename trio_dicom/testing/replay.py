"""A peer that says again what it said when it was recorded, in memory."""

from __future__ import annotations

import operator
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from os import PathLike
from typing import TypeAlias

import trio
from attrs import define, field
from pydicom.uid import UID

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._wire.associate import AssociationAccept
from trio_dicom._wire.control import Abort
from trio_dicom.errors import PDUError
from trio_dicom.recording.reading import read_recording
from trio_dicom.recording.records import Record, RecordKind, Side
from trio_dicom.testing.words import Said, departures, name_of

__all__ = ["ReplayedPeer", "replay_peer"]

Recorded: TypeAlias = str | PathLike[str] | Iterable[Record]

_SILENT_KINDS = frozenset({RecordKind.CONNECTION, RecordKind.CLOSE})


@define(eq=False)
class ReplayedPeer(trio.abc.Stream):
    """The stream to a peer that was recorded.

    Made by ``replay_peer``, or by ``of``. What the peer said, it says as soon as the other side
    has said as much as it had said then. Nothing waits for a clock.

    Attributes:
        difference: In what the other side has departed from what was recorded; None while it has
            not. From then on the connection is broken.
        is_closed: Whether the other side has closed its end.
    """

    _script: list[tuple[tuple[int, int], RecordKind, bytes]] = field(repr=False)
    _expected: Said
    _syntaxes: dict[int, UID]
    _checks_words: bool
    difference: str | None = field(default=None, init=False)
    is_closed: bool = field(default=False, init=False)
    _heard: Said = field(factory=Said, init=False, repr=False)
    _next: int = field(default=0, init=False)
    _rest: bytes = field(default=b"", init=False, repr=False)
    _has_aborted: bool = field(default=False, init=False)
    _moved: trio.lowlevel.ParkingLot = field(factory=trio.lowlevel.ParkingLot, init=False)

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
        if isinstance(recorded, str | PathLike):
            recorded = read_recording(recorded)
        records = [it for it in recorded if association in (None, it.association)]
        numbers = {it.association for it in records}
        if len(numbers) != 1:
            raise ValueError(f"the associations {sorted(numbers)} were recorded: choose one")
        expected, syntaxes = Said(), dict[int, UID]()
        script: list[tuple[tuple[int, int], RecordKind, bytes]] = []
        for it in records:
            if it.data is None and it.length:
                raise ValueError("it was recorded without its bytes, so there is nothing to say")
            data = it.data or b""
            if it.kind is RecordKind.ASSOCIATE_AC:
                syntaxes |= _syntaxes(data)
            if it.by is Side.US:
                # What was cut off, if anything, nobody can be held to.
                expected.take(data if it.kind is not RecordKind.NO_PDU else b"")
            elif it.kind not in _SILENT_KINDS:
                script.append((expected.mark, it.kind, data))
        return cls(script, expected, syntaxes, checks_words)

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
            if not self._rest and self._is_due():
                _, kind, self._rest = self._script[self._next]
                if kind is RecordKind.END_OF_FILE:  # which stays so
                    return b""
                self._next += 1
            if self._rest:
                data = self._rest[:max_bytes]
                self._rest = self._rest[len(data) :]
                return data
            await self._moved.park()

    def close(self) -> None:
        """Close the other side's end."""
        self.is_closed = True
        self._moved.unpark_all()

    async def aclose(self) -> None:
        """As ``close``."""
        self.close()
        await trio.lowlevel.checkpoint()

    def check(self) -> None:
        """See that the other side has said what it had said when it was recorded.

        Raises:
            AssertionError: It has not: something else, or less.
        """
        if self.difference is not None:
            raise AssertionError(self.difference)
        missing = self._expected.words[len(self._heard.words) :]
        if missing:
            raise AssertionError(
                f"the other side left, but when it was recorded it said {name_of(missing[0])} next"
            )

    def explain(self, error: Exception) -> Exception:
        """The error to report where ``error`` came out of the block that used the stream.

        Args:
            error: What came out.
        """
        if self.difference is None:
            return error
        if self._has_aborted:  # most likely that is what came of the error
            error.add_note(self.difference)
            return error
        return AssertionError(self.difference)

    def _hear(self, data: bytes | bytearray | memoryview) -> None:
        before = len(self._heard.words)
        try:
            self._heard.take(data)
        except PDUError as error:
            self.difference = f"the other side said what is no PDU: {error}"
        for number in range(before, len(self._heard.words) if self._checks_words else 0):
            if self.difference is not None:
                break
            word = self._heard.words[number]
            if number == len(self._expected.words):
                lines = [f"expected nothing more, but got {name_of(word)}"]
            else:
                lines = departures(self._expected.words[number], word, self._syntaxes)
            if lines:
                where = f"word number {number + 1} ({name_of(word)})"
                what = f"the other side does not say what was recorded, from {where} on:"
                self.difference = "\n  ".join([what, *lines])
                self._has_aborted = isinstance(word, Abort)
        self._moved.unpark_all()

    def _is_due(self) -> bool:
        return self._next < len(self._script) and self._script[self._next][0] <= self._heard.mark

    def _is_broken(self) -> bool:
        is_reset = self._is_due() and self._script[self._next][1] is RecordKind.RESET
        return self.difference is not None or (is_reset and not self._rest)

    def _check(self) -> None:
        if self.is_closed:
            raise trio.ClosedResourceError("this end was closed")
        if self._is_broken():
            # In what it differs is for the test to hear, and not for every error of a client.
            is_reset = self.difference is None
            raise trio.BrokenResourceError(
                "the link was reset" if is_reset else "this was not said when it was recorded"
            )


@asynccontextmanager
async def replay_peer(
    recorded: Recorded, *, association: int | None = None, checks_words: bool = True
) -> AsyncGenerator[ReplayedPeer, None]:
    """A stream to a peer that says again what it said when it was recorded.

    ::

        async with replay_peer("trace.jsonl") as stream, wrap_stream(stream) as connection:
            ...

    It says so when the program under test has said what it said then: the same PDUs and messages,
    in fragments of any length. Another implementation and another maximum length in the
    association request are no difference; another AE title, message ID or data set is one, and
    breaks the connection. A recorded peer that had called us calls again, so the stream can be
    given to ``Receiver.serve``.

    Args:
        recorded: A file that ``Recording`` wrote with ``keeps_bytes``, or what was read of it.
        association: The number of the association in it; None where there is but one.
        checks_words: Whether the program must say what it said then. If not, whatever it says is
            as good, as long as it is as many words: for programs that make up UIDs or look at a
            clock. Answers have the message IDs that they had.

    Raises:
        AssertionError: The program said something else, or less.
        OSError: The file cannot be read.
        ValueError: It is no recording, has no bytes, or several associations.
    """
    peer = ReplayedPeer.of(recorded, association, checks_words=checks_words)
    try:
        yield peer
    except Exception as error:
        reported = peer.explain(error)
        if reported is error:
            raise
        raise reported from error
    finally:
        peer.close()
    peer.check()


def _syntaxes(accept: bytes) -> dict[int, UID]:
    try:
        contexts = AssociationAccept.decode(memoryview(accept)[6:]).contexts
    except PDUError:
        return {}
    return {
        it.context_id: as_uid(it.transfer_syntax)
        for it in contexts
        if it.transfer_syntax is not None
    }
