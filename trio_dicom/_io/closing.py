"""The ways out of a connection that programs take: release, close, and waiting for the end."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from trio_dicom._io.ends import abort
from trio_dicom._io.lifetime import release
from trio_dicom.errors import ReleaseTimeout

if TYPE_CHECKING:
    from trio_dicom._io.link import Link

__all__ = ["ask_for_release", "close", "wait_closed"]


async def ask_for_release(link: Link) -> None:
    """Release the association; inside a callback only start to.

    Raises:
        ReleaseTimeout: See ``ClientConnection.send_association_release_request``.
    """
    await trio.lowlevel.checkpoint_if_cancelled()  # what follows waits in any case
    if link.ending is None:
        if link.is_inside():
            link.is_releasing = True
            link.tasks.start_soon(_release_quietly, link)
        else:
            await release(link)
    await wait_closed(link)


async def close(link: Link) -> None:
    """Release, or abort what is not released in time or before we are cancelled."""
    try:
        try:
            await ask_for_release(link)
        except ReleaseTimeout:  # aborted instead, which is what leaving promises
            await wait_closed(link)
    except BaseException:
        abort(link, because="closing it was cancelled")
        raise


async def wait_closed(link: Link) -> None:
    """Return when the connection is closed; inside a callback, which is before that, at once."""
    if link.is_inside():
        await trio.lowlevel.checkpoint()
    else:
        await link.closed.wait()


async def _release_quietly(link: Link) -> None:
    with suppress(ReleaseTimeout):  # aborted instead; the callback that asked has returned
        await release(link)
