"""Instances in the middle of which the connection ends: nothing of them is left."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import trio

from tests.faults.cancelling import StepCanceller
from tests.io.arriving import Keeper, arrival, data_set, getting, is_clean, names_in
from tests.io.disk import threads_ended
from tests.io.replay import Cut, Record, record
from tests.io.talking import EVERYTHING, get_request
from tests.io.writing import eventually, slow_writes, small_blocks
from trio_dicom import (
    BaseHandler,
    CGetRequest,
    ClientConnection,
    ConnectionLost,
    ConnectionOptions,
    CStoreRequest,
    CStoreResponse,
    Limits,
    Timeouts,
    TrioDicomError,
    propose,
    wrap_stream,
)
from trio_dicom.testing import ConversationOver, ScriptedPeer

pytestmark = [pytest.mark.scenario("B39", "B49"), pytest.mark.pitfall(5)]

DATA = data_set(300)
REQUEST = propose(contexts=EVERYTHING)
# A clock that jumps would not wait for threads, so this one is real, and the timeout short.
OPTIONS = ConnectionOptions(limits=Limits(in_memory=100), timeouts=Timeouts(abort=0.001))


async def get(stream: trio.abc.Stream, instances: BaseHandler) -> None:
    """Get one instance, from the first byte to the last."""
    async with wrap_stream(stream, options=OPTIONS) as connection:
        try:
            await connection.send_association_request(REQUEST)
            async with connection.open_request(get_request(), instances=instances) as responses:
                await responses.final()
            await connection.send_association_release_request()
        finally:
            links.append(connection)


links: list[ClientConnection] = []


async def nothing_works_on_files() -> None:
    """Return when the threads of the last connection have ended."""
    connection = links.pop()
    assert not links
    await threads_ended(connection)


async def script(peer: ScriptedPeer) -> None:
    await peer.accept()
    request = await peer.expect_message(CGetRequest)
    coming = await arrival(peer)
    for start in range(0, len(DATA), 60):
        part = DATA[start : start + 60]
        await coming.more(part, is_last=start + 60 >= len(DATA), size=60)
    await coming.answer()
    await peer.reply(request, 0x0000)
    with pytest.raises(ConversationOver):
        await peer.receive_message()


@cache
def conversation() -> Record:
    """The whole of it, as it goes when nothing breaks; nothing is kept on disk."""

    class Nowhere(BaseHandler):
        """Says success to everything, so that what comes next comes."""

        async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
            return CStoreResponse(status=0x0000)

    return trio.run(record, lambda stream: get(stream, Nowhere()), script)


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> Keeper:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return Keeper(tmp_path / "a.dcm" if where == "disk" else None)


def check_what_is_left(folder: Path, keeper: Keeper) -> None:
    """Only what was complete may be there, and only once it had its name."""
    names = names_in(folder)
    assert names in ([], ["a.dcm"])
    assert is_clean(folder, *names)
    for name in names:
        assert (folder / name).read_bytes().endswith(DATA)
        (folder / name).unlink()
    keeper.arrived.clear()


@pytest.mark.parametrize("where", ["disk", "temporary"])
@pytest.mark.parametrize("cut", [Cut.EOF, Cut.RESET])
def test_a_peer_that_is_cut_off_at_any_byte_leaves_nothing(
    tmp_path: Path, keeper: Keeper, cut: Cut
) -> None:
    recorded = conversation()
    links.clear()
    begins = recorded.ends[0]
    complete, answered = recorded.ends[-3:-1]

    async def main() -> None:
        tasks = trio.lowlevel.current_statistics().tasks_living
        for position in range(begins, recorded.length):
            error: TrioDicomError | None = None
            with trio.fail_after(30):
                try:
                    await get(recorded.cut(cut, position), keeper)
                except ConnectionLost as lost:
                    error = lost
            assert (error is None) is (position >= answered)
            await nothing_works_on_files()
            assert trio.lowlevel.current_statistics().tasks_living == tasks
            if position < complete:
                assert (names_in(tmp_path), keeper.arrived) == ([], [])
            check_what_is_left(tmp_path, keeper)

    with small_blocks(50):
        trio.run(main)


@pytest.mark.parametrize("where", ["disk", "temporary"])
def test_a_program_that_is_cancelled_at_any_step_leaves_nothing(
    tmp_path: Path, keeper: Keeper
) -> None:
    recorded = conversation()
    links.clear()

    async def main() -> int:
        for steps in range(10_000):
            canceller = StepCanceller(steps)
            tasks = trio.lowlevel.current_statistics().tasks_living
            with trio.fail_after(30):
                await canceller.run(lambda: get(recorded.cut(Cut.SILENCE, recorded.length), keeper))
            if links:
                await nothing_works_on_files()
            assert trio.lowlevel.current_statistics().tasks_living == tasks
            check_what_is_left(tmp_path, keeper)
            if not canceller.has_fired:
                return steps
        raise AssertionError("there is no end")

    with small_blocks(50):
        assert trio.run(main) > 30


@pytest.mark.parametrize("where", ["disk", "temporary"])
@pytest.mark.parametrize("hangs_at", [1, 2, 3])
@pytest.mark.parametrize("how", ["cut", "cancelled", "aborted"])
async def test_a_disk_that_hangs_keeps_nobody_and_its_thread_cleans_up(
    tmp_path: Path, keeper: Keeper, hangs_at: int, how: str
) -> None:
    with small_blocks(50), slow_writes(hangs_at=hangs_at) as disk:
        with trio.CancelScope() as program:
            async with getting(keeper, is_finished=False, options=OPTIONS) as get:
                coming = await arrival(get.peer)
                await coming.more(DATA[:150])
                await eventually(lambda: len(disk.sizes) >= min(hangs_at, 2))
                await coming.more(DATA[150:], is_last=True)
                await disk.reached.wait()
                connection = get.connection
                if how == "cut":
                    await get.peer.aclose()
                elif how == "aborted":
                    await get.connection.send_abort()
                else:
                    program.cancel()
                    await trio.lowlevel.checkpoint()
        # The program goes on, and the thread hangs.
        assert not disk.let_go.is_set()
        assert len(names_in(tmp_path)) == 1
    await threads_ended(connection)
    assert is_clean(tmp_path)
    assert keeper.arrived == []
