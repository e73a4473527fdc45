"""The example of a service inside a larger Trio program does what the page says."""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage
from trio.testing import MockClock

from tests.docs.embedding import (
    UNREADABLE,
    Ends,
    all_of,
    example,
    listening,
    opening,
    program_of,
    worklist_server,
)
from tests.interop.worklists import worklist_items
from trio_dicom import (
    Association,
    ConnectFailed,
    CStoreRequest,
    EncodedDataSet,
    PresentationContext,
)
from trio_dicom.sop_classes import MODALITY_WORKLIST
from trio_dicom.testing import (
    ConversationEnd,
    ConversationOver,
    MemoryArchive,
    ScriptedPeer,
    open_archive,
)

STORAGE = PresentationContext(SecondaryCaptureImageStorage)
STEPS = len(worklist_items())

Opening = Callable[[], AbstractAsyncContextManager[Association]]


def service(worklist: Opening, archive: Opening) -> Any:
    it = example("service")
    return it["Service"](worklist, archive, it["acquire"])


async def test_each_step_is_done_once_and_stored(autojump_clock: MockClock) -> None:
    ends, archive = Ends(), MemoryArchive()
    async with trio.open_nursery() as nursery:
        it = service(
            opening(nursery, worklist_server(worklist_items(), ends), MODALITY_WORKLIST),
            opening(nursery, archive.serve, STORAGE),
        )
        nursery.start_soon(it.run)
        await trio.sleep(3 * it.every + 5)
        nursery.cancel_scope.cancel()
    assert len(archive.instances) == STEPS
    assert it.unsent == {}
    names = {str(instance.attributes.PatientName) for instance in archive.instances}
    assert "Yamada^Tarou=山田^太郎" in names
    assert ends.seen == [ConversationEnd.RELEASED] * 4  # one association for each look


@pytest.mark.parametrize("broken", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_item_that_cannot_be_read_leaves_the_others_and_is_logged(
    broken: EncodedDataSet, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    archive, items = MemoryArchive(), worklist_items()
    async with trio.open_nursery() as nursery:
        it = service(
            opening(
                nursery, worklist_server([items[0], broken, items[1]], Ends()), MODALITY_WORKLIST
            ),
            opening(nursery, archive.serve, STORAGE),
        )
        nursery.start_soon(it.run)
        await trio.sleep(5)
        nursery.cancel_scope.cancel()
    assert len(archive.instances) == 2
    [said] = [record.getMessage() for record in caplog.records if record.name == "service"]
    assert said.startswith("the worklist has an item that cannot be read: ")
    assert "Sue" not in caplog.text
    assert "999" not in caplog.text


async def test_a_peer_that_is_away_is_tried_with_pauses_that_grow(
    autojump_clock: MockClock,
) -> None:
    archive, tries = MemoryArchive(), list[float]()
    it = example("service")
    async with trio.open_nursery() as nursery:
        open_archive_in_memory = opening(nursery, archive.serve, STORAGE)

        @asynccontextmanager
        async def away() -> AsyncGenerator[Association, None]:
            tries.append(trio.current_time())
            if len(tries) < 9:
                raise ConnectFailed("nobody there")
            async with open_archive_in_memory() as association:
                yield association

        tested = it["Service"](
            opening(nursery, worklist_server(worklist_items(), Ends()), MODALITY_WORKLIST),
            away,
            it["acquire"],
        )
        nursery.start_soon(tested.run)
        await trio.sleep(400)
        nursery.cancel_scope.cancel()
    pauses = [later - sooner for sooner, later in pairwise(tries)]
    assert pauses[:8] == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60])
    assert len(archive.instances) == STEPS
    assert tested.unsent == {}


def answering(*statuses: int) -> Callable[[trio.abc.Stream], Any]:
    """An archive that answers C-STORE with these, and after that with success."""
    left = list(statuses)

    async def serve(stream: trio.abc.Stream) -> None:
        peer = ScriptedPeer(stream)
        try:
            await peer.accept()
            while True:
                request = await peer.expect_message(CStoreRequest)
                await peer.reply(request, left.pop(0) if left else 0x0000)
        except ConversationOver:
            await peer.aclose()

    return serve


@pytest.mark.parametrize(
    ("statuses", "refused"), [((0xA700, 0xA701), 0), ((0xC000, 0xB000, 0x0122), 2)]
)
async def test_a_full_archive_is_tried_again_and_one_that_refuses_is_not(
    statuses: tuple[int, ...], refused: int, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        it = service(
            opening(nursery, worklist_server(worklist_items(), Ends()), MODALITY_WORKLIST),
            opening(nursery, answering(*statuses), STORAGE),
        )
        nursery.start_soon(it.run)
        await trio.sleep(50)
        nursery.cancel_scope.cancel()
    assert it.unsent == {}
    assert len(it.refused) == refused


@pytest.mark.parametrize("pdus", range(1, 19))
async def test_cancelled_at_any_pdu_it_ends_in_order_and_forgets_no_result(
    pdus: int, autojump_clock: MockClock
) -> None:
    ends, stored, acquired = list[ConversationEnd](), set[str](), set[str]()
    count = 0
    it = example("service")

    async def peer_that_counts(stream: trio.abc.Stream) -> None:
        nonlocal count
        peer = ScriptedPeer(stream)
        received = stream.receive_some

        async def counted(max_bytes: int | None = None) -> bytes | bytearray:
            nonlocal count
            data = await received(max_bytes)
            count += 1
            if count == pdus:
                nursery.cancel_scope.cancel()
            return data

        peer.stream = Watched(stream, counted)
        try:
            await peer.accept()
            while True:
                request = await peer.receive_message()
                if not isinstance(request, CStoreRequest):
                    for item in worklist_items()[:2]:
                        await peer.reply(request, 0xFF00, data_set=item)  # type: ignore[arg-type]
                elif count < pdus:  # what comes with the cancellation might have been lost
                    stored.add(str(request.sop_instance_uid))
                await peer.reply(request, 0x0000)  # type: ignore[arg-type]
        except ConversationOver as over:
            ends.append(over.how)

    async def acquire(item: Dataset) -> Dataset:
        instance: Dataset = await it["acquire"](item)
        acquired.add(instance.SOPInstanceUID)
        return instance

    # When the program's nursery ends everything is over: so the one of the peers ends, too.
    async with trio.open_nursery() as peers, trio.open_nursery() as nursery:
        tested = it["Service"](
            opening(peers, peer_that_counts, MODALITY_WORKLIST),
            opening(peers, peer_that_counts, STORAGE),
            acquire,
        )
        nursery.start_soon(tested.run)
    assert count >= pdus
    assert set(ends) <= {ConversationEnd.RELEASED, ConversationEnd.ABORTED}
    assert acquired <= stored | set(tested.unsent)


class Watched(trio.abc.Stream):
    """A stream that is told of what it receives."""

    def __init__(self, stream: trio.abc.Stream, receive: Callable[..., Any]) -> None:
        self._stream, self._receive = stream, receive

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data: bytes = await self._receive(max_bytes)
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def test_the_program_stores_until_it_is_told_to_end() -> None:
    async with (
        open_archive() as archive,
        listening(worklist_server(worklist_items()[:3], Ends())) as port,
        program_of("service", archive.host, port, archive.host, archive.port) as process,
    ):
        while len(archive.instances) < 3:  # noqa: ASYNC110 - it has no event for that
            await trio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert await all_of(process.stdout) == "0 results were not stored\n"
        assert "Traceback" not in await all_of(process.stderr)
    assert process.returncode == 0
