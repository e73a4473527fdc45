"""What bad peers do to the archive, and what it does to them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from trio.testing import MockClock, open_stream_to_socket_listener, wait_all_tasks_blocked

from tests.testing.builders import CONTEXTS, instance, query
from trio_dicom import (
    AbortSource,
    AssociationRequest,
    CCancelRequest,
    CEchoRequest,
    CEchoResponse,
    CFindRequest,
    CFindResponse,
    CGetRequest,
    CGetResponse,
    ContextResult,
    CStoreRequest,
    NGetRequest,
    PresentationContext,
    RejectReason,
    propose,
    response_to,
)
from trio_dicom.lowlevel import (
    Abort,
    AssociationAccept,
    AssociationReject,
    DataTransfer,
    ReleaseRequest,
    ReleaseResponse,
)
from trio_dicom.testing import ConversationOver, Instances, MemoryArchive, ScriptedPeer, memory_link

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
ECHO, FIND, GET, CT = 1, 5, 7, 11  # context IDs
REQUEST = propose(contexts=CONTEXTS)


@asynccontextmanager
async def served(
    archive: MemoryArchive, *, capacity: int | None = None
) -> AsyncGenerator[ScriptedPeer, None]:
    """A scripted client of an archive that serves; it must have ended at the end."""
    ours, theirs = memory_link(capacity=capacity)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(archive.serve, theirs)
        yield ScriptedPeer(ours)
        ours.close()


async def associate(client: ScriptedPeer, request: AssociationRequest = REQUEST) -> None:
    client.request = request  # whose maximum length the script keeps to
    await client.send(request)
    client.accepted = await client.expect(AssociationAccept)


async def test_an_association_is_accepted_and_released() -> None:
    async with served(MemoryArchive()) as client:
        await associate(client)
        await client.send_message(CEchoRequest(message_id=7))
        answer = await client.expect_message(CEchoResponse)
        assert answer.message_id_being_responded_to == 7
        await client.send(ReleaseRequest())
        assert await client.expect(ReleaseResponse) == ReleaseResponse()


async def test_what_nobody_knows_is_refused_context_by_context() -> None:
    contexts = [
        PresentationContext("1.2.3"),
        PresentationContext(CTImageStorage, ["1.2.3"]),
        PresentationContext(CTImageStorage, ["1.2.3", ExplicitVRLittleEndian]),
    ]
    async with served(MemoryArchive()) as client:
        await associate(client, propose(contexts=contexts))
        assert client.accepted is not None
        assert [(it.result, it.transfer_syntax) for it in client.accepted.contexts] == [
            (ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, None),
            (ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED, None),
            (ContextResult.ACCEPTANCE, ExplicitVRLittleEndian),
        ]


async def test_another_application_is_rejected() -> None:
    async with served(MemoryArchive()) as client:
        await client.send(
            AssociationRequest(
                called_ae="A", calling_ae="B", contexts=REQUEST.contexts, application_context="1.2"
            )
        )
        reject = await client.expect(AssociationReject)
        assert reject.reason is RejectReason.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED


@pytest.mark.pitfall(24)
async def test_nonsense_is_answered_with_an_abort_and_the_next_peer_is_served() -> None:
    archive = MemoryArchive()
    async with served(archive) as client:
        await client.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
        assert await client.expect(Abort) == Abort(AbortSource.USER)  # AA-1, PS3.8 Table 9-10
    async with served(archive) as client:
        await associate(client)


@pytest.mark.parametrize("bytes_sent", [0, 3, len(REQUEST.encode()) - 1, len(REQUEST.encode())])
@pytest.mark.parametrize("how", ["close", "eof", "reset"])
async def test_a_peer_that_goes_away_leaves_nothing_behind(bytes_sent: int, how: str) -> None:
    async with served(MemoryArchive()) as client:
        await client.send_bytes(REQUEST.encode()[:bytes_sent])
        if how == "close":
            await client.aclose()
        else:
            await getattr(client, how)()


async def test_a_message_on_a_context_of_another_class_is_refused() -> None:
    async with served(MemoryArchive()) as client:
        await associate(client)
        await client.send_message(
            CFindRequest(sop_class_uid=STUDY_ROOT, message_id=1, data_set=query("STUDY")),
            context_id=CT,
        )
        assert (await client.expect_message(CFindResponse)).status.code == 0x0122


async def test_an_operation_that_the_archive_has_not_is_refused() -> None:
    async with served(MemoryArchive()) as client:
        await associate(client)
        request = NGetRequest(sop_class_uid=CTImageStorage, sop_instance_uid="1.2", message_id=1)
        await client.send_message(request, context_id=CT)
        answer = await client.receive_message()
        assert answer == response_to(
            request, 0x0211, error_comment="the archive has no such operation"
        )


@pytest.mark.pitfall(32)
async def test_a_peer_that_asks_for_nothing_is_cut_off_by_artim(
    autojump_clock: MockClock,
) -> None:
    async with served(MemoryArchive(artim_timeout=10)) as client:
        started = trio.current_time()
        with trio.move_on_after(60):
            for byte in REQUEST.encode():
                await trio.sleep(1)
                try:
                    await client.send_bytes(bytes([byte]))
                except ConversationOver:
                    break
        assert trio.current_time() - started == pytest.approx(11, abs=1)


async def test_a_silent_association_is_aborted_and_closed(autojump_clock: MockClock) -> None:
    async with served(MemoryArchive(idle_timeout=20, artim_timeout=10)) as client:
        await associate(client)
        assert await client.expect(Abort) == Abort(AbortSource.USER)
        assert trio.current_time() == pytest.approx(20)
        await client.expect_closed()
        assert trio.current_time() == pytest.approx(30)


async def test_signs_of_life_keep_an_association(autojump_clock: MockClock) -> None:
    async with served(MemoryArchive(idle_timeout=20)) as client:
        await associate(client)
        for number in range(1, 5):
            await trio.sleep(15)
            await client.send_message(CEchoRequest(message_id=number))
            await client.expect_message(CEchoResponse)


async def test_a_peer_that_reads_slowly_is_not_silent(autojump_clock: MockClock) -> None:
    archive = MemoryArchive(idle_timeout=20)
    for number in range(1, 10):
        archive.instances.add(instance(number))
    async with served(archive, capacity=100) as client:
        await associate(client)
        await client.send_message(
            CFindRequest(
                sop_class_uid=STUDY_ROOT, message_id=1, data_set=query("IMAGE", SOPInstanceUID="")
            ),
            context_id=FIND,
        )
        for _ in range(9):
            assert not (await client.expect_message(CFindResponse)).is_final
            await trio.sleep(10)
        assert (await client.expect_message(CFindResponse)).is_final


@pytest.mark.pitfall(2)
async def test_a_peer_that_does_not_read_is_given_up(autojump_clock: MockClock) -> None:
    archive = MemoryArchive(idle_timeout=20)
    for number in range(1, 50):
        archive.instances.add(instance(number))
    async with served(archive, capacity=1000) as client:
        await associate(client)
        await client.send_message(
            CFindRequest(
                sop_class_uid=STUDY_ROOT, message_id=1, data_set=query("IMAGE", SOPInstanceUID="")
            ),
            context_id=FIND,
        )
        await trio.sleep(100)
        with pytest.raises(ConversationOver):
            await client.send(ReleaseRequest())


async def test_a_cancelled_query_ends_with_its_status() -> None:
    archive = MemoryArchive()
    for number in range(1, 50):
        archive.instances.add(instance(number))
    async with served(archive, capacity=100) as client:
        await associate(client)
        for message_id in (1, 2):  # that the first was cancelled does not touch the second
            await client.send_message(
                CFindRequest(
                    sop_class_uid=STUDY_ROOT,
                    message_id=1,
                    data_set=query("IMAGE", SOPInstanceUID=""),
                ),
                context_id=FIND,
            )
            matches = 0
            while not (answer := await client.expect_message(CFindResponse)).is_final:
                matches += 1
                if matches == 3 and message_id == 1:
                    await client.send_message(
                        CCancelRequest(message_id_being_responded_to=1), context_id=FIND
                    )
            if message_id == 1:
                assert answer.status.is_cancel
                assert matches < 10
            else:
                assert answer.status.is_success
                assert matches == 49


async def test_a_cancelled_retrieval_says_what_remains() -> None:
    archive = MemoryArchive()
    for number in (1, 2, 3):
        archive.instances.add(instance(number))
    async with served(archive) as client:
        await associate(client)
        get = CGetRequest(
            sop_class_uid=STUDY_ROOT_GET,
            message_id=9,
            data_set=query("STUDY", StudyInstanceUID="1.2.100"),
        )
        await client.send_message(get, context_id=GET)
        store = await client.expect_message(CStoreRequest)
        assert client.last_context_id == CT
        await client.send_message(CCancelRequest(message_id_being_responded_to=9), context_id=GET)
        # An answer to nothing that was asked changes nothing.
        await client.send_message(
            response_to(store, 0xA700).__class__(
                status=0xA700, message_id_being_responded_to=store.message_id + 1
            ),
            context_id=CT,
        )
        await wait_all_tasks_blocked()
        await client.reply(store, 0x0000)
        pending = await client.expect_message(CGetResponse)
        assert (pending.remaining, pending.completed) == (2, 1)
        final = await client.expect_message(CGetResponse)
        assert final.status.is_cancel
        assert (final.remaining, final.completed, final.failed) == (2, 1, 0)


async def test_more_open_requests_than_any_window_allows_are_aborted() -> None:
    archive = MemoryArchive()
    archive.instances.add(instance(1))
    async with served(archive) as client:
        await associate(client)
        get = CGetRequest(
            sop_class_uid=STUDY_ROOT_GET,
            message_id=1,
            data_set=query("STUDY", StudyInstanceUID="1.2.100"),
        )
        await client.send_message(get, context_id=GET)
        await client.expect_message(CStoreRequest)  # and it waits for the answer
        for number in range(2, 30):
            await client.send_message(CEchoRequest(message_id=number), context_id=ECHO)
        assert await client.expect(Abort) == Abort(AbortSource.USER)


async def test_a_release_in_the_middle_of_a_query_ends_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    archive = MemoryArchive()
    for number in range(1, 50):
        archive.instances.add(instance(number))
    async with served(archive, capacity=200) as client:
        await associate(client)
        await client.send_message(
            CFindRequest(
                sop_class_uid=STUDY_ROOT, message_id=1, data_set=query("IMAGE", SOPInstanceUID="")
            ),
            context_id=FIND,
        )
        await client.send(ReleaseRequest())
        matches = 0
        while isinstance(await client.receive_pdu(), DataTransfer):
            matches += 1
        assert client.pdus[-1] == ReleaseResponse()
        assert matches < 49
        await wait_all_tasks_blocked()
        assert client.pdus[-1] == ReleaseResponse(), "nothing follows the release"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


class Broken(Instances):
    def find(
        self, identifier: Dataset, *, ae_title: str = "", combined_date_time: bool = False
    ) -> Iterator[Dataset]:
        raise ZeroDivisionError


async def test_a_bug_in_the_archive_is_a_failure_and_the_association_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served(MemoryArchive(instances=Broken())) as client:
        await associate(client)
        await client.send_message(
            CFindRequest(sop_class_uid=STUDY_ROOT, message_id=1, data_set=query("STUDY")),
            context_id=FIND,
        )
        assert (await client.expect_message(CFindResponse)).status.code == 0x0110
        await client.send_message(CEchoRequest(message_id=2), context_id=ECHO)
        assert (await client.expect_message(CEchoResponse)).status.is_success
    assert "the archive failed on a peer's C-FIND" in caplog.text


class BrokenStream(trio.abc.Stream):
    """A stream with a bug."""

    is_closed = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None: ...

    async def wait_send_all_might_not_block(self) -> None: ...

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        raise ZeroDivisionError

    async def aclose(self) -> None:
        self.is_closed = True


async def test_a_bug_underneath_ends_one_association_and_not_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream = BrokenStream()
    await MemoryArchive().serve(stream)
    assert stream.is_closed
    assert "an association of the archive failed" in caplog.text


async def test_a_peer_that_hung_up_before_it_was_served_is_no_failure() -> None:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        peer = ScriptedPeer(await open_stream_to_socket_listener(listener))
        stream = await listener.accept()
        await peer.reset()
        await MemoryArchive().serve(stream)
