"""Trio's clock for tests, in programs that read and write files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Final

import trio
from attrs import define, field
from outcome import Outcome
from trio.testing import MockClock

__all__ = ["patient_clock"]

_run_sync, _start_thread_soon = trio.to_thread.run_sync, trio.lowlevel.start_thread_soon


@contextmanager
def patient_clock() -> Generator[None, None, None]:
    """Have the clock of a test stand still while threads work.

    A ``MockClock`` that jumps by itself takes a task that waits for a thread for one that waits
    for the clock. So a file that takes a millisecond to read takes longer than any timeout.
    Within this block it jumps no more before the threads are done that were started by
    ``trio.to_thread.run_sync``, as all files of Trio and of this library are read and written,
    or by ``trio.lowlevel.start_thread_soon``. With any other clock it does nothing.

    Blocks may be nested, overlap in any order, and be open in several runs at a time. At the
    end of the last one of a run its clock is as it was.

    Raises:
        RuntimeError: Trio is not running.
    """
    clock = trio.lowlevel.current_clock()
    if not isinstance(clock, MockClock):
        yield
        return
    patience = _patience_here()
    if patience is None:
        patience = _Patience(clock)
        _PATIENCE.set(patience)
        _patches.begin()
    patience.blocks += 1
    try:
        yield
    finally:
        patience.blocks -= 1
        if not patience.blocks:
            _PATIENCE.set(None)
            _patches.end()
            patience.give_up()


@define(eq=False)
class _Patience:
    """How the clock of one run waits, from the first block to the end of the last one.

    Attributes:
        clock: The clock.
        blocks: How many are open.
        threads: How many threads work.
    """

    clock: MockClock
    blocks: int = field(default=0, init=False)
    threads: int = field(default=0, init=False)
    _threshold: float = field(default=0.0, init=False)

    def begin(self) -> None:
        """A thread has something to do."""
        if not self.threads:
            self._threshold = self.clock.autojump_threshold
            self.clock.autojump_threshold = float("inf")
        self.threads += 1

    def end(self) -> None:
        """It is done with that."""
        self.threads -= 1
        if self.blocks and not self.threads:
            self._let_go()

    def give_up(self) -> None:
        """Wait no more, whoever is at work."""
        if self.threads:
            self._let_go()

    def _let_go(self) -> None:
        # What somebody else has set meanwhile is what he wants.
        if self.clock.autojump_threshold == float("inf"):
            self.clock.autojump_threshold = self._threshold


_PATIENCE: Final = trio.lowlevel.RunVar[_Patience | None]("patience", None)


def _patience_here() -> _Patience | None:
    try:
        return _PATIENCE.get()
    except RuntimeError:  # Trio does not run here: a thread of somebody's
        return None


@wraps(_run_sync)
async def _run_patiently(*args: Any, **kwargs: Any) -> Any:
    patience = _patience_here()
    if patience is None:
        return await _patches.run_sync(*args, **kwargs)
    patience.begin()
    try:
        return await _patches.run_sync(*args, **kwargs)
    finally:
        patience.end()


@wraps(_start_thread_soon)
def _start_patiently(
    work: Callable[[], Any], deliver: Callable[[Outcome[Any]], object], name: str | None = None
) -> None:
    patience = _patience_here()
    if patience is None:
        _patches.start_thread_soon(work, deliver, name)
        return
    waiting, token = patience, trio.lowlevel.current_trio_token()

    def delivered(result: Outcome[Any]) -> None:
        try:
            deliver(result)
        finally:
            with suppress(trio.RunFinishedError):  # nobody waits there any more
                token.run_sync_soon(waiting.end)

    patience.begin()
    _patches.start_thread_soon(work, delivered, name)


@define(eq=False)
class _Patches:
    """What stands in Trio's place while some run is patient, once for the process.

    What it does depends on the run that calls it: others do not notice.

    Attributes:
        run_sync: What was there before.
        start_thread_soon: Likewise.
    """

    run_sync: Any = _run_sync
    start_thread_soon: Any = _start_thread_soon
    _runs: int = field(default=0, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def begin(self) -> None:
        """One more run is patient."""
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                self.run_sync = trio.to_thread.run_sync
                self.start_thread_soon = trio.lowlevel.start_thread_soon
                trio.to_thread.run_sync = _run_patiently  # type: ignore[assignment]
                trio.lowlevel.start_thread_soon = _start_patiently  # type: ignore[assignment]

    def end(self) -> None:
        """One run less is."""
        with self._lock:
            self._runs -= 1
            if not self._runs:
                trio.to_thread.run_sync = self.run_sync
                trio.lowlevel.start_thread_soon = self.start_thread_soon


_patches: Final = _Patches()
