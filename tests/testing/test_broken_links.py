"""What a faulty stream says of what broke it."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock

from tests.testing.test_faulty_stream import WORDS, faulty
from trio_dicom.testing import Clog, Corrupt, Cut, Fault, Stall, Trickle


@pytest.mark.parametrize(
    "fault, breaks",
    [
        (Cut(4), True),
        (Cut(4, "reset"), True),
        (Stall(4), True),
        (Clog(4), True),
        (Clog(4, seconds=1), False),
        (Cut(1000), False),
        (Trickle(), False),
        (Corrupt(4), False),
    ],
)
@pytest.mark.parametrize("way", ["sent", "sent at once", "received"])
async def test_a_stream_says_what_broke_it(
    fault: Fault, breaks: bool, way: str, autojump_clock: MockClock
) -> None:
    faults = [fault]
    async with faulty(
        sending=[] if way == "received" else faults, receiving=faults if way == "received" else []
    ) as (end, other):
        assert end.broken_by is None
        with suppress(trio.BrokenResourceError), trio.move_on_after(5):
            if way == "received":
                await other.send_all(WORDS)
                while await end.receive_some():
                    pass
            elif way == "sent":
                await end.send_all(WORDS)
            else:
                end.send_nowait(WORDS)
        # Who does not wait knows nothing of a link that might have taken it a while later.
        knows_it = way != "sent at once" or not isinstance(fault, Clog)
        assert end.broken_by == (fault if breaks and knows_it else None)
        with trio.move_on_after(1) as patience:
            await end.wait_stuck()
        is_stuck = breaks and way == "received" and not isinstance(fault, Cut)
        assert patience.cancelled_caught is not is_stuck
