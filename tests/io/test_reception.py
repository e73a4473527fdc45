"""What an instance that arrives holds, who is woken when, and when the reading stops."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from attrs import define, field
from trio.testing import wait_all_tasks_blocked

from tests.io.writing import small_blocks
from trio_dicom._io.flow import Backlog, Flow
from trio_dicom._io.reception import Reception

LIMIT = 100


@define(eq=False)
class Arriving:
    """A reception, and everything that it moves."""

    paused: list[str] = field(factory=list[str])
    flow: Flow = field(init=False)
    backlog: Backlog = field(init=False)
    it: Reception = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.flow = Flow(LIMIT, lambda: None, lambda: None, lambda _: None)
        self.backlog = Backlog("the things", self.flow)
        self.it = self.another()

    def another(self) -> Reception:
        return Reception(self.backlog, lambda: self.paused.append("complete"))


async def block_of(reception: Reception) -> bytes:
    return b"".join(await reception.block())


@pytest.fixture
def arriving() -> Arriving:
    return Arriving()


@define(eq=False)
class Waiting:
    """Somebody who waits for something, in a task of its own."""

    results: list[Any] = field(factory=list[Any])

    @classmethod
    async def begin(cls, nursery: trio.Nursery, wait: Callable[[], Awaitable[Any]]) -> Waiting:
        it = cls()

        async def run() -> None:
            it.results.append(await wait())

        nursery.start_soon(run)
        await wait_all_tasks_blocked()
        return it


def test_what_nobody_has_taken_stops_the_reading_and_its_end_is_told(arriving: Arriving) -> None:
    arriving.it.take(bytes(LIMIT))
    assert (arriving.backlog.size, arriving.flow.stopped) == (LIMIT, False)
    arriving.it.take(memoryview(b"1"))
    assert (arriving.backlog.size, arriving.flow.stopped) == (LIMIT + 1, True)
    assert (arriving.it.is_complete, arriving.paused) == (False, [])
    arriving.it.finish()
    assert (arriving.it.is_complete, arriving.paused) == (True, ["complete"])


async def test_what_is_collected_comes_at_its_end_and_holds_nothing_up(
    arriving: Arriving, nursery: trio.Nursery
) -> None:
    arriving.it.take(b"12")
    waiting = await Waiting.begin(nursery, lambda: arriving.it.collected(1000))
    assert arriving.backlog.size == 0
    arriving.it.take(bytes(998))
    await wait_all_tasks_blocked()
    assert waiting.results == []
    assert not arriving.flow.stopped
    arriving.it.finish()
    await wait_all_tasks_blocked()
    assert waiting.results == [b"12" + bytes(998)]


async def test_what_is_too_long_to_be_collected_is_kept_and_counted_once(
    arriving: Arriving, nursery: trio.Nursery
) -> None:
    arriving.it.take(bytes(150))
    assert arriving.flow.stopped
    waiting = await Waiting.begin(nursery, lambda: arriving.it.collected(200))
    assert not arriving.flow.stopped
    arriving.it.take(bytes(51))
    await wait_all_tasks_blocked()
    assert waiting.results == [None]
    with small_blocks(0):
        assert await block_of(arriving.it) == bytes(201)
        assert arriving.backlog.size == 0
        arriving.it.take(b"12")
        assert arriving.backlog.size == 2
        assert await block_of(arriving.it) == b"12"
    assert arriving.backlog.size == 0


async def test_a_block_comes_when_it_is_worth_it_or_the_last(
    arriving: Arriving, nursery: trio.Nursery
) -> None:
    with small_blocks(10):
        waiting = await Waiting.begin(nursery, lambda: block_of(arriving.it))
        arriving.it.take(bytes(10))
        await wait_all_tasks_blocked()
        assert waiting.results == []
        arriving.it.take(b"1")
        await wait_all_tasks_blocked()
        assert waiting.results == [bytes(10) + b"1"]
        waiting = await Waiting.begin(nursery, lambda: block_of(arriving.it))
        arriving.it.take(b"23")
        arriving.it.finish()
        await wait_all_tasks_blocked()
        assert waiting.results == [b"23"]
    assert arriving.backlog.size == 0


@pytest.mark.parametrize("waits_first", [True, False])
async def test_a_block_comes_when_no_more_would_be_read_before_it_is_taken(
    arriving: Arriving, nursery: trio.Nursery, waits_first: bool
) -> None:
    if not waits_first:
        arriving.it.take(bytes(LIMIT + 1))
    waiting = await Waiting.begin(nursery, lambda: block_of(arriving.it))
    if waits_first:
        arriving.it.take(bytes(LIMIT))
        await wait_all_tasks_blocked()
        assert waiting.results == []
        arriving.it.take(b"\0")
        await wait_all_tasks_blocked()
    assert waiting.results == [bytes(LIMIT + 1)]
    assert not arriving.flow.stopped


async def test_it_is_not_woken_again_and_again_by_what_others_hold(
    arriving: Arriving, nursery: trio.Nursery
) -> None:
    arriving.backlog.grow(LIMIT + 1)
    waiting = await Waiting.begin(nursery, lambda: block_of(arriving.it))
    assert waiting.results == []
    arriving.it.take(b"1")
    await wait_all_tasks_blocked()
    assert waiting.results == [b"1"]
    assert arriving.backlog.size == LIMIT + 1


@pytest.mark.scenario("B48")
async def test_what_is_discarded_holds_nothing(arriving: Arriving, nursery: trio.Nursery) -> None:
    arriving.it.take(bytes(LIMIT + 1))
    waiting = await Waiting.begin(nursery, arriving.it.discarded)
    assert (arriving.backlog.size, arriving.flow.stopped) == (0, False)
    arriving.it.take(bytes(LIMIT + 1))
    assert (arriving.backlog.size, len(arriving.it._received)) == (0, 0)
    await wait_all_tasks_blocked()
    assert waiting.results == []
    arriving.it.finish()
    await wait_all_tasks_blocked()
    assert waiting.results == [None]
    arriving.it.discard()
    assert arriving.backlog.size == 0


async def test_every_way_through_gives_back_what_it_took(arriving: Arriving) -> None:
    """Counted twice or never, some of it would hold the reading up for ever, or not at all."""
    with small_blocks(10):
        for begun in (0, 5, 50, 150):
            for collects in (None, 0, 40, 1000):
                for discards in (True, False):
                    it = arriving.another()
                    it.take(bytes(begun))
                    if collects is not None:
                        with trio.move_on_after(0):
                            await it.collected(collects)
                    it.take(bytes(60))
                    if collects != 1000:
                        await it.block()
                    it.take(bytes(7))
                    it.finish()
                    await (it.discarded() if discards or collects == 1000 else it.block())
                    assert arriving.backlog.size == 0
                    assert not arriving.flow.stopped


async def test_large_pieces_are_not_copied_and_small_ones_are_put_together(
    arriving: Arriving,
) -> None:
    came = memoryview(bytes(range(80)))
    large, small, smaller = came[:10], came[10:19], came[19:21]
    for piece in (large, small, smaller, large):
        arriving.it.take(piece)
    arriving.it.finish()
    first, between, last = await arriving.it.block()
    assert first is last is large
    assert between == bytes(range(10, 21))
    assert isinstance(between, bytearray)  # they keep nothing else alive


async def test_bytes_are_kept_in_the_order_in_which_they_came(arriving: Arriving) -> None:
    came = memoryview(bytes(range(100)))
    for at in range(0, 100, 20):
        for piece in (came[at : at + 2], came[at + 2 : at + 20]):
            arriving.it.take(piece)
    arriving.it.finish()
    assert await block_of(arriving.it) == came
