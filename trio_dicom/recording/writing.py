"""The instrument that writes a conversation to a file."""

from __future__ import annotations

import logging
import os
import weakref
from datetime import UTC, datetime
from time import perf_counter
from typing import Self
from weakref import WeakKeyDictionary

import trio
from attrs import define, field

from trio_dicom._wire.header import HEADER_LENGTH, PduType, decode_header
from trio_dicom._wire.pdus import decode_body
from trio_dicom.errors import PDUError
from trio_dicom.instrument import BaseInstrument
from trio_dicom.recording.records import KIND_OF_PDU, Record, RecordKind, Side
from trio_dicom.recording.summaries import Summaries, Summary

__all__ = ["Recording"]

_logger = logging.getLogger("trio_dicom")


class Recording(BaseInstrument):
    """Writes what is said on a connection, or on several, to a file.

    ::

        async with open_association(
            host, port, contexts=[VERIFICATION], instrument=Recording("trace.jsonl")
        ) as association:
            await association.c_echo()

    Each line is in the file as soon as it was said, so it need not be closed, and what is there
    can be read when the program was killed. Where it cannot be written any more, as on a full
    disk, the recording ends with a warning in the log, and the connection goes on.

    Nothing in it is about a patient, and no password, ticket or token, unless it keeps bytes:
    then it holds whatever was said, instances with their patients and user identities with their
    secrets. Nobody but the owner of the process may read it.

    Args:
        path: The file, which must not be there yet.
        keeps_bytes: Whether the bytes are in it, too, so that it can be replayed.

    Raises:
        FileExistsError: It is there already.
        OSError: It cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str], *, keeps_bytes: bool = False) -> None:
        self.keeps_bytes = keeps_bytes
        self._associations = 0
        self._clock = _Clock()
        self._is_broken = False
        self._path = os.fspath(path)
        how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self._path, how, 0o600)
        # Not a file object, which complains when nobody has closed it.
        self._finalizer = weakref.finalize(self, os.close, self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. What is said from now on is not recorded."""
        self._is_broken = True
        self._finalizer()

    def tap(self, peer: str, *, is_acceptor: bool) -> _Tap:
        """See ``Instrument``."""
        tap = self._begin()
        caller = Side.PEER if is_acceptor else Side.US
        tap.note(caller, RecordKind.CONNECTION, peer=peer, at=_wall_clock())
        return tap

    def connect_failed(self, peer: str, error: Exception) -> None:
        """See ``Instrument``."""
        self._begin().note(
            Side.US, RecordKind.NO_CONNECTION, peer=peer, at=_wall_clock(), why=str(error)
        )

    def _begin(self) -> _Tap:
        self._associations += 1
        return _Tap(self, self._associations)

    def write(self, record: Record) -> None:
        """Add a line."""
        line = record.encode()
        try:
            while line and not self._is_broken:
                line = line[os.write(self._descriptor, line) :]
        except OSError as error:
            self._is_broken = True
            _logger.warning("the recording in %s ends here: %s", self._path, error.strerror)

    def now(self) -> float:
        """Seconds since the first connection began, on Trio's clock.

        Each run of Trio has a clock of its own: a later one begins as much later as it does.
        """
        return self._clock.now()


@define(eq=False)
class _Clock:
    """Trio's clock, over several runs: in each it is ahead by another number."""

    _begun: float | None = field(default=None, init=False)  # on the clock of the machine
    _latest: float = field(default=0.0, init=False)
    _offsets: WeakKeyDictionary[trio.lowlevel.TrioToken, float] = field(
        factory=WeakKeyDictionary[trio.lowlevel.TrioToken, float], init=False
    )

    def now(self) -> float:
        now, run = trio.current_time(), trio.lowlevel.current_trio_token()
        if run not in self._offsets:
            real = perf_counter()
            if self._begun is None:
                self._begun = real
            # A run before may have had the clock of a test, which is ahead of all.
            self._offsets[run] = max(real - self._begun, self._latest) - now
        time = now + self._offsets[run]
        self._latest = max(self._latest, time)
        return time


def _wall_clock() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@define(eq=False)
class _Tap:
    """What is said on one connection."""

    _recording: Recording
    _association: int
    _ours: _Voice = field(init=False)
    _theirs: _Voice = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._ours, self._theirs = _Voice(self, Side.US), _Voice(self, Side.PEER)

    def sent(self, data: bytes) -> None:
        self._ours.take(data)

    def received(self, data: bytes | bytearray) -> None:
        self._theirs.take(data)
        if not data:
            self._theirs.end()
            self.note(Side.PEER, RecordKind.END_OF_FILE)

    def broke(self, why: str) -> None:
        self._theirs.end()
        self.note(Side.PEER, RecordKind.RESET, why=why)

    def closed(self) -> None:
        self._ours.end()
        self._theirs.end()
        self.note(Side.US, RecordKind.CLOSE)

    def note(
        self, by: Side, kind: RecordKind, data: bytes | memoryview = b"", **summary: object
    ) -> None:
        """Write that it happened now."""
        recording = self._recording
        recording.write(
            Record(
                time=recording.now(),
                association=self._association,
                by=by,
                kind=kind,
                length=len(data),
                summary=summary,
                data=bytes(data) if recording.keeps_bytes and data else None,
            )
        )


@define(eq=False)
class _Voice:
    """The bytes of one side, which become PDUs."""

    _tap: _Tap
    _side: Side
    # The beginning of what is not whole yet, and how much of it there must be to go on.
    _pending: bytearray = field(factory=bytearray, init=False, repr=False)
    _needed: int = field(default=HEADER_LENGTH, init=False)
    _is_babble: bool = field(default=False, init=False)
    _summaries: Summaries = field(factory=Summaries, init=False)

    def take(self, data: bytes | bytearray) -> None:
        """The next of them."""
        if self._pending:
            self._pending += data
            if len(self._pending) < self._needed:
                return
            data, self._pending = self._pending, bytearray()
        self._pending += self._pdus(memoryview(data))
        if self._is_babble:
            self.end()

    def _pdus(self, data: memoryview) -> memoryview:
        """Note what is whole, and return the rest."""
        self._needed = HEADER_LENGTH
        while not self._is_babble and len(data) >= HEADER_LENGTH:
            try:
                pdu_type, length = decode_header(data)
            except PDUError:
                self._is_babble = True  # there is no way to tell where the next one begins
                break
            end = HEADER_LENGTH + length
            if len(data) < end:
                self._needed = end
                break
            pdu, data = data[:end], data[end:]
            self._tap.note(self._side, KIND_OF_PDU[pdu_type], pdu, **self._summary(pdu_type, pdu))
        return data

    def end(self) -> None:
        """Nothing follows on what is here, which is no PDU, or not all of one."""
        if self._pending:
            rest, self._pending = self._pending, bytearray()
            self._tap.note(self._side, RecordKind.NO_PDU, memoryview(rest))

    def _summary(self, pdu_type: PduType, pdu: memoryview) -> Summary:
        try:
            return self._summaries.of(decode_body(pdu_type, pdu[HEADER_LENGTH:]))
        except PDUError as error:
            return {"broken": str(error)}
