"""The end of a block with scripts beside it: who met nobody, who fails a test, who never rests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from trio_dicom import AssociationAborted, CEchoRequest, propose
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import (
    ConversationOver,
    ScriptedPeer,
    ScriptedServer,
    open_memory_association,
    open_scripted_server,
    playing,
)
from trio_dicom.testing.serving import settled
from trio_dicom.testing.stage import Script

Dial = Callable[..., Awaitable[trio.SocketStream]]

REQUEST = propose(contexts=[VERIFICATION]).encode()


@pytest.fixture
async def dial() -> AsyncGenerator[Dial, None]:
    """Opens connections to scripts, which are closed when the test is over."""
    streams: list[trio.SocketStream] = []

    async def dial(server: ScriptedServer, data: bytes = b"") -> trio.SocketStream:
        stream = await trio.open_tcp_stream(server.host, server.port)
        streams.append(stream)
        await stream.send_all(data)
        return stream

    yield dial
    for it in streams:
        await trio.aclose_forcefully(it)


async def welcoming(peer: ScriptedPeer) -> None:
    await peer.accept()
    await peer.serve_until_closed()


async def sleeping(_peer: ScriptedPeer) -> None:
    await trio.sleep_forever()


# --- met by nobody ---------------------------------------------------------------------


async def test_scripts_without_a_connection_fail_the_block(dial: Dial) -> None:
    with pytest.raises(AssertionError) as error:
        async with open_scripted_server(welcoming, sleeping, welcoming) as server:
            await dial(server, REQUEST)
    assert str(error.value) == (
        "a script has met nobody:\n"
        "  no connection came for sleeping\n"
        "  no connection came for welcoming"
    )


async def test_a_connection_on_which_nothing_came_is_none_for_a_script_that_expects_it(
    dial: Dial,
) -> None:
    with pytest.raises(AssertionError) as error:  # noqa: PT012
        async with open_scripted_server(welcoming, sleeping) as server:
            await dial(server)
            await dial(server)
    assert str(error.value) == (
        "a script has met nobody:\n  welcoming still expects AssociationRequest, and nothing came"
    )


async def test_a_script_that_has_met_somebody_may_be_in_its_midst(dial: Dial) -> None:
    async with open_scripted_server(welcoming) as server:
        await dial(server, b"\x01")


async def speaking(peer: ScriptedPeer) -> None:
    await peer.send_bytes(b"?")


async def test_a_script_that_spoke_and_is_over_has_met_somebody(dial: Dial) -> None:
    async with open_scripted_server(speaking) as server:
        stream = await dial(server)
        assert await stream.receive_some() == b"?"


async def test_a_script_with_tasks_of_its_own_is_cancelled_at_the_end(dial: Dial) -> None:
    async def waits(peer: ScriptedPeer) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(sleeping, peer)

    async with open_scripted_server(waits) as server:
        await dial(server)


async def test_a_program_may_need_less_scripts_than_there_are_if_the_test_says_so(
    dial: Dial,
) -> None:
    async with open_scripted_server(welcoming, welcoming, needs_all=False) as server:
        await dial(server)


async def test_an_error_of_the_block_is_all_that_is_told_of_it() -> None:
    with pytest.raises(LookupError, match="of mine") as error:
        async with open_scripted_server(welcoming):
            raise LookupError("of mine")
    assert not hasattr(error.value, "__notes__")


async def test_a_script_that_was_left_too_early_says_more_than_one_that_met_nobody(
    dial: Dial,
) -> None:
    with pytest.raises(ConversationOver, match="expected AssociationRequest"):
        async with open_scripted_server(welcoming, welcoming) as server:
            await (await dial(server)).aclose()


async def failing_after_it_hung_up(peer: ScriptedPeer) -> None:
    await peer.accept()
    await peer.aclose()
    assert peer.request is None


async def failing_before_it_hung_up(peer: ScriptedPeer) -> None:
    await peer.accept()
    request = await peer.expect_message(CEchoRequest)
    await peer.abort()
    assert request.message_id == 0


@pytest.mark.parametrize("script", [failing_after_it_hung_up, failing_before_it_hung_up])
async def test_a_script_that_fails_is_not_hidden_by_what_it_has_led_to(script: Script) -> None:
    """A test that waits for the error of its program fails all the same."""
    for _ in range(20):  # the order of the tasks is Trio's
        with pytest.raises(AssertionError, match=r"^assert "):
            async with open_memory_association(playing(script), contexts=[VERIFICATION]) as it:
                await it.c_echo()


async def leaving(peer: ScriptedPeer) -> None:
    await peer.accept()
    await peer.abort()
    await peer.expect_message(CEchoRequest)


async def test_an_error_of_the_program_is_told_where_a_script_only_missed_its_next_word() -> None:
    with pytest.raises(AssociationAborted):
        async with open_memory_association(playing(leaving), contexts=[VERIFICATION]):
            await trio.sleep_forever()


async def test_what_was_done_last_reaches_a_script_on_a_port(dial: Dial) -> None:
    async def expects_an_echo(peer: ScriptedPeer) -> None:
        await peer.expect_message(CEchoRequest)

    with pytest.raises(AssertionError, match="expected CEchoRequest, but got AssociationRequest"):
        async with open_scripted_server(expects_an_echo) as server:
            await dial(server, REQUEST)


# --- what a script raises that is no Exception --------------------------------------------


@asynccontextmanager
async def in_memory(script: Script) -> AsyncGenerator[None, None]:
    async with open_memory_association(playing(script), contexts=[VERIFICATION]) as association:
        await association.c_echo()
        yield


@asynccontextmanager
async def on_a_port(script: Script) -> AsyncGenerator[None, None]:
    async with (
        open_scripted_server(script) as server,
        await trio.open_tcp_stream(server.host, server.port) as stream,
    ):
        await stream.send_all(REQUEST)
        yield


@pytest.mark.parametrize("opened", [in_memory, on_a_port])
@pytest.mark.parametrize("outcome", [pytest.fail, pytest.skip, pytest.xfail])
@pytest.mark.parametrize("is_in_a_nursery", [False, True], ids=["itself", "in a nursery"])
async def test_an_outcome_of_pytest_comes_out_of_the_block_alone(
    opened: Callable[[Script], AbstractAsyncContextManager[None]],
    outcome: Callable[[str], None],
    is_in_a_nursery: bool,
) -> None:
    async def tell() -> None:
        await trio.lowlevel.checkpoint()
        outcome("says the script")

    async def script(peer: ScriptedPeer) -> None:
        await peer.accept()
        if is_in_a_nursery:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                nursery.start_soon(tell)
        await tell()

    raised = outcome.Exception  # type: ignore[attr-defined]
    told = pytest.RaisesExc(raised, match="says the script")
    alone = pytest.RaisesGroup(told) if is_in_a_nursery else told
    with alone:  # as an Exception would: a nursery of the script's wraps it
        async with opened(script):
            await trio.sleep_forever()


# --- who never rests ---------------------------------------------------------------------


async def poll() -> None:
    while True:
        await trio.lowlevel.checkpoint()


async def test_nobody_waits_for_ever_for_those_who_never_rest(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.setattr("trio_dicom.testing.serving._MOMENT", 0.02)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(poll)
        await settled()
        nursery.cancel_scope.cancel()
    assert trio.current_time() == 0


async def test_a_script_that_fails_beside_those_who_never_rest_ends_the_block(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.setattr("trio_dicom.testing.serving._MOMENT", 0.02)

    async def fail(_peer: ScriptedPeer) -> None:
        raise AssertionError("of a script")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(poll)
        with pytest.raises(AssertionError, match="of a script"):
            async with open_memory_association(playing(fail), contexts=[VERIFICATION]):
                pass
        nursery.cancel_scope.cancel()
