"""Any PDU in any state that lasts, and any end of the transport there (PS3.8 Table 9-10)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.faults.sides import (
    ACCEPTANCE,
    CLIENT,
    RECEIVER,
    REQUEST,
    OurClient,
    Ours,
    asked,
    associated,
)
from tests.faults.wire import (
    ECHO_REQUEST,
    RELEASE_REQUEST,
    RELEASE_RESPONSE,
    abort,
    command,
    pdu,
    said,
)
from trio_dicom import (
    AssociationAborted,
    AssociationRejected,
    ConnectionLost,
    RemoteProtocolError,
    TrioDicomError,
)
from trio_dicom.testing import reset

RQ, AC, RJ, DATA = "A-ASSOCIATE-RQ", "A-ASSOCIATE-AC", "A-ASSOCIATE-RJ", "P-DATA-TF"
RELEASE, RELEASED, ABORT, UNKNOWN = "A-RELEASE-RQ", "A-RELEASE-RP", "A-ABORT", "an unknown PDU"
ABORT_9 = "an A-ABORT of source 9"
PDUS = {
    RQ: REQUEST,
    AC: ACCEPTANCE,
    RJ: pdu(3, bytes((0, 1, 1, 7))),
    DATA: said(command(ECHO_REQUEST), 3),
    RELEASE: RELEASE_REQUEST,
    RELEASED: RELEASE_RESPONSE,
    ABORT: abort(0, 0),
    ABORT_9: abort(9, 77),
    UNKNOWN: pdu(0x42, b"what"),
}
Outcome = tuple[bytes, type[Exception] | None]
"""What we say then, and how it ends for us; None: in order."""

AA_8: Outcome = abort(2, 2), RemoteProtocolError
NO_PDU: Outcome = abort(2, 1), RemoteProtocolError
AA_1: Outcome = abort(0, 0), RemoteProtocolError
AA_3: Outcome = b"", AssociationAborted
QUIET: Outcome = b"", None
AGAIN: Outcome = abort(2, 2), None
AGAIN_NO_PDU: Outcome = abort(2, 1), None
RELEASED_BY_THEM: Outcome = RELEASE_RESPONSE, None


def row(
    default: Outcome, no_pdu: Outcome, aborted: Outcome, **cells: Outcome
) -> dict[str, Outcome]:
    """The outcome of every PDU in one state."""
    row = dict.fromkeys(PDUS, default) | {UNKNOWN: no_pdu, ABORT: aborted, ABORT_9: aborted}
    return row | {globals()[name]: outcome for name, outcome in cells.items()}


# What makes an association, or is said on it, has tests of its own.
TABLE: dict[tuple[str, str], dict[str, Outcome]] = {
    (CLIENT, "Sta5 awaiting the answer"): row(AA_8, NO_PDU, AA_3, RJ=(b"", AssociationRejected)),
    (CLIENT, "Sta6 associated"): row(AA_8, NO_PDU, AA_3, RELEASE=RELEASED_BY_THEM),
    (CLIENT, "Sta7 asked for release"): row(
        AA_8, NO_PDU, AA_3, RELEASE=(RELEASE_RESPONSE, ConnectionLost), RELEASED=QUIET
    ),
    (CLIENT, "Sta11 releases crossed"): row(AA_8, NO_PDU, AA_3, RELEASED=QUIET),
    (CLIENT, "Sta13 aborted"): row(*[(b"", RemoteProtocolError)] * 3),
    (CLIENT, "Sta13 released by the peer"): row(QUIET, AGAIN_NO_PDU, QUIET, RQ=AGAIN),
    (RECEIVER, "Sta2 awaiting the request"): row(AA_1, AA_1, QUIET),
    (RECEIVER, "Sta6 associated"): row(AA_8, NO_PDU, AA_3, RELEASE=RELEASED_BY_THEM),
    (RECEIVER, "Sta13 aborted"): row(*[(b"", RemoteProtocolError)] * 3),
    (RECEIVER, "Sta13 released by the peer"): row(QUIET, AGAIN_NO_PDU, QUIET, RQ=AGAIN),
    (RECEIVER, "Sta13 rejected"): row(QUIET, AGAIN_NO_PDU, QUIET, RQ=AGAIN),
}
NOT_HERE = {("Sta5", AC), ("Sta6", DATA), ("Sta7", DATA), ("Sta2", RQ)}
CELLS = [
    (side, state, name, *outcome)
    for (side, state), outcomes in TABLE.items()
    for name, outcome in outcomes.items()
    if (state[:4], name) not in NOT_HERE
]


@asynccontextmanager
async def standing(side: str, state: str) -> AsyncGenerator[Ours, None]:
    """Ours in that state, and all that it has said until then taken out."""
    before = "asked" if state[:4] in ("Sta5", "Sta2") or "rejected" in state else "associated"
    settings = {"calling_aes": ["SOMEBODY"]} if "rejected" in state else {}
    opening = asked if before == "asked" else associated
    async with opening(side, **settings) as ours, trio.open_nursery() as nursery:
        if "asked for release" in state or "crossed" in state:
            assert isinstance(ours, OurClient)
            nursery.start_soon(release, ours)
            assert await ours.hears_pdu() == RELEASE_REQUEST
        if "crossed" in state or "released" in state:
            await ours.says(RELEASE_REQUEST)
            assert await ours.hears_pdu() == RELEASE_RESPONSE
        if "aborted" in state:
            await ours.says(pdu(0x42))
            assert await ours.hears_pdu() == abort(2, 1)
        if "rejected" in state:
            await ours.says(REQUEST)
            assert (await ours.hears_pdu())[0] == 3
        yield ours


async def release(ours: OurClient) -> None:
    with suppress(TrioDicomError):
        await ours.connection.send_association_release_request()


@pytest.mark.pitfall(20, 33)
@pytest.mark.scenario("B42", "B43")
@pytest.mark.parametrize("side, state, name, words, error", CELLS)
async def test_any_pdu_in_any_state(
    side: str,
    state: str,
    name: str,
    words: bytes,
    error: type[Exception] | None,
    autojump_clock: MockClock,
) -> None:
    async with standing(side, state) as ours:
        await ours.says(PDUS[name])
        assert await ours.last_words() == words
        assert [type(it) for it in ours.errors] == ([] if error is None else [error])
        if name == ABORT_9 and error is AssociationAborted:
            assert isinstance(ours.error, AssociationAborted)
            assert (ours.error.source, ours.error.reason) == (9, 77)


async def end_of_file(ours: Ours) -> None:
    await ours.stream.send_eof()


async def close(ours: Ours) -> None:
    ours.stream.close()


async def reset_it(ours: Ours) -> None:
    reset(ours.stream)


@pytest.mark.pitfall(33)
@pytest.mark.scenario("B39")
@pytest.mark.parametrize("how", [end_of_file, close, reset_it], ids=["half close", "FIN", "reset"])
@pytest.mark.parametrize("half", ["", "half a header", "half a PDU"])
@pytest.mark.parametrize("side, state", list(TABLE))
async def test_the_transport_may_end_in_any_state(
    side: str, state: str, half: str, how: Any, autojump_clock: MockClock
) -> None:
    async with standing(side, state) as ours:
        if half:
            await ours.says(b"\4\0\0\0\0\x08abcd"[: 3 if half == "half a header" else 10])
        await how(ours)
        await ours.ended.wait()
        errors = [type(it) for it in ours.errors]
    if "aborted" in state:
        assert errors == [RemoteProtocolError]
    elif "released" in state:
        assert errors == []
    elif "Sta2" in state or "rejected" in state:
        assert errors == ([ConnectionLost] if how is reset_it else [])
    else:
        assert errors == [ConnectionLost]
