"""The example of DICOM in a program that is not async does what the page says."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import trio

from tests.docs.embedding import Ends, all_of, example, listening, program_of, silent, within
from tests.interop.programs import in_background
from trio_dicom import ConnectFailed, ConnectionEnded, open_association
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import (
    ConversationEnd,
    MemoryArchive,
    ScriptedPeer,
    open_archive,
)

SUCCESS = "0000H (success)"


@pytest.fixture
def archive() -> Generator[MemoryArchive, None, None]:
    with in_background(open_archive) as running:
        yield running


def test_the_script_gets_its_echoes(archive: MemoryArchive) -> None:
    assert example("script")["main"](archive.host, archive.port) == [SUCCESS] * 4


def test_it_can_be_called_from_several_threads(archive: MemoryArchive) -> None:
    with ThreadPoolExecutor(4) as threads:
        echo = partial(example("script")["echo"], archive.host, archive.port)
        echoes = [threads.submit(echo) for _ in range(8)]
        assert [each.result() for each in echoes] == [SUCCESS] * 8


def test_several_threads_share_what_is_held(archive: MemoryArchive) -> None:
    opening = open_association(archive.host, archive.port, contexts=[VERIFICATION])
    with ThreadPoolExecutor(4) as threads, example("script")["in_thread"](opening) as held:
        echoes = [threads.submit(held.call, held.value.c_echo) for _ in range(8)]
        assert [str(echo.result().status) for echo in echoes] == [SUCCESS] * 8


def test_a_call_raises_what_went_wrong() -> None:
    with pytest.raises(ConnectFailed):
        example("script")["echo"]("127.0.0.1", 1)
    with (
        pytest.raises(ConnectFailed),
        example("script")["in_thread"](open_association("127.0.0.1", 1, contexts=[VERIFICATION])),
    ):
        pytest.fail("there is nobody")


def test_a_call_ends_after_its_seconds() -> None:
    ends = Ends()
    with in_background(lambda: listening(silent(ends))) as port:
        with pytest.raises(trio.TooSlowError):
            example("script")["echo"]("127.0.0.1", port, seconds=0.5)
        within(30, lambda: bool(ends.seen))
    assert ends.seen == [ConversationEnd.ABORTED]


def test_queries_share_an_association(archive: MemoryArchive) -> None:
    assert example("script")["studies_of"](archive.host, archive.port, ["A*", "B*"]) == {
        "A*": [],
        "B*": [],
    }


def test_an_error_of_the_block_aborts_what_is_held() -> None:
    ends = Ends()
    with in_background(lambda: listening(silent(ends))) as port:
        opening = open_association("127.0.0.1", port, contexts=[VERIFICATION])
        with pytest.raises(trio.TooSlowError), example("script")["in_thread"](opening) as held:
            held.call(echo_within, held.value, 0.1)
    assert ends.seen == [ConversationEnd.ABORTED]


async def echo_within(association: object, seconds: float) -> None:
    with trio.fail_after(seconds):
        await association.c_echo()  # type: ignore[attr-defined]


def test_an_end_that_the_peer_makes_is_raised_by_every_call_after_it() -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        peer = ScriptedPeer(stream)
        await peer.accept()
        await peer.receive_message()
        await peer.abort()
        await peer.expect_closed()

    with in_background(lambda: listening(serve)) as port:
        opening = open_association("127.0.0.1", port, contexts=[VERIFICATION])
        with example("script")["in_thread"](opening) as held:
            for _ in range(2):
                with pytest.raises(ConnectionEnded):
                    held.call(held.value.c_echo)


def test_a_call_of_another_thread_says_that_the_block_was_left_meanwhile(
    archive: MemoryArchive,
) -> None:
    begun = threading.Event()

    async def work() -> None:
        begun.set()
        await trio.sleep_forever()

    opening = open_association(archive.host, archive.port, contexts=[VERIFICATION])
    with ThreadPoolExecutor(1) as threads:
        with example("script")["in_thread"](opening) as held:
            call = threads.submit(held.call, work)
            assert begun.wait(20)
        with pytest.raises(trio.RunFinishedError, match="was left"):
            call.result()
    with pytest.raises(trio.RunFinishedError):
        held.call(work)


@pytest.mark.parametrize("echoes", [0, 1], ids=["in trio.run", "in another thread"])
async def test_ctrl_c_aborts_the_association_and_ends_the_program(echoes: int) -> None:
    """With an echo a connection: the third is the first that the thread asks for."""
    ends = Ends()
    number = 0

    async def serve(stream: trio.abc.Stream) -> None:
        nonlocal number
        number += 1
        # With no answers it hangs in the first echo, else in the second one of the thread.
        await silent(ends, echoes=echoes)(stream)

    async with listening(serve) as port, program_of("script", "127.0.0.1", port) as process:
        await ends.until_begun()
        process.send_signal(signal.SIGINT)
        said = await all_of(process.stderr)
        assert said.rstrip().endswith("KeyboardInterrupt"), said
    assert process.returncode == -signal.SIGINT
    assert ends.seen[-1] is ConversationEnd.ABORTED
    assert number == (3 if echoes else 1)
