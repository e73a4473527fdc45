"""Who is cancelled at a step and goes on is noticed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio

from tests.faults.cancelling import StepCanceller, at_every_step


async def waits() -> None:
    for _ in range(3):
        await trio.lowlevel.checkpoint()


async def goes_on() -> None:
    await trio.lowlevel.checkpoint()
    try:
        await trio.lowlevel.checkpoint()
    except trio.Cancelled:
        await trio.lowlevel.cancel_shielded_checkpoint()


async def every_step(body: Callable[[], Awaitable[object]]) -> int:
    async def once(canceller: StepCanceller) -> None:
        await canceller.run(body)

    return await at_every_step(once)


async def test_who_leaves_when_cancelled_is_cancelled_at_every_step() -> None:
    assert await every_step(waits) == 3


async def test_who_swallows_a_cancellation_is_noticed() -> None:
    with pytest.raises(AssertionError, match="swallowed") as caught:
        await every_step(goes_on)
    assert "cancelled before step" in caught.value.__notes__[0]


async def test_who_meets_no_checkpoint_any_more_may_end() -> None:
    canceller = StepCanceller(-1)

    async def ends() -> None:
        await trio.lowlevel.checkpoint()
        canceller.has_fired = True
        canceller.scope.cancel()

    await canceller.run(ends)
    assert not canceller.was_told
