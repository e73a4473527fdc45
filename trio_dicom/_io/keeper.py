"""Keeping one open request: a task waits for its end inside the scope of its timeouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_dicom._io.ends import abort, cut
from trio_dicom._io.outcomes import finish, leave
from trio_dicom._io.pending import Abandoned, PendingRequest, Phase, TimedOut

if TYPE_CHECKING:
    from trio_dicom._io.link import Link

__all__ = ["keep_while_waiting", "start_keeping"]


def start_keeping(link: Link, entry: PendingRequest) -> None:
    """Start the clock of ``entry``, which is about to be sent, and see that somebody keeps it."""
    link.clocks.start(entry.clock)
    entry.clock.end_by(trio.current_time() + entry.total)
    if not entry.is_kept_by_caller:
        link.tasks.start_soon(_keep, link, entry)


async def keep_while_waiting(link: Link, entry: PendingRequest) -> None:
    """Wait until ``entry`` has its outcome, and keep it: two tasks for it would be one too many.

    What is left when the caller leaves, or the answer comes before all of the message is
    written, is kept by a task as always.
    """
    clock = entry.clock
    try:
        is_early = True
        while is_early:
            with clock.scope() as scope:
                await entry.progressed.wait()
            # A sign of life since then has moved the end, and not the scope.
            is_early = scope.cancelled_caught and not clock.has_run_out
        if not entry.progressed.is_set() and clock.has_run_out:
            _give_up(link, entry)
    finally:
        if entry.phase is Phase.QUEUED or entry.over.is_set() or link.ending is not None:
            link.clocks.stop(clock)
        else:
            link.tasks.start_soon(_keep, link, entry)


async def _keep(link: Link, entry: PendingRequest) -> None:
    """Wait until ``entry`` is over, or end it when the peer is silent for too long.

    The final response may come, or the caller may leave, while its message is still being
    written: it is over when that has ended as well.
    """
    clock = entry.clock
    try:
        while not entry.over.is_set() and not clock.has_run_out:
            with clock.scope():
                await entry.over.wait()
    finally:
        link.clocks.stop(clock)
    if not entry.over.is_set():
        _give_up(link, entry)


def _give_up(link: Link, entry: PendingRequest) -> None:
    entry.is_given_up = True
    if entry.started and link.sender.on_the_wire is entry:
        cut(link)  # before anybody hears of it and asks for more
    if isinstance(entry.outcome, Abandoned):
        leave(link, entry, answered=False)
    total_passed = trio.current_time() >= entry.clock.latest
    finish(link, entry, TimedOut(entry.total if total_passed else entry.clock.limit))
    link.sender.interrupt(entry)
    if isinstance(entry.outcome, TimedOut) and link.options.on_timeout == "abort":
        abort(link, because=f"{entry.words} timed out")
