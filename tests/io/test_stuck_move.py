"""A C-MOVE that the peer does not even read: everything else to be sent waits behind it."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
import trio
from pydicom import Dataset
from trio.testing import MockClock

from tests.io.recording import FIND
from tests.io.talking import MOVE, Call, quick, talking
from trio_dicom import (
    CEchoRequest,
    CFindRequest,
    CMoveRequest,
    ConnectionLost,
    Delivery,
    Request,
    ResponseTimeout,
)

pytestmark = [pytest.mark.scenario("B34", "B49"), pytest.mark.pitfall(2)]

IDLE = 10.0


def long(number: int) -> Dataset:
    query = Dataset()
    query.ImageComments = "x" * number
    return query


MOVE_REQUEST = CMoveRequest(sop_class_uid=MOVE, move_destination="HERE", data_set=long(10_000))
FIND_REQUEST = CFindRequest(sop_class_uid=FIND, data_set=long(10_000))


def stuck(window: int = 8, **timeouts: Any) -> Any:
    return talking(options=quick(idle=IDLE, **timeouts), capacity=200, window=window)


@pytest.mark.parametrize("move_idle", [None, 1000.0])
async def test_it_ends_as_any_other_does(
    move_idle: float | None, autojump_clock: MockClock
) -> None:
    async with (
        stuck(move_idle=move_idle) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        move = await Call.begin(nursery, connection, MOVE_REQUEST)
        echo = await Call.begin(nursery, connection, CEchoRequest())
        error = await move.failure()
        assert isinstance(error, ResponseTimeout)
        assert (error.seconds, error.delivery, move.at) == (IDLE, Delivery.PARTLY_SENT, IDLE)
        assert isinstance(await echo.failure(), ConnectionLost)
        assert echo.at == IDLE
        assert not connection.can_still_process_p_data_tf
        await peer.aclose()


@pytest.mark.parametrize("window", [1, 8])
async def test_so_it_does_when_its_caller_has_gone(window: int, autojump_clock: MockClock) -> None:
    async with stuck(window) as (connection, peer), trio.open_nursery() as nursery:
        move = await Call.begin(nursery, connection, MOVE_REQUEST)
        await trio.sleep(1)
        await move.cancel()
        echo = await Call.begin(nursery, connection, CEchoRequest())
        assert isinstance(await echo.failure(), ConnectionLost)
        assert echo.at == IDLE
        await peer.aclose()


@pytest.mark.parametrize(("idle_timeout", "ends"), [(inf, IDLE), (3.0, 3.0), (30.0, 30.0)])
@pytest.mark.parametrize("request_", [MOVE_REQUEST, FIND_REQUEST])
async def test_a_limit_of_its_own_holds_for_its_sending_where_it_is_one(
    request_: Request, idle_timeout: float, ends: float, autojump_clock: MockClock
) -> None:
    async with stuck() as (connection, peer), trio.open_nursery() as nursery:
        call = await Call.begin(nursery, connection, request_, idle_timeout=idle_timeout)
        assert isinstance(await call.failure(), ResponseTimeout)
        assert call.at == ends
        await peer.aclose()
