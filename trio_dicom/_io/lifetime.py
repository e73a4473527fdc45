"""The life of a connection's tasks, from the first to the orderly or other end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import trio

from trio_dicom._io.ending import Ending
from trio_dicom._io.ends import abort, end
from trio_dicom._io.tls import check_certificate
from trio_dicom._protocol.states import Stimulus
from trio_dicom._wire.pdus import ReleaseRequest
from trio_dicom.errors import ConnectFailed, ConnectTimeout, ReleaseTimeout

if TYPE_CHECKING:
    from trio_dicom._io.link import Link

__all__ = ["closed_on_failure", "peeled", "release", "running"]


@contextmanager
def peeled() -> Generator[None, None, None]:
    """Take the one layer off that a nursery of ours puts around a lone exception."""
    try:
        yield
    except BaseExceptionGroup as group:
        lone, *others = group.exceptions
        if others:
            raise
        context = lone.__context__
        try:
            raise lone
        finally:
            lone.__context__ = context
            del lone, group, context


@asynccontextmanager
async def closed_on_failure(stream: trio.abc.AsyncResource) -> AsyncGenerator[None, None]:
    """Close ``stream`` at once if the block fails, before it belongs to anybody."""
    try:
        yield
    except BaseException:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)
        raise


@asynccontextmanager
async def running(link: Link, *, why: str) -> AsyncGenerator[None, None]:
    """Run the tasks of ``link`` beside the block, which ends the connection, if need be by failing.

    Args:
        link: The connection.
        why: Why it is aborted when the block fails, in words.

    Raises:
        ConnectFailed: The peer's certificate is not one of those that are pinned.
        ConnectTimeout: It was not shown in time.
        LocalProtocolError: One is pinned, and there is no TLS.
    """
    try:
        timeouts = link.options.timeouts
        seconds = timeouts.connect if link.acceptance is None else timeouts.artim
        try:
            await check_certificate(link.network, link.options.peer_fingerprints, seconds)
        except (ConnectFailed, ConnectTimeout) as error:
            if link.tap is not None:
                link.tap.broke(str(error))
            raise
        with peeled():
            async with trio.open_nursery() as nursery:
                begun = trio.Event()
                try:
                    # Not by nursery.start, which opens a nursery and a scope of its own for it. A
                    # wait that is cancelled would leave the tasks running and us without them.
                    with trio.CancelScope(shield=True):
                        nursery.start_soon(_live, link, nursery.cancel_scope, begun)
                        await begun.wait()
                    yield
                except BaseException:
                    if link.is_released_by_peer:
                        # Most likely that is what failed. The peer gets the answer that it
                        # waits for rather than an A-ABORT, in the time of an A-ABORT.
                        link.listener.allow(link.options.timeouts.abort)
                    else:
                        abort(link, because=why)
                    raise
    finally:
        if not link.closed.is_set():  # the tasks have not begun
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(link.network.stream)
        if link.tap is not None:
            link.tap.closed()


async def _live(link: Link, user: trio.CancelScope, begun: trio.Event) -> None:
    """Write for ``link`` and run its tasks until the connection has ended and all is told.

    Shielded, because what has to be said at the end takes reading and writing; every
    step of the end has its bound.

    Args:
        link: The connection.
        user: The block that uses the connection, which cannot go on after a bug.
        begun: Set when tasks can be started, or will not be.
    """
    try:
        with peeled():
            async with trio.open_nursery() as link.tasks:
                link.tasks.cancel_scope.shield = True
                begun.set()
                await link.sender.run()
                if not link.listener.ended.is_set():
                    await link.listener.ended.wait()
                await _close(link)
                await _tell(link)
                link.closed.set()
                link.tasks.cancel_scope.cancel()
    finally:
        begun.set()
        if link.ending is None:
            # Only a bug gets here. The user is cancelled before he hears of its consequence,
            # so that the bug comes out alone and not in a group with that.
            user.cancel()
        end(link, Ending.lost(link.peer, "failed because of a bug in trio_dicom"))
        if not link.closed.is_set():
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(link.network.stream)
                if not link.dispatcher.is_finishing:
                    _announce_the_end(link)
                    await link.dispatcher.call_last()
            link.closed.set()


async def release(link: Link) -> None:
    """Refuse new requests, let open ones finish, ask for release, wait for the answer.

    Raises:
        ReleaseTimeout: It took longer than ``Timeouts.release``; the association is aborted.
    """
    link.is_releasing = True
    seconds = link.options.timeouts.release
    with trio.move_on_after(seconds) as scope:
        await link.wait_until(lambda: link.is_idle)
        if link.is_released_by_peer:
            pass  # our answer is on its way, and the peer closes
        elif link.sender.writer.is_cut or link.machine.association is None:
            abort(link)
        elif link.machine.allows(Stimulus.SEND_RELEASE_REQUEST):
            link.sender.put(ReleaseRequest())
        # Otherwise another task has asked for release before us, and we wait with it.
        await link.listener.ended.wait()
    if scope.cancelled_caught and link.ending is None:
        abort(link, because="it was not released in time")
        raise ReleaseTimeout(
            f"{link.peer} did not release the association within {seconds:g} s, so we aborted it",
            seconds=seconds,
        )


async def _close(link: Link) -> None:
    """Close the transport: politely after an orderly end, at once after any other."""
    stream = link.network.stream
    assert link.ending is not None
    with trio.move_on_after(link.options.timeouts.abort if link.ending.orderly else 0):
        await stream.aclose()


async def _tell(link: Link) -> None:
    """Join the handlers that run, deliver the callbacks, the last of all at last."""
    # Not bounded: nothing can go on without them, and they are cancelled.
    await link.serving.stop()
    _announce_the_end(link)
    await link.dispatcher.run_out()


def _announce_the_end(link: Link) -> None:
    assert link.ending is not None
    link.dispatcher.finish(
        "on_connection_closed", link.ending.exception, seconds=link.options.timeouts.callbacks
    )
