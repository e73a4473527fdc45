"""A Trio program that runs on when it is told to, and stands still in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import outcome
import trio
import trio._core._run as trio_run
from attrs import define, field
from trio.testing import MockClock, wait_all_tasks_blocked

__all__ = ["SteppedRun"]


@define(eq=False)
class SteppedRun:
    """Runs an async function beside synchronous code, in its thread and at its word.

    Args:
        main: The program.

    Attributes:
        clock: Its clock, which stands still as well.
        is_over: Whether the program has returned or raised.
        result: What it returned or raised, once all is tidied up.
    """

    main: Callable[[], Awaitable[object]]
    clock: MockClock = field(factory=MockClock)
    result: outcome.Outcome[object] | None = None
    _scope: trio.CancelScope = field(factory=trio.CancelScope)
    _ready: deque[Callable[[], object]] = field(factory=deque[Callable[[], object]])
    _action: Callable[[], object] | None = None
    _steps: int | None = None
    _has_acted: bool = False
    is_over: bool = False

    def __attrs_post_init__(self) -> None:
        trio.lowlevel.start_guest_run(
            self._run,
            run_sync_soon_threadsafe=self._ready.append,
            done_callback=self._done,
            host_uses_signal_set_wakeup_fd=True,
            clock=self.clock,
        )
        self.act(lambda: None)

    def act(self, action: Callable[[], object], *, steps: int | None = None) -> None:
        """Call ``action`` inside the program, and let it run.

        Args:
            action: What happens.
            steps: For how many rounds of the event loop; None: until nothing moves any more.
        """
        self._action, self._steps, self._has_acted = action, steps, False
        self._pump()

    def pass_time(self, seconds: float, *, steps: int | None = None) -> None:
        """Move the clock, and let the program run as ``act`` does."""
        self.act(lambda: self.clock.jump(seconds), steps=steps)

    def kill(self) -> None:
        """End a program that is not to go on, whatever it does; nothing where it is over."""
        for _ in range(20):
            if self.result is not None:
                return
            self.act(self._scope.cancel)
            self.clock.jump(10)
        # Otherwise no other program could run here.
        trio_run.GLOBAL_RUN_CONTEXT.__dict__.clear()

    def close(self) -> None:
        """Raise what the program raised, which must be over."""
        self._has_acted = False
        self._pump()
        assert self.result is not None
        self.result.unwrap()

    def _pump(self) -> None:
        # Trio would wait in a thread when nothing can run. It never comes to that: the
        # conductor can always run, and the host stops calling.
        while self._ready and not self._has_acted:
            self._ready.popleft()()
        self._has_acted |= self.is_over
        assert self._has_acted or self.result is not None

    def _done(self, result: outcome.Outcome[object]) -> None:
        self.result = result

    async def _run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._conduct)
            try:
                with self._scope:
                    await self.main()
            finally:
                self.is_over = True

    async def _conduct(self) -> None:
        while not self.is_over or self._action is not None:
            action, self._action = self._action, None
            if action is not None:
                action()
                if self._steps is None:
                    await wait_all_tasks_blocked()
                for _ in range(self._steps or 0):
                    await trio.lowlevel.checkpoint()
                self._has_acted = True
            await trio.lowlevel.checkpoint()
