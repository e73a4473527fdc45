"""Trio's clock for tests, in programs that read and write files."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import trio
from outcome import Outcome
from trio.testing import MockClock

__all__ = ["patient_clock"]


@contextmanager
def patient_clock() -> Generator[None, None, None]:
    """Have the clock of a test stand still while threads work.

    A ``MockClock`` that jumps by itself takes a task that waits for a thread for one that waits
    for the clock. So a file that takes a millisecond to read takes longer than any timeout.
    Within this block it jumps no more before the threads are done that were started by
    ``trio.to_thread.run_sync``, as all files of Trio and of this library are read and written,
    or by ``trio.lowlevel.start_thread_soon``. With any other clock it does nothing.

    Raises:
        RuntimeError: Trio is not running.
    """
    clock = trio.lowlevel.current_clock()
    if not isinstance(clock, MockClock):
        yield
        return
    run_sync, start_thread_soon = trio.to_thread.run_sync, trio.lowlevel.start_thread_soon
    token = trio.lowlevel.current_trio_token()
    threshold = clock.autojump_threshold
    working = 0

    def begin() -> None:
        nonlocal working
        working += 1
        clock.autojump_threshold = float("inf")

    def end() -> None:
        nonlocal working
        working -= 1
        if not working:
            clock.autojump_threshold = threshold

    @wraps(run_sync)
    async def run_patiently(*args: Any, **kwargs: Any) -> Any:
        begin()
        try:
            return await run_sync(*args, **kwargs)
        finally:
            end()

    @wraps(start_thread_soon)
    def start_patiently(
        work: Callable[[], Any], deliver: Callable[[Outcome[Any]], object], name: str | None = None
    ) -> None:
        def delivered(result: Outcome[Any]) -> None:
            deliver(result)
            token.run_sync_soon(end)

        begin()
        start_thread_soon(work, delivered, name)

    trio.to_thread.run_sync = run_patiently  # type: ignore[assignment]
    trio.lowlevel.start_thread_soon = start_patiently  # type: ignore[assignment]
    try:
        yield
    finally:
        trio.to_thread.run_sync, trio.lowlevel.start_thread_soon = run_sync, start_thread_soon
        clock.autojump_threshold = threshold
