"""Storage commitment with a scripted peer: when the report comes, and what it says."""

from __future__ import annotations

import pytest
import trio
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.operations.committing import (
    CT,
    ONE,
    PUSH_MODEL,
    THE_INSTANCE,
    TWO,
    answer_of,
    asked,
    report,
)
from tests.operations.speaking import speaking
from trio_dicom import (
    CommitmentResult,
    EncodedDataSet,
    InstanceReference,
    NEventReportRequest,
    request_commitment,
)
from trio_dicom.sop_classes import MPPS, STORAGE_COMMITMENT


async def test_the_request_names_the_instances_and_the_transaction() -> None:
    instance = Dataset()
    instance.SOPClassUID, instance.SOPInstanceUID = TWO.sop_class_uid, TWO.sop_instance_uid
    instance.PatientName = "Secret"

    async with speaking([STORAGE_COMMITMENT]) as (association, peer):

        async def script() -> None:
            request, transaction_uid = await asked(peer)
            assert request.sop_class_uid == PUSH_MODEL
            assert request.sop_instance_uid == THE_INSTANCE
            assert request.action_type_id == 1
            expected = Dataset()
            expected.TransactionUID = "1.2.9"
            expected.ReferencedSOPSequence = [ONE.data_set(), TWO.data_set()]
            assert request.action_information == expected
            await peer.reply(request, 0x0000)
            assert await answer_of(peer, report(transaction_uid)) == 0x0000

        async with trio.open_nursery() as nursery:
            nursery.start_soon(script)
            async with request_commitment(
                association, [ONE, instance, ONE], transaction_uid="1.2.9"
            ) as commitment:
                result = await commitment.result()
        assert result.transaction_uid == commitment.transaction_uid == "1.2.9"
        assert [it.reference for it in result.instances] == [ONE, TWO]
        assert result.is_complete


@pytest.mark.scenario("B51")
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_the_report_comes_before_or_after_the_answer(before: bool) -> None:
    async with speaking([STORAGE_COMMITMENT]) as (association, peer):

        async def script() -> None:
            request, transaction_uid = await asked(peer)
            if not before:
                await peer.reply(request, 0x0000)
            assert await answer_of(peer, report(transaction_uid)) == 0x0000
            if before:
                await peer.reply(request, 0x0000)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(script)
            async with request_commitment(association, [ONE, TWO]) as commitment:
                assert (await commitment.result()).is_complete


@pytest.mark.scenario("B51")
@pytest.mark.pitfall(21)
async def test_two_reports_get_two_answers_and_the_first_counts() -> None:
    async with speaking([STORAGE_COMMITMENT]) as (association, peer):
        async with trio.open_nursery() as nursery:

            async def script() -> None:
                request, transaction_uid = await asked(peer)
                first = report(transaction_uid, (ONE,), {TWO: 0x0110})
                assert await answer_of(peer, first) == 0x0000
                await peer.reply(request, 0x0000)
                second = report(transaction_uid, message_id=8)
                assert await answer_of(peer, second) == 0x0000
                nursery.cancel_scope.cancel()

            nursery.start_soon(script)
            async with request_commitment(association, [ONE, TWO]) as commitment:
                await commitment.result()
                await trio.sleep_forever()
        assert [it.committed for it in (await commitment.result()).instances] == [True, False]


async def test_each_instance_has_its_own_result_and_reason() -> None:
    three, four = InstanceReference(CT, "1.2.3.3"), InstanceReference(CT, "1.2.3.4")

    async with speaking([STORAGE_COMMITMENT]) as (association, peer):

        async def script() -> None:
            request, transaction_uid = await asked(peer)
            await peer.reply(request, 0x0000)
            failed = {three: 0x0131, ONE: 0x0112, TWO: 0xA123}
            event = report(transaction_uid, (TWO,), failed)
            assert await answer_of(peer, event) == 0x0000

        async with trio.open_nursery() as nursery:
            nursery.start_soon(script)
            async with request_commitment(association, [ONE, TWO, three, four]) as commitment:
                result = await commitment.result()
    assert not result.is_complete
    assert result.failed == result.instances
    assert [(it.failure_reason, it.words) for it in result.instances] == [
        (0x0112, "0112H: no such SOP instance"),
        (0xA123, "A123H: a reason of the peer's own"),  # said to be both: it failed
        (0x0131, "0131H: duplicate transaction UID"),
        (None, "failed, or not mentioned in the report"),
    ]


async def test_the_result_says_where_to_retrieve_from() -> None:
    event = report("1.2.9", RetrieveAETitle="ARCHIVE")
    result = CommitmentResult.of_report(event)
    assert result is not None
    assert [it.retrieve_ae for it in result.instances] == ["ARCHIVE", "ARCHIVE"]
    assert [it.words for it in result.instances] == ["committed", "committed"]

    assert event.event_information is not None
    event.event_information.ReferencedSOPSequence[0].RetrieveAETitle = "NEAR"
    result = CommitmentResult.of_report(event, [ONE])
    assert result is not None
    assert [it.retrieve_ae for it in result.instances] == ["NEAR"]


@pytest.mark.scenario("B53")
async def test_items_that_refer_to_nothing_are_passed_over() -> None:
    event = report("1.2.9", (ONE,), {TWO: 0x0110})
    information = event.event_information
    assert information is not None
    information.ReferencedSOPSequence.append(Dataset())
    information.FailedSOPSequence.append(Dataset())
    result = CommitmentResult.of_report(event)
    assert result is not None
    assert [it.reference for it in result.instances] == [ONE, TWO]


async def test_what_is_no_report_on_commitment_has_no_result() -> None:
    other = NEventReportRequest(
        sop_class_uid=MPPS.abstract_syntax, sop_instance_uid="1.2", event_type_id=1
    )
    bare = NEventReportRequest(
        sop_class_uid=PUSH_MODEL, sop_instance_uid=THE_INSTANCE, event_type_id=1
    )
    assert CommitmentResult.of_report(other) is None
    assert CommitmentResult.of_report(bare) is None
    assert CommitmentResult.of_report(report("1.2.9", event_type_id=3)) is None


async def test_reports_on_two_requests_each_find_their_own() -> None:
    async with speaking([STORAGE_COMMITMENT]) as (association, peer):

        async def script() -> None:
            first, one = await asked(peer)
            await peer.reply(first, 0x0000)
            second, two = await asked(peer)
            await peer.reply(second, 0x0000)
            assert await answer_of(peer, report(two, (TWO,))) == 0x0000
            assert await answer_of(peer, report(one, (), {ONE: 0x0110}, message_id=8)) == 0x0000

        async with trio.open_nursery() as nursery:
            nursery.start_soon(script)
            async with (
                request_commitment(association, [ONE]) as first,
                request_commitment(association, [TWO]) as second,
            ):
                assert not (await first.result()).is_complete
                assert (await second.result()).is_complete


async def test_a_report_that_nobody_waits_for_goes_to_the_handler() -> None:
    async with speaking([STORAGE_COMMITMENT]) as (association, peer):

        async def script() -> None:
            request, transaction_uid = await asked(peer)
            await peer.reply(request, 0x0000)
            assert await answer_of(peer, report("1.2.99")) == 0x0122
            other = NEventReportRequest(
                sop_class_uid=MPPS.abstract_syntax,
                sop_instance_uid="1.2",
                event_type_id=1,
                message_id=6,
            )
            assert await answer_of(peer, other) == 0x0122
            assert await answer_of(peer, report(transaction_uid, message_id=8)) == 0x0000

        async with trio.open_nursery() as nursery:
            nursery.start_soon(script)
            async with request_commitment(association, [ONE, TWO]) as commitment:
                await commitment.result()
        late = report(commitment.transaction_uid, message_id=9)
        assert await answer_of(peer, late) == 0x0122


async def test_an_unknown_event_and_a_broken_one_are_refused_and_the_association_lives() -> None:
    broken = NEventReportRequest(
        sop_class_uid=PUSH_MODEL,
        sop_instance_uid=THE_INSTANCE,
        event_type_id=1,
        message_id=9,
        data_set=EncodedDataSet(b"\x08\x00\x95\x11UI\xff\xff", ExplicitVRLittleEndian),
    )

    async with speaking([STORAGE_COMMITMENT]) as (association, peer):

        async def script() -> None:
            request, transaction_uid = await asked(peer)
            await peer.reply(request, 0x0000)
            unknown = report(transaction_uid, event_type_id=3)
            assert await answer_of(peer, unknown) == 0x0113
            assert await answer_of(peer, broken) == 0x0110
            assert await answer_of(peer, report(transaction_uid, message_id=8)) == 0x0000

        async with trio.open_nursery() as nursery:
            nursery.start_soon(script)
            async with request_commitment(association, [ONE, TWO]) as commitment:
                assert (await commitment.result()).is_complete


async def test_who_is_cancelled_while_he_waits_for_the_report_is_so_alone(
    autojump_clock: object,
) -> None:
    raised: list[type[BaseException]] = []
    async with speaking([STORAGE_COMMITMENT]) as (association, peer):

        async def script() -> None:
            request, _ = await asked(peer)
            await peer.reply(request, 0x0000)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(script)
            async with request_commitment(association, [ONE]) as commitment:
                with trio.move_on_after(1):
                    try:
                        await commitment.result()
                    except BaseException as error:
                        raised.append(type(error))
                        raise
    assert raised == [trio.Cancelled]
