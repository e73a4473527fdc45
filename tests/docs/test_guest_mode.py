"""The example of DICOM in an asyncio program does what the page says."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
import trio

from tests.docs.embedding import Ends, all_of, example, listening, program_of, silent
from tests.interop.programs import in_background
from trio_dicom import CFindRequest, ConnectFailed, open_association
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import (
    ConversationEnd,
    MemoryArchive,
    ScriptedPeer,
    open_archive,
    open_memory_association,
    playing,
)

T = TypeVar("T")


@pytest.fixture
def archive() -> Generator[MemoryArchive, None, None]:
    with in_background(open_archive) as running:
        yield running


def with_guest(main: Callable[[Any], Awaitable[T]]) -> T:
    """Run an asyncio program that has Trio as a guest; nothing of it is left afterwards."""

    async def program() -> T:
        # What a loop is told of here, nobody waited for.
        asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
        async with asyncio.timeout(20), example("guest_mode")["open_guest"]() as guest:
            result = await main(guest)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    complaints: list[object] = []
    result = asyncio.run(program(), debug=True)
    assert complaints == []
    return result


def test_the_program_gets_its_echoes(archive: MemoryArchive) -> None:
    main = example("guest_mode")["main"]
    assert asyncio.run(main(archive.host, archive.port)) == ["0000H (success)"] * 3


def test_results_come_back_from_the_same_thread() -> None:
    async def add(first: int, second: int) -> tuple[int, threading.Thread]:
        await trio.lowlevel.checkpoint()
        return first + second, threading.current_thread()

    async def main(guest: Any) -> list[Any]:
        return await asyncio.gather(*(guest.run(add, it, 1) for it in range(50)))

    here = threading.current_thread()
    assert with_guest(main) == [(it + 1, here) for it in range(50)]


def test_exceptions_come_back_as_they_are() -> None:
    async def fail() -> None:
        with trio.fail_after(0):
            await trio.sleep_forever()

    async def main(guest: Any) -> None:
        with pytest.raises(trio.TooSlowError):
            await guest.run(fail)
        with pytest.raises(ConnectFailed):
            async with guest.opened(open_association("127.0.0.1", 1, contexts=[VERIFICATION])):
                pytest.fail("there is nobody")
        assert await guest.run(one) == 1  # all is well

    with_guest(main)


async def one() -> int:
    return 1


def test_a_cancellation_by_asyncio_ends_when_the_work_has() -> None:
    events: list[str] = []

    async def work() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.02)
            events.append("the work has ended")

    async def main(guest: Any) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await guest.run(work)
        events.append("the timeout is over")
        assert await guest.run(one) == 1

    with_guest(main)
    assert events == ["the work has ended", "the timeout is over"]


def test_asyncio_may_cancel_as_often_as_it_likes() -> None:
    events: list[str] = []

    async def work() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.05)
            events.append("the work has ended")

    async def main(guest: Any) -> None:
        task = asyncio.create_task(guest.run(work))
        for _ in range(4):
            await asyncio.sleep(0.01)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        events.append("the task is over")

    with_guest(main)
    assert events == ["the work has ended", "the task is over"]


def test_a_cancelled_block_aborts_its_association() -> None:
    ends = Ends()

    async def main(guest: Any) -> None:
        async with guest.opened(listening(silent(ends))) as port:
            opening = open_association("127.0.0.1", port, contexts=[VERIFICATION])
            with pytest.raises(TimeoutError):
                async with guest.opened(opening) as association, asyncio.timeout(0.1):
                    await guest.run(association.c_echo)
            await guest.run(ends.until_seen)
            assert ends.seen == [ConversationEnd.ABORTED]
            opening = open_association("127.0.0.1", port, contexts=[VERIFICATION])
            with pytest.raises(ZeroDivisionError):
                async with guest.opened(opening):
                    raise ZeroDivisionError

    with_guest(main)
    assert ends.seen == [ConversationEnd.ABORTED] * 2


@asynccontextmanager
async def failing(begin: trio.Event) -> AsyncGenerator[None, None]:
    """Opens something that has a bug, and dies of it when it is told."""

    async def die() -> None:
        await begin.wait()
        raise KeyError("the cause")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(die)
        yield


def test_what_is_held_tells_why_it_failed_as_in_trio() -> None:
    async def serve(peer: ScriptedPeer) -> None:
        await peer.accept()
        await peer.expect_message(CFindRequest)

    def opening() -> Any:
        return open_memory_association(playing(serve), contexts=[VERIFICATION])

    async def in_trio() -> None:
        async with opening() as association:
            await association.c_echo()

    async def main(guest: Any) -> None:
        async with guest.opened(opening()) as association:
            await guest.run(association.c_echo)

    with pytest.raises(AssertionError) as there:
        trio.run(in_trio)
    with pytest.raises(AssertionError) as here:
        with_guest(main)
    assert str(here.value) == str(there.value)


def test_a_block_that_idles_is_cancelled_when_what_it_holds_has_failed() -> None:
    async def main(guest: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        begin = trio.Event()
        with pytest.RaisesGroup(KeyError):
            async with guest.opened(failing(begin)):
                begin.set()
                await asyncio.sleep(60)
        assert task.cancelling() == 0
        await asyncio.sleep(0)  # nothing of the cancellation is left
        begin = trio.Event()
        with pytest.RaisesGroup(KeyError):
            async with asyncio.timeout(0.5), guest.opened(failing(begin)):
                begin.set()
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    await asyncio.sleep(0.01)  # it may take its time
                    raise
        assert task.cancelling() == 0

    with_guest(main)


def test_a_guest_that_leaves_cancels_the_blocks_that_hold_something() -> None:
    events: list[str] = []

    @asynccontextmanager
    async def thing() -> AsyncGenerator[None, None]:
        yield

    async def hold(guest: Any, opened: asyncio.Event) -> None:
        try:
            async with guest.opened(thing()):
                opened.set()
                await asyncio.sleep(60)
        finally:
            events.append("the block is left")

    async def program() -> None:
        opened = asyncio.Event()
        async with example("guest_mode")["open_guest"]() as guest:
            holding = asyncio.create_task(hold(guest, opened))
            await opened.wait()
        with pytest.raises(asyncio.CancelledError):
            await holding

    asyncio.run(program())
    assert events == ["the block is left"]


def test_an_error_while_it_ends_is_raised_in_the_place_of_a_cancellation() -> None:
    async def work() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise KeyError("the cause")

    async def main(guest: Any) -> None:
        task = asyncio.create_task(guest.run(work))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(KeyError, match="the cause"):
            await task

    with_guest(main)


def test_cancelled_while_it_opens_nothing_is_left_open() -> None:
    closed: list[str] = []

    @asynccontextmanager
    async def slow() -> AsyncGenerator[None, None]:
        try:
            await trio.sleep_forever()
            yield
        finally:
            closed.append("closed")

    async def main(guest: Any) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), guest.opened(slow()):
                pytest.fail("it never opens")

    with_guest(main)
    assert closed == ["closed"]


def test_trio_asks_asyncio_for_results_and_gets_its_exceptions() -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0.001)
        if number == 13:
            raise ValueError("13")
        return 2 * number

    async def main(guest: Any) -> None:
        async def work() -> int:
            with pytest.raises(ValueError, match="13"):
                await guest.ask_host(double, 13)
            result: int = await guest.ask_host(double, 21)
            return result

        assert await guest.run(work) == 42

    with_guest(main)


def test_a_cancellation_by_trio_ends_when_the_asyncio_function_has() -> None:
    events: list[str] = []

    async def host_work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            events.append("asyncio has ended")

    async def main(guest: Any) -> None:
        async def work() -> None:
            with trio.move_on_after(0.01) as scope:
                await guest.ask_host(host_work)
            assert scope.cancelled_caught
            events.append("Trio goes on")

        await guest.run(work)

    with_guest(main)
    assert events == ["asyncio has ended", "Trio goes on"]


def test_a_task_of_asyncio_that_cancels_itself_cancels_who_waits_for_it() -> None:
    async def give_up() -> None:
        raise asyncio.CancelledError

    async def main(guest: Any) -> None:
        async def work() -> None:
            await guest.ask_host(give_up)

        with pytest.raises(asyncio.CancelledError):
            await guest.run(work)
        assert await guest.run(one) == 1

    with_guest(main)


def test_a_guest_that_leaves_ends_what_it_does() -> None:
    events: list[str] = []

    async def work() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.02)
            events.append("the work has ended")

    async def program() -> None:
        async with example("guest_mode")["open_guest"]() as guest:
            waiting = asyncio.create_task(guest.run(work))
            await asyncio.sleep(0.01)
        events.append("the guest has left")
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(RuntimeError, match="no guest"):
            await guest.run(one)

    asyncio.run(program())
    asyncio.run(program())  # and another can come
    assert events == ["the work has ended", "the guest has left"] * 2


@pytest.mark.parametrize("steps", range(1, 13))
def test_a_guest_whose_start_is_cancelled_leaves_nothing_behind(steps: int) -> None:
    async def job() -> None:
        async with example("guest_mode")["open_guest"]() as guest:
            await guest.run(one)

    async def program() -> None:
        task = asyncio.create_task(job())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await job()  # the thread has room for another

    asyncio.run(program())


def test_an_error_of_the_block_is_raised_as_it_is() -> None:
    async def main(guest: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        with_guest(main)


def test_a_block_that_ends_while_what_it_holds_fails_is_not_cancelled_afterwards() -> None:
    @asynccontextmanager
    async def failing_inside() -> AsyncGenerator[None, None]:
        async with trio.open_nursery() as nursery:

            async def fail() -> None:
                await trio.sleep(0.01)
                raise ZeroDivisionError

            nursery.start_soon(fail)
            yield

    async def main(guest: Any) -> None:
        before = asyncio.all_tasks()
        with pytest.RaisesGroup(ZeroDivisionError):
            async with guest.opened(failing_inside()):
                [holder] = asyncio.all_tasks() - before
                # Then asyncio is about to tell those who wait for that.
                while not holder.done():  # noqa: ASYNC110  the very turn counts
                    await asyncio.sleep(0)
        for _ in range(3):
            await asyncio.sleep(0)
        block = asyncio.current_task()
        assert block is not None
        assert not block.cancelling()

    with_guest(main)


async def test_ctrl_c_aborts_the_association_and_ends_the_program() -> None:
    ends = Ends()
    async with (
        listening(silent(ends)) as port,
        program_of("guest_mode", "127.0.0.1", port) as process,
    ):
        await ends.until_begun()
        process.send_signal(signal.SIGINT)
        said = await all_of(process.stderr)
        assert said.rstrip().endswith("KeyboardInterrupt"), said
        await ends.until_seen()
    assert ends.seen == [ConversationEnd.ABORTED]
    assert process.returncode == -signal.SIGINT
