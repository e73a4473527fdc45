"""DICOM in an asyncio program, by Trio's guest mode: python guest_mode.py HOST PORT"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, TypeVarTuple

import trio
from attrs import define
from outcome import Error, Outcome, Value

from trio_dicom import open_association
from trio_dicom.sop_classes import VERIFICATION

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


# [guest
@define(eq=False)
class Guest:
    """Trio, as a guest of asyncio in the same thread. Made by ``open_guest``."""

    _loop: asyncio.AbstractEventLoop
    _nursery: trio.Nursery
    _is_leaving: bool = False

    async def run(self, function: Callable[[*Ts], Awaitable[T]], *arguments: *Ts) -> T:
        """Await a Trio function in asyncio.

        What it returns is returned, what it raises is raised. If asyncio cancels this, Trio
        cancels the function, and this ends when the function has: cancelled, or with what went
        wrong meanwhile.

        Raises:
            RuntimeError: The block of ``open_guest`` is being left.
        """
        if self._is_leaving:
            raise RuntimeError("Trio is no guest here any more")
        scope = trio.CancelScope()
        ended: asyncio.Future[Outcome[T]] = self._loop.create_future()

        async def work() -> None:
            outcome: Outcome[T] = Error(asyncio.CancelledError())
            try:
                with scope:
                    outcome = Value(await function(*arguments))
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - raised below
                outcome = Error(error)
            finally:
                ended.set_result(outcome)

        # What does not wait in Trio, asyncio may call: it is the same thread.
        self._nursery.start_soon(work)
        try:
            await asyncio.wait([ended])
        except asyncio.CancelledError:
            scope.cancel()
            await settled(ended)
            ended.result().unwrap()  # raises what went wrong while it ended
            raise
        return ended.result().unwrap()

    @asynccontextmanager
    async def opened(self, opening: AbstractAsyncContextManager[T]) -> AsyncGenerator[T, None]:
        """Hold a context manager of Trio open, such as an association, for a block of asyncio.

        One task of Trio enters and leaves it, as it must be. An exception of the block is raised
        in that task, a cancellation cancels it: both abort an association. What is held may fail
        as well, as a nursery does of which a task failed: then the block is cancelled, and what
        it failed of is raised.
        """
        value: asyncio.Future[T] = self._loop.create_future()
        leave = trio.Event()
        block = asyncio.current_task()
        assert block is not None
        is_inside, is_lost = True, False
        failure: Exception | None = None

        async def hold() -> None:
            async with opening as entered:
                value.set_result(entered)
                await leave.wait()
                if failure is not None:
                    raise failure

        def lose(_: object) -> None:
            nonlocal is_lost
            if is_inside:
                is_lost = True
                block.cancel()

        holder = asyncio.create_task(self.run(hold))
        try:
            either: list[asyncio.Future[Any]] = [holder, value]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not value.done():
                await holder  # raises what kept it from opening
            holder.add_done_callback(lose)
            try:
                yield value.result()
            except Exception as error:  # noqa: BLE001 - raised over there
                failure = error
            finally:
                is_inside = False  # asyncio may be about to call what it calls when that is done
                if is_lost:
                    block.uncancel()
            leave.set()
            await holder
        except BaseException:
            holder.cancel()
            await settled(holder)
            if not holder.cancelled():
                holder.result()  # raises what went wrong over there
            raise

    async def ask_host(
        self, function: Callable[[*Ts], Coroutine[Any, Any, T]], *arguments: *Ts
    ) -> T:
        """Await an asyncio function in Trio: the same in the other direction."""
        done = trio.Event()
        task = self._loop.create_task(function(*arguments))
        task.add_done_callback(lambda _: done.set())
        try:
            await done.wait()
        except trio.Cancelled:
            task.cancel()
            with trio.CancelScope(shield=True):
                await done.wait()
            if not task.cancelled():
                task.result()  # raises what went wrong while it ended
            raise
        return task.result()
        # guest]


# [host
@asynccontextmanager
async def open_guest() -> AsyncGenerator[Guest, None]:
    """Run Trio in this thread, as a guest of asyncio, until the block is left.

    What Trio still does then is cancelled, and awaited.
    """
    loop = asyncio.get_running_loop()
    started: asyncio.Future[Guest] = loop.create_future()
    ended: asyncio.Future[Outcome[None]] = loop.create_future()

    async def reception() -> None:
        async with trio.open_nursery() as nursery:
            started.set_result(Guest(loop, nursery))
            await trio.sleep_forever()

    trio.lowlevel.start_guest_run(
        reception,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        run_sync_soon_not_threadsafe=loop.call_soon,
        done_callback=ended.set_result,
        host_uses_signal_set_wakeup_fd=True,
    )
    try:
        await settled(started)
        yield started.result()
    finally:  # it has started in any case, even if we were cancelled meanwhile
        guest = started.result()
        guest._is_leaving = True  # noqa: SLF001
        guest._nursery.cancel_scope.cancel()  # noqa: SLF001
        await settled(ended)
        ended.result().unwrap()


async def settled(future: asyncio.Future[Any]) -> None:
    """Wait for ``future``, and be cancelled afterwards. Only for what ends soon."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    # host]


# [use
async def main(host: str, port: int) -> list[str]:
    async with open_guest() as guest:
        opening = open_association(host, port, contexts=[VERIFICATION])
        async with asyncio.timeout(10), guest.opened(opening) as association:
            echoes = [guest.run(association.c_echo) for _ in range(3)]
            return [str(response.status) for response in await asyncio.gather(*echoes)]
    # use]


if __name__ == "__main__":
    print(asyncio.run(main(sys.argv[1], int(sys.argv[2]))))
