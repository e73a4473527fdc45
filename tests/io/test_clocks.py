"""The clock that measures the peer's silence and leaves out our own."""

from __future__ import annotations

from math import inf

import pytest
import trio
from trio.testing import MockClock

from trio_dicom._io.clocks import Clocks, SilenceClock


def left(clock: SilenceClock) -> float:
    """Seconds of patience."""
    return clock.end - trio.current_time()


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


@pytest.mark.scenario("B37")
async def test_an_answer_to_a_later_one_tells_nothing_about_those_before(
    mock_clock: MockClock,
) -> None:
    clocks = Clocks()
    first, second, third = (SilenceClock(10) for _ in range(3))
    for clock in (first, second, third):
        clocks.start(clock)
    mock_clock.jump(2)
    clocks.sign_of_life_after(third)
    clocks.stop(third)
    mock_clock.jump(2)
    clocks.sign_of_life_after(first)
    clocks.stop(first)
    mock_clock.jump(2)
    assert left(second) == 8
    third = SilenceClock(10)
    clocks.start(third)
    mock_clock.jump(1)
    assert (left(second), left(third)) == (7, 9)


async def test_an_answer_while_it_stands_still_counts_afterwards(mock_clock: MockClock) -> None:
    clocks = Clocks()
    first, second = SilenceClock(10), SilenceClock(10)
    clocks.start(first)
    clocks.start(second)
    mock_clock.jump(4)
    second.pause()
    mock_clock.jump(3)
    clocks.sign_of_life_after(first)
    mock_clock.jump(3)
    second.resume()
    assert left(second) == 10


async def test_an_answer_before_it_stands_still_counts_too(mock_clock: MockClock) -> None:
    clocks = Clocks()
    first, second = SilenceClock(10), SilenceClock(10)
    clocks.start(first)
    clocks.start(second)
    mock_clock.jump(4)
    clocks.sign_of_life_after(first)
    mock_clock.jump(1)
    second.pause()
    mock_clock.jump(100)
    second.resume()
    assert left(second) == 9
    mock_clock.jump(2)
    second.pause()
    second.resume()
    assert left(second) == 7


async def test_answers_are_forgotten_and_clocks_go_on_as_if_they_were_not(
    mock_clock: MockClock,
) -> None:
    clocks, oldest, kept = Clocks(), SilenceClock(1000), list[SilenceClock]()
    clocks.start(oldest)
    plain = list[tuple[SilenceClock, float]]()
    for number in range(1000):
        clock = SilenceClock(1000)
        clocks.start(clock)
        mock_clock.jump(1)
        if number % 100 == 50:
            kept.append(clock)
            plain.append((clock, trio.current_time() - 1))
        else:
            clocks.sign_of_life_after(clock)
            clocks.stop(clock)
            plain = [
                (open_, trio.current_time() if open_.number > clock.number else heard)
                for open_, heard in plain
            ]
    assert len(clocks._answers) < 100
    assert left(oldest) == 0
    for clock, heard in plain:
        assert clock.end == heard + 1000
    clocks.sign_of_life_after(oldest)
    assert {left(clock) for clock in kept} == {1000}


async def test_patience_can_be_made_shorter_and_not_longer(mock_clock: MockClock) -> None:
    clock = SilenceClock(10)
    clock.start(0)
    clock.end_by(trio.current_time() + 7)
    clock.end_by(trio.current_time() + 9)
    assert left(clock) == 7
    clock.pause()  # the whole counts, whoever is silent
    assert left(clock) == 7
    clock.resume()
    mock_clock.jump(3)
    clock.sign_of_life()
    assert left(clock) == 4


async def test_a_scope_ends_no_later_than_patience(mock_clock: MockClock) -> None:
    clock = SilenceClock(10)
    clock.start(1)
    scope = clock.scope()
    assert scope.deadline == inf
    clock.resume()
    assert scope.deadline == trio.current_time() + 10
    clock.sign_of_life()
    clock.end_by(trio.current_time() + 5)
    assert scope.deadline == trio.current_time() + 5
    assert not clock.has_run_out
    mock_clock.jump(5)
    assert clock.has_run_out


async def test_who_is_allowed_more_silence_ends_later_and_with_less_sooner(
    autojump_clock: object,
) -> None:
    clock = SilenceClock(10)
    clock.start(pauses=0)
    clock.allow(100)
    assert clock.end == trio.current_time() + 100
    scope = clock.scope()
    clock.allow(5)
    assert scope.deadline == trio.current_time() + 5
