"""Requests made of many files, ahead of who sends them, in bounded memory."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

import trio
from attrs import define, field
from pydicom import Dataset

from trio_dicom._dimse.base import Priority
from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._operations.store import Storable, request_of
from trio_dicom.errors import LocalProtocolError

__all__ = ["Group", "Made", "ReadAhead"]

# A hop into a thread costs about as much as reading three small files.
_MOST_AT_ONCE: Final = 32
# Bytes in memory that end a group: of CT slices, eight. While one is sent, the next is read or
# waits.
_ENOUGH: Final = 4 * 1024 * 1024
# Seconds that end a group: where a disk or an iterator is slow, what there is goes out.
_LONG: Final = 0.02

Made: TypeAlias = CStoreRequest | LocalProtocolError | OSError
"""What was made of a source: the request that stores it, or why there is none."""

Group: TypeAlias = list[tuple[Storable, Made]]
"""Sources that were read at once, and what was made of each."""

# As it was given, and as it is read.
_Drawn: TypeAlias = tuple[Storable, str | Dataset]


@define(eq=False)
class ReadAhead:
    """Makes C-STORE requests of files and data sets, in their order.

    While one group of them is being sent, the next one waits or is being read.

    Attributes:
        error: What iterating over the sources raised: there are no more behind it.
    """

    _sources: Iterator[Storable]
    _priority: Priority
    _limiter: trio.CapacityLimiter
    error: Exception | None = field(default=None, init=False)
    _drawn: deque[_Drawn] = field(factory=deque[_Drawn], init=False)
    _ready: deque[tuple[Storable, Made]] = field(factory=deque[tuple[Storable, Made]], init=False)
    _taking: trio.Lock = field(factory=trio.Lock, init=False)

    async def run(self, to: trio.MemorySendChannel[Group]) -> None:
        """Read until there is no more, as fast as others take it.

        Args:
            to: Where ``next`` takes it. It is closed in the end.
        """
        with to:
            while self._draw():
                await to.send(await self._group())

    async def next(self, groups: trio.MemoryReceiveChannel[Group]) -> tuple[Storable, Made] | None:
        """The next source, and what was made of it. None: there are no more.

        Any number of tasks may take. None of them waits between here and its return once it
        has its source, so what they do at once with it is done in the order of the sources.

        Args:
            groups: What ``run`` fills.
        """
        while not self._ready:
            async with self._taking:
                if not self._ready:
                    try:
                        self._ready.extend(await groups.receive())
                    except trio.EndOfChannel:
                        return None
        return self._ready.popleft()

    def _draw(self) -> bool:
        """Have some sources to read, if there are any."""
        drawn = self._drawn
        until = trio.current_time() + _LONG
        # A data set is in memory already: there is never more than one of them here.
        while len(drawn) < _MOST_AT_ONCE and not (drawn and isinstance(drawn[-1][1], Dataset)):
            if self.error is not None:
                break
            try:
                source = next(self._sources)
                drawn.append((source, source if isinstance(source, Dataset) else _text_of(source)))
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 - raised behind the results of those before
                self.error = error
            if trio.current_time() >= until:
                break
        return bool(drawn)

    async def _group(self) -> Group:
        """The first of what was drawn, which is taken out: a data set, or files."""
        first = self._drawn[0][1]
        if isinstance(first, Dataset):
            made = [_made(first, self._priority)]
        else:
            made = await trio.to_thread.run_sync(
                _read,
                [it for _, it in self._drawn if isinstance(it, str)],
                self._priority,
                abandon_on_cancel=True,  # a dead mount holds nobody up
                limiter=self._limiter,
            )
        return [(self._drawn.popleft()[0], it) for it in made]


def _text_of(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    # bytes: the types forbid them, and Python does not.
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a path is text, not {type(text).__name__}")
    return text


def _made(source: str | Dataset, priority: Priority) -> Made:
    try:
        return request_of(source, priority=priority)
    except (LocalProtocolError, OSError) as error:
        return error


def _read(paths: Iterable[str], priority: Priority) -> list[Made]:
    """What was made of the first of ``paths``: of all, or of as many as are enough for now."""
    made: list[Made] = []
    size = 0
    until = time.monotonic() + _LONG
    for path in paths:
        request = _made(path, priority)
        made.append(request)
        if isinstance(request, CStoreRequest) and isinstance(request.data_set, EncodedDataSet):
            size += len(request.data_set)
        if size >= _ENOUGH or time.monotonic() >= until:
            break
    return made
