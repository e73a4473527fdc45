"""Whose turn it is while requests of the peer are in our hands: ours, or the peer's again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio
from attrs import define, field

from trio_dicom._io.ancestry import lineage

if TYPE_CHECKING:
    from trio_dicom._io.clocks import Clocks
    from trio_dicom._io.dispatcher import Dispatcher

__all__ = ["Turns"]


@define(eq=False)
class Turns:
    """Stops the clocks while a request of the peer waits for us, and only then.

    Whoever answers one may ask the peer something in turn. Then it is the peer that is silent,
    and those requests that wait behind have to wait for it, too.

    Attributes:
        tasks: The tasks that run the handler on the peer's requests right now.
    """

    _clocks: Clocks
    _dispatcher: Dispatcher
    _at_a_time: Callable[[], int]
    tasks: set[trio.lowlevel.Task] = field(factory=set[trio.lowlevel.Task])
    _in_hand: int = 0
    _is_ours: bool = False
    # How often each of those tasks, and the one that runs callbacks, waits for the peer.
    _waits: Counter[trio.lowlevel.Task] = field(factory=Counter[trio.lowlevel.Task])
    _catching_up: set[trio.lowlevel.Task] = field(factory=set[trio.lowlevel.Task])

    def take(self) -> None:
        """A request of the peer is here, with all that belongs to it."""
        self._in_hand += 1
        self._changed()

    def give(self) -> None:
        """It has its answer, or gets none."""
        self._in_hand -= 1
        self._changed()

    def waits(self, change: int) -> None:
        """The current task begins to wait for the peer, or no longer does: by 1 or by -1."""
        callbacks = self._dispatcher.task
        if not self.tasks and callbacks is None:
            return
        for task in lineage():
            if task in self.tasks or task is callbacks:
                self._waits[task] += change
                if not self._waits[task]:
                    del self._waits[task]
                self._changed()
                return

    @contextmanager
    def catching_up(self) -> Generator[None, None, None]:
        """The current task, one of ``tasks``, waits for the callbacks in the block."""
        task = trio.lowlevel.current_task()
        self._catching_up.add(task)
        self._changed()
        try:
            yield
        finally:
            self._catching_up.remove(task)
            self._changed()

    def _changed(self) -> None:
        waiting = self._waiting()
        # More than can be served at a time have to wait for those that are.
        is_ours = self._in_hand > waiting and self._at_a_time() > waiting
        if is_ours is not self._is_ours:
            self._is_ours = is_ours
            if is_ours:
                self._clocks.pause()
            else:
                self._clocks.resume()

    def _waiting(self) -> int:
        """How many of ``tasks`` wait for the peer, also by way of a callback."""
        if not self._waits:
            return 0
        waiting = self.tasks & self._waits.keys()
        if self._dispatcher.task in self._waits:
            waiting |= self._catching_up
        return len(waiting)
