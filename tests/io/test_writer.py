"""How much goes into one write, and what a write that was cut means."""

from __future__ import annotations

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_dicom._io.gather import Gatherer
from trio_dicom._io.writer import Interrupted, Writer

MOST = 8


@define(eq=False)
class Line(trio.abc.Stream):
    """Takes what it is given in ``seconds``, or never."""

    seconds: float = 0.0
    written: list[bytes] = field(factory=list[bytes])

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.sleep(self.seconds)
        self.written.append(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        raise NotImplementedError

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        raise NotImplementedError

    async def aclose(self) -> None:
        raise NotImplementedError


async def test_batches_double_while_the_line_is_fast(autojump_clock: MockClock) -> None:
    writer = Writer(Gatherer(Line(0.05)), None)
    batches = [writer.batch]
    for _ in range(5):
        await writer.write([b"x"], MOST)
        batches.append(writer.batch)
    assert batches == [1, 2, 4, 8, 8, 8]


async def test_batches_halve_while_the_line_is_slow(autojump_clock: MockClock) -> None:
    line = Line(0.05)
    writer = Writer(Gatherer(line), None)
    for _ in range(4):
        await writer.write([b"x"], MOST)
    line.seconds = 0.5
    batches: list[int] = []
    for _ in range(5):
        await writer.write([b"x"], MOST)
        batches.append(writer.batch)
    assert batches == [4, 2, 1, 1, 1]


async def test_a_write_holds_one_pdu_at_least_and_no_more_than_it_may() -> None:
    writer = Writer(Gatherer(Line()), None)
    for most, batch in ((0, 1), (1, 1), (3, 2), (3, 3), (3, 3)):
        await writer.write([b"x"], most)
        assert writer.batch == batch


async def test_what_is_written_is_what_was_given() -> None:
    line = Line()
    writer = Writer(Gatherer(line), None)
    await writer.write([b"one"])
    await writer.write([b"two", memoryview(b" three"), b""])
    assert line.written == [b"one", b"two three"]
    assert not writer.is_cut


async def test_an_interrupted_write_is_cut_and_nothing_may_follow() -> None:
    writer = Writer(Gatherer(Line(float("inf"))), None)

    async def write() -> None:
        with pytest.raises(Interrupted):
            await writer.write([b"x"])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        await wait_all_tasks_blocked()
        assert not writer.is_cut
        writer.interrupt()
    assert writer.is_cut


async def test_a_cancelled_write_is_cut() -> None:
    writer = Writer(Gatherer(Line(float("inf"))), None)
    with trio.move_on_after(0):
        await writer.write([b"x"])
    assert writer.is_cut


async def test_interrupting_what_is_over_does_nothing() -> None:
    line = Line()
    writer = Writer(Gatherer(line), None)
    writer.interrupt()
    await writer.write([b"x"])
    writer.interrupt()
    await writer.write([b"y"])
    assert line.written == [b"x", b"y"]
    assert not writer.is_cut
