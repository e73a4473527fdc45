"""The clock that measures the peer's silence and leaves out our own."""

from __future__ import annotations

from math import inf

import trio
from trio.testing import MockClock

from trio_dicom._io.clocks import Clocks, SilenceClock


def left(clock: SilenceClock) -> float:
    """Seconds of patience."""
    return clock.scope.deadline - trio.current_time()


async def test_silence_is_measured_from_the_last_sign_of_life(mock_clock: MockClock) -> None:
    clock = SilenceClock(10)
    clock.start(0)
    mock_clock.jump(4)
    assert left(clock) == 6
    clock.sign_of_life()
    assert left(clock) == 10


async def test_time_that_is_ours_does_not_count(mock_clock: MockClock) -> None:
    clock = SilenceClock(10)
    clock.start(0)
    mock_clock.jump(4)
    clock.pause()
    assert left(clock) == inf
    mock_clock.jump(1000)
    clock.resume()
    assert left(clock) == 6


async def test_it_goes_on_when_the_last_reason_to_stand_still_is_gone(
    mock_clock: MockClock,
) -> None:
    clock = SilenceClock(10)
    clock.start(0)
    clock.pause()
    clock.pause()
    clock.resume()
    mock_clock.jump(1000)
    assert left(clock) == inf
    clock.resume()
    assert left(clock) == 10


async def test_a_sign_of_life_while_it_stands_still_counts_afterwards(
    mock_clock: MockClock,
) -> None:
    clock = SilenceClock(10)
    clock.start(0)
    mock_clock.jump(4)
    clock.pause()
    clock.sign_of_life()
    assert left(clock) == inf
    clock.resume()
    assert left(clock) == 10


async def test_it_can_begin_standing_still(mock_clock: MockClock) -> None:
    clock = SilenceClock(10)
    clock.start(1)
    mock_clock.jump(1000)
    assert left(clock) == inf
    clock.resume()
    assert left(clock) == 10


async def test_without_a_limit_it_never_ends(mock_clock: MockClock) -> None:
    clock = SilenceClock(inf)
    clock.start(0)
    clock.pause()
    clock.resume()
    clock.sign_of_life()
    assert left(clock) == inf


async def test_all_clocks_of_a_connection_stand_still_together(mock_clock: MockClock) -> None:
    clocks, first, later, stopped = Clocks(), SilenceClock(10), SilenceClock(10), SilenceClock(10)
    clocks.start(first)
    clocks.start(stopped)
    clocks.stop(stopped)
    clocks.stop(stopped)  # twice is not too often
    clocks.pause()
    clocks.start(later)
    mock_clock.jump(7)
    assert (left(first), left(later), left(stopped)) == (inf, inf, 3)
    clocks.resume()
    assert (left(first), left(later)) == (10, 10)


async def test_a_response_to_one_is_a_sign_of_life_for_those_that_came_after(
    mock_clock: MockClock,
) -> None:
    clocks = Clocks()
    first, second, third = (SilenceClock(10) for _ in range(3))
    for clock in (first, second, third):
        clocks.start(clock)
    mock_clock.jump(4)
    clocks.sign_of_life_after(second)
    assert [left(clock) for clock in (first, second, third)] == [6, 6, 10]
