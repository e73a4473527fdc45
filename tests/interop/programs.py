"""Other people's DICOM programs: finding, starting, awaiting and ending them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import NoReturn, TypeVar

import pytest
import trio

from benchmarks.programs import HOST, MissingPeer, free_port
from benchmarks.programs import program as installed

__all__ = ["HOST", "free_port", "in_background", "missing", "program", "running"]

T = TypeVar("T")


def program(name: str, *, package: str) -> str:
    """The path of a compiled program; skips the test where Debian's package is missing.

    Where ``TRIO_DICOM_REQUIRE_PEERS=1`` is set a missing program is a failure.
    """
    try:
        return installed(name)
    except MissingPeer as reason:
        missing(f"{reason} (apt-get install {package})")


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it where ``TRIO_DICOM_REQUIRE_PEERS=1`` is set."""
    if os.environ.get("TRIO_DICOM_REQUIRE_PEERS") == "1":
        pytest.fail(f"{reason}, and TRIO_DICOM_REQUIRE_PEERS=1 asks for it")
    pytest.skip(reason)


@asynccontextmanager
async def running(
    command: Sequence[str],
    *,
    ports: Sequence[int],
    log: Path,
    environment: Mapping[str, str] | None = None,
    grace: float = 2.0,
) -> AsyncGenerator[None, None]:
    """Run a server until the block is left; the block begins once all ``ports`` answer.

    Args:
        command: The program and its arguments.
        ports: The ports of loopback that it opens.
        log: Where its output goes; its end is printed, so pytest shows it if a test fails.
        environment: What is added to this process's environment.
        grace: Seconds between asking it to end and killing it with its children.
    """
    with log.open("wb") as output:
        process = await trio.lowlevel.open_process(
            list(command),
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # a group of its own, to end its children with it
        )
    try:
        with trio.fail_after(30):
            for port in ports:
                await _until_it_answers(process, port, log)
        yield
    finally:
        with trio.CancelScope(shield=True):
            await _end(process, grace)
        sys.stdout.write(f"--- {command[0]} said ---\n{_tail(log)}\n")


async def _until_it_answers(process: trio.Process, port: int, log: Path) -> None:
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}: {_tail(log)}")
        try:
            stream = await trio.open_tcp_stream(HOST, port)
        except OSError:
            await trio.sleep(0.01)
        else:
            await stream.aclose()
            return


async def _end(process: trio.Process, grace: float) -> None:
    _signal_group(process, signal.SIGTERM)
    with trio.move_on_after(grace):
        await process.wait()
    _signal_group(process, signal.SIGKILL)
    await process.wait()


def _signal_group(process: trio.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # the whole group is gone
        os.killpg(process.pid, number)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-6_000:]


@contextmanager
def in_background(
    opening: Callable[[], AbstractAsyncContextManager[T]],
) -> Generator[T, None, None]:
    """Hold an async context manager open in a thread of its own.

    For servers that several tests share, and for tests that are not async.
    """
    opened: SimpleQueue[tuple[T, trio.Event, trio.lowlevel.TrioToken] | None] = SimpleQueue()

    async def hold() -> None:
        async with opening() as value:
            done = trio.Event()
            opened.put((value, done, trio.lowlevel.current_trio_token()))
            await done.wait()

    with ThreadPoolExecutor(1) as thread:
        run = thread.submit(trio.run, hold)
        run.add_done_callback(lambda _: opened.put(None))
        first = opened.get()
        if first is None:
            run.result()  # raises what kept it from opening
            raise AssertionError("it ended before it was open")
        value, done, token = first
        try:
            yield value
        finally:
            trio.from_thread.run_sync(done.set, trio_token=token)
            run.result()
