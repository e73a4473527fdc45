"""From a host name to a connection, or to an error that says why there is none."""

from __future__ import annotations

import errno
import gc
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.io.loopback import listening, oblige
from tests.io.recording import REQUEST, Recorder
from trio_dicom import (
    ConnectFailed,
    ConnectionOptions,
    ConnectTimeout,
    KeepAlive,
    LocalProtocolError,
    Timeouts,
    open_connection,
)


def closed_port() -> int:
    """A port on loopback where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.scenario("B10")
async def test_a_closed_port_is_said_at_once_with_the_cause() -> None:
    port = closed_port()
    recorder = Recorder()
    with pytest.raises(ConnectFailed, match=f"127.0.0.1:{port}") as caught:
        async with open_connection("127.0.0.1", port, handler=recorder):
            raise AssertionError("never here")
    cause = caught.value.__cause__
    assert isinstance(cause, OSError)
    assert os_errors(cause) == {errno.ECONNREFUSED}
    assert "refused" in str(caught.value).lower()
    assert recorder.calls == []  # there was no connection that could close


@pytest.mark.scenario("B10")
@pytest.mark.parametrize("port", [-1, 0, 65_536, 70_000])
async def test_a_port_that_does_not_exist_is_none(port: int) -> None:
    with pytest.raises(LocalProtocolError, match=f"{port} is no TCP port"):
        async with open_connection("127.0.0.1", port):
            raise AssertionError("never here")


def os_errors(error: BaseException) -> set[int | None]:
    if isinstance(error, BaseExceptionGroup):
        return set[int | None]().union(*(os_errors(it) for it in error.exceptions))
    if isinstance(error, OSError) and error.errno is not None:
        return {error.errno}
    return set() if error.__cause__ is None else os_errors(error.__cause__)


@pytest.mark.scenario("B10")
async def test_an_unknown_host_is_said_with_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoNames(trio.abc.HostnameResolver):
        async def getaddrinfo(self, *_: object, **__: object) -> list[object]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        async def getnameinfo(self, *_: object) -> tuple[str, str]:
            raise AssertionError("nobody asks")

    trio.socket.set_custom_hostname_resolver(NoNames())
    with pytest.raises(ConnectFailed, match=r"no.such.host:104: .*not known") as caught:
        async with open_connection("no.such.host", 104):
            raise AssertionError("never here")
    assert isinstance(caught.value.__cause__, socket.gaierror)


@pytest.mark.scenario("B10")
async def test_a_host_that_does_not_answer(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(trio, "open_tcp_stream", never)
    options = ConnectionOptions(timeouts=Timeouts(connect=7))
    with pytest.raises(ConnectTimeout, match=r"no TCP connection to far.away:104 within 7 s") as it:
        async with open_connection("far.away", 104, options=options):
            raise AssertionError("never here")
    assert trio.current_time() == 7
    assert it.value.seconds == 7


@contextmanager
def deaf_port() -> Generator[int, None, None]:
    """A port on loopback whose queue of callers is full: nobody else gets an answer."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


@pytest.mark.scenario("B10")
async def test_an_address_that_does_not_answer_and_no_socket_is_left(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    open_socket = trio.socket.socket

    def remembering(*arguments: Any) -> Any:
        opened.append(open_socket(*arguments))
        return opened[-1]

    monkeypatch.setattr(trio.socket, "socket", remembering)
    options = ConnectionOptions(timeouts=Timeouts(connect=7))
    with deaf_port() as port, pytest.raises(ConnectTimeout, match="no TCP connection to"):
        async with open_connection("127.0.0.1", port, options=options):
            raise AssertionError("never here")
    assert trio.current_time() == 7
    assert [it.fileno() for it in opened] == [-1]


class Spawned(trio.abc.Instrument):
    def __init__(self) -> None:
        self.tasks: list[str] = []

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self.tasks.append(task.name.rpartition(".")[2])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_address_takes_no_task_to_connect_to(host: str) -> None:
    if host == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    async with trio.open_nursery() as nursery:
        listener, *_ = await trio.open_tcp_listeners(0, host=host)
        nursery.start_soon(trio.serve_listeners, oblige, [listener])
        port = listener.socket.getsockname()[1]
        spawned = Spawned()
        trio.lowlevel.add_instrument(spawned)
        async with open_connection(host, port) as connection:
            trio.lowlevel.remove_instrument(spawned)
            assert connection.network_stream.remote_host == host
        nursery.cancel_scope.cancel()
    assert "attempt_connect" not in spawned.tasks


@pytest.mark.scenario("B65")
async def test_the_local_address_is_the_callers_choice() -> None:
    async with listening(oblige) as (host, port):
        options = ConnectionOptions(local_address="127.0.0.2")
        async with open_connection(host, port, options=options) as connection:
            assert connection.network_stream.local_host == "127.0.0.2"
            await connection.send_association_request(REQUEST)


@pytest.mark.scenario("B11")
async def test_ipv6_and_host_names_work() -> None:
    async with (
        listening(oblige, "::1") as (host, port),
        open_connection(host, port) as connection,
    ):
        stream = connection.network_stream
        assert (stream.remote_host, stream.remote_port) == ("::1", port)
        assert stream.local_host == "::1"
        assert stream.peer == f"::1:{port}"
        await connection.send_association_request(REQUEST)


@pytest.mark.scenario("B11")
async def test_of_several_addresses_one_that_works_is_used() -> None:
    """The name has an address of either family; the peer listens on one alone."""

    class TwoAddresses(trio.abc.HostnameResolver):
        async def getaddrinfo(self, host: object, port: int, *_: object, **__: object) -> object:
            return [
                (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
            ]

        async def getnameinfo(self, *_: object) -> tuple[str, str]:
            raise AssertionError("nobody asks")

    trio.socket.set_custom_hostname_resolver(TwoAddresses())
    async with (
        listening(oblige) as (host, port),
        open_connection("two.example", port) as connection,
    ):
        assert connection.network_stream.remote_host == host
        assert connection.network_stream.peer == f"two.example:{port}"
        await connection.send_association_request(REQUEST)


async def test_the_socket_is_set_up_for_dicom() -> None:
    async with listening(oblige) as (host, port):
        options = ConnectionOptions(keepalive=KeepAlive(idle=11, interval=12, count=13))
        async with open_connection(host, port, options=options) as connection:
            stream = connection.network_stream.stream
            assert isinstance(stream, trio.SocketStream)
            assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            if hasattr(socket, "TCP_KEEPIDLE"):
                assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 11
                assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 12
                assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 13


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="there is nothing to refuse")
async def test_keepalive_that_the_system_does_not_take_leaves_no_socket_open() -> None:
    options = ConnectionOptions(keepalive=KeepAlive(idle=1_000_000))
    async with listening(oblige) as (host, port):
        with pytest.raises(ConnectFailed, match="KeepAlive"):
            async with open_connection(host, port, options=options):
                raise AssertionError("never here")
        gc.collect()  # a socket left open would warn
