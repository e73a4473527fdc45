"""Faults as values: what they refuse to be, and what is drawn at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from trio_dicom.testing import (
    Chunks,
    Clog,
    Corrupt,
    Cut,
    Delay,
    Fault,
    Stall,
    Trickle,
    random_faults,
)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Cut(-1),
        lambda: Cut(0, "politely"),  # type: ignore[arg-type]
        lambda: Stall(-1),
        lambda: Clog(-1),
        lambda: Clog(0, seconds=-1),
        lambda: Chunks(1, longest=0),
        lambda: Trickle(0),
        lambda: Corrupt(-1),
        lambda: Corrupt(0, mask=0),
        lambda: Corrupt(0, mask=256),
        lambda: Delay(-1),
        lambda: Delay(1, spread=-1),
    ],
)
def test_what_cannot_be_wrong_with_a_link_is_refused(make: Callable[[], Fault]) -> None:
    with pytest.raises(ValueError, match="must be"):
        make()


def test_random_faults_are_the_same_in_every_run_and_of_every_kind() -> None:
    drawn = [random_faults(seed, 1000) for seed in range(500)]
    assert drawn == [random_faults(seed, 1000) for seed in range(500)]
    kinds = Counter(type(fault) for faults in drawn for fault in faults)
    assert set(kinds) == {Chunks, Clog, Corrupt, Cut, Delay, Stall, Trickle}
    assert all(
        0 <= it.at < 1000 for faults in drawn for it in faults if isinstance(it, Cut | Corrupt)
    )
    harmless = sum(
        all(isinstance(it, Chunks | Trickle | Delay) for it in faults) for faults in drawn
    )
    assert 75 <= harmless <= 175


def test_a_link_on_which_nothing_passes_can_have_random_faults() -> None:
    assert all(random_faults(seed, 0) for seed in range(50))
