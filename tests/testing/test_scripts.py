"""Scripts at work, in memory and on a port: when they are over, and when they fail."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from trio_dicom import (
    AbortSource,
    CEchoRequest,
    Code,
    ConnectionEnded,
    ConnectionOptions,
    ReleaseTimeout,
    ResponseTimeout,
    Timeouts,
    open_association,
    propose,
    wrap_stream,
)
from trio_dicom.lowlevel import Abort, ReleaseRequest
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import (
    ConversationEnd,
    Delay,
    FaultyStream,
    ScriptedPeer,
    Trickle,
    memory_link,
    open_memory_association,
    open_scripted_server,
    playing,
    scripted_peer,
)
from trio_dicom.testing.stage import Script


async def full(peer: ScriptedPeer) -> None:
    await peer.accept()
    await peer.reply(await peer.expect_message(CEchoRequest), Code.RESOURCE_LIMITATION)


async def welcoming(peer: ScriptedPeer) -> None:
    await peer.accept()
    await peer.reply(await peer.expect_message(CEchoRequest), Code.SUCCESS)


async def test_a_script_that_is_over_lets_the_other_side_go() -> None:
    async with open_memory_association(playing(full), contexts=[VERIFICATION]) as association:
        assert (await association.c_echo()).status.code == Code.RESOURCE_LIMITATION
        await association.release()


async def test_a_script_that_is_over_expects_nothing_more() -> None:
    with pytest.raises(AssertionError, match=r"expected the end of .*, but got CEchoRequest"):  # noqa: PT012
        async with open_memory_association(playing(full), contexts=[VERIFICATION]) as association:
            await association.c_echo()
            await association.c_echo()


async def test_a_script_that_fails_fails_the_block() -> None:
    async def expects_more(peer: ScriptedPeer) -> None:
        await peer.accept()
        await peer.expect(Abort)

    with pytest.raises(AssertionError, match="expected Abort, but got DataTransfer"):
        async with open_memory_association(
            playing(expects_more), contexts=[VERIFICATION]
        ) as association:
            await association.c_echo()


@pytest.mark.parametrize("how", ["aclose", "reset", "abort", "eof"])
async def test_a_script_may_end_the_conversation_itself(how: str) -> None:
    async def script(peer: ScriptedPeer) -> None:
        await peer.accept()
        await getattr(peer, how)()

    async with trio.open_nursery() as nursery:
        ours, theirs = memory_link()
        nursery.start_soon(playing(script), theirs)
        with pytest.raises(ConnectionEnded):  # noqa: PT012
            async with wrap_stream(ours) as connection:
                await connection.send_association_request(propose(contexts=[VERIFICATION]))
                await connection.listener.wait()


async def test_the_end_of_a_conversation_is_told() -> None:
    for sent, how in (
        (ReleaseRequest().encode(), ConversationEnd.RELEASED),
        (Abort(AbortSource.USER).encode(), ConversationEnd.ABORTED),
        (b"", ConversationEnd.CLOSED),
    ):
        async with scripted_peer() as (stream, peer):
            await stream.send_all(sent)
            await stream.send_eof()
            assert await peer.expect_end() is how


async def test_a_client_that_does_not_wait_for_its_release_has_hung_up() -> None:
    async with scripted_peer() as (stream, peer):
        await stream.send_all(ReleaseRequest().encode())
        stream.close()
        assert await peer.expect_end() is ConversationEnd.RESET


async def test_a_release_is_not_answered_if_the_script_does_not_want_to(
    autojump_clock: MockClock,
) -> None:
    ends: list[ConversationEnd] = []

    async def script(peer: ScriptedPeer) -> None:
        peer.answers_release = False
        await peer.accept()
        ends.append(await peer.expect_end())

    options = ConnectionOptions(timeouts=Timeouts(release=7))
    with pytest.raises(ReleaseTimeout):
        async with open_memory_association(
            playing(script), contexts=[VERIFICATION], options=options
        ) as association:
            await association.release()
    assert trio.current_time() == pytest.approx(7, abs=0.1)
    assert ends == [ConversationEnd.ABORTED]


async def test_a_script_delays_its_answer_on_the_clock(autojump_clock: MockClock) -> None:
    async def late(peer: ScriptedPeer) -> None:
        await peer.accept()
        request = await peer.expect_message(CEchoRequest)
        await trio.sleep(60)
        await peer.reply(request, Code.SUCCESS)

    async with open_memory_association(playing(late), contexts=[VERIFICATION]) as association:
        with pytest.raises(ResponseTimeout):
            await association.c_echo(idle_timeout=59)
    async with open_memory_association(playing(late), contexts=[VERIFICATION]) as association:
        assert (await association.c_echo(idle_timeout=61)).status.is_success


async def test_a_script_speaks_over_a_faulty_link(autojump_clock: MockClock) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await playing(welcoming)(FaultyStream(stream, sending=[Trickle(), Delay(0.1)]))

    async with open_memory_association(serve, contexts=[VERIFICATION]) as association:
        assert (await association.c_echo()).status.is_success
    assert trio.current_time() > 10


# --- on a port ---------------------------------------------------------------------------


async def echo(host: str, port: int) -> int:
    async with open_association(host, port, contexts=[VERIFICATION]) as association:
        return (await association.c_echo()).status.code


async def test_each_connection_gets_its_script() -> None:
    async with open_scripted_server(full, welcoming) as server:
        assert await echo(server.host, server.port) == Code.RESOURCE_LIMITATION
        assert await echo(server.host, server.port) == Code.SUCCESS
        assert server.connections == 2


async def test_a_script_that_fails_on_a_port_fails_the_block_as_itself() -> None:
    async def expects_more(peer: ScriptedPeer) -> None:
        await peer.accept()
        await peer.expect(Abort)

    with pytest.raises(AssertionError, match="expected Abort, but got DataTransfer"):
        async with open_scripted_server(expects_more) as server:
            await echo(server.host, server.port)


async def test_one_connection_too_many_fails_the_block() -> None:
    with pytest.raises(AssertionError, match="connection 2, but no more than 1 scripts"):  # noqa: PT012
        async with open_scripted_server(welcoming) as server:
            await echo(server.host, server.port)
            await echo(server.host, server.port)


async def test_what_the_block_raises_comes_as_it_is() -> None:
    with pytest.raises(LookupError, match="of mine"):
        async with (
            open_scripted_server(full) as server,
            await trio.open_tcp_stream(server.host, server.port),
        ):
            raise LookupError("of mine")


async def test_a_script_that_is_not_over_is_cancelled() -> None:
    async def for_ever(peer: ScriptedPeer) -> None:
        await trio.sleep_forever()

    async with open_scripted_server(for_ever) as server:
        stream = await trio.open_tcp_stream(server.host, server.port)
        while not server.connections:
            await trio.lowlevel.checkpoint()
    await stream.aclose()


async def test_scripts_that_fail_at_once_are_all_told() -> None:
    failing, waiting = trio.Event(), trio.Semaphore(0)

    def script(number: int) -> Script:
        async def fail(_peer: ScriptedPeer) -> None:
            waiting.release()
            await failing.wait()
            raise AssertionError(f"script {number}")

        return fail

    scripts = [script(number) for number in range(3)]
    with pytest.RaisesGroup(
        *[pytest.RaisesExc(AssertionError, match=f"script {number}") for number in range(3)],
        match="the other side has failed in several places",
    ):
        async with open_scripted_server(*scripts) as server, trio.open_nursery() as nursery:
            for _ in scripts:
                nursery.start_soon(echo, server.host, server.port)
                await waiting.acquire()
            failing.set()


async def test_an_error_of_the_block_has_a_note_of_each_script_that_has_failed() -> None:
    with pytest.raises(LookupError, match="of mine") as mine:  # noqa: PT012
        async with open_scripted_server(full, full) as server:
            for _ in range(2):
                await (await trio.open_tcp_stream(server.host, server.port)).aclose()
            await trio.testing.wait_all_tasks_blocked(0.01)
            raise LookupError("of mine")
    assert [note.partition(": ")[0] for note in mine.value.__notes__] == [
        "The other side has failed, too"
    ] * 2


async def test_a_group_of_the_block_is_as_good_an_error_as_any() -> None:
    async def expects_more(peer: ScriptedPeer) -> None:
        await peer.accept()
        await peer.expect(Abort)

    with pytest.raises(ExceptionGroup, match="of mine") as failed:  # noqa: PT012
        async with open_scripted_server(expects_more) as server:
            try:
                await echo(server.host, server.port)
            finally:
                raise ExceptionGroup("of mine", [LookupError(), KeyError()])
    [note] = failed.value.__notes__
    assert "expected Abort, but got DataTransfer" in note


async def test_a_cancellation_from_outside_is_none_of_a_conversation_that_it_ends() -> None:
    with trio.CancelScope() as outside:
        async with open_memory_association(playing(full), contexts=[VERIFICATION]) as association:
            await association.abort()
            await trio.testing.wait_all_tasks_blocked()  # the script has heard of it
            outside.cancel()
            await trio.sleep_forever()
    assert outside.cancelled_caught
