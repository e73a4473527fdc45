"""How an association begins and how it ends."""

from __future__ import annotations

import pytest

from tests.protocol.builders import (
    ACCEPT,
    BY_USER,
    ECHO,
    ECHO_COMMAND,
    ECHO_CONTEXT,
    EXPLICIT,
    INVALID,
    REQUEST,
    VERIFICATION,
    accepted,
    accepting,
    connected,
    established,
    event_of,
    events_of,
    fault_of,
    p_data,
    pdv,
    sent,
)
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._protocol.events import (
    AbortIndication,
    AssociateConfirmation,
    AssociateIndication,
    AssociateRefusal,
    MessageReceived,
    ReleaseConfirmation,
    ReleaseIndication,
    TransportClosed,
)
from trio_dicom._protocol.machine import AssociationMachine
from trio_dicom._protocol.negotiation import propose
from trio_dicom._protocol.states import Role, State, Stimulus
from trio_dicom._wire.associate import AssociationRequest
from trio_dicom._wire.control import Abort, AssociationReject, ReleaseRequest, ReleaseResponse
from trio_dicom._wire.items import ProposedContext
from trio_dicom._wire.user_items import MaximumLength
from trio_dicom.errors import LocalProtocolError
from trio_dicom.reasons import (
    AbortReason,
    AbortSource,
    RejectReason,
    RejectResult,
    RejectSource,
)


def test_an_association_from_request_to_release() -> None:
    requestor, acceptor = AssociationMachine(Role.REQUESTOR), AssociationMachine(Role.ACCEPTOR)
    asked = event_of(acceptor, requestor.send(REQUEST))
    assert asked == AssociateIndication(REQUEST)
    confirmed = event_of(requestor, acceptor.send(ACCEPT))
    assert isinstance(confirmed, AssociateConfirmation)
    assert confirmed.association is requestor.association
    assert acceptor.association is not None
    assert acceptor.association.request == REQUEST

    event = event_of(acceptor, sent(requestor, 1, ECHO))
    assert isinstance(event, MessageReceived)
    assert event.message == ECHO
    assert event.context == acceptor.association.context(1)
    assert event.size == len(ECHO_COMMAND)

    assert event_of(acceptor, requestor.send(ReleaseRequest())) == ReleaseIndication()
    assert event_of(requestor, acceptor.send(ReleaseResponse())) == ReleaseConfirmation()
    assert requestor.ended
    assert acceptor.artim_running  # until the requestor has closed
    assert event_of(acceptor, b"") == TransportClosed()
    assert acceptor.ended
    assert requestor.association is not None  # what was agreed stays visible


@pytest.mark.scenario("B01", "B02")
@pytest.mark.parametrize("source", [1, 2, 3, 0, 9])
@pytest.mark.parametrize("code", range(9))
@pytest.mark.parametrize("result", [1, 2, 3])
def test_a_rejection_tells_result_source_and_reason(result: int, source: int, code: int) -> None:
    machine = AssociationMachine(Role.REQUESTOR)
    machine.send(REQUEST)
    raw = bytes((3, 0, 0, 0, 0, 4, 0, result, source, code))
    refusal = event_of(machine, raw)
    assert isinstance(refusal, AssociateRefusal)
    assert refusal.reject.result == result
    assert refusal.reject.reason.source == source
    assert refusal.reject.reason.code == code
    assert refusal.reject.encode() == raw
    assert machine.ended
    with pytest.raises(LocalProtocolError):
        machine.fragment(1, ECHO_COMMAND, is_command=True, is_last=True)
    assert machine.data_to_send() == b""


@pytest.mark.scenario("B02")
def test_the_same_code_of_another_source_is_another_reason() -> None:
    user, provider = RejectReason.of(1, 2), RejectReason.of(2, 2)
    assert user is RejectReason.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED
    assert provider is RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED
    assert provider.source is RejectSource.PROVIDER_ACSE


@pytest.mark.scenario("B04")
def test_a_second_request_is_refused_and_the_first_association_goes_on() -> None:
    machine = established(Role.REQUESTOR)
    with pytest.raises(LocalProtocolError, match="Open another connection"):
        machine.send(REQUEST)
    assert machine.state is State.ESTABLISHED
    assert sent(machine, 1, ECHO)


@pytest.mark.scenario("B04")
@pytest.mark.pitfall(15)
@pytest.mark.parametrize(
    "ending",
    [
        [REQUEST, AssociationReject(result=RejectResult(1), reason=RejectReason(0x0101))],
        [REQUEST, ACCEPT, ReleaseRequest(), ReleaseResponse()],
        [REQUEST, ACCEPT, Abort(AbortSource.USER)],
    ],
)
def test_a_transport_carries_one_association_ever(ending: list[AssociationRequest]) -> None:
    machine = AssociationMachine(Role.REQUESTOR)
    for pdu in ending:
        if machine.allows(Stimulus.SEND_REQUEST) or isinstance(pdu, ReleaseRequest):
            machine.send(pdu)
        else:
            event_of(machine, pdu.encode())
    assert machine.ended
    assert not machine.allows(Stimulus.SEND_REQUEST)
    with pytest.raises(LocalProtocolError, match="this one is over"):
        machine.send(REQUEST)


def test_an_acceptor_asks_for_nothing() -> None:
    with pytest.raises(LocalProtocolError, match="awaiting request"):
        AssociationMachine(Role.ACCEPTOR).send(REQUEST)


def test_what_cannot_be_encoded_changes_nothing() -> None:
    machine = AssociationMachine(Role.REQUESTOR)
    wrong = AssociationRequest(called_ae="A" * 17, calling_ae="B", contexts=REQUEST.contexts)
    with pytest.raises(LocalProtocolError, match="longer than 16"):
        machine.send(wrong)
    assert machine.send(REQUEST) == REQUEST.encode()


def test_an_answer_that_is_none_changes_nothing() -> None:
    machine = AssociationMachine(Role.ACCEPTOR)
    event_of(machine, REQUEST.encode())
    with pytest.raises(LocalProtocolError, match="context 3 is accepted, but was not proposed"):
        machine.send(accepting(accepted(3)))
    assert machine.association is None
    assert machine.send(ACCEPT) == ACCEPT.encode()


def test_a_peer_of_another_version_is_rejected_by_the_provider() -> None:
    machine = AssociationMachine(Role.ACCEPTOR)
    other = AssociationRequest(
        called_ae="A", calling_ae="B", contexts=REQUEST.contexts, protocol_version=2
    )
    refusal = event_of(machine, other.encode())
    reject = AssociationReject(
        result=RejectResult.PERMANENT, reason=RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED
    )
    assert refusal == AssociateRefusal(reject)
    assert machine.data_to_send() == reject.encode()
    assert machine.data_to_send() == b""
    assert machine.state is State.AWAITING_CLOSE
    assert machine.artim_running


def test_a_peer_of_several_versions_is_heard() -> None:
    both = AssociationRequest(
        called_ae="A", calling_ae="B", contexts=REQUEST.contexts, protocol_version=3
    )
    event = event_of(AssociationMachine(Role.ACCEPTOR), both.encode())
    assert event == AssociateIndication(both)


@pytest.mark.pitfall(26)
@pytest.mark.parametrize(
    "request_, owed",
    [
        # AA-1 speaks for the user, whose reason is not significant.
        (propose(contexts=[ECHO_CONTEXT]).encode()[:-1] + b"\xff\xff", BY_USER),
        (
            AssociationRequest(
                called_ae="A", calling_ae="B", contexts=REQUEST.contexts * 2
            ).encode(),
            BY_USER,
        ),
        (
            AssociationRequest(
                called_ae="A",
                calling_ae="B",
                contexts=REQUEST.contexts,
                user_information=(MaximumLength(3),),
            ).encode(),
            BY_USER,
        ),
    ],
)
def test_a_request_that_cannot_be_is_aborted(request_: bytes, owed: bytes) -> None:
    request_ = request_[:2] + (len(request_) - 6).to_bytes(4, "big") + request_[6:]
    machine = AssociationMachine(Role.ACCEPTOR)
    error = fault_of(machine, request_)
    assert error.abort_source is AbortSource.USER
    assert machine.data_to_send() == owed
    assert machine.state is State.AWAITING_CLOSE


@pytest.mark.scenario("B43")
@pytest.mark.pitfall(16, 26)
@pytest.mark.parametrize(
    "accept",
    [
        accepting(accepted(3)),
        accepting(accepted(1), accepted(1)),
        accepting(accepted(1, "1.2.3")),
        accepting(accepted(1), user_information=(MaximumLength(7),)),
    ],
)
def test_an_answer_that_cannot_be_is_aborted(accept: AssociationRequest) -> None:
    machine = AssociationMachine(Role.REQUESTOR)
    machine.send(REQUEST)
    error = fault_of(machine, accept.encode())
    assert (error.abort_source, error.abort_reason) == (
        AbortSource.PROVIDER,
        AbortReason.INVALID_PDU_PARAMETER_VALUE,
    )
    assert machine.data_to_send() == INVALID
    assert machine.association is None
    assert machine.state is State.AWAITING_CLOSE


def test_a_broken_answer_is_aborted() -> None:
    machine = AssociationMachine(Role.REQUESTOR)
    machine.send(REQUEST)
    fault_of(machine, b"\x02\0\0\0\0\0")
    assert machine.data_to_send() == INVALID


@pytest.mark.scenario("B41", "B42")
def test_messages_still_come_while_we_wait_for_the_release() -> None:
    machine = established(Role.REQUESTOR)
    assert machine.send(ReleaseRequest()) == bytes.fromhex("05000000000400000000")
    assert isinstance(event_of(machine, p_data(pdv(ECHO_COMMAND))), MessageReceived)
    assert machine.state is State.AWAITING_RELEASE
    with pytest.raises(LocalProtocolError, match="awaiting release"):
        machine.fragment(1, ECHO_COMMAND, is_command=True, is_last=True)
    assert event_of(machine, ReleaseResponse().encode()) == ReleaseConfirmation()


@pytest.mark.scenario("B42")
@pytest.mark.pitfall(20)
def test_a_peer_that_releases_first_may_still_be_answered() -> None:
    machine = established(Role.REQUESTOR)
    assert event_of(machine, ReleaseRequest().encode()) == ReleaseIndication()
    assert machine.allows(Stimulus.SEND_RELEASE_RESPONSE)
    assert sent(machine, 1, ECHO) == p_data(pdv(ECHO_COMMAND))
    assert machine.send(ReleaseResponse()) == bytes.fromhex("06000000000400000000")
    assert machine.artim_running
    assert event_of(machine, b"") == TransportClosed()


@pytest.mark.scenario("B42")
@pytest.mark.pitfall(20)
def test_release_requests_that_cross_end_in_the_order_of_the_standard() -> None:
    requestor, acceptor = connected()
    to_acceptor, to_requestor = requestor.send(ReleaseRequest()), acceptor.send(ReleaseRequest())
    assert event_of(requestor, to_requestor) == ReleaseIndication()
    assert event_of(acceptor, to_acceptor) == ReleaseIndication()
    # The acceptor waits for the requestor to answer first (PS3.8 7.2.2).
    assert not acceptor.allows(Stimulus.SEND_RELEASE_RESPONSE)
    with pytest.raises(LocalProtocolError, match="collision acceptor awaiting"):
        acceptor.send(ReleaseResponse())
    assert requestor.allows(Stimulus.SEND_RELEASE_RESPONSE)
    assert event_of(acceptor, requestor.send(ReleaseResponse())) == ReleaseConfirmation()
    assert acceptor.allows(Stimulus.SEND_RELEASE_RESPONSE)
    assert event_of(requestor, acceptor.send(ReleaseResponse())) == ReleaseConfirmation()
    assert requestor.ended
    assert events_of(acceptor, b"") == [TransportClosed()]


@pytest.mark.scenario("B40")
@pytest.mark.pitfall(33)
@pytest.mark.parametrize("source", [0, 1, 2, 77])
def test_an_abort_tells_its_source_and_reason(source: int) -> None:
    machine = established(Role.REQUESTOR)
    abort = event_of(machine, bytes((7, 0, 0, 0, 0, 4, 0, 0, source, 6)))
    assert isinstance(abort, AbortIndication)
    assert (abort.abort.source, abort.abort.reason) == (source, 6)
    assert machine.ended
    # Whatever stands behind it belongs to nothing.
    assert events_of(machine, p_data(pdv(ECHO_COMMAND)), b"") == [TransportClosed()]


@pytest.mark.scenario("B39")
def test_what_came_before_the_end_of_file_comes_before_it() -> None:
    machine = established(Role.REQUESTOR)
    message = p_data(pdv(ECHO_COMMAND))
    machine.receive_data(message + message[:-1])
    machine.receive_data(b"")
    assert isinstance(machine.next_event(), MessageReceived)
    assert machine.next_event() == TransportClosed()
    assert machine.next_event() is None
    with pytest.raises(LocalProtocolError, match="after the end of file"):
        machine.receive_data(b"x")


def test_the_timer_is_asked_for_where_nobody_else_would_end_the_waiting() -> None:
    acceptor = AssociationMachine(Role.ACCEPTOR)
    assert acceptor.artim_running
    event_of(acceptor, REQUEST.encode())
    assert not acceptor.artim_running
    acceptor.artim_expired()  # it ran out while the request came
    assert acceptor.state is State.ANSWERING_REQUEST
    acceptor.send(AssociationReject(result=RejectResult(1), reason=RejectReason(0x0101)))
    assert acceptor.artim_running
    acceptor.artim_expired()
    assert acceptor.ended
    assert not acceptor.artim_running


def test_private_classes_are_spoken_like_any_other() -> None:
    private = ProposedContext(
        context_id=1, abstract_syntax="1.2.99", transfer_syntaxes=("1.2.98", EXPLICIT)
    )
    request = propose(contexts=[PresentationContext("1.2.99", ["1.2.98", EXPLICIT])])
    assert request.contexts == (private,)
    machine = established(Role.REQUESTOR, request=request)
    assert machine.association is not None
    assert machine.association.accepted_contexts[0].transfer_syntax == "1.2.98"
    assert VERIFICATION not in repr(machine.association.contexts)
