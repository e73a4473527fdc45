"""Instances that arrive while somebody is slow: us, the disk, or the peer."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from attrs import define
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.arriving import (
    Getting,
    Keeper,
    arrival,
    data_set,
    getting,
    is_clean,
    limited,
    names_in,
)
from tests.io.writing import eventually, slow_writes, small_blocks
from trio_dicom import (
    BaseHandler,
    CCancelRequest,
    CEchoRequest,
    ClientConnection,
    CStoreRequest,
    EncodedDataSet,
    ResponseTimeout,
)

LIMIT = 10_000


def held(get: Getting) -> int:
    """Bytes of instances that nobody has taken yet."""
    return get.connection._link.serving._arriving.size


@define
class Time:
    """Passes as ever, and jumps when the test says so.

    A clock that jumps by itself would not wait for threads, one that stands would never fail.
    """

    _clock: MockClock
    _patience: trio.CancelScope

    async def passes(self, seconds: float) -> None:
        """Jump on by so much."""
        await wait_all_tasks_blocked()
        self._patience.deadline += seconds
        self._clock.jump(seconds)
        await wait_all_tasks_blocked()


@contextmanager
def running(clock: MockClock) -> Generator[Time, None, None]:
    """Let ``clock`` run, for as long as a test may take."""
    clock.rate = 1
    with trio.fail_after(20) as patience:
        yield Time(clock, patience)


@pytest.mark.scenario("B69")
@pytest.mark.parametrize("last", [False, True], ids=["before the end", "at the end"])
async def test_a_slow_disk_is_not_the_silence_of_the_peer(
    tmp_path: Path, mock_clock: MockClock, last: bool
) -> None:
    keeper = Keeper(tmp_path / "a.dcm")
    with running(mock_clock) as time:
        async with getting(keeper, options=limited(idle=100, buffered=LIMIT)) as get:
            await time.passes(90)
            coming = await arrival(get.peer)
            data = data_set(60_000)  # which comes in one read
            with small_blocks(500), slow_writes(hangs_at=2) as disk:
                if not last:
                    await coming.more(data[:1000])
                    await disk.reached.wait()
                await coming.more(data[0 if last else 1000 :], is_last=True, size=1000)
                await disk.reached.wait()
                await time.passes(10000)
                assert get.error is None
                assert held(get) <= (0 if last else LIMIT + 131_072)
            assert (await coming.answer()).status.code == 0x0000
            await time.passes(90)
    assert is_clean(tmp_path, "a.dcm")


@pytest.mark.scenario("B69")
async def test_a_slow_sink_is_not_the_silence_of_the_peer(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    gate = trio.Event()

    class Slow(Keeper):
        async def c_store_sink(self, request: CStoreRequest) -> Path:
            await gate.wait()
            return tmp_path / "a.dcm"

    with running(mock_clock) as time:
        async with getting(Slow(), options=limited(idle=100)) as get:
            coming = await arrival(get.peer)
            await coming.more(data_set(), is_last=True)
            await time.passes(10000)
            assert get.error is None
            gate.set()
            assert (await coming.answer()).status.code == 0x0000


@pytest.mark.scenario("B33", "B37")
@pytest.mark.parametrize("in_memory", [True, False])
async def test_a_peer_that_stops_in_the_middle_of_an_instance_times_out(
    tmp_path: Path, mock_clock: MockClock, in_memory: bool
) -> None:
    keeper = Keeper(None if in_memory else tmp_path / "a.dcm")
    with running(mock_clock) as time:
        async with getting(keeper, options=limited(idle=100), is_finished=False) as get:
            coming = await arrival(get.peer)
            data = data_set(1000)
            for start in range(0, 900, 100):  # slow, but alive
                await time.passes(90)
                await coming.more(data[start : start + 100])
            await time.passes(99)
            assert get.error is None
            await time.passes(2)
            await get.ended.wait()
            assert isinstance(get.error, ResponseTimeout)
            # Whoever asked is gone. What still comes is read, and nothing becomes of it (B48).
            await get.peer.expect_message(CCancelRequest)
            answer = await coming.whole(data[900:])
            assert answer.status.code == 0xA700
    assert keeper.arrived == []
    assert is_clean(tmp_path)


@pytest.mark.scenario("B37")
@pytest.mark.parametrize("sink", ["disk", "memory", "failing"])
async def test_a_peer_that_stops_after_an_instance_times_out(
    tmp_path: Path, mock_clock: MockClock, sink: str
) -> None:
    folder = tmp_path / "missing" if sink == "failing" else tmp_path
    keeper = Keeper(None if sink == "memory" else folder / "a.dcm")
    with running(mock_clock) as time:
        async with getting(keeper, options=limited(idle=100), is_finished=False) as get:
            for number in (5, 6):
                coming = await arrival(get.peer, number)
                await coming.more(data_set(), is_last=True)
                await coming.answer()
                await time.passes(90)
            assert get.error is None
            await time.passes(11)
            await get.ended.wait()
            assert isinstance(get.error, ResponseTimeout)
            assert get.request is not None
            await get.peer.expect_message(CCancelRequest)
            await get.peer.reply(get.request, 0xFE00)


@pytest.mark.pitfall(29)
async def test_what_the_disk_does_not_take_is_not_read(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "a.dcm")
    async with getting(keeper, options=limited(buffered=LIMIT), capacity=1000) as get:
        coming = await arrival(get.peer)
        data = data_set(1_000_000)
        with small_blocks(500), slow_writes(hangs_at=2) as disk:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: coming.more(data[:-2], size=500))
                await disk.reached.wait()
                await wait_all_tasks_blocked()
                assert get.connection._link.flow.stopped
                assert LIMIT < held(get) <= LIMIT + 1000
                disk.let_go.set()
        assert (await coming.whole(data[-2:])).status.code == 0x0000
        assert held(get) == 0
    assert (tmp_path / "a.dcm").read_bytes().endswith(data)


@pytest.mark.parametrize("in_memory", [0, 100, 5000, 100_000])
@pytest.mark.parametrize("buffered", [0, 100, 5000])
@pytest.mark.parametrize("to_disk", [True, False])
async def test_small_limits_hold_nothing_up_for_ever(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_memory: int,
    buffered: int,
    to_disk: bool,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    keeper = Keeper(tmp_path / "a.dcm" if to_disk else None)
    options = limited(in_memory=in_memory, buffered=buffered)
    async with getting(keeper, options=options, capacity=1000) as get:
        assert (await get.store(data_set(50_000))).status.code == 0x0000
        assert held(get) == 0
    is_in_memory = isinstance(keeper.arrived[0].data_set, EncodedDataSet)
    assert is_in_memory is (not to_disk and in_memory == 100_000)


@pytest.mark.scenario("B68")
async def test_a_sink_that_waits_for_the_connection_that_waits_for_it_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Asking(BaseHandler):
        connection: ClientConnection

        async def c_store_sink(self, request: CStoreRequest) -> Path:
            if request.message_id == 5:
                async with self.connection.open_request(CEchoRequest()) as responses:
                    await responses.final()
            return tmp_path / "a.dcm"

    asking = Asking()
    async with getting(asking, options=limited(buffered=LIMIT), window=2) as get:
        asking.connection = get.connection
        coming = await arrival(get.peer)
        echo = await get.peer.expect_message(CEchoRequest)
        await coming.more(data_set(LIMIT * 2), is_last=True)
        assert (await coming.answer()).status.code == 0x0110
        await get.peer.reply(echo, 0x0000)
        assert (await get.store(data_set(LIMIT * 2), message_id=6)).status.code == 0x0000
    assert "arriving instances hold more unread bytes" in caplog.text
    assert is_clean(tmp_path, "a.dcm")


@pytest.mark.scenario("B67", "B68")
async def test_a_sink_may_use_the_connection_while_the_buffers_suffice(tmp_path: Path) -> None:
    class Asking(BaseHandler):
        connection: ClientConnection

        async def c_store_sink(self, request: CStoreRequest) -> Path:
            async with self.connection.open_request(CEchoRequest()) as responses:
                await responses.final()
            return tmp_path / "a.dcm"

    asking = Asking()
    async with getting(asking, options=limited(buffered=LIMIT), window=2) as get:
        asking.connection = get.connection
        coming = await arrival(get.peer)
        echo = await get.peer.expect_message(CEchoRequest)
        await coming.more(data_set(LIMIT - 100), is_last=True)
        await get.peer.reply(echo, 0x0000)
        assert (await coming.answer()).status.code == 0x0000


async def test_a_hanging_disk_holds_up_no_answers(tmp_path: Path) -> None:
    async with getting(Keeper(tmp_path / "a.dcm"), window=2) as get:
        coming = await arrival(get.peer)
        with slow_writes(hangs_at=1) as disk:
            await coming.more(data_set(), is_last=True)
            await disk.reached.wait()
            async with get.connection.open_request(CEchoRequest()) as responses:
                await get.peer.reply(await get.peer.expect_message(CEchoRequest), 0x0000)
                assert (await responses.final()).status.code == 0x0000
            assert len(names_in(tmp_path)) == 1
        assert (await coming.answer()).status.code == 0x0000
        await eventually(lambda: is_clean(tmp_path, "a.dcm"))
