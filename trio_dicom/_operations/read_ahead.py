"""Requests made of many files, ahead of who sends them, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice, takewhile
from pathlib import Path
from typing import Final, TypeAlias

import trio
from attrs import define, field
from pydicom import Dataset

from trio_dicom._dimse.base import Priority
from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._operations.store import Storable, request_of
from trio_dicom.errors import LocalProtocolError

__all__ = ["ReadAhead"]

# A hop into a thread costs about as much as reading three small files.
_MOST_AT_ONCE: Final = 32
# Bytes in memory that end a group. Another one may wait to be taken, and a third be read.
_ENOUGH: Final = 1024 * 1024

_Request: TypeAlias = CStoreRequest | LocalProtocolError | OSError
_Group: TypeAlias = list[tuple[Storable, _Request]]


@define(eq=False)
class ReadAhead:
    """Makes C-STORE requests of files and data sets, in their order.

    While one group of them is being sent, the next one waits and the one after it is read.
    """

    _sources: Iterator[Storable]
    _priority: Priority
    _limiter: trio.CapacityLimiter
    _ready: deque[tuple[Storable, _Request]] = field(
        factory=deque[tuple[Storable, _Request]], init=False
    )
    _taking: trio.Lock = field(factory=trio.Lock, init=False)
    _to: trio.MemorySendChannel[_Group] = field(init=False)
    _groups: trio.MemoryReceiveChannel[_Group] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._to, self._groups = trio.open_memory_channel[_Group](0)

    async def run(self) -> None:
        """Read until there is no more, as fast as others take it."""
        waiting: deque[Storable] = deque()
        with self._to:
            while True:
                waiting.extend(islice(self._sources, _MOST_AT_ONCE - len(waiting)))
                if not waiting:
                    return
                await self._to.send(await self._group(waiting))

    async def next(self) -> tuple[Storable, _Request] | None:
        """The next source, and the request to store it or why there is none. None: no more.

        Any number of tasks may take.
        """
        while not self._ready:
            async with self._taking:
                if not self._ready:
                    try:
                        self._ready.extend(await self._groups.receive())
                    except trio.EndOfChannel:
                        return None
        return self._ready.popleft()

    async def _group(self, waiting: deque[Storable]) -> _Group:
        """The first of those that wait, which are taken out."""
        if isinstance(waiting[0], Dataset):
            requests = [_made(waiting[0], self._priority)]
        else:
            files = takewhile(lambda source: not isinstance(source, Dataset), waiting)
            requests = await trio.to_thread.run_sync(
                _read,
                [Path(file) for file in files if not isinstance(file, Dataset)],
                self._priority,
                abandon_on_cancel=True,  # a dead mount holds nobody up
                limiter=self._limiter,
            )
        return [(waiting.popleft(), request) for request in requests]


def _made(source: Path | Dataset, priority: Priority) -> _Request:
    try:
        return request_of(source, priority=priority)
    except (LocalProtocolError, OSError) as error:
        return error


def _read(paths: list[Path], priority: Priority) -> list[_Request]:
    """The requests of the first of ``paths``: all, or as many as are enough for now."""
    requests: list[_Request] = []
    size = 0
    for path in paths:
        request = _made(path, priority)
        requests.append(request)
        if isinstance(request, CStoreRequest) and isinstance(request.data_set, EncodedDataSet):
            size += len(request.data_set)
        if size >= _ENOUGH:
            break
    return requests
