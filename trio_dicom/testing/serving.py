"""Servers beside a block of a test: their failures come out of it, and readable."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio
from attrs import define, field
from trio.testing import wait_all_tasks_blocked

from trio_dicom._io.lifetime import peeled
from trio_dicom.testing.conversation import ConversationOver

__all__ = ["Serving", "serving"]

_MOMENT: Final = 1.0  # seconds, where other tasks of the program never rest


@define(eq=False)
class Serving:
    """What serves the other side of a block.

    Attributes:
        nursery: Where it runs.
        failure: What it raised first, or None.
        ended: Set when one of them has ended.
    """

    nursery: trio.Nursery
    failure: Exception | None = field(default=None, init=False)
    ended: trio.Event = field(factory=trio.Event, init=False)

    async def run(
        self, serve: Callable[[trio.abc.Stream], Awaitable[None]], stream: trio.abc.Stream
    ) -> None:
        """Serve ``stream``, and close it; the block is cancelled if that fails."""
        try:
            await serve(stream)
        except Exception as failure:  # noqa: BLE001  it comes out of the block
            self.failure = self.failure or failure
            # A conversation that the block has ended keeps it waiting no longer: it may be on
            # its way out with an error of its own, which must not give way to a Cancelled.
            if not isinstance(failure, ConversationOver):
                # It must not fail because the stream is closed before it hears of that: in a
                # fixture it takes pytest-trio a moment to tell the test.
                self.nursery.cancel_scope.cancel()
                with trio.move_on_after(_MOMENT, shield=True):
                    await wait_all_tasks_blocked()
        finally:
            self.ended.set()
            await trio.aclose_forcefully(stream)


@asynccontextmanager
async def serving() -> AsyncGenerator[Serving, None]:
    """A block with servers beside it, which are cancelled at its end.

    Raises:
        Exception: What the block raises, as it is; else what a server raised.
    """
    with peeled():
        async with trio.open_nursery() as nursery:
            beside = Serving(nursery)
            try:
                yield beside
            except Exception as error:
                if beside.failure is not None:
                    error.add_note(f"The other side has failed, too: {beside.failure}")
                raise
            nursery.cancel_scope.cancel()
    if beside.failure is not None:
        raise beside.failure
