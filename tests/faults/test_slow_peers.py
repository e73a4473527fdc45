"""Peers that say one byte at a time: whatever they are in the middle of, it has an end.

The clock of the test jumps; nothing here takes the time that it measures.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from tests.faults.sides import (
    ACCEPTANCE,
    CLIENT,
    CT_ID,
    RECEIVER,
    REQUEST,
    OurClient,
    Ours,
    asked,
    associated,
)
from tests.faults.wire import (
    DATA,
    ECHO_REQUEST,
    LAST,
    RELEASE_REQUEST,
    STORE_REQUEST,
    abort,
    command,
    pdu,
    said,
)
from tests.io.talking import get_request, talking
from trio_dicom import (
    AssociateTimeout,
    CEchoRequest,
    CGetRequest,
    ConnectionOptions,
    ReleaseTimeout,
    ResponseTimeout,
    Timeouts,
)

TIMES = Timeouts(associate=30, idle=60, release=20, abort=5, artim=40)
OPTIONS = ConnectionOptions(timeouts=TIMES)
ENDLESS = pdu(4, bytes(30_000))


async def trickle(ours: Ours, data: bytes) -> None:
    """Say a byte a second, as long as anybody listens."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        for byte in data:
            await ours.stream.send_all(bytes((byte,)))
            await trio.sleep(1)


@pytest.mark.pitfall(32)
@pytest.mark.scenario("B05")
@pytest.mark.parametrize(
    "first", [ACCEPTANCE, ACCEPTANCE[:6] + bytes(10_000), b"\2\0\0\x0f\xff\xff"]
)
async def test_an_answer_that_trickles_is_waited_for_no_longer_than_any(
    first: bytes, autojump_clock: MockClock
) -> None:
    async with asked(CLIENT, options=OPTIONS) as ours, trio.open_nursery() as nursery:
        nursery.start_soon(trickle, ours, first + ENDLESS)
        begun = trio.current_time()
        await ours.ended.wait()
        assert isinstance(ours.error, AssociateTimeout)
        assert trio.current_time() - begun == pytest.approx(30, abs=1)
        nursery.cancel_scope.cancel()


@pytest.mark.pitfall(32)
@pytest.mark.parametrize("first", [REQUEST, REQUEST[:6] + bytes(10_000), b"\1\0\0\x0f\xff\xff"])
async def test_a_request_that_trickles_is_waited_for_no_longer_than_artim(
    first: bytes, autojump_clock: MockClock
) -> None:
    async with asked(RECEIVER, options=OPTIONS) as ours, trio.open_nursery() as nursery:
        nursery.start_soon(trickle, ours, first + ENDLESS)
        begun = trio.current_time()
        await ours.ended.wait()
        assert trio.current_time() - begun == pytest.approx(40, abs=1)
        nursery.cancel_scope.cancel()


@pytest.mark.pitfall(32)
@pytest.mark.scenario("B30")
@pytest.mark.parametrize("first", [ENDLESS, said(command(ECHO_REQUEST), 1)[:-1], b"\4\0\0"])
async def test_an_answer_to_a_request_that_trickles_times_out(
    first: bytes, autojump_clock: MockClock
) -> None:
    async with associated(CLIENT, options=OPTIONS) as ours, trio.open_nursery() as nursery:
        assert isinstance(ours, OurClient)
        nursery.start_soon(trickle, ours, first + ENDLESS)
        begun = trio.current_time()
        async with ours.connection.open_request(CEchoRequest()) as responses:
            with pytest.raises(ResponseTimeout):
                await responses.final()
        assert trio.current_time() - begun == pytest.approx(60, abs=1)
        nursery.cancel_scope.cancel()
        ours.stream.close()


@pytest.mark.pitfall(32)
@pytest.mark.parametrize("first", [ENDLESS, b"\4\0\0", b"\5\0\0\0\0\4\0\0\0"])
async def test_a_peer_of_a_receiver_that_trickles_is_given_up(
    first: bytes, autojump_clock: MockClock
) -> None:
    async with associated(RECEIVER, options=OPTIONS) as ours, trio.open_nursery() as nursery:
        nursery.start_soon(trickle, ours, first[:-1] + b"" if first[0] == 5 else first + ENDLESS)
        begun = trio.current_time()
        assert await ours.hears_pdu() == abort(0, 0)
        assert trio.current_time() - begun == pytest.approx(60, abs=1)
        await ours.ended.wait()
        assert trio.current_time() - begun == pytest.approx(65, abs=1)  # and Timeouts.abort
        nursery.cancel_scope.cancel()


async def dribble(stream: trio.abc.SendStream) -> None:
    """Send an instance a byte a PDU, and a PDU every 50 seconds."""
    await stream.send_all(said(command(STORE_REQUEST), 3, CT_ID))
    while True:
        await stream.send_all(said(b"\0", DATA, CT_ID))
        await trio.sleep(50)


@pytest.mark.pitfall(32)
@pytest.mark.scenario("B30")
@pytest.mark.parametrize("total, error", [(3600, ResponseTimeout), (None, trio.TooSlowError)])
async def test_a_byte_in_each_pdu_is_no_silence_and_the_total_is_what_bounds_it(
    total: float | None, error: type[Exception], autojump_clock: MockClock
) -> None:
    options = ConnectionOptions(timeouts=evolve(TIMES, total=total))
    async with talking(options=options) as (connection, peer), trio.open_nursery() as nursery:
        begun = trio.current_time()
        with pytest.raises(error), trio.fail_after(4 * 3600):  # noqa: PT012 - one script
            async with connection.open_request(get_request()) as responses:
                await peer.expect_message(CGetRequest)
                nursery.start_soon(dribble, peer.stream)
                await responses.final()
        assert trio.current_time() - begun == pytest.approx(total or 4 * 3600, abs=1)
        nursery.cancel_scope.cancel()
        await peer.aclose()


@pytest.mark.pitfall(32)
async def test_nor_is_it_silence_at_a_receiver(autojump_clock: MockClock) -> None:
    async with associated(RECEIVER, options=OPTIONS) as ours:
        with trio.move_on_after(4 * 3600):
            await dribble(ours.stream)
        assert not ours.ended.is_set()
        await ours.says(said(b"\0", LAST, CT_ID))
        assert (await ours.hears_pdu())[0] == 4  # its answer
        assert await ours.lives()


@pytest.mark.pitfall(32)
@pytest.mark.parametrize("side", [CLIENT, RECEIVER])
@pytest.mark.parametrize("last, seconds", [(pdu(0x42), 5), (RELEASE_REQUEST, 40)])
async def test_a_peer_that_does_not_stop_at_the_end_is_not_read_for_ever(
    side: str, last: bytes, seconds: float, autojump_clock: MockClock
) -> None:
    """After an A-ABORT of ours, and after our A-RELEASE-RP."""
    async with associated(side, options=OPTIONS) as ours, trio.open_nursery() as nursery:
        nursery.start_soon(trickle, ours, b"")
        await ours.says(last)
        begun = trio.current_time()
        nursery.start_soon(trickle, ours, ENDLESS)
        await ours.ended.wait()
        assert trio.current_time() - begun == pytest.approx(seconds, abs=1)
        nursery.cancel_scope.cancel()


@pytest.mark.pitfall(32)
@pytest.mark.scenario("B41")
async def test_a_release_that_trickles_is_aborted(autojump_clock: MockClock) -> None:
    async with associated(CLIENT, options=OPTIONS) as ours, trio.open_nursery() as nursery:
        assert isinstance(ours, OurClient)
        nursery.start_soon(trickle, ours, ENDLESS)
        begun = trio.current_time()
        with pytest.raises(ReleaseTimeout):
            await ours.connection.send_association_release_request()
        assert trio.current_time() - begun == pytest.approx(20, abs=1)
        nursery.cancel_scope.cancel()
        ours.stream.close()
