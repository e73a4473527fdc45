"""Cancel an operation at every step that any task makes while it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import outcome
import trio
import trio._core._run as trio_run
from attrs import define, field

__all__ = ["StepCanceller", "at_every_step", "in_order_of"]

# What takes more steps than that does not end by itself.
MOST_STEPS = 3_000


@define(eq=False)
class StepCanceller(trio.abc.Instrument):
    """Cancels ``scope`` before a certain step of all that are made while ``run`` runs.

    A task makes a step whenever it runs on after a checkpoint. Those of all tasks count: who
    is cancelled while he waits is so in every state that others bring about meanwhile.

    Attributes:
        steps: How many are made before the cancellation.
        scope: What is cancelled.
        has_fired: Whether it was.
        was_told: Whether whoever is cancelled has met the cancellation where it waited.
    """

    steps: int
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    has_fired: bool = False
    was_told: bool = False
    _task: trio.lowlevel.Task | None = None
    _made: int = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if self._made == self.steps and not self.has_fired:
            self.has_fired = True
            self.scope.cancel()
        self._made += 1
        if self.has_fired and task is self._task:
            # What is about to come out of its ``await``.
            sent = task._next_send
            self.was_told |= isinstance(sent, outcome.Error) and isinstance(
                sent.error, trio.Cancelled
            )

    async def run(self, body: Callable[[], Awaitable[object]]) -> None:
        """Run ``body`` in the scope, which it must leave when it is cancelled.

        It may come to its end where it meets no checkpoint any more that could tell it.
        """
        self._task = trio.lowlevel.current_task()
        trio.lowlevel.add_instrument(self)
        try:
            with self.scope:
                await body()
        finally:
            trio.lowlevel.remove_instrument(self)
        assert self.scope.cancelled_caught or not self.was_told, "it swallowed its cancellation"


async def at_every_step(
    once: Callable[[StepCanceller], Awaitable[None]], *, seed: int = 0, first: int = 0
) -> int:
    """Call ``once`` with a canceller of the first step, of the second and so on to the last.

    Args:
        once: Does everything anew, and lets the canceller run what is to be cancelled.
        seed: Of the order in which Trio runs the tasks that can run.
        first: Where to begin.

    Returns:
        How many steps were cancelled.
    """
    for steps in range(first, MOST_STEPS):
        canceller = StepCanceller(steps)
        in_order_of(seed)
        try:
            await once(canceller)
        except BaseException as error:
            error.add_note(f"cancelled before step {steps} in the order of seed {seed}")
            raise
        if not canceller.has_fired:
            return steps - first
    raise AssertionError("it never ends by itself")


def in_order_of(seed: int) -> None:
    """Have Trio run those tasks that can run in an order that follows from ``seed``."""
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True
    trio_run._r.seed(seed)
