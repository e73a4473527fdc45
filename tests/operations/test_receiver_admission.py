"""Whom a receiver lets in, what it agrees to, and how many at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from pydicom.uid import (
    JPEG2000,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from tests.operations.calling import CONTEXTS, calling, knocking, offer, receiving
from trio_dicom import (
    AssociationRejected,
    ConnectionOptions,
    LocalProtocolError,
    NoAcceptedContext,
    PresentationContext,
    Receiver,
    RejectReason,
    RejectResult,
    open_receiver,
    propose,
)
from trio_dicom._operations.admission import Admission
from trio_dicom.lowlevel import (
    AssociationAccept,
    AssociationReject,
    MaximumLength,
    OperationsWindow,
    RoleSelection,
)
from trio_dicom.sop_classes import (
    STORAGE_COMMITMENT,
    STUDY_ROOT_FIND,
    UPS_EVENT,
    VERIFICATION,
    storage_sop_classes,
)
from trio_dicom.testing import ScriptedPeer

PRIVATE = "1.2.3.4"


def accepted(
    *contexts: PresentationContext, unknown: bool = False, **more: Any
) -> AssociationAccept:
    admission = Admission(
        called_ae=None,
        calling_aes=None,
        takes_unknown_classes=unknown,
        max_associations=1,
        max_associations_per_host=None,
        max_length=16_384,
    )
    verdict = admission.judge(propose(contexts=contexts, **more))
    assert isinstance(verdict, AssociationAccept)
    return verdict


def test_every_storage_class_is_taken_also_a_retired_one() -> None:
    for uid in storage_sop_classes(retired=True):
        (answer,) = accepted(PresentationContext(uid)).contexts
        assert answer.transfer_syntax == ExplicitVRLittleEndian


@pytest.mark.scenario("B12")
def test_the_first_syntax_is_taken_which_the_sender_likes_best() -> None:
    for syntaxes in ([JPEG2000, ExplicitVRLittleEndian], [ImplicitVRLittleEndian, RLELossless]):
        (answer,) = accepted(PresentationContext(CTImageStorage, syntaxes)).contexts
        assert answer.transfer_syntax == syntaxes[0]


def test_a_syntax_that_nobody_knows_is_passed_over() -> None:
    context = PresentationContext(CTImageStorage, [PRIVATE, RLELossless])
    assert accepted(context).contexts[0].transfer_syntax == RLELossless
    assert accepted(PresentationContext(CTImageStorage, [PRIVATE])).contexts[0].result == 4
    assert accepted(PresentationContext("1.2.840.10008.1.1", [JPEG2000])).contexts[0].result == 4


def test_what_is_no_service_of_ours_is_refused() -> None:
    assert accepted(STUDY_ROOT_FIND, unknown=True).contexts[0].result == 3
    assert accepted(PresentationContext(PRIVATE)).contexts[0].result == 3
    assert accepted(PresentationContext(PRIVATE), unknown=True).contexts[0].result == 0


@pytest.mark.scenario("B24")
@pytest.mark.pitfall(17)
def test_a_window_is_answered_only_where_one_is_asked_for() -> None:
    assert accepted(VERIFICATION).item(OperationsWindow) is None
    asked = accepted(VERIFICATION, max_operations_invoked=8, max_operations_performed=0)
    assert asked.item(OperationsWindow) == OperationsWindow(1, 1)


def test_our_own_length_is_told() -> None:
    assert accepted(VERIFICATION).item(MaximumLength) == MaximumLength(16_384)


@pytest.mark.scenario("B51")
@pytest.mark.pitfall(21)
@pytest.mark.parametrize("context", [STORAGE_COMMITMENT, UPS_EVENT], ids=str)
@pytest.mark.parametrize(("scu", "scp"), [(False, True), (True, True), (True, False)])
def test_a_peer_that_reports_gets_the_roles_it_asks_for(
    context: PresentationContext, scu: bool, scp: bool
) -> None:
    asking = PresentationContext(context.abstract_syntax, scu_role=scu, scp_role=scp)
    answer = accepted(asking).item(RoleSelection)
    assert answer == RoleSelection(sop_class_uid=context.abstract_syntax, scu=scu, scp=scp)


def test_nobody_is_made_the_provider_of_our_storage() -> None:
    context = PresentationContext(CTImageStorage, scu_role=True, scp_role=True)
    answer = accepted(context).item(RoleSelection)
    assert answer == RoleSelection(sop_class_uid=CTImageStorage, scu=True, scp=False)


async def rejection_of(receiver: Any, **call: Any) -> tuple[RejectResult, RejectReason]:
    with pytest.raises(AssociationRejected) as caught:
        async with calling(receiver, **call):
            raise AssertionError
    return caught.value.result, caught.value.reason


async def test_a_peer_that_calls_somebody_else_is_rejected_if_that_is_wanted() -> None:
    async with receiving(ae_title=" STORE ", checks_called_ae=True) as receiver:
        assert receiver.ae_title == "STORE"
        assert await rejection_of(receiver, called_ae="OTHER") == (
            RejectResult.PERMANENT,
            RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED,
        )
        async with calling(receiver, called_ae="STORE") as association:
            assert (await association.c_echo()).status.is_success
    async with receiving() as receiver, calling(receiver, called_ae="OTHER") as association:
        assert (await association.c_echo()).status.is_success


@pytest.mark.parametrize("known", ["PACS", ["OTHER", "PACS"]])
async def test_a_peer_that_is_not_on_the_list_is_rejected(known: Any) -> None:
    async with receiving(calling_aes=known) as receiver:
        assert await rejection_of(receiver, calling_ae="P") == (
            RejectResult.PERMANENT,
            RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED,
        )
        async with calling(receiver, calling_ae="PACS") as association:
            assert (await association.c_echo()).status.is_success


async def test_another_application_context_is_rejected() -> None:
    async with receiving() as receiver, knocking(receiver) as peer:
        request = propose(contexts=[VERIFICATION])
        await peer.send_bytes(request.encode().replace(b"10008.3.1.1.1", b"10008.3.1.1.2"))
        reject = await peer.expect(AssociationReject)
        assert reject.reason is RejectReason.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED


async def test_one_more_than_it_holds_is_rejected_for_now_and_let_in_later() -> None:
    async with receiving(max_associations=2) as receiver:
        async with calling(receiver), calling(receiver) as association:
            assert receiver.associations == 2
            assert await rejection_of(receiver) == (
                RejectResult.TRANSIENT,
                RejectReason.LOCAL_LIMIT_EXCEEDED,
            )
            assert (await offer(association)).status.is_success
        assert receiver.associations == 0
        async with calling(receiver) as association:
            assert (await offer(association)).status.is_success


@asynccontextmanager
async def arriving(receiver: Receiver, host: str) -> AsyncGenerator[ScriptedPeer, None]:
    """A peer of that address that has asked for an association, over a real socket."""
    stream = await trio.open_tcp_stream("127.0.0.1", receiver.port, local_address=host)
    async with stream:
        peer = ScriptedPeer(stream)
        await peer.send(propose(contexts=CONTEXTS))
        yield peer


LOCAL_LIMIT_EXCEEDED = bytes.fromhex("03 00 00000004 00 02 03 02")
"""Rejected for now, by the presentation service provider (PS3.8 Table 9-21)."""


async def test_one_more_from_an_address_than_it_may_have_is_rejected_for_now() -> None:
    async with (
        receiving(max_associations_per_host=2) as receiver,
        arriving(receiver, "127.0.0.1") as first,
        arriving(receiver, "127.0.0.1") as second,
    ):
        await first.expect(AssociationAccept)
        await second.expect(AssociationAccept)
        async with arriving(receiver, "127.0.0.1") as third:
            reject = await third.expect(AssociationReject)
            assert reject.encode() == LOCAL_LIMIT_EXCEEDED
        # The others do not notice, nor do those whose address nobody knows.
        async with arriving(receiver, "127.0.0.2") as other:
            await other.expect(AssociationAccept)
        async with calling(receiver), calling(receiver), calling(receiver) as association:
            assert (await offer(association)).status.is_success
        # There is room again when one of them has left.
        await first.abort()
        await first.expect_closed()
        await trio.testing.wait_all_tasks_blocked()
        async with arriving(receiver, "127.0.0.1") as fourth:
            await fourth.expect(AssociationAccept)


async def test_without_such_a_limit_an_address_may_have_all_there_are() -> None:
    async with (
        receiving(max_associations=2) as receiver,
        arriving(receiver, "127.0.0.1") as first,
        arriving(receiver, "127.0.0.1") as second,
    ):
        await first.expect(AssociationAccept)
        await second.expect(AssociationAccept)
        async with arriving(receiver, "127.0.0.2") as other:
            assert (await other.expect(AssociationReject)).encode() == LOCAL_LIMIT_EXCEEDED


@pytest.mark.pitfall(32)
async def test_those_who_only_connect_shut_out_nobody_and_are_no_more_than_so_many() -> None:
    peers: list[ScriptedPeer] = []
    async with receiving(max_associations=1) as receiver, trio.open_nursery() as nursery:
        stay = trio.Event()

        async def connect(task_status: trio.TaskStatus[None]) -> None:
            async with knocking(receiver) as peer:
                peers.append(peer)
                task_status.started()
                await stay.wait()

        async with calling(receiver) as longest:
            for _ in range(16):
                await nursery.start(connect)
            await trio.testing.wait_all_tasks_blocked()
            # Full, but for those who have something to say. The oldest silent one goes.
            assert (await rejection_of(receiver))[1] is RejectReason.LOCAL_LIMIT_EXCEEDED
            await peers[0].expect_closed()
            assert (await longest.c_echo()).status.is_success
            await nursery.start(connect)
            await nursery.start(connect)
            await peers[1].expect_closed()
            await trio.testing.wait_all_tasks_blocked()
            assert len(receiver._guests) == 17
        stay.set()


async def test_a_service_that_was_not_accepted_cannot_be_used() -> None:
    async with receiving() as receiver, calling(receiver, CONTEXTS) as association:
        with pytest.raises(NoAcceptedContext):
            await offer(association, sop_class_uid=PRIVATE)


async def test_a_shorter_length_is_kept_by_the_peer() -> None:
    options = ConnectionOptions(max_length=4096)
    async with receiving(options=options) as receiver, calling(receiver) as association:
        assert association.negotiated.peer_max_length == 4096
        assert (await offer(association)).status.is_success


@pytest.mark.parametrize("port", [-1, 65_536, 70_000])
async def test_a_port_that_does_not_exist_is_none(port: int) -> None:
    with pytest.raises(LocalProtocolError, match=f"{port} is no TCP port"):
        async with open_receiver(port, into=None):
            raise AssertionError("never here")
