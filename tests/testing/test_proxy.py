"""A faulty link between two real sockets, with any client and server at its ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Literal

import pytest
import trio

from tests.io.loopback import listening
from trio_dicom import ConnectionLost, open_association
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import (
    Chunks,
    Clog,
    Cut,
    Delay,
    Fault,
    FaultyProxy,
    Stall,
    Trickle,
    open_archive,
    open_faulty_proxy,
    reset,
)

How = Literal["eof", "reset"]


async def echo(stream: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):
        async with stream:
            async for data in stream:
                await stream.send_all(data)


@asynccontextmanager
async def echoing(**faults: object) -> AsyncGenerator[FaultyProxy, None]:
    async with (
        listening(echo) as address,
        open_faulty_proxy(*address, **faults) as proxy,  # type: ignore[arg-type]
    ):
        with trio.fail_after(20):
            yield proxy


async def say(proxy: FaultyProxy, words: bytes) -> tuple[bytes, str]:
    """What comes back, and how it ends, when the client says no more than that."""
    async with await trio.open_tcp_stream(proxy.host, proxy.port) as stream:
        await stream.send_all(words)
        came = b""
        try:
            while len(came) < len(words):
                data = await stream.receive_some()
                if not data:
                    return came, "eof"
                came += data
        except trio.BrokenResourceError:
            return came, "reset"
        await stream.send_eof()
        assert await stream.receive_some() == b""
        return came, ""


async def test_a_proxy_without_faults_passes_everything_on() -> None:
    async with echoing() as proxy:
        words = bytes(200_000)
        assert await say(proxy, words) == (words, "")
        assert await say(proxy, words) == (words, "")
        assert proxy.connections == 2


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_a_proxy_cuts_what_is_received(how: How) -> None:
    async with echoing(receiving=[Cut(3, how)]) as proxy:
        came, ending = await say(proxy, b"123456")
        assert ending == how
        assert how == "reset" or came == b"123"


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_a_proxy_cuts_what_is_sent(how: How) -> None:
    async with echoing(sending=[Cut(3, how)]) as proxy:
        came, ending = await say(proxy, b"123456")
        assert ending == how
        assert b"123".startswith(came)


async def test_each_connection_may_have_faults_of_its_own() -> None:
    async with echoing(receiving=lambda number: [Cut(number)]) as proxy:
        assert [await say(proxy, b"123456") for _ in range(3)] == [
            (b"", "eof"),
            (b"1", "eof"),
            (b"12", "eof"),
        ]


async def ended(proxy: FaultyProxy) -> None:
    """Return when no link is open any more."""
    while proxy.links:
        await trio.testing.wait_all_tasks_blocked(0.001)


async def test_a_proxy_knows_how_many_links_there_are_and_what_broke_which() -> None:
    faults = [(), (Cut(3),), (Trickle(),), (Cut(2, "reset"),), (Cut(100),)]
    async with echoing(sending=lambda number: faults[number]) as proxy:
        assert proxy.links == 0
        for _ in range(3):
            await say(proxy, b"123456")
        async with await trio.open_tcp_stream(proxy.host, proxy.port) as stream:
            await stream.send_all(b"1")
            assert await stream.receive_some() == b"1"
            assert proxy.links == 1
        await say(proxy, b"123456")
        await ended(proxy)
        assert proxy.connections == 5
        assert proxy.broken == {1: Cut(3)}


async def test_a_reset_by_an_end_is_passed_on_and_no_fault() -> None:
    endings: list[type[Exception] | None] = []

    async def listen(server: trio.SocketStream) -> None:
        async with server:
            try:
                await server.send_all(b"1")
                await server.receive_some()
                endings.append(None)
            except trio.BrokenResourceError as error:
                endings.append(type(error))

    async with listening(listen) as address, open_faulty_proxy(*address) as proxy:
        client = await trio.open_tcp_stream(proxy.host, proxy.port)
        assert await client.receive_some() == b"1"
        reset(client)
        await client.aclose()
        await ended(proxy)
        while not endings:
            await trio.testing.wait_all_tasks_blocked(0.001)
    assert endings == [trio.BrokenResourceError]
    assert proxy.broken == {}


async def test_who_has_said_all_still_hears_the_rest() -> None:
    async with echoing(receiving=[Delay(0.01)]) as proxy:
        async with await trio.open_tcp_stream(proxy.host, proxy.port) as stream:
            await stream.send_all(bytes(200_000))
            await stream.send_eof()
            assert sum([len(data) async for data in stream]) == 200_000
        await ended(proxy)
        assert proxy.broken == {}


@pytest.mark.parametrize("fault", [Stall(3), Clog(3)])
async def test_a_link_on_which_nothing_arrives_ends_with_its_client(fault: Fault) -> None:
    async with echoing(receiving=[fault]) as proxy:
        async with await trio.open_tcp_stream(proxy.host, proxy.port) as stream:
            await stream.send_all(b"123456")
            assert await stream.receive_some() == b"123"
            with trio.move_on_after(0.05) as patience:
                await stream.receive_some()
            assert patience.cancelled_caught
            assert proxy.links == 1
        await ended(proxy)
        assert proxy.broken == {0: fault}


async def test_what_is_swallowed_breaks_a_link_that_goes_on_till_both_have_ended() -> None:
    async with echoing(sending=[Stall(3)]) as proxy:
        async with await trio.open_tcp_stream(proxy.host, proxy.port) as stream:
            await stream.send_all(b"123456")
            assert await stream.receive_some() == b"123"
            await stream.send_all(b"789")
            assert proxy.links == 1
        await ended(proxy)
        assert proxy.broken == {0: Stall(3)}


async def test_a_link_that_takes_nothing_for_a_while_may_break_then() -> None:
    async with echoing(sending=[Clog(3, 0.05), Cut(3)]) as proxy:
        begun = trio.current_time()
        assert await say(proxy, b"123456") == (b"123", "eof")
        assert trio.current_time() - begun >= 0.05
        await ended(proxy)
        assert proxy.broken == {0: Cut(3)}


async def test_a_server_that_is_not_there_is_a_closed_connection() -> None:
    async with listening(echo) as (host, port):
        pass
    async with open_faulty_proxy(host, port) as proxy:
        with trio.fail_after(20):
            assert (await say(proxy, b"1"))[0] == b""
            await ended(proxy)
        assert proxy.broken == {}


async def test_a_client_and_an_archive_understand_each_other_in_pieces() -> None:
    async with (
        open_archive() as archive,
        open_faulty_proxy(
            archive.host, archive.port, sending=[Chunks(1, longest=50)], receiving=[Trickle(3)]
        ) as proxy,
        open_association(proxy.host, proxy.port, contexts=[VERIFICATION]) as association,
    ):
        assert (await association.c_echo()).status.is_success


async def test_a_client_hears_that_the_proxy_has_cut_it_off() -> None:
    async with (
        open_archive() as archive,
        open_faulty_proxy(archive.host, archive.port, receiving=[Cut(20)]) as proxy,
    ):
        with pytest.raises(ConnectionLost, match="closed by the peer"):
            async with open_association(proxy.host, proxy.port, contexts=[VERIFICATION]):
                pass
