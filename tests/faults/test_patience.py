"""Every timeout: what comes a moment before it is in time, a moment after it is too late.

The clock of the test jumps; nothing here takes the time that it measures.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import trio
from attrs import fields
from trio.testing import MockClock

from tests.faults.sides import ACCEPTANCE, CLIENT, RECEIVER, REQUEST, asked, associated
from tests.faults.wire import pdu
from tests.io.talking import Call, find_request, is_silent, move_request, quick, talking
from trio_dicom import (
    AssociateTimeout,
    BaseHandler,
    CCancelRequest,
    CEchoRequest,
    CFindRequest,
    ConnectFailed,
    ConnectTimeout,
    ReleaseTimeout,
    Request,
    ResponseTimeout,
    Timeouts,
    TrioDicomError,
    open_connection,
)
from trio_dicom.lowlevel import ReleaseRequest, ReleaseResponse
from trio_dicom.testing import ConversationOver

LIMIT, MOMENT = 10.0, 0.001


class SlowNames(trio.abc.HostnameResolver):
    """Says after a while that there is no such host."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def getaddrinfo(self, *_: object, **__: object) -> list[object]:  # type: ignore[override]
        await trio.sleep(self.seconds)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def getnameinfo(self, *_: object) -> tuple[str, str]:
        raise AssertionError("nobody asks")


async def connect(seconds: float) -> bool:
    trio.socket.set_custom_hostname_resolver(SlowNames(seconds))
    try:
        async with open_connection("no.such.host", 104, options=quick(connect=LIMIT)):
            raise AssertionError("never here")
    except ConnectTimeout:
        return False
    except ConnectFailed:
        return True


async def associate(seconds: float) -> bool:
    async with asked(CLIENT, options=quick(associate=LIMIT)) as ours:
        await trio.sleep(seconds)
        with suppress(trio.BrokenResourceError):
            await ours.says(ACCEPTANCE)
        ours.stream.close()
        await ours.ended.wait()
        return not isinstance(ours.error, AssociateTimeout)


async def answered(request: Request, seconds: float, **timeouts: float) -> bool:
    async with (
        talking(options=quick(**timeouts)) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        call = await Call.begin(nursery, connection, request)
        message = await peer.expect_message(type(request))
        await trio.sleep(seconds)
        await peer.reply(message, 0x0000)
        await call.ended.wait()
        assert call.error is None or isinstance(call.error, ResponseTimeout)
        return call.error is None


async def idle(seconds: float) -> bool:
    return await answered(CEchoRequest(), seconds, idle=LIMIT)


async def move_idle(seconds: float) -> bool:
    return await answered(move_request(), seconds, idle=1, move_idle=LIMIT)


async def total(seconds: float) -> bool:
    return await answered(CEchoRequest(), seconds, total=LIMIT)


async def release(seconds: float) -> bool:
    errors: list[TrioDicomError] = []
    async with talking(options=quick(release=LIMIT)) as (connection, peer):

        async def ask() -> None:
            try:
                await connection.send_association_release_request()
            except ReleaseTimeout as error:
                errors.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await peer.expect(ReleaseRequest)
            await trio.sleep(seconds)
            with suppress(ConversationOver):
                await peer.send(ReleaseResponse())
            await peer.aclose()
    return not errors


async def abort(seconds: float) -> bool:
    """Whether the peer may still say something after our A-ABORT."""
    async with associated(CLIENT, options=quick(abort=LIMIT)) as ours:
        await ours.says(pdu(0x42))
        await trio.sleep(seconds)
        return not ours.ended.is_set()


async def callbacks(seconds: float) -> bool:
    ended: list[bool] = []

    class Slow(BaseHandler):
        async def on_connection_closed(self, exception: Exception | None) -> None:
            await trio.sleep(seconds)
            ended.append(True)

    async with talking(handler=Slow(), options=quick(callbacks=LIMIT)):
        pass
    return bool(ended)


async def cancel_grace(seconds: float) -> bool:
    """Whether the answer to a query that was left is still waited for."""
    async with (
        talking(options=quick(cancel_grace=LIMIT)) as (connection, peer),
        trio.open_nursery() as nursery,
    ):
        query = await Call.begin(nursery, connection, find_request())
        await peer.expect_message(CFindRequest)
        await query.cancel()
        await peer.expect_message(CCancelRequest)
        await Call.begin(nursery, connection, CEchoRequest())
        await trio.sleep(seconds)
        is_waited_for = await is_silent(peer)
        nursery.cancel_scope.cancel()
        await peer.aclose()
    return is_waited_for


async def artim(seconds: float) -> bool:
    async with asked(RECEIVER, options=quick(artim=LIMIT)) as ours:
        await trio.sleep(seconds)
        with suppress(trio.BrokenResourceError):
            await ours.says(REQUEST)
        await ours.last_words()
        return ours.heard[:1] == b"\2"


TIMEOUTS: dict[str, Callable[[float], Awaitable[bool]]] = {
    "connect": connect,
    "associate": associate,
    "idle": idle,
    "move_idle": move_idle,
    "total": total,
    "release": release,
    "abort": abort,
    "callbacks": callbacks,
    "cancel_grace": cancel_grace,
    "artim": artim,
}


@pytest.mark.pitfall(2, 32)
@pytest.mark.parametrize("name", TIMEOUTS)
async def test_a_timeout_is_as_long_as_it_says(name: str, autojump_clock: MockClock) -> None:
    assert await TIMEOUTS[name](LIMIT / 2)
    assert await TIMEOUTS[name](LIMIT - MOMENT)
    assert not await TIMEOUTS[name](LIMIT + MOMENT)


def test_every_timeout_is_tried_and_explained() -> None:
    names = [attribute.name for attribute in fields(Timeouts)]
    assert list(TIMEOUTS) == names
    documented = re.findall(r"^        (\w+): (.+)$", Timeouts.__doc__ or "", re.MULTILINE)
    assert [name for name, _ in documented] == names


@pytest.mark.parametrize("name", TIMEOUTS)
@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_timeout_is_more_than_nothing(name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=name):
        Timeouts(**{name: seconds})
