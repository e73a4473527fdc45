"""An association whose peer is in the hands of the test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trio

from tests.io.talking import talking
from trio_dicom import Association, ConnectionHandler, PresentationContext, TrioDicomError
from trio_dicom.testing import ScriptedPeer

__all__ = ["beside", "speaking"]

T = TypeVar("T")


@asynccontextmanager
async def speaking(
    contexts: Iterable[PresentationContext],
    *,
    handler: ConnectionHandler | None = None,
    **accept: Any,
) -> AsyncGenerator[tuple[Association, ScriptedPeer], None]:
    """An association in ``contexts``, and its peer.

    Args:
        contexts: What to propose.
        handler: Who answers what the peer asks.
        **accept: As for ``ScriptedPeer.accept``.
    """
    async with talking(contexts=contexts, handler=handler, accept=accept) as (connection, peer):
        assert connection.association is not None
        yield Association(connection, connection.association), peer


async def beside(script: Callable[[], Awaitable[object]], call: Awaitable[T]) -> T:
    """What ``call`` returns or raises, while the peer follows its script."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(script)
        try:
            return await call
        except TrioDicomError as raised:
            error = raised
    raise error
