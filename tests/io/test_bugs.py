"""Bugs come out as they are: alone where they are alone, in a group where they are not."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.asking import Outcomes, ask
from tests.io.recording import REQUEST, Recorder, serve
from tests.io.talking import Sent, talking
from trio_dicom import (
    BaseHandler,
    CEchoRequest,
    ClientConnection,
    ConnectionLost,
    Instrument,
    LoggingInstrument,
    Tap,
    open_receiver,
    wrap_stream,
)
from trio_dicom.testing import memory_link, scripted_peer


class Bug(Exception):
    """Something that nobody expects."""


BUG = Bug()
CAUSE = KeyError("why")


class BuggyInstrument(LoggingInstrument):
    """Raises in one of its methods, inside the task that calls it."""

    def __init__(self, method: str, error: BaseException) -> None:
        super().__init__()
        self.method, self._error = method, error

    def bytes_sent(self, count: int) -> None:
        if self.method == "bytes_sent":
            raise self._error from CAUSE

    def bytes_received(self, count: int) -> None:
        if self.method == "bytes_received":
            raise self._error from CAUSE


class Tapless(BuggyInstrument):
    """Fails when a connection begins."""

    def tap(self, peer: str, *, is_acceptor: bool) -> Tap:
        raise self._error


class Exiting(BaseHandler):
    """A handler that ends the program; that is no bug to be logged."""

    async def on_receive_association_accept(self, association: object) -> None:
        raise SystemExit(3)


async def use(
    *,
    instrument: Instrument | None = None,
    handler: BaseHandler | None = None,
    error: BaseException | None = None,
    on_the_way_out: BaseException | None = None,
) -> None:
    """Associate, then raise ``error`` or wait for ever."""
    async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:
        nursery.start_soon(serve, peer)
        try:
            async with wrap_stream(stream, handler=handler, instrument=instrument) as connection:
                try:
                    await connection.send_association_request(REQUEST)
                    if error is not None:
                        raise error
                    await trio.sleep_forever()
                finally:
                    if on_the_way_out is not None:
                        raise on_the_way_out
        except BaseException as out:  # noqa: BLE001
            raise Caught(out) from None
    raise AssertionError("nothing was raised")


class Caught(Exception):
    """Carries an exception through the nursery of the test, as it was."""

    def __init__(self, it: BaseException) -> None:
        self.it = it
        self.context = it.__context__


async def caught(**arguments: object) -> Caught:
    """What came out of the block."""
    try:
        await use(**arguments)
    except ExceptionGroup as group:
        [it] = group.exceptions
        assert isinstance(it, Caught)
        return it
    raise AssertionError("never here")


@pytest.mark.parametrize("method", ["bytes_sent", "bytes_received"])
async def test_a_bug_in_a_task_of_ours_comes_out_alone(
    method: str, autojump_clock: MockClock
) -> None:
    out = await caught(instrument=BuggyInstrument(method, BUG))
    assert out.it is BUG
    assert BUG.__cause__ is CAUSE
    assert trio.current_time() == 0


async def test_leaving_the_program_in_a_callback_comes_out_alone() -> None:
    out = await caught(handler=Exiting())
    assert isinstance(out.it, SystemExit)
    assert out.it.code == 3


async def test_a_group_of_the_body_comes_out_untouched() -> None:
    group = ExceptionGroup("of the body", [Bug()])
    out = await caught(error=group)
    assert isinstance(out.it, ExceptionGroup)  # a copy: Trio takes what was cancelled out of it
    assert (out.it.message, out.it.exceptions) == (group.message, group.exceptions)


async def test_exactly_one_level_is_peeled() -> None:
    """The group of a nursery in the body is the body's own."""

    async def fail() -> None:
        raise BUG

    with pytest.RaisesGroup(pytest.RaisesGroup(Bug)):
        async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:
            nursery.start_soon(serve, peer)
            async with wrap_stream(stream) as connection:
                await connection.send_association_request(REQUEST)
                async with trio.open_nursery() as inner:
                    inner.start_soon(fail)


async def test_the_context_of_what_comes_out_is_its_own() -> None:
    bug, before = Bug(), KeyError("before")
    bug.__context__ = before
    out = await caught(error=bug)
    assert out.it is bug
    assert out.context is before


async def test_a_bug_and_an_error_of_the_body_come_out_as_a_group() -> None:
    body = KeyError("the body")
    out = await caught(instrument=BuggyInstrument("bytes_received", BUG), on_the_way_out=body)
    assert isinstance(out.it, ExceptionGroup)
    assert set(out.it.exceptions) == {BUG, body}


async def test_after_a_bug_nobody_waits_for_ever(autojump_clock: MockClock) -> None:
    """Those who wait outside of the block are told, too."""
    outcomes: Outcomes = []
    instrument = BuggyInstrument("", BUG)
    connections: list[ClientConnection] = []

    async def use_outside(stream: trio.abc.Stream, nursery: trio.Nursery) -> None:
        async with wrap_stream(stream, instrument=instrument) as connection:
            connections.append(connection)
            await connection.send_association_request(REQUEST)
            nursery.start_soon(ask, connection, outcomes)
            await trio.sleep_forever()

    async with scripted_peer() as (stream, peer), trio.open_nursery() as nursery:

        async def provoke() -> None:
            await peer.accept()
            request = await peer.expect_message(CEchoRequest)
            instrument.method = "bytes_received"
            await peer.reply(request, 0x0000)

        nursery.start_soon(provoke)
        with pytest.raises(Bug):
            await use_outside(stream, nursery)
    [outcome] = outcomes
    [connection] = connections
    assert isinstance(outcome, ConnectionLost)
    assert "bug" in str(outcome)
    assert not connection.listener.running
    with trio.fail_after(1), pytest.raises(ConnectionLost):
        await connection.listener.wait()
    with trio.fail_after(1):
        await connection.aclose()


async def test_the_handler_hears_of_an_end_by_a_bug_too() -> None:
    recorder = Recorder()
    out = await caught(instrument=BuggyInstrument("bytes_received", BUG), handler=recorder)
    assert out.it is BUG
    assert isinstance(recorder.told_of_the_end, ConnectionLost)
    assert recorder.names[-1] == "connection_closed"


async def test_a_handler_that_is_stuck_does_not_hold_a_bug(autojump_clock: MockClock) -> None:
    class Stuck(BaseHandler):
        async def on_connection_closed(self, exception: Exception | None) -> None:
            await trio.sleep_forever()

    out = await caught(instrument=BuggyInstrument("bytes_received", BUG), handler=Stuck())
    assert out.it is BUG
    assert trio.current_time() == 5


@pytest.mark.parametrize("hook", ["bytes_sent", "message_sent", "pdu_sent"])
async def test_a_bug_in_what_is_done_at_once_comes_out_of_a_task_of_ours(hook: str) -> None:
    """And not at the line of the one who asked for it, nor as the failure of a handler."""
    instrument = Sent()
    said: list[Exception] = []

    def fail(*_: object) -> None:
        raise RuntimeError(hook)

    async def use() -> None:
        async with talking(instrument=instrument) as (connection, peer):
            await wait_all_tasks_blocked()
            setattr(instrument, hook, fail)
            await peer.send_message(CEchoRequest(message_id=7), context_id=1)
            try:
                if hook == "pdu_sent":
                    await connection.send_association_release_request()
                else:
                    await connection.ask(CEchoRequest())
            except Exception as error:  # noqa: BLE001
                said.append(error)

    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match=hook), flatten_subgroups=True):
        await use()
    assert said == []


async def test_a_connection_that_its_instrument_keeps_from_beginning_is_closed() -> None:
    ours, theirs = memory_link()
    with trio.CancelScope() as scope:
        scope.cancel()
        with pytest.raises(Bug):
            async with wrap_stream(ours, instrument=Tapless("", BUG)):
                pytest.fail("it has begun")
    with trio.fail_after(5):
        assert await theirs.receive_some() == b""


async def test_so_is_one_that_was_accepted() -> None:
    ours, theirs = memory_link()
    async with open_receiver(into=None, instrument=Tapless("", BUG)) as receiver:
        await receiver.serve(ours)
        with trio.fail_after(5):
            assert await theirs.receive_some() == b""
