"""Storage commitment whose report comes to a receiver, or not at all."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest
import trio
from pydicom import Dataset
from trio.testing import wait_all_tasks_blocked

from tests.operations.committing import (
    ONE,
    TWO,
    asked,
    report,
)
from tests.operations.speaking import beside, speaking
from trio_dicom import (
    AssociationAborted,
    AssociationReleased,
    EventTaker,
    LocalProtocolError,
    StatusError,
    request_commitment,
)
from trio_dicom.sop_classes import STORAGE_COMMITMENT


class Receiver:
    """What a receiver is to those who wait for events: somewhere else."""

    def __init__(self) -> None:
        self.takers: list[EventTaker] = []

    def events(self, take: EventTaker) -> AbstractContextManager[None]:
        receiver = self

        class Taken(AbstractContextManager[None]):
            def __enter__(self) -> None:
                receiver.takers.append(take)

            def __exit__(self, *_: object) -> None:
                receiver.takers.remove(take)

        return Taken()


@pytest.mark.scenario("B51")
@pytest.mark.pitfall(21)
async def test_a_report_at_the_receiver_counts_even_after_the_association_is_gone() -> None:
    receiver = Receiver()
    async with speaking([STORAGE_COMMITMENT]) as (association, peer):

        async def script() -> None:
            request, _ = await asked(peer)
            await peer.reply(request, 0x0000)
            await wait_all_tasks_blocked()
            await peer.release()
            await wait_all_tasks_blocked()
            (take,) = receiver.takers
            answer = await take(report(commitment.transaction_uid, message_id=3))
            assert answer is not None
            assert answer.status.is_success
            assert answer.message_id_being_responded_to == 3

        async with trio.open_nursery() as nursery:
            nursery.start_soon(script)
            async with request_commitment(association, [ONE, TWO], receiver=receiver) as commitment:
                assert (await commitment.result()).is_complete
    assert receiver.takers == []


async def test_without_a_receiver_the_end_of_the_association_ends_the_wait() -> None:
    async with speaking([STORAGE_COMMITMENT]) as (association, peer):

        async def script() -> None:
            request, _ = await asked(peer)
            await peer.reply(request, 0x0000)
            await wait_all_tasks_blocked()
            await peer.release()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(script)
            async with request_commitment(association, [ONE]) as commitment:
                with pytest.raises(AssociationReleased, match="receiver"):
                    await commitment.result()


async def test_an_abort_is_raised_where_the_report_is_awaited() -> None:
    async with speaking([STORAGE_COMMITMENT]) as (association, peer):

        async def script() -> None:
            request, _ = await asked(peer)
            await peer.reply(request, 0x0000)
            await wait_all_tasks_blocked()
            await peer.abort()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(script)
            async with request_commitment(association, [ONE]) as commitment:
                with pytest.raises(AssociationAborted):
                    await commitment.result()


async def test_a_refusal_is_an_error() -> None:
    async with speaking([STORAGE_COMMITMENT]) as (association, peer):

        async def script() -> None:
            request, _ = await asked(peer)
            await peer.reply(request, 0x0213, error_comment="full")

        async def call() -> None:
            async with request_commitment(association, [ONE]):
                raise AssertionError("it was refused")

        with pytest.raises(StatusError) as caught:
            await beside(script, call())
        assert caught.value.status.code == 0x0213
        assert caught.value.comment == "full"


async def test_commitment_of_nothing_is_not_asked_for() -> None:
    async with speaking([STORAGE_COMMITMENT]) as (association, _peer):
        with pytest.raises(LocalProtocolError, match="no instances"):
            async with request_commitment(association, []):
                raise AssertionError
        with pytest.raises(LocalProtocolError, match="SOP Class UID"):
            async with request_commitment(association, [Dataset()]):
                raise AssertionError
