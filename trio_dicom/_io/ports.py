"""Taking what comes at ports that listen, while a block is open."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from trio_dicom._io.lifetime import peeled

__all__ = ["open_for"]

StreamT = TypeVar("StreamT", bound=trio.abc.Stream)


@asynccontextmanager
async def open_for(
    ports: Sequence[trio.abc.Listener[StreamT]], serve: Callable[[StreamT], Awaitable[object]]
) -> AsyncGenerator[None, None]:
    """Serve everybody who comes, each in a task of his own, until the block is left.

    What fails, the block or one of those tasks, comes out alone and in no group.

    Args:
        ports: They listen already. They are closed at the end.
        serve: Serves one.
    """
    # Shielded, or else who is cancelled while the block fails would get the two as a group.
    serving = trio.CancelScope(shield=True)

    async def take() -> None:
        with peeled(), serving:
            await trio.serve_listeners(serve, [*ports])

    with peeled():
        async with trio.open_nursery() as nursery:
            try:
                nursery.start_soon(take)
                yield
            finally:
                serving.cancel()
