"""What is no fault is refused where it is given, and a fault that has struck nothing is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from pydicom.uid import CTImageStorage, MRImageStorage
from trio.testing import MockClock

from tests.testing.builders import CONTEXTS, instance
from trio_dicom import (
    AssociationRejected,
    CEchoRequest,
    CStoreRequest,
    NEventReportRequest,
    PresentationContext,
)
from trio_dicom.sop_classes import VERIFICATION
from trio_dicom.testing import (
    ArchiveFault,
    Cut,
    Fail,
    FaultyStream,
    HangUp,
    MemoryArchive,
    NoAnswer,
    Refuse,
    Reject,
    Shuffle,
    Slow,
    StopReading,
    memory_link,
    open_archive,
    open_faulty_proxy,
    open_memory_association,
)


@pytest.mark.parametrize("wrong", [Reject, Cut(3), "HangUp", None, []])
@pytest.mark.parametrize(
    "put",
    [
        lambda it: MemoryArchive(faults=[it]),
        MemoryArchive().faults.append,
        lambda it: MemoryArchive(faults=[Fail()]).faults.__setitem__(0, it),
        lambda it: MemoryArchive(faults=[Fail()]).faults.__setitem__(slice(1), [it]),
        lambda it: setattr(MemoryArchive(), "faults", [it]),
    ],
)
def test_what_is_no_fault_of_an_archive_is_refused(
    put: Callable[[Any], object], wrong: object
) -> None:
    with pytest.raises(TypeError, match=r"a value such as Reject\(\)"):
        put(wrong)


@pytest.mark.parametrize("name", ["CTImageStorage", "CT Image Storage", "", "1" * 65])
def test_a_class_that_is_refused_is_named_by_its_uid(name: str) -> None:
    with pytest.raises(ValueError, match="is no UID"):
        Refuse(name)
    assert Refuse(CTImageStorage) == Refuse(PresentationContext(CTImageStorage))


@pytest.mark.parametrize("kind", [Fail, NoAnswer, HangUp, Slow, StopReading])
def test_an_archive_gets_no_reports(kind: type[Fail]) -> None:
    with pytest.raises(ValueError, match="it sends them"):
        kind(NEventReportRequest)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Fail(status="A700"), TypeError),  # type: ignore[arg-type]
        (lambda: Fail(status=0x1_0000), ValueError),
        (lambda: Refuse(CTImageStorage, result=3), TypeError),  # type: ignore[arg-type]
        (lambda: Reject(reason=2), TypeError),  # type: ignore[arg-type]
        (lambda: Reject(result=1), TypeError),  # type: ignore[arg-type]
    ],
)
def test_how_it_fails_is_a_value_of_its_kind(
    make: Callable[[], ArchiveFault], error: type[Exception]
) -> None:
    with pytest.raises(error):
        make()


@pytest.mark.parametrize("wrong", [HangUp(), Cut, "Cut", None])
async def test_what_is_no_fault_of_a_link_is_refused(wrong: Any) -> None:
    message = r"a value such as Cut\(100\)"
    for direction in ("sending", "receiving"):
        with pytest.raises(TypeError, match=message):
            FaultyStream(memory_link()[0], **{direction: [wrong]})
        with pytest.raises(TypeError, match=message):
            async with open_faulty_proxy("127.0.0.1", 1, **{direction: [wrong]}):
                pytest.fail("it is open")
        with pytest.raises(TypeError, match=message):
            async with (
                open_archive() as archive,
                open_faulty_proxy(
                    archive.host, archive.port, **{direction: lambda _: [wrong]}
                ) as proxy,
                await trio.open_tcp_stream(proxy.host, proxy.port) as stream,
            ):
                await stream.receive_some()


async def test_the_faults_that_have_struck_nothing_are_known(autojump_clock: MockClock) -> None:
    met: list[ArchiveFault] = [Slow(CEchoRequest), Fail(CStoreRequest, nth=2), Refuse(VERIFICATION)]
    not_met: list[ArchiveFault] = [
        Fail(CStoreRequest, nth=3),
        NoAnswer(CStoreRequest, nth=4),
        Refuse(MRImageStorage),
        Refuse(VERIFICATION, nth=4),
        Reject(nth=4),
        StopReading(CEchoRequest, nth=2),
        Shuffle(),
    ]
    archive = MemoryArchive(faults=[*met, *not_met])
    assert archive.faults.unused == [*met, *not_met]
    images = PresentationContext(CTImageStorage)
    async with open_memory_association(archive.serve, contexts=[images]) as association:
        for number in (1, 2):
            await association.c_store(instance(number))
    assert archive.faults.unused == [met[0], met[2], *not_met]
    async with open_memory_association(archive.serve, contexts=[images, VERIFICATION]):
        assert archive.faults.unused == [met[0], *not_met]
    archive.faults.remove(met[2])
    async with open_memory_association(archive.serve, contexts=[VERIFICATION]) as association:
        await association.c_echo()
    assert archive.faults.unused == not_met


async def test_a_shuffle_has_struck_when_there_was_something_to_shuffle() -> None:
    archive = MemoryArchive(faults=[Shuffle(), Shuffle(2)])
    async with (
        open_memory_association(
            archive.serve, contexts=CONTEXTS, max_operations_invoked=2
        ) as association,
        trio.open_nursery() as nursery,
    ):
        for _ in range(2):
            nursery.start_soon(association.c_echo)
    assert archive.faults.unused == [Shuffle(2)]


async def test_a_rejection_that_was_due_has_struck() -> None:
    archive = MemoryArchive(faults=[Reject(nth=1)])
    with pytest.raises(AssociationRejected):
        async with open_memory_association(archive.serve, contexts=CONTEXTS):
            pytest.fail("it is open")
    assert archive.faults.unused == []
