"""Streams with something wrong with them: each fault does what it says, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
import trio
from trio.testing import MockClock, check_half_closeable_stream, wait_all_tasks_blocked

from tests.interop.certificates import Certificates, make_certificates
from trio_dicom.testing import (
    Chunks,
    Clog,
    Corrupt,
    Cut,
    Delay,
    Fault,
    FaultyStream,
    LinkEnd,
    Stall,
    Trickle,
    memory_link,
    reset,
)

WORDS = bytes(range(100))
Pair = tuple[trio.abc.Stream, trio.abc.Stream]
Make = Callable[[], Awaitable[Pair]]
How = Literal["eof", "reset"]


async def in_memory() -> Pair:
    return memory_link()


async def sockets() -> Pair:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        ours = await trio.open_tcp_stream(*listener.socket.getsockname())
        return ours, await listener.accept()


async def nested() -> Pair:
    ours, theirs = memory_link()
    return FaultyStream(ours), theirs


@asynccontextmanager
async def faulty(
    make: Make = in_memory,
    *,
    sending: Sequence[Fault] = (),
    receiving: Sequence[Fault] = (),
) -> AsyncGenerator[tuple[FaultyStream, trio.abc.Stream], None]:
    """A faulty end, and the other one."""
    ours, theirs = await make()
    with trio.fail_after(100):
        async with FaultyStream(ours, sending=sending, receiving=receiving) as end, theirs:
            yield end, theirs


async def everything(stream: trio.abc.Stream) -> tuple[bytes, str]:
    """What comes, and how it ends."""
    came = b""
    while True:
        try:
            data = await stream.receive_some()
        except trio.BrokenResourceError:
            return came, "reset"
        if not data:
            return came, "eof"
        came += data


@pytest.mark.parametrize("faults", [(), (Trickle(5000),), (Chunks(1), Delay(0.001))])
async def test_a_faulty_end_is_a_stream_as_trio_defines_it(
    faults: tuple[Fault, ...], autojump_clock: MockClock
) -> None:
    async def ends(capacity: int | None) -> tuple[FaultyStream, LinkEnd]:
        left, right = memory_link(capacity=capacity)
        return FaultyStream(left, sending=faults, receiving=faults), right

    async def unbounded() -> tuple[FaultyStream, LinkEnd]:
        return await ends(None)

    async def clogged() -> tuple[FaultyStream, LinkEnd]:
        left, right = await ends(1)
        for end in (left, right):
            await end.send_all(b"x")
        return left, right

    await check_half_closeable_stream(unbounded, clogged)


@pytest.mark.parametrize("make", [in_memory, sockets, nested])
@pytest.mark.parametrize("at", [0, 1, 99, 100])
@pytest.mark.parametrize("how", ["eof", "reset"])
@pytest.mark.parametrize("at_once", [False, True])
async def test_what_is_sent_is_cut(make: Make, at: int, how: How, at_once: bool) -> None:
    async with faulty(make, sending=[Cut(at, how)]) as (end, other):
        if at_once and at:
            assert end.send_nowait(WORDS) == at
        elif at == 100:
            await end.send_all(WORDS)
        else:
            with pytest.raises(trio.BrokenResourceError, match=rf"on purpose: Cut\(at={at}, how"):
                await end.send_all(WORDS)
        assert end.sent == at
        came, ending = await everything(other)
        assert ending == how
        if how == "eof":
            assert came == WORDS[:at]
        assert (await everything(end)) == (b"", how)
        assert end.send_nowait(b"more") == 0
        with pytest.raises(trio.BrokenResourceError):
            await end.send_all(b"more")
        await end.wait_send_all_might_not_block()


@pytest.mark.parametrize("make", [in_memory, sockets, nested])
@pytest.mark.parametrize("at", [0, 1, 99, 100])
@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_what_is_received_is_cut(make: Make, at: int, how: How) -> None:
    async with faulty(make, receiving=[Cut(at, how)]) as (end, other):
        await other.send_all(WORDS)
        assert await everything(end) == (WORDS[:at], how)
        assert end.received == at
        with pytest.raises(trio.BrokenResourceError):
            await end.send_all(b"more")
        assert await everything(other) == (b"", how)


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_a_cut_wakes_those_who_wait(how: How) -> None:
    ours, theirs = memory_link(capacity=10)
    end = FaultyStream(ours, sending=[Cut(15, how)])
    heard: list[tuple[bytes, str]] = []

    async def listen() -> None:
        heard.append(await everything(end))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await wait_all_tasks_blocked()
        nursery.start_soon(theirs.receive_some)
        with pytest.raises(trio.BrokenResourceError):
            await end.send_all(WORDS)
    assert heard == [(b"", how)]


async def test_bytes_that_are_on_their_way_here_are_lost_with_a_cut() -> None:
    async with faulty(sending=[Cut(3)], receiving=[Trickle()]) as (end, other):
        await other.send_all(b"answer")
        assert await end.receive_some() == b"a"
        await end.send_all(b"123")
        assert await everything(end) == (b"", "eof")


async def test_bytes_trickle() -> None:
    async with faulty(receiving=[Trickle()]) as (end, other):
        await other.send_all(b"abc")
        assert [await end.receive_some() for _ in range(3)] == [b"a", b"b", b"c"]


async def test_chunks_are_the_same_in_every_run() -> None:
    async def chunks(seed: int) -> list[bytes]:
        async with faulty(receiving=[Chunks(seed, longest=10)]) as (end, other):
            await other.send_all(WORDS)
            pieces: list[bytes] = []
            while end.received < len(WORDS):
                pieces.append(await end.receive_some())
            return pieces

    runs = [await chunks(seed) for seed in (1, 1, 2)]
    assert all(b"".join(pieces) == WORDS for pieces in runs)
    assert runs[0] == runs[1] != runs[2]
    assert {len(piece) for piece in runs[0]} <= set(range(1, 11))


@pytest.mark.parametrize("at_once", [False, True])
async def test_one_byte_becomes_another(at_once: bool) -> None:
    faults = [Trickle(7), Corrupt(20), Corrupt(99, mask=1)]
    async with faulty(sending=faults, receiving=faults) as (end, other):
        if at_once:
            assert end.send_nowait(WORDS) == 100
        else:
            await end.send_all(WORDS)
        await other.send_all(WORDS)
        expected = WORDS[:20] + bytes([20 ^ 0xFF]) + WORDS[21:99] + bytes([99 ^ 1])
        assert await other.receive_some() == expected
        assert b"".join([await end.receive_some() for _ in range(15)]) == expected


async def test_a_delay_passes_on_trios_clock(autojump_clock: MockClock) -> None:
    async with faulty(sending=[Trickle(50), Delay(2)], receiving=[Delay(3)]) as (end, other):
        assert end.send_nowait(WORDS) == 0
        await end.send_all(WORDS)
        assert trio.current_time() == 4
        await other.send_all(b"x")
        assert await end.receive_some() == b"x"
        assert trio.current_time() == 7


async def test_a_delay_varies_with_its_seed(autojump_clock: MockClock) -> None:
    async def seconds(seed: int) -> float:
        begun = trio.current_time()
        async with faulty(sending=[Trickle(), Delay(1, spread=1, seed=seed)]) as (end, _):
            await end.send_all(bytes(10))
        return trio.current_time() - begun

    runs = [await seconds(seed) for seed in (1, 1, 2)]
    assert runs[0] == pytest.approx(runs[1])
    assert runs[0] != pytest.approx(runs[2])
    assert all(10 < it < 20 for it in runs)


async def test_who_writes_to_a_clogged_link_waits(autojump_clock: MockClock) -> None:
    async with faulty(sending=[Clog(10, seconds=5)]) as (end, other):
        assert end.send_nowait(WORDS) == 10
        assert await other.receive_some() == WORDS[:10]
        await end.wait_send_all_might_not_block()
        assert trio.current_time() == 5
        await end.send_all(WORDS[10:])
        assert trio.current_time() == 5
        assert await other.receive_some() == WORDS[10:]


async def test_a_clogged_link_is_not_read(autojump_clock: MockClock) -> None:
    ours, theirs = memory_link(capacity=10)
    end = FaultyStream(ours, receiving=[Clog(4, seconds=5)])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(theirs.send_all, bytes(24))
        assert await end.receive_some() == bytes(4)
        with trio.move_on_after(1):
            await end.receive_some()
        assert trio.current_time() == 1
        came = 0
        while came < 20:
            came += len(await end.receive_some())
    assert trio.current_time() == 5


@pytest.mark.parametrize(
    "faults", [[Delay(5)], [Clog(0, seconds=5)], [Clog(0, seconds=2), Delay(3)]]
)
async def test_what_takes_its_time_goes_on_while_nobody_waits_for_it(
    faults: list[Fault], autojump_clock: MockClock
) -> None:
    async with faulty(receiving=faults) as (end, other):
        await other.send_all(WORDS[:2])
        for _ in range(4):
            with trio.move_on_after(1) as look:
                await end.receive_some(1)
            assert look.cancelled_caught
        assert await end.receive_some(1) == WORDS[:1]
        assert trio.current_time() == 5
        await end.receive_some(1)  # the next piece has a delay of its own
        assert trio.current_time() == 5 + sum(it.seconds for it in faults if isinstance(it, Delay))


@pytest.mark.parametrize("fault", [Stall(4), Clog(4)])
async def test_a_stalled_link_is_silent_until_it_is_closed(
    fault: Fault, autojump_clock: MockClock
) -> None:
    async with faulty(sending=[fault], receiving=[fault]) as (end, other):
        await other.send_all(WORDS)
        assert await end.receive_some() == WORDS[:4]
        with trio.move_on_after(10) as patience:
            await end.send_all(WORDS)
        assert patience.cancelled_caught is isinstance(fault, Clog)
        assert await other.receive_some() == WORDS[:4]
        with trio.move_on_after(10) as patience:
            await end.receive_some()
        assert patience.cancelled_caught

        async def listen() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await end.receive_some()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await wait_all_tasks_blocked()
            await end.aclose()
        assert await everything(other) == (b"", "eof")


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_a_clogged_link_may_break_in_the_end(how: How, autojump_clock: MockClock) -> None:
    faults: list[Fault] = [Clog(4, seconds=5), Cut(4, how)]
    async with faulty(sending=faults) as (end, other):
        with pytest.raises(trio.BrokenResourceError):
            await end.send_all(WORDS)
        assert trio.current_time() == 5
        assert await everything(other) == ((WORDS[:4], "eof") if how == "eof" else (b"", how))
    async with faulty(receiving=faults) as (end, other):
        await other.send_all(WORDS)
        assert await end.receive_some() == WORDS[:4]
        if how == "eof":
            assert await end.receive_some() == b""
        else:
            with pytest.raises(trio.BrokenResourceError):
                await end.receive_some()
        assert trio.current_time() == 10


async def test_what_is_swallowed_counts_as_sent() -> None:
    async with faulty(sending=[Stall(4)]) as (end, other):
        assert end.send_nowait(WORDS) == 100
        assert end.sent == 4
        await end.send_all(WORDS)
        await end.wait_send_all_might_not_block()
        await end.aclose()
        assert await everything(other) == (WORDS[:4], "eof")


async def test_of_two_barriers_the_first_counts() -> None:
    for faults, how in ([(Cut(4, "reset"), Cut(4)), "reset"], [(Cut(9), Cut(4)), "eof"]):
        async with faulty(receiving=faults) as (end, other):
            await other.send_all(WORDS)
            assert await everything(end) == (WORDS[:4], how)


async def test_a_faulty_end_can_be_reset() -> None:
    async with faulty() as (end, other):
        reset(end)
        assert await everything(other) == (b"", "reset")
        assert await everything(end) == (b"", "reset")


async def over_tls(make: Certificates, fault: Cut, *, is_below: bool) -> str:
    """How it ends for the server when a client's link with TLS has ``fault``."""
    ours, theirs = await sockets()
    if is_below:
        ours = FaultyStream(ours, sending=[fault])
    client: trio.abc.Stream = trio.SSLStream(
        ours, make.client_context(), server_hostname="localhost", https_compatible=True
    )
    if not is_below:
        client = FaultyStream(client, sending=[fault])
    server = trio.SSLStream(theirs, make.server_context(), server_side=True, https_compatible=True)
    heard: list[str] = []

    async def listen() -> None:
        heard.append((await everything(server))[1])

    with trio.fail_after(10):
        async with server:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen)
                with pytest.raises(trio.BrokenResourceError):
                    await client.send_all(bytes(10_000))
            await trio.aclose_forcefully(client)
    [ending] = heard
    return ending


async def test_a_link_with_tls_is_cut_below_it_or_above(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    for is_below in (True, False):
        assert await over_tls(made, Cut(6000, "eof"), is_below=is_below) == "eof"
        assert await over_tls(made, Cut(6000, "reset"), is_below=is_below) == "reset"


async def test_a_stream_that_cannot_do_a_thing_has_no_method_for_it() -> None:
    ours, _theirs = trio.testing.memory_stream_pair()
    one_way = trio.StapledStream(ours.send_stream, ours.receive_stream)
    end = FaultyStream(one_way)
    for name in ("send_nowait", "close"):
        with pytest.raises(AttributeError):
            getattr(end, name)
    with pytest.raises(TypeError, match="cannot be reset"):
        reset(one_way)


def test_a_faulty_end_says_what_is_wrong_with_it() -> None:
    ours, _theirs = memory_link()
    end = FaultyStream(ours, sending=[Trickle(), Cut(7, "reset")], receiving=[Chunks(42)])
    assert "sending=(Trickle(longest=1), Cut(at=7, how='reset'))" in repr(end)
    assert "receiving=(Chunks(seed=42, longest=4096),)" in repr(end)
