"""The table of requests: slots, message IDs, and the one outcome of each."""

from __future__ import annotations

from math import inf

import pytest
import trio
from pydicom.uid import UID, ImplicitVRLittleEndian

from tests.io.recording import CT
from tests.io.talking import find_request, get_request
from trio_dicom import (
    CEchoRequest,
    CEchoResponse,
    ContextResult,
    Delivery,
    LocalProtocolError,
    NegotiatedContext,
    Request,
    ResponseTimeout,
)
from trio_dicom._io.clocks import SilenceClock
from trio_dicom._io.pending import (
    Abandoned,
    Completed,
    Failed,
    PendingRequest,
    PendingTable,
    Phase,
    TimedOut,
)

CONTEXT = NegotiatedContext(
    context_id=1,
    abstract_syntax=UID(CT),
    proposed=(ImplicitVRLittleEndian,),
    result=ContextResult.ACCEPTANCE,
    transfer_syntax=ImplicitVRLittleEndian,
)


def pending(request: Request | None = None) -> PendingRequest:
    return PendingRequest(
        request=CEchoRequest() if request is None else request,
        context=CONTEXT,
        source=None,
        peer="the peer",
        total=inf,
        idle=inf,
        clock=SilenceClock(inf),
    )


def queued(table: PendingTable, *requests: Request) -> list[PendingRequest]:
    entries = [pending(request) for request in requests]
    for entry in entries:
        table.queue(entry)
    return entries


def test_the_first_in_the_queue_is_the_first_that_is_admitted() -> None:
    table = PendingTable(window=2)
    first, second, third = queued(table, *[CEchoRequest()] * 3)
    for entry in (first, second):
        assert table.next_admissible() is entry
        table.admit(entry)
    assert table.next_admissible() is None
    assert table.queued == 1
    assert list(table.everything()) == [first, second, third]
    table.leave(second, answered=True)
    assert table.next_admissible() is third


def test_a_c_get_waits_for_another_and_lets_others_pass() -> None:
    table = PendingTable(window=inf)
    first, second, query = queued(table, get_request(), get_request(), find_request())
    table.admit(first)
    assert table.retrieving() is first
    assert table.next_admissible() is query
    table.admit(query)
    assert table.next_admissible() is None
    table.leave(first, answered=True)
    assert table.retrieving() is None
    assert table.next_admissible() is second


def test_it_is_empty_when_nothing_waits_and_nothing_is_open() -> None:
    table = PendingTable()
    assert table.is_empty
    waits, opens = queued(table, CEchoRequest(), CEchoRequest())
    table.leave(waits, answered=False)
    assert not table.is_empty
    table.admit(opens)
    assert not table.is_empty
    table.leave(opens, answered=True)
    table.leave(opens, answered=True)  # once more does no harm
    assert table.is_empty


@pytest.mark.scenario("B29")
@pytest.mark.parametrize(
    "started, answered, again", [(True, True, True), (True, False, False), (False, False, True)]
)
def test_an_id_that_may_still_be_answered_is_not_used_again(
    started: bool, answered: bool, again: bool
) -> None:
    table = PendingTable()
    [entry] = queued(table, CEchoRequest(message_id=7))
    table.admit(entry)
    entry.started = started
    table.leave(entry, answered=answered)
    [same] = queued(table, CEchoRequest(message_id=7))
    if again:
        table.admit(same)
    else:
        with pytest.raises(LocalProtocolError, match="message ID 7 is in use, or"):
            table.admit(same)


@pytest.mark.scenario("B29")
def test_ids_run_from_1_to_65535_and_leave_out_those_in_use() -> None:
    table = PendingTable(window=inf)
    stays, *_ = entries = queued(table, *[CEchoRequest()] * 65_537)
    ids: list[int] = []
    for entry in entries:
        table.admit(entry)
        ids.append(entry.message_id)
        if entry is not stays:
            table.leave(entry, answered=True)
    assert ids == [*range(1, 65_536), 2, 3]


def test_a_queued_request_has_no_message_id_yet() -> None:
    entry = pending()
    assert entry.words == "C-ECHO request"
    with pytest.raises(LocalProtocolError, match="has not been sent"):
        _ = entry.message_id
    table = PendingTable()
    table.queue(entry)
    table.admit(entry)
    assert entry.words == "C-ECHO request 1"
    assert table.find(1) is entry


def test_a_retrieve_without_its_end_leaves_instances_that_nobody_wants() -> None:
    table = PendingTable()
    [lost] = queued(table, get_request())
    table.admit(lost)
    lost.started = True
    table.leave(lost, answered=False)
    assert table.lost_a_retrieve
    [following] = queued(table, get_request())
    table.admit(following)
    assert not table.lost_a_retrieve


@pytest.mark.parametrize(
    "phase, started, delivery",
    [
        (Phase.QUEUED, False, Delivery.NOT_SENT),
        (Phase.SENDING, False, Delivery.NOT_SENT),
        (Phase.SENDING, True, Delivery.PARTLY_SENT),
        (Phase.SENT, True, Delivery.SENT_WITHOUT_ANSWER),
    ],
)
def test_the_outcome_tells_a_retry_how_far_the_request_came(
    phase: Phase, started: bool, delivery: Delivery
) -> None:
    entry = pending()
    entry.phase, entry.started = phase, started
    entry.settle(TimedOut(5))
    assert entry.delivery is delivery
    first, second = entry.error(), entry.error()
    assert isinstance(first, ResponseTimeout)
    assert (first.delivery, first.seconds) == (delivery, 5)
    assert first is not second


def test_an_answer_is_no_error_and_neither_is_leaving() -> None:
    answered, left, failed = pending(), pending(), pending()
    answered.settle(Completed(CEchoResponse(status=0xA700)))
    left.settle(Abandoned())
    failed.settle(Failed(lambda delivery: trio.BrokenResourceError(str(delivery))))
    assert answered.delivery is Delivery.ANSWERED
    assert answered.error() is left.error() is None
    assert str(failed.error()) == "Delivery.NOT_SENT"
