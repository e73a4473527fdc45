"""Ctrl-C between any two lines of ours, and what callbacks and other tasks must not notice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.io.talking import talking
from trio_dicom import (
    BaseHandler,
    CEchoRequest,
    CEchoResponse,
    ClientConnection,
    Request,
    ResponseTimeout,
    wrap_stream,
)
from trio_dicom._io import lifetime
from trio_dicom.lowlevel import DataTransfer, PresentationDataValue, encode_command
from trio_dicom.testing import memory_link


async def test_an_interrupt_before_the_tasks_have_begun_hangs_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def one_that_fails() -> Iterator[AbstractContextManager[None]]:
        yield nullcontext()
        raise KeyboardInterrupt

    attempts = one_that_fails()
    monkeypatch.setattr(lifetime, "peeled", lambda: next(attempts))
    ours, _ = memory_link()
    with trio.fail_after(5), pytest.raises(BaseExceptionGroup) as caught:
        async with wrap_stream(ours):
            await trio.sleep_forever()
    assert caught.value.subgroup(KeyboardInterrupt)


async def test_an_interrupt_before_the_block_hangs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(connection: ClientConnection) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ClientConnection, "start_listener", interrupted)
    ours, theirs = memory_link()
    with trio.fail_after(5), pytest.raises(KeyboardInterrupt):
        async with wrap_stream(ours):
            raise AssertionError("never here")
    assert await theirs.receive_some() == b""


NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


class Reading(BaseHandler):
    """Notes whose context variables its callbacks see."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def on_request_timed_out(self, request: Request, timeout: float) -> None:
        self.seen.append(NAME.get())


async def test_callbacks_see_the_context_variables_of_who_opened_the_connection(
    autojump_clock: MockClock,
) -> None:
    """Also where the caller's own task brings the first of them about."""

    async def echo(connection: ClientConnection) -> None:
        NAME.set("caller")
        with pytest.raises(ResponseTimeout):
            await connection.ask(CEchoRequest(), timeout=1)

    NAME.set("opener")
    handler = Reading()
    async with talking(handler=handler, window=0) as (connection, _):
        for number in range(1, 3):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(echo, connection)
            await wait_all_tasks_blocked()
            assert handler.seen == ["opener"] * number


async def test_many_requests_of_the_peer_at_once_hold_nobody_up() -> None:
    count = 200
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    def request(message_id: int) -> bytes:
        command = encode_command(CEchoRequest(message_id=message_id), has_data_set=False)
        pdv = PresentationDataValue(context_id=1, is_command=True, is_last=True, data=command)
        return DataTransfer((pdv,)).encode()

    async with talking() as (_, peer), trio.open_nursery() as nursery:
        await wait_all_tasks_blocked()
        await peer.send_bytes(b"".join(map(request, range(1, count + 1))))
        nursery.start_soon(take_turns)
        for _ in range(count):
            await peer.expect_message(CEchoResponse)
        assert turns >= count / 2
        nursery.cancel_scope.cancel()
