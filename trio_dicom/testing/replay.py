"""A peer that says again what it said when it was recorded, and calls again where it called."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import inf
from typing import Final

import trio

from trio_dicom.recording.records import RecordKind, Side
from trio_dicom.testing.calling import Serve
from trio_dicom.testing.replayed import (
    Line,
    Lines,
    Recorded,
    ReplayedPeer,
    ReplayOrder,
    lines_of,
    the_one_of,
)
from trio_dicom.testing.serving import serving

__all__ = ["replay_peer"]

_GRACE: Final = 5.0  # seconds for calls of the peer that the program lets last longer than its own


@asynccontextmanager
async def replay_peer(
    recorded: Recorded,
    *,
    association: int | None = None,
    calls: Serve | None = None,
    checks_words: bool = True,
) -> AsyncGenerator[ReplayedPeer, None]:
    """A stream to a peer that says again what it said when it was recorded.

    ::

        async with replay_peer("trace.jsonl") as stream, wrap_stream(stream) as connection:
            ...

    It says so when the program under test has said what it said then: the same PDUs and messages,
    in fragments of any length. Another implementation and another maximum length in the
    association request are no difference; another AE title, message ID or data set is one, and
    breaks the connection. A recorded peer that had called us calls again, so the stream can be
    given to ``Receiver.serve``.

    With ``calls`` it calls by itself, such as an archive that brings the instances of a C-MOVE.
    All connections go on in the order in which they did: on each of them the peer says what it
    said when the program has said, and been told, on all of them what it had then.

    Args:
        recorded: A file that ``Recording`` wrote with ``keeps_bytes``, or what was read of it.
        association: The number of the association in it; None where there is but one, or but
            one that the program had opened if ``calls`` is given.
        calls: Serves the associations that the peer had opened since, until the program opened
            its next one: such as ``Receiver.serve``.
        checks_words: Whether the program must say what it said then. If not, whatever it says is
            as good, as long as it is as many words: for programs that make up UIDs or look at a
            clock. Answers have the message IDs that they had.

    Raises:
        AssertionError: The program said something else, or less.
        OSError: The file cannot be read.
        ValueError: It is no recording, has no bytes, or several associations.
        Exception: What ``calls`` raised: then the block is cancelled.
    """
    lines, order = lines_of(recorded), ReplayOrder()
    chosen, *called = _chosen(lines, association, has_calls=calls is not None)
    peer = ReplayedPeer.in_order(chosen, order, checks_words=checks_words)
    callers = [ReplayedPeer.in_order(it, order, checks_words=checks_words) for it in called]
    open_calls = set(callers)

    async def call(caller: ReplayedPeer, serve: Serve) -> None:
        if await order.until_due(caller.begins):
            await beside.run(serve, caller)
        open_calls.remove(caller)
        order.moved.unpark_all()

    async with serving() as beside:
        if calls is not None:
            for it in callers:
                beside.nursery.start_soon(call, it, calls)
        try:
            yield peer
        except Exception as error:
            reported = order.explain(error)
            if reported is error:
                raise
            raise reported from error
        finally:
            peer.close()
        with trio.move_on_after(_GRACE):
            while not all(it.is_to_be_aborted for it in open_calls):
                await order.moved.park()
    for it in (peer, *callers):
        it.check()


def _chosen(lines: Lines, association: int | None, *, has_calls: bool) -> list[list[Line]]:
    """The association of the program, and after it those of the peer that go with it."""
    own = {number: it for number, it in lines.items() if not (has_calls and _is_call(it))}
    chosen = own[the_one_of(own, association)]
    begins = chosen[0][0]
    ends = min((it[0][0] for it in own.values() if it[0][0] > begins), default=inf)
    calls = (it for number, it in lines.items() if number not in own)
    return [chosen, *(it for it in calls if begins < it[0][0] < ends)]


def _is_call(lines: list[Line]) -> bool:
    _, first = lines[0]
    return first.kind is RecordKind.CONNECTION and first.by is Side.PEER
