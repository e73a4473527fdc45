"""A hundred thousand matches: memory stays bounded, and ten of them are enough if we say so."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.io.talking import Sent
from tests.operations.finding import answer, names_of, study_query
from trio_dicom import (
    CCancelRequest,
    CFindRequest,
    Limits,
    open_association,
    response_to,
)
from trio_dicom.sop_classes import STUDY_ROOT_FIND
from trio_dicom.testing import ConversationOver, ScriptedPeer, message_bytes

MATCHES = 100_000
AT_ONCE = 200  # in one write
ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("counting.py")

# A buffered match costs its bytes and what Python adds to each. All of them undecoded and
# kept are some 110 MiB, and decoded 470.
MOST_GROWTH = 3 * Limits().buffered_responses


def study() -> Dataset:
    match = Dataset()
    match.StudyDate = "20260102"
    match.AccessionNumber = "A123456"
    match.ModalitiesInStudy = ["CT", "SR"]
    match.StudyDescription = "Chest with contrast, arterial and venous phase"
    match.PatientName = "Somebody^Else^Of^Them"
    match.PatientID = "@@@@@@@@"
    match.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.12345678901234567890"
    match.PatientComments = "what somebody has written about this patient, and more. " * 8
    match.NumberOfStudyRelatedInstances = "400"
    return match


def encoded_matches(request: CFindRequest) -> Iterator[bytes]:
    """All the matches, some of them at a time: each is its number."""
    one = message_bytes(
        response_to(request, 0xFF00, data_set=study()),
        context_id=1,
        transfer_syntax=ExplicitVRLittleEndian,
        max_fragment=16_000,
    )
    for first in range(0, MATCHES, AT_ONCE):
        numbers = range(first, first + AT_ONCE)
        yield b"".join([one.replace(b"@@@@@@@@", b"%08d" % number) for number in numbers])


async def give_everything(stream: trio.abc.Stream) -> None:
    peer = ScriptedPeer(stream)
    await peer.accept()
    request = await peer.expect_message(CFindRequest)
    for some in encoded_matches(request):
        await peer.stream.send_all(some)
    await peer.reply(request, 0x0000)
    with pytest.raises(ConversationOver):
        await peer.receive_message()


Script = Callable[[trio.SocketStream], Awaitable[object]]


async def serving(nursery: trio.Nursery, script: Script) -> int:
    """The port at which a peer follows ``script`` with everybody who comes."""
    listeners = await nursery.start(partial(trio.serve_tcp, script, 0, host="127.0.0.1"))
    port: int = listeners[0].socket.getsockname()[1]
    return port


@pytest.mark.scenario("B26")
@pytest.mark.pitfall(29)
@pytest.mark.skipif(sys.platform == "win32", reason="there is no resource module to measure with")
async def test_a_hundred_thousand_matches_pass_through_in_bounded_memory() -> None:
    async with trio.open_nursery() as nursery:
        port = await serving(nursery, give_everything)
        done = await trio.run_process(
            [sys.executable, str(PROGRAM), str(port)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_stdout=True,
        )
        nursery.cancel_scope.cancel()
    count, status, growth = done.stdout.decode().split(";")
    sys.stdout.write(f"{int(growth) / 2**20:.1f} MiB more at the peak\n")  # pytest -rP shows it
    assert int(count) == MATCHES
    assert status == "0000H (success)"
    assert int(growth) < MOST_GROWTH


@pytest.mark.scenario("B48")
@pytest.mark.pitfall(1, 19)
async def test_of_a_hundred_thousand_the_first_ten_are_enough() -> None:
    cancellations: list[int] = []
    written = 0

    async def give_until_cancelled(stream: trio.abc.Stream) -> None:
        nonlocal written
        peer = ScriptedPeer(stream)
        await peer.accept()
        request = await peer.expect_message(CFindRequest)
        with trio.CancelScope() as flood:

            async def hear() -> None:
                cancel = await peer.expect_message(CCancelRequest)
                cancellations.append(cancel.message_id_being_responded_to)
                flood.cancel()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(hear)
                for some in encoded_matches(request):
                    with trio.CancelScope(shield=True):  # no half message
                        await peer.stream.send_all(some)
                    written += AT_ONCE
                    await trio.lowlevel.checkpoint()
        assert request.message_id == cancellations[0]
        await peer.reply(request, 0xFE00)
        await answer(peer, "second 0", "second 1")
        with pytest.raises(ConversationOver):
            await peer.receive_message()

    sent = Sent()
    async with trio.open_nursery() as nursery:
        port = await serving(nursery, give_until_cancelled)
        async with open_association(
            "127.0.0.1", port, contexts=[STUDY_ROOT_FIND], instrument=sent
        ) as association:
            seen: list[str] = []
            async with association.c_find(study_query()) as matches:
                async for match in matches:
                    seen += [str(match.identifier.PatientID)]
                    if len(seen) == 10:
                        break
            async with association.c_find(study_query()) as matches:
                assert await names_of(matches) == ["second 0", "second 1"]
        nursery.cancel_scope.cancel()
    assert seen == [f"{number:08}" for number in range(10)]
    assert written < MATCHES
    assert [name for name, _ in sent.messages].count("CCancelRequest") == 1
