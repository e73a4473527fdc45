"""The archive's storage commitment, asked by our client in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage
from trio.testing import MockClock

from tests.testing.builders import instance
from tests.testing.departments import Listening, associated, data
from tests.testing.late import answer_late
from trio_dicom import (
    Association,
    InstanceReference,
    NActionResponse,
    NEventReportRequest,
    NEventReportResponse,
    Receiver,
    open_receiver,
    request_commitment,
)
from trio_dicom.sop_classes import STORAGE_COMMITMENT, VERIFICATION
from trio_dicom.testing import MemoryArchive

PUSH_MODEL = STORAGE_COMMITMENT.abstract_syntax
THE_INSTANCE = "1.2.840.10008.1.20.1.1"
ONE, TWO = InstanceReference(CTImageStorage, "1.2.1"), InstanceReference(CTImageStorage, "1.2.2")


@pytest.fixture(name="archive")
def archive_fixture() -> MemoryArchive:
    """An archive with ``ONE`` and ``TWO``."""
    archive = MemoryArchive()
    archive.instances.add(instance(1))
    archive.instances.add(instance(2))
    return archive


@asynccontextmanager
async def receiving(archive: MemoryArchive) -> AsyncGenerator[Receiver, None]:
    """A receiver that the archive knows, in memory."""
    async with open_receiver(into=None, ae_title="MODALITY", checks_called_ae=True) as receiver:
        archive.destinations["MODALITY"] = receiver.serve
        yield receiver


def request(transaction_uid: str = "1.9", **values: object) -> Dataset:
    """The action information of a request for ``ONE``."""
    values = {"ReferencedSOPSequence": [ONE.data_set()], **values}
    return data(TransactionUID=transaction_uid, **values)


async def ask(association: Association, information: Dataset | None) -> int:
    """The status with which a request is answered."""
    response = await association.n_action(PUSH_MODEL, THE_INSTANCE, 1, information)
    return response.status.code


async def test_the_archive_commits_itself_to_what_it_has(archive: MemoryArchive) -> None:
    async with (
        associated(archive, STORAGE_COMMITMENT) as association,
        request_commitment(association, [ONE, TWO]) as pending,
    ):
        result = await pending.result()
    assert result.is_complete
    assert {it.retrieve_ae for it in result.instances} == {"ARCHIVE"}
    assert list(archive.commitments.results) == [result.transaction_uid]


async def test_it_says_why_it_does_not(archive: MemoryArchive) -> None:
    archive.commitments.failures["1.2.2"] = 0x0213
    reasons = {
        ONE: None,
        TWO: 0x0213,  # resource limitation, because the test says so
        InstanceReference(MRImageStorage, "1.2.1"): 0x0119,  # it is a CT
        InstanceReference(CTImageStorage, "1.2.9"): 0x0112,
        InstanceReference(VERIFICATION.abstract_syntax, "1.2.10"): 0x0122,
    }
    # One by one: an instance may be named once in a request.
    for reference, reason in reasons.items():
        async with (
            associated(archive, STORAGE_COMMITMENT) as association,
            request_commitment(association, [reference]) as pending,
        ):
            [said] = (await pending.result()).instances
        assert (said.committed, said.failure_reason) == (reason is None, reason), reference


async def test_what_it_has_and_what_not_are_in_one_report(archive: MemoryArchive) -> None:
    listening = Listening()
    missing = InstanceReference(CTImageStorage, "1.2.9")
    async with associated(archive, STORAGE_COMMITMENT) as association:
        with association.events(listening.take):
            information = request(ReferencedSOPSequence=[ONE.data_set(), missing.data_set()])
            assert await ask(association, information) == 0x0000
            await listening.until(lambda: len(listening.reports) == 1)
    [report] = listening.reports
    assert report.event_type_id == 2
    assert (report.sop_class_uid, report.sop_instance_uid) == (PUSH_MODEL, THE_INSTANCE)
    said = report.event_information
    assert said is not None
    assert said.TransactionUID == "1.9"
    assert [it.ReferencedSOPInstanceUID for it in said.ReferencedSOPSequence] == ["1.2.1"]
    assert [it.ReferencedSOPInstanceUID for it in said.FailedSOPSequence] == ["1.2.9"]


@pytest.mark.parametrize("when", ["after", "before", "elsewhere"])
async def test_the_report_comes_when_and_where_it_is_told_to(
    archive: MemoryArchive, when: Literal["after", "before", "elsewhere"], autojump_clock: MockClock
) -> None:
    archive.commitments.report, archive.commitments.delay = when, 30.0
    here, there = Listening(), Listening()
    async with (
        receiving(archive) as receiver,
        associated(archive, STORAGE_COMMITMENT, calling_ae="MODALITY") as association,
    ):
        with association.events(here.take), receiver.events(there.take):
            began = trio.current_time()
            assert await ask(association, request()) == 0x0000
            assert len(here.reports) == (when == "before")
            assert trio.current_time() - began == pytest.approx(30 * (when == "before"), abs=1)
            listening = there if when == "elsewhere" else here
            await listening.until(lambda: len(listening.reports) == 1)
            assert trio.current_time() - began == pytest.approx(30, abs=1)
    assert len(here.reports) + len(there.reports) == 1


@pytest.mark.parametrize("when", ["after", "before"])
async def test_the_report_goes_elsewhere_when_the_association_has_ended(
    archive: MemoryArchive, when: Literal["after", "before"], autojump_clock: MockClock
) -> None:
    archive.commitments.report, archive.commitments.delay = when, 3.0
    listening = Listening()
    async with receiving(archive) as receiver:
        with receiver.events(listening.take):
            async with associated(archive, STORAGE_COMMITMENT, calling_ae="MODALITY") as first:
                with trio.move_on_after(1):
                    await ask(first, request())
                await first.abort()
            await listening.until(lambda: len(listening.reports) == 1)
    assert [it.event_type_id for it in listening.reports] == [1]
    assert archive.sessions == []


async def test_a_report_that_nobody_answers_goes_elsewhere_in_the_end(
    archive: MemoryArchive, autojump_clock: MockClock
) -> None:
    here, there = trio.Event(), Listening()

    async def take(_request: NEventReportRequest) -> NEventReportResponse:
        here.set()
        await trio.sleep_forever()
        raise AssertionError

    async with receiving(archive) as receiver:
        with receiver.events(there.take):
            async with associated(archive, STORAGE_COMMITMENT, calling_ae="MODALITY") as first:
                with first.events(take):
                    await ask(first, request())
                    await here.wait()
                    await first.abort()
            await there.until(lambda: len(there.reports) == 1)


@pytest.mark.parametrize("leaves", [False, True])
async def test_the_report_does_not_overtake_the_answer(
    archive: MemoryArchive,
    monkeypatch: pytest.MonkeyPatch,
    autojump_clock: MockClock,
    leaves: bool,
) -> None:
    """The archive takes its time for the answer, and the client may not wait for that."""
    answer_late(monkeypatch, NActionResponse, seconds=2)
    here, there = Listening(), Listening()
    async with receiving(archive) as receiver:
        with receiver.events(there.take):
            async with associated(archive, STORAGE_COMMITMENT, calling_ae="MODALITY") as first:
                with first.events(here.take):
                    if leaves:
                        with trio.move_on_after(1):
                            await ask(first, request())
                        await first.abort()
                    else:
                        assert await ask(first, request()) == 0x0000
                        assert here.reports == []
                        await here.until(lambda: len(here.reports) == 1)
            await there.until(lambda: len(there.reports) == leaves)


async def test_the_new_association_is_of_the_two_who_spoke_before(archive: MemoryArchive) -> None:
    """PS3.4 J.3.3.1.2: the archive is called what it was called, and is the provider."""
    archive.destinations["MODALITY"] = archive.serve
    archive.commitments.report = "elsewhere"
    async with associated(
        archive, STORAGE_COMMITMENT, calling_ae="MODALITY", called_ae="KEEPER"
    ) as association:
        assert await ask(association, request()) == 0x0000
        while len(archive.sessions) < 2 or not archive.sessions[1].contexts:
            await trio.lowlevel.checkpoint()
        [_, second] = archive.sessions
    [context] = second.contexts
    assert (second.calling_ae, second.called_ae) == ("KEEPER", "MODALITY")
    assert (context.as_scu, context.as_scp) == (True, False)


async def test_who_is_not_known_gets_no_report_elsewhere(
    archive: MemoryArchive, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    archive.commitments.delay = 2.0
    async with associated(archive, STORAGE_COMMITMENT) as association:
        await ask(association, request())
    assert "nobody knows where 'TRIO_DICOM' is" in caplog.text


async def test_who_does_not_let_the_archive_in_is_not_told(
    archive: MemoryArchive, caplog: pytest.LogCaptureFixture
) -> None:
    archive.destinations["MODALITY"] = MemoryArchive("ANOTHER", checks_called_ae=True).serve
    archive.commitments.report = "elsewhere"
    async with associated(archive, STORAGE_COMMITMENT, calling_ae="MODALITY") as association:
        assert await ask(association, request()) == 0x0000
    assert "'MODALITY' was not told what happened" in caplog.text


async def test_a_transaction_uid_serves_once(archive: MemoryArchive) -> None:
    words: list[str] = []
    for _ in range(2):
        async with (
            associated(archive, STORAGE_COMMITMENT) as association,
            request_commitment(association, [ONE], transaction_uid="1.9") as pending,
        ):
            words += [it.words for it in (await pending.result()).instances]
    assert words == ["committed", "0131H: duplicate transaction UID"]


@pytest.mark.parametrize(
    "information",
    [
        None,
        data(TransactionUID="1.9"),
        data(TransactionUID="1.9", ReferencedSOPSequence=[]),
        data(ReferencedSOPSequence=[ONE.data_set()]),
        request(ReferencedSOPSequence=[data(ReferencedSOPClassUID=CTImageStorage)]),
        request(ReferencedSOPSequence=[data(ReferencedSOPInstanceUID="1.2.1")]),
        request(
            ReferencedSOPSequence=[
                TWO.data_set(),
                data(ReferencedSOPClassUID="", ReferencedSOPInstanceUID="1.2.1"),
            ]
        ),
        # PS3.4 J.3.2.1.1.3: an instance may be referenced only once, of whichever class.
        request(ReferencedSOPSequence=[ONE.data_set(), TWO.data_set(), ONE.data_set()]),
        request(
            ReferencedSOPSequence=[
                ONE.data_set(),
                InstanceReference(MRImageStorage, "1.2.1").data_set(),
            ]
        ),
    ],
)
async def test_what_is_no_request_is_refused(
    archive: MemoryArchive, information: Dataset | None
) -> None:
    async with associated(archive, STORAGE_COMMITMENT) as association:
        assert await ask(association, information) == 0x0115
    assert archive.commitments.results == {}


async def test_another_instance_or_action_is_refused(archive: MemoryArchive) -> None:
    async with associated(archive, STORAGE_COMMITMENT) as association:
        response = await association.n_action(PUSH_MODEL, "1.2.3", 1, request())
        assert response.status.code == 0x0112
        response = await association.n_action(PUSH_MODEL, THE_INSTANCE, 2, request())
        assert response.status.code == 0x0123
        archive.commitments.report = "elsewhere"
        assert await ask(association, request()) == 0x0110
