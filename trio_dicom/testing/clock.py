"""Trio's clock for tests, in programs that read and write files."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Final, TypeVar, TypeVarTuple

import trio
from attrs import define, field
from outcome import Outcome
from trio.testing import MockClock, active_thread_count

__all__ = ["patient_clock"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_start_thread_soon = trio.lowlevel.start_thread_soon
_run_from_thread = trio.from_thread.run


@contextmanager
def patient_clock() -> Generator[None, None, None]:
    """Have the clock of a test stand still while threads work.

    A ``MockClock`` that jumps by itself takes a task that waits for a thread for one that waits
    for the clock. So a file that takes a millisecond to read takes longer than any timeout.
    Within this block it jumps no more before the threads are done that were started by
    ``trio.to_thread.run_sync``, as all files of Trio and of this library are read and written,
    or by ``trio.lowlevel.start_thread_soon``. A thread that has asked Trio for something, by
    ``trio.from_thread.run`` under that name, does not work before it has the answer; one that
    asks in another way, or whose task was cancelled meanwhile, works on, and the clock stands still
    as long as that takes. With any other clock it does nothing.

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
        _patch.begin()
        trio.lowlevel.add_instrument(patience)
    patience.blocks += 1
    try:
        yield
    finally:
        patience.blocks -= 1
        if not patience.blocks:
            _PATIENCE.set(None)
            trio.lowlevel.remove_instrument(patience)
            _patch.end()
            patience.look()


@define(eq=False)
class _Patience(trio.abc.Instrument):
    """How the clock of one run waits, from the first block to the end of the last one.

    Attributes:
        clock: The clock.
        blocks: How many are open.
        threads: How many threads work of those that no task of Trio's waits for.
        asking: How many threads wait for Trio instead, of all for which the clock waits.
    """

    clock: MockClock
    blocks: int = field(default=0, init=False)
    threads: int = field(default=0, init=False)
    asking: int = field(default=0, init=False)
    _is_waiting: bool = field(default=False, init=False)
    _threshold: float = field(default=0.0, init=False)

    def begin(self) -> None:
        """A thread has something to do."""
        self.threads += 1
        self.look()

    def end(self) -> None:
        """It is done with that."""
        self.threads -= 1
        self.look()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002
        """A task may have begun to wait for a thread, or no longer do that."""
        self.look()

    def look(self) -> None:
        """Wait if there is somebody at work, in a block, and no longer."""
        waits = self.blocks > 0 and self.threads + active_thread_count() > self.asking
        if waits and not self._is_waiting:
            self._threshold = self.clock.autojump_threshold
            self.clock.autojump_threshold = float("inf")
        # What somebody else has set meanwhile is what he wants.
        if self._is_waiting and not waits and self.clock.autojump_threshold == float("inf"):
            self.clock.autojump_threshold = self._threshold
        self._is_waiting = waits


_here: Final = threading.local()
_PATIENCE: Final = trio.lowlevel.RunVar[_Patience | None]("patience", None)


def _patience_here() -> _Patience | None:
    try:
        return _PATIENCE.get()
    except RuntimeError:  # Trio does not run here: a thread of somebody's
        return None


@wraps(_start_thread_soon)
def _start_patiently(
    work: Callable[[], Any], deliver: Callable[[Outcome[Any]], object], name: str | None = None
) -> None:
    patience = _patience_here()
    if patience is None:
        _patch.start_thread_soon(work, deliver, name)
        return
    waiting, token = patience, trio.lowlevel.current_trio_token()

    def delivered(result: Outcome[Any]) -> None:
        try:
            deliver(result)
        finally:
            with suppress(trio.RunFinishedError):  # nobody waits there any more
                token.run_sync_soon(waiting.end)

    def counted() -> Any:
        _here.is_counted = True
        try:
            return work()
        finally:
            _here.is_counted = False

    patience.begin()
    _patch.start_thread_soon(counted, delivered, name)


def _is_counted() -> bool:
    """Whether the clock waits for this thread."""
    if getattr(_here, "is_counted", False):
        return True
    try:
        trio.from_thread.check_cancelled()
    except (RuntimeError, trio.Cancelled):  # somebody else's, or one that is given up
        return False
    return True


@wraps(_run_from_thread)
def _ask_patiently(
    function: Callable[[*Ts], Awaitable[T]],
    *arguments: *Ts,
    trio_token: trio.lowlevel.TrioToken | None = None,
) -> T:
    @wraps(function)
    async def answer(*arguments: *Ts) -> T:
        patience = _patience_here()
        if patience is None:
            return await function(*arguments)
        patience.asking += 1
        try:
            return await function(*arguments)
        finally:
            patience.asking -= 1

    asked = answer if _is_counted() else function
    answered: T = _patch.run_from_thread(asked, *arguments, trio_token=trio_token)
    return answered


@define(eq=False)
class _Patch:
    """What stands in Trio's place while some run is patient, once for the process.

    Trio counts the threads that its tasks wait for, and no others, and whether those work or
    wait for Trio. What it does depends on the run that calls it: others do not notice.

    Attributes:
        start_thread_soon: What was there before.
        run_from_thread: Likewise.
    """

    start_thread_soon: Any = _start_thread_soon
    run_from_thread: Any = _run_from_thread
    _runs: int = field(default=0, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def begin(self) -> None:
        """One more run is patient."""
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                self.start_thread_soon = trio.lowlevel.start_thread_soon
                self.run_from_thread = trio.from_thread.run
                trio.lowlevel.start_thread_soon = _start_patiently  # type: ignore[assignment]
                trio.from_thread.run = _ask_patiently  # type: ignore[assignment]

    def end(self) -> None:
        """One run less is."""
        with self._lock:
            self._runs -= 1
            if not self._runs:
                trio.lowlevel.start_thread_soon = self.start_thread_soon
                trio.from_thread.run = self.run_from_thread


_patch: Final = _Patch()
