"""An archive with something wrong with it, as a test asks for it."""

from __future__ import annotations

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import MRImageStorage
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.testing.builders import CONTEXTS, instance, query
from trio_dicom import (
    Association,
    AssociationAborted,
    AssociationRejected,
    BaseHandler,
    CEchoRequest,
    CFindRequest,
    CGetRequest,
    CGetResponse,
    ConnectionLost,
    ContextResult,
    CStoreRequest,
    CStoreResponse,
    NoAcceptedContext,
    RejectReason,
    RejectResult,
    Request,
    ResponseTimeout,
    propose,
    response_to,
)
from trio_dicom.lowlevel import AssociationAccept
from trio_dicom.sop_classes import (
    STORAGE_COMMITMENT,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    VERIFICATION,
)
from trio_dicom.testing import (
    ArchiveFault,
    ConversationEnd,
    ConversationOver,
    Fail,
    HangUp,
    MemoryArchive,
    NoAnswer,
    Refuse,
    Reject,
    ScriptedPeer,
    Shuffle,
    Slow,
    open_archive,
    open_memory_association,
)


class Inbox(BaseHandler):
    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        return response_to(request, 0x0000)


def archive_with(*faults: ArchiveFault, instances: int = 0) -> MemoryArchive:
    archive = MemoryArchive(faults=list(faults))
    for number in range(1, instances + 1):
        archive.instances.add(instance(number))
    return archive


async def stores(association: Association, count: int) -> list[int]:
    """The statuses of so many stored instances."""
    return [
        (await association.c_store(instance(number))).status.code for number in range(1, count + 1)
    ]


async def found(
    association: Association, matches: list[str] | None = None
) -> tuple[list[str], int]:
    """All instances that are found, and the final status."""
    matches = [] if matches is None else matches
    request = CFindRequest(
        sop_class_uid=STUDY_ROOT_FIND.abstract_syntax, data_set=query("IMAGE", SOPInstanceUID="")
    )
    async with association.open_request(request) as responses:
        async for response in responses:
            identifier = response.decoded_data_set()
            assert identifier is not None
            matches.append(identifier.SOPInstanceUID)
        return matches, (await responses.final()).status.code


async def test_the_third_instance_is_refused_and_no_other() -> None:
    archive = archive_with(Fail(CStoreRequest, nth=3, status=0xA700, comment="full"))
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        assert (await association.c_echo()).status.is_success
        assert await stores(association, 2) == [0, 0]
        refused = await association.c_store(instance(3))
        assert (refused.status.code, refused.error_comment) == (0xA700, "full")
        assert (await association.c_store(instance(4))).status.is_success
    assert [it.sop_instance_uid for it in archive.instances] == ["1.2.1", "1.2.2", "1.2.4"]


async def test_requests_are_counted_from_when_the_fault_is_there() -> None:
    archive = archive_with()
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        assert await stores(association, 2) == [0, 0]
        archive.faults.append(Fail(CStoreRequest, nth=2, status=0xA700))
        assert await stores(association, 3) == [0, 0xA700, 0]
        archive.faults.clear()
        assert await stores(association, 3) == [0, 0, 0]


async def test_a_fault_that_is_put_there_again_counts_again() -> None:
    archive = archive_with()
    again = Fail(CEchoRequest, nth=1)
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        for put in (archive.faults.append, lambda it: setattr(archive, "faults", [it])):
            for fault in (again, again, Fail(CEchoRequest, nth=1)):
                put(fault)
                assert (await association.c_echo()).status.code == 0x0110
                assert (await association.c_echo()).status.code == 0x0000
                archive.faults.remove(fault)
                assert not archive.faults


async def test_equal_faults_count_each_for_itself() -> None:
    archive = archive_with()
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        for _ in range(2):
            archive.faults.append(Fail(CEchoRequest, nth=1))
            assert (await association.c_echo()).status.code == 0x0110
        assert list(archive.faults) == [Fail(CEchoRequest, nth=1)] * 2


def test_faults_are_a_list() -> None:
    archive = archive_with(Fail(), Slow())
    archive.faults[0] = Shuffle()
    archive.faults[1:] = [NoAnswer(), HangUp()]
    del archive.faults[1]
    archive.faults.insert(0, Fail())
    assert archive.faults[:2] == [Fail(), Shuffle()]
    assert repr(archive.faults) == repr([Fail(), Shuffle(), HangUp()])


async def test_requests_are_counted_over_associations() -> None:
    archive = archive_with(Fail(CEchoRequest, nth=2, status=0x0110))
    for expected in (0x0000, 0x0110, 0x0000):
        async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
            assert (await association.c_echo()).status.code == expected


async def test_every_request_fails_where_none_is_named() -> None:
    archive = archive_with(Fail(status=0x0122))
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        assert await stores(association, 2) == [0x0122, 0x0122]
        assert await found(association) == ([], 0x0122)


@pytest.mark.parametrize(
    ("after", "matches"), [(0, []), (1, ["1.2.1"]), (3, ["1.2.1", "1.2.2", "1.2.3"])]
)
@pytest.mark.scenario("B59")
async def test_a_query_fails_after_some_matches(after: int, matches: list[str]) -> None:
    archive = archive_with(Fail(CFindRequest, after=after, status=0xC001), instances=3)
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        assert await found(association) == (matches, 0xC001)


async def test_a_fault_for_later_than_the_last_answer_meets_that() -> None:
    archive = archive_with(Fail(CFindRequest, after=9, status=0xC001), instances=1)
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        assert await found(association) == (["1.2.1"], 0xC001)


async def test_a_retrieval_ends_after_some_instances() -> None:
    archive = archive_with(Fail(CGetRequest, after=1, status=0xA702), instances=3)
    inbox = Inbox()
    async with open_memory_association(
        archive.serve, contexts=CONTEXTS, handler=inbox
    ) as association:
        request = CGetRequest(
            sop_class_uid=STUDY_ROOT_GET.abstract_syntax,
            data_set=query("STUDY", StudyInstanceUID="1.2.100"),
        )
        async with association.open_request(request) as responses:
            pending = [it async for it in responses]
            final = await responses.final()
        assert isinstance(final, CGetResponse)
        assert (len(pending), final.status.code) == (1, 0xA702)


async def test_what_is_not_answered_is_done_all_the_same(autojump_clock: MockClock) -> None:
    archive = archive_with(NoAnswer(CStoreRequest, nth=1))
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        with pytest.raises(ResponseTimeout):
            await association.c_store(instance(1), idle_timeout=5)
        assert trio.current_time() == pytest.approx(5, abs=0.1)
        assert (await association.c_store(instance(2))).status.is_success
    assert [it.sop_instance_uid for it in archive.instances] == ["1.2.1", "1.2.2"]


@pytest.mark.scenario("B32")
async def test_a_query_falls_silent_after_one_match(autojump_clock: MockClock) -> None:
    archive = archive_with(NoAnswer(CFindRequest, after=1), instances=3)
    request = CFindRequest(
        sop_class_uid=STUDY_ROOT_FIND.abstract_syntax, data_set=query("IMAGE", SOPInstanceUID="")
    )
    async with (
        open_memory_association(archive.serve, contexts=CONTEXTS) as association,
        association.open_request(request, idle_timeout=5) as responses,
    ):
        await responses.receive()
        with pytest.raises(ResponseTimeout):
            await responses.receive()


@pytest.mark.parametrize(
    ("how", "error"),
    [("abort", AssociationAborted), ("eof", ConnectionLost), ("reset", ConnectionLost)],
)
@pytest.mark.parametrize("after", [0, 2])
async def test_the_archive_hangs_up_in_the_midst_of_its_answers(
    how: str, error: type[Exception], after: int
) -> None:
    archive = archive_with(HangUp(CFindRequest, how=how, after=after), instances=3)  # type: ignore[arg-type]
    matches: list[str] = []
    with pytest.raises(error):
        async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
            await found(association, matches)
    if how != "reset":  # which takes with it what is on its way
        assert len(matches) == after


async def test_a_socket_is_reset() -> None:
    archive = archive_with(HangUp(CEchoRequest, how="reset"))
    async with open_archive(archive=archive):
        client = ScriptedPeer(await trio.open_tcp_stream(archive.host, archive.port))
        await client.send(propose(contexts=CONTEXTS))
        await client.expect(AssociationAccept)
        await client.send_message(CEchoRequest(message_id=1))
        with pytest.raises(ConversationOver) as over:
            await client.receive_pdu()
        assert over.value.how is ConversationEnd.RESET
        await client.aclose()


async def test_each_answer_takes_its_time(autojump_clock: MockClock) -> None:
    archive = archive_with(Slow(CFindRequest, seconds=2, after=1), instances=3)
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        matches, status = await found(association)
        assert (len(matches), status) == (3, 0)
        assert trio.current_time() == pytest.approx(6, abs=0.1)  # of four answers the last three


async def test_a_spread_pause_is_the_same_in_every_run(autojump_clock: MockClock) -> None:
    async def seconds(seed: int) -> float:
        archive = archive_with(Slow(CEchoRequest, seconds=1, spread=1, seed=seed))
        async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
            started = trio.current_time()
            await association.c_echo()
            return trio.current_time() - started

    first = await seconds(7)
    assert 1 < first < 2
    assert await seconds(7) == pytest.approx(first)
    assert await seconds(8) != pytest.approx(first)


async def served_in_order(seed: int | None) -> list[int]:
    """Eight instances in one window, in the order in which they were dealt with."""
    faults = () if seed is None else (Shuffle(seed),)
    archive = archive_with(*faults)
    async with (
        open_memory_association(
            archive.serve, contexts=CONTEXTS, max_operations_invoked=8
        ) as association,
        trio.open_nursery() as nursery,
    ):
        for number in range(8):
            nursery.start_soon(association.c_store, instance(number))
            await wait_all_tasks_blocked()
    return [it.attributes.InstanceNumber for it in archive.instances]


async def test_requests_are_answered_in_another_order_of_that_seed(
    autojump_clock: MockClock,
) -> None:
    first = await served_in_order(1)
    assert sorted(first) == list(range(8))
    assert first != list(range(8))
    assert await served_in_order(1) == first
    assert len({tuple(await served_in_order(seed)) for seed in range(10)}) == 10


async def test_without_a_shuffle_they_come_in_order() -> None:
    assert await served_in_order(None) == list(range(8))


async def test_a_window_of_one_has_nothing_to_shuffle() -> None:
    archive = archive_with(Shuffle(1))
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        assert await stores(association, 3) == [0, 0, 0]


async def test_a_context_is_refused_and_the_others_are_not() -> None:
    archive = archive_with(Refuse(MRImageStorage, result=ContextResult.USER_REJECTION))
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        assert await stores(association, 1) == [0]
        with pytest.raises(NoAcceptedContext):
            await association.c_store(instance(2, SOPClassUID=MRImageStorage))
        [refused] = [it for it in association.negotiated.contexts if not it.accepted]
    assert (refused.abstract_syntax, refused.result) == (
        MRImageStorage,
        ContextResult.USER_REJECTION,
    )


async def test_a_context_is_refused_by_the_constant_that_proposes_it() -> None:
    archive = archive_with(Refuse(VERIFICATION))
    async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
        with pytest.raises(NoAcceptedContext):
            await association.c_echo()


async def test_the_second_association_is_rejected() -> None:
    archive = archive_with(Reject(nth=2, reason=RejectReason.TEMPORARY_CONGESTION))
    for number in (1, 2, 3):
        if number == 2:
            with pytest.raises(AssociationRejected) as rejected:
                async with open_memory_association(archive.serve, contexts=CONTEXTS):
                    pass
            assert rejected.value.reason is RejectReason.TEMPORARY_CONGESTION
            assert rejected.value.result is RejectResult.TRANSIENT
        else:
            async with open_memory_association(archive.serve, contexts=CONTEXTS) as association:
                await association.c_echo()


@pytest.mark.parametrize(
    "made",
    [
        lambda: Fail(nth=0),
        lambda: Fail(after=-1),
        lambda: Slow(seconds=-1),
        lambda: Slow(spread=-1),
        lambda: Shuffle(seconds=-1),
        lambda: HangUp(how="quietly"),  # type: ignore[arg-type]
    ],
)
def test_faults_that_make_no_sense_are_refused(made: object) -> None:
    with pytest.raises(ValueError):
        made()  # type: ignore[operator]


@pytest.mark.parametrize("of", ["C-ECHO", 1, CEchoRequest(), CStoreResponse, None])
def test_a_fault_is_about_requests_alone(of: object) -> None:
    with pytest.raises(TypeError, match="a class of requests"):
        Fail(of)  # type: ignore[arg-type]


def test_a_fault_is_about_all_requests_unless_it_says_which() -> None:
    assert Fail() == Fail(Request)


async def test_the_log_says_why_a_request_fails(caplog: pytest.LogCaptureFixture) -> None:
    archive = archive_with(
        Fail(CEchoRequest, nth=1, status=0xA700, comment="full"),
        Fail(CFindRequest, after=1, status=0xA701, comment="full, too"),
        Fail(CStoreRequest, nth=1, status=0xA702),
        instances=2,
    )
    archive.commitments.report = "elsewhere"
    with caplog.at_level("INFO", "trio_dicom"):
        async with open_memory_association(
            archive.serve, contexts=[*CONTEXTS, STORAGE_COMMITMENT]
        ) as association:
            for _ in range(2):
                await association.c_echo()
            await found(association)
            await stores(association, 2)
            await association.n_action(
                STORAGE_COMMITMENT.abstract_syntax, "1.2.840.10008.1.20.1.1", 1, Dataset()
            )
    assert [it.removeprefix("the archive answers ") for it in caplog.messages] == [
        "A700H (failure): full",
        "A701H (failure): full, too",
        "0110H (failure: processing failure): the archive does not know where to report to",
    ]
