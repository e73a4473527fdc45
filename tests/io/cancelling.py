"""Cancel a program at every step that any of its tasks makes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import trio
from attrs import define, field

__all__ = ["StepCanceller", "marked"]

_MARK: ContextVar[StepCanceller | None] = ContextVar("_MARK", default=None)


@define(eq=False)
class StepCanceller(trio.abc.Instrument):
    """Cancels ``scope`` when the marked tasks have made a number of steps.

    A task makes a step whenever it runs on after a checkpoint.

    Attributes:
        steps: The number; the next step is not made before the cancellation.
        scope: What is cancelled.
        has_fired: Whether it was.
    """

    steps: int
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    has_fired: bool = False
    _made: int = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if task.context.get(_MARK) is not self or self.has_fired:
            return
        if self._made == self.steps:
            self.has_fired = True
            self.scope.cancel()
        self._made += 1


async def marked(canceller: StepCanceller, body: Callable[[], Awaitable[None]]) -> None:
    """Run ``body`` in the canceller's scope; its steps, and those of its tasks, count."""

    async def run() -> None:
        with canceller.scope:
            await body()

    token = _MARK.set(canceller)
    trio.lowlevel.add_instrument(canceller)
    try:
        # A task of its own, because the mark goes to tasks that are begun from here on.
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
    finally:
        trio.lowlevel.remove_instrument(canceller)
        _MARK.reset(token)
