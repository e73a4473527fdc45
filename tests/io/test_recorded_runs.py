"""One recording over several runs of Trio, each of which has a clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from trio.abc import Clock
from trio.testing import MockClock

from trio_dicom.recording import Recording, read_recording, writing


@pytest.mark.parametrize("clock", [MockClock, lambda: None], ids=["of tests", "of Trio"])
def test_times_go_on_from_run_to_run(
    clock: Callable[[], Clock | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = [1000.0]
    monkeypatch.setattr(writing, "perf_counter", lambda: real[0])
    recording = Recording(tmp_path / "runs.jsonl")

    async def speak() -> None:
        recording.tap("peer", is_acceptor=False).closed()

    for _ in range(3):
        trio.run(speak, clock=clock())
        real[0] += 5
    begun = [it.time for it in read_recording(tmp_path / "runs.jsonl")][::2]
    assert begun == pytest.approx([0, 5, 10], abs=1)


def test_times_never_go_back_though_the_clock_of_a_test_was_ahead(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "runs.jsonl")

    async def speak(seconds: float) -> None:
        tap = recording.tap("peer", is_acceptor=False)
        await trio.sleep(seconds)
        tap.closed()

    for _ in range(2):
        trio.run(speak, 100, clock=MockClock(autojump_threshold=0))
    times = [it.time for it in read_recording(tmp_path / "runs.jsonl")]
    assert times == pytest.approx([0, 100, 100, 200])


def test_each_of_two_runs_at_a_time_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "perf_counter", lambda: 1000.0)
    recording = Recording(tmp_path / "runs.jsonl")

    async def speak(clock: MockClock, seconds: float, meanwhile: Callable[[], object]) -> None:
        tap = recording.tap("peer", is_acceptor=False)
        await trio.to_thread.run_sync(meanwhile)
        clock.jump(seconds)
        tap.closed()

    def run(seconds: float, meanwhile: Callable[[], object]) -> None:
        clock = MockClock()
        trio.run(speak, clock, seconds, meanwhile, clock=clock)

    run(2, lambda: run(1, lambda: None))
    times = [it.time for it in read_recording(tmp_path / "runs.jsonl")]
    assert times == pytest.approx([0, 0, 1, 2])
