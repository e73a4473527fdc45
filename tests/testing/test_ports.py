"""Whatever listens at a port lets out alone what fails in its block, or in its service."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_dicom import Receiver, open_receiver
from trio_dicom.testing import FaultyProxy, MemoryArchive, open_archive, open_faulty_proxy

Open = Callable[[], AbstractAsyncContextManager[MemoryArchive | FaultyProxy | Receiver]]

PORTS: dict[type, Open] = {
    MemoryArchive: open_archive,
    FaultyProxy: partial(open_faulty_proxy, "127.0.0.1", 9),
    Receiver: partial(open_receiver, into=None),
}


class Quit(BaseException):
    """The end of the program."""


@pytest.mark.parametrize("cls", PORTS)
async def test_what_its_block_raises_comes_out_alone(cls: type) -> None:
    with pytest.raises(ZeroDivisionError):
        async with PORTS[cls]():
            raise ZeroDivisionError


@pytest.mark.parametrize("cls", PORTS)
async def test_a_cancellation_comes_out_alone(cls: type) -> None:
    raised: list[type[BaseException]] = []
    with trio.CancelScope() as scope:
        try:
            async with PORTS[cls]():
                await wait_all_tasks_blocked()
                scope.cancel()
                await trio.lowlevel.checkpoint()
        except BaseException as error:
            raised.append(type(error))
            raise
    assert raised == [trio.Cancelled]


@pytest.mark.parametrize("cls", PORTS)
async def test_what_ends_the_program_comes_out_of_its_service_alone(
    cls: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(_self: object, stream: trio.SocketStream) -> None:
        await trio.aclose_forcefully(stream)
        raise Quit

    monkeypatch.setattr(cls, "serve", serve)
    with pytest.raises(Quit):  # noqa: PT012
        async with PORTS[cls]() as it:
            stream = await trio.open_tcp_stream(it.host, it.port)
            async with stream:
                await trio.sleep_forever()
