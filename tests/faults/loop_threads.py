"""Threads that are none: what they do is done in the event loop, at a step of its own.

A cancellation then meets them in the same state in every run, and a clock that jumps does not
run away from them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar, TypeVarTuple

import outcome
import trio

__all__ = ["run_in_loop", "run_soon_in_loop"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# Steps of the loop that the work of a thread takes: enough to be left alone in the middle.
_STEPS = 2


async def run_in_loop(
    work: Callable[[*Ts], T],
    *arguments: *Ts,
    thread_name: str | None = None,
    abandon_on_cancel: bool = False,
    limiter: trio.CapacityLimiter | None = None,
) -> T:
    """As ``trio.to_thread.run_sync``, abandoned work included: it goes on, and is lost."""
    await trio.lowlevel.checkpoint_if_cancelled()
    limiter = trio.to_thread.current_default_thread_limiter() if limiter is None else limiter
    borrower, ended = object(), trio.Event()
    await limiter.acquire_on_behalf_of(borrower)
    results: list[outcome.Outcome[T]] = []

    def deliver(result: outcome.Outcome[T]) -> None:
        results.append(result)
        limiter.release_on_behalf_of(borrower)
        ended.set()

    run_soon_in_loop(partial(work, *arguments), deliver)
    with trio.CancelScope(shield=not abandon_on_cancel):
        await ended.wait()
    return results.pop().unwrap()


def run_soon_in_loop(
    work: Callable[[], T], deliver: Callable[[outcome.Outcome[T]], object], name: str | None = None
) -> None:
    """As ``trio.lowlevel.start_thread_soon``."""

    async def thread() -> None:
        for _ in range(_STEPS):
            await trio.lowlevel.checkpoint()
        deliver(outcome.capture(work))

    trio.lowlevel.spawn_system_task(thread)
