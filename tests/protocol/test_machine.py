"""The machine's manners: what it reports, what it refuses, what it owes."""

from __future__ import annotations

import pytest

from tests.protocol.builders import (
    ACCEPT,
    CT,
    ECHO_CONTEXT,
    EXPLICIT,
    REQUEST,
    VERIFICATION,
    accept_first,
    accepted,
    accepting,
    connected,
    encoded,
    established,
    event_of,
    events_of,
    p_data,
    pdv,
    refuse_all,
    sent,
)
from trio_dicom._dimse.c_messages import CEchoRequest, CEchoResponse, CStoreRequest
from trio_dicom._dimse.message import encode_command
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._protocol.events import (
    AbortIndication,
    AssociateConfirmation,
    AssociateIndication,
    AssociateRefusal,
    FragmentReceived,
    MessageReceived,
    ReleaseConfirmation,
    ReleaseIndication,
    TransportClosed,
)
from trio_dicom._protocol.machine import AssociationMachine
from trio_dicom._protocol.negotiation import answer, propose
from trio_dicom._protocol.states import Role, State, Stimulus
from trio_dicom._wire.associate import AssociationRequest
from trio_dicom._wire.control import Abort, AssociationReject, ReleaseRequest, ReleaseResponse
from trio_dicom._wire.items import ProposedContext
from trio_dicom._wire.user_items import MaximumLength
from trio_dicom.errors import LocalProtocolError, RemoteProtocolError
from trio_dicom.options import Limits
from trio_dicom.reasons import (
    AbortReason,
    AbortSource,
    RejectReason,
    RejectResult,
    RejectSource,
)

ECHO = CEchoRequest(message_id=7)
ECHO_COMMAND = encode_command(ECHO, has_data_set=False)
STORE = CStoreRequest(message_id=9, sop_class_uid=CT, sop_instance_uid="1.2.3", data_set=encoded())
STORE_COMMAND = encode_command(STORE, has_data_set=True)
BY_USER = Abort(AbortSource.USER).encode()


def by_provider(reason: AbortReason) -> bytes:
    return Abort(AbortSource.PROVIDER, reason).encode()


INVALID = by_provider(AbortReason.INVALID_PDU_PARAMETER_VALUE)


def fault_of(machine: AssociationMachine, *chunks: bytes) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        events_of(machine, *chunks)
    return caught.value


# --- beginning -------------------------------------------------------------------------


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


# --- noise -----------------------------------------------------------------------------


@pytest.mark.pitfall(24)
@pytest.mark.parametrize("noise", [b"HTTP/1.1 400 Bad Request\r\n", b"GET / HTTP/1.1\r\n"])
@pytest.mark.parametrize("role", Role)
def test_what_is_no_dicom_is_refused_by_its_first_byte(role: Role, noise: bytes) -> None:
    machine = established(role)
    error = fault_of(machine, noise)
    assert error.abort_reason is AbortReason.UNRECOGNIZED_PDU
    assert machine.data_to_send() == by_provider(AbortReason.UNRECOGNIZED_PDU)
    # Nobody knows where a PDU would begin: nothing is answered any more.
    assert events_of(machine, b"HTTP" * 99, ReleaseRequest().encode()) == []
    assert machine.data_to_send() == b""
    assert events_of(machine, b"") == [TransportClosed()]


@pytest.mark.pitfall(24)
def test_a_length_bomb_is_refused_by_its_header() -> None:
    machine = established(Role.REQUESTOR, limits=Limits(pdu_length=1000))
    fault_of(machine, b"\x04\0\xff\xff\xff\xff")
    assert machine.data_to_send() == INVALID


def test_a_pdu_above_our_maximum_length_and_below_the_limit_is_tolerated() -> None:
    request = propose(contexts=[ECHO_CONTEXT], max_length=64)
    machine = established(Role.REQUESTOR, request=request)
    assert isinstance(event_of(machine, p_data(pdv(ECHO_COMMAND))), MessageReceived)


def test_what_we_promised_to_take_is_taken_whatever_the_limit() -> None:
    request = propose(contexts=[ECHO_CONTEXT], max_length=4096)
    machine = established(Role.REQUESTOR, request=request, limits=Limits(pdu_length=16))
    assert isinstance(event_of(machine, p_data(pdv(ECHO_COMMAND))), MessageReceived)


def test_a_peer_that_speaks_before_it_is_asked_is_aborted() -> None:
    machine = AssociationMachine(Role.REQUESTOR)
    error = fault_of(machine, ReleaseRequest().encode())
    assert str(error) == "the peer sent RELEASE_RQ while the association was idle"
    assert machine.data_to_send() == by_provider(AbortReason.UNEXPECTED_PDU)
    assert not machine.allows(Stimulus.SEND_REQUEST)
    with pytest.raises(LocalProtocolError, match="awaiting close"):
        machine.send(REQUEST)


def test_a_peer_cannot_pile_up_aborts_that_nobody_fetches() -> None:
    machine = established(Role.ACCEPTOR)
    machine.send(Abort(AbortSource.USER))
    assert events_of(machine, REQUEST.encode() * 1000) == []
    assert len(machine.data_to_send()) < 300
    events_of(machine, REQUEST.encode())
    assert machine.data_to_send() == by_provider(AbortReason.UNEXPECTED_PDU)
    assert events_of(machine, b"\x99" * 99) == []
    assert machine.data_to_send() == by_provider(AbortReason.UNRECOGNIZED_PDU)


# --- messages --------------------------------------------------------------------------


def storing() -> AssociationMachine:
    _, acceptor = connected([PresentationContext(CT), ECHO_CONTEXT])
    return acceptor


@pytest.mark.pitfall(18)
def test_command_and_data_go_out_in_pdus_of_their_own() -> None:
    requestor, _ = connected([PresentationContext(CT)])
    assert sent(requestor, 1, STORE) == b"".join(
        (
            p_data(pdv(STORE_COMMAND)),
            p_data(pdv(bytes(encoded().data), is_command=False)),
        )
    )


@pytest.mark.scenario("B06")
@pytest.mark.pitfall(13, 16)
@pytest.mark.parametrize(
    "theirs, ours, size",
    [(16_384, 131_072, 16_378), (0, 131_072, 131_066), (9, 100, 2), (8, 100, 2), (65_541, 64, 58)],
)
def test_fragments_fit_the_peer_and_us_and_are_even(theirs: int, ours: int, size: int) -> None:
    machine = AssociationMachine(Role.REQUESTOR, max_fragment_pdu=ours)
    assert machine.fragment_size == 0
    machine.send(REQUEST)
    event_of(machine, accepting(accepted(1), user_information=(MaximumLength(theirs),)).encode())
    assert machine.fragment_size == size
    pieces = machine.fragment(1, bytes(2 * size), is_command=False, is_last=True)
    assert b"".join(pieces) == b"".join(
        (
            p_data(pdv(bytes(size), is_command=False, is_last=False)),
            p_data(pdv(bytes(size), is_command=False, is_last=True)),
        )
    )


def test_a_machine_that_could_send_no_fragment_is_not_built() -> None:
    with pytest.raises(ValueError, match="max_fragment_pdu"):
        AssociationMachine(Role.REQUESTOR, max_fragment_pdu=7)


@pytest.mark.scenario("B18")
def test_nothing_is_sent_on_a_context_that_was_not_accepted() -> None:
    machine = established(Role.REQUESTOR, accept=answer(REQUEST, supported=refuse_all))
    with pytest.raises(LocalProtocolError, match="context 1 was not accepted"):
        machine.fragment(1, ECHO_COMMAND, is_command=True, is_last=True)
    assert machine.state is State.ESTABLISHED


def test_a_big_message_shows_its_fragments() -> None:
    machine = storing()
    half = len(STORE_COMMAND) // 2
    begun = event_of(machine, p_data(pdv(STORE_COMMAND[:half], is_last=False)))
    assert machine.association is not None
    context = machine.association.context(1)
    assert context is not None
    assert begun == FragmentReceived(context=context, message=None, size=half)
    known = event_of(machine, p_data(pdv(STORE_COMMAND[half:])))
    assert isinstance(known, FragmentReceived)
    assert isinstance(known.message, CStoreRequest)
    assert known.message.sop_instance_uid == "1.2.3"
    assert known.message.data_set is None
    two = p_data(
        pdv(b"\x08\0", is_command=False, is_last=False),
        pdv(b"\x18\0UI\x02\0", is_command=False, is_last=False),
    )
    more = event_of(machine, two)
    assert isinstance(more, FragmentReceived)
    assert more.size == 8
    assert more.message == known.message
    whole = event_of(machine, p_data(pdv(b"1\0", is_command=False)))
    assert isinstance(whole, MessageReceived)
    assert whole.message == STORE
    assert whole.size == len(STORE_COMMAND) + len(encoded())


def test_several_messages_in_one_pdu_come_one_after_the_other() -> None:
    machine = storing()
    echo = pdv(ECHO_COMMAND, context_id=3)
    data = pdv(bytes(encoded().data), is_command=False)
    pdu = p_data(echo, pdv(STORE_COMMAND), data, echo, pdv(STORE_COMMAND))
    events = events_of(machine, pdu)
    messages = [event for event in events if isinstance(event, MessageReceived)]
    assert [event.message for event in messages] == [ECHO, STORE, ECHO]
    assert [event.size for event in messages] == [
        len(ECHO_COMMAND),
        len(STORE_COMMAND) + len(encoded()),
        len(ECHO_COMMAND),
    ]
    assert len(events) == 3
    event = event_of(machine, p_data(data))
    assert isinstance(event, MessageReceived)
    assert event.message == STORE


def test_a_message_before_a_fault_in_the_same_pdu_is_delivered() -> None:
    machine = established(Role.ACCEPTOR)
    machine.receive_data(p_data(pdv(ECHO_COMMAND), pdv(b"", context_id=99)))
    assert isinstance(machine.next_event(), MessageReceived)
    with pytest.raises(RemoteProtocolError, match="context 99"):
        machine.next_event()
    assert machine.data_to_send() == INVALID


def test_after_our_abort_nothing_of_the_last_pdu_comes_any_more() -> None:
    machine = established(Role.ACCEPTOR)
    machine.receive_data(p_data(pdv(ECHO_COMMAND), pdv(ECHO_COMMAND)))
    assert isinstance(machine.next_event(), MessageReceived)
    assert machine.send(Abort(AbortSource.USER)) == BY_USER
    assert machine.next_event() is None


@pytest.mark.scenario("B27")
@pytest.mark.pitfall(1)
def test_a_response_to_nothing_is_delivered_for_others_to_judge() -> None:
    response = CEchoResponse(message_id_being_responded_to=999, status=0)
    machine = established(Role.REQUESTOR)
    event = event_of(machine, p_data(pdv(encode_command(response, has_data_set=False))))
    assert isinstance(event, MessageReceived)
    assert event.message == response
    assert machine.state is State.ESTABLISHED


@pytest.mark.scenario("B43")
@pytest.mark.pitfall(26, 28)
@pytest.mark.parametrize("context_id", [3, 2, 0, 255])
def test_a_message_on_a_context_that_was_not_accepted_is_aborted(context_id: int) -> None:
    request = propose(contexts=[ECHO_CONTEXT, PresentationContext(CT)])
    accept = answer(
        request,
        supported=lambda it: accept_first(it) if it.context_id == 1 else refuse_all(it),
    )
    machine = established(Role.REQUESTOR, request=request, accept=accept)
    raw = bytearray(p_data(pdv(ECHO_COMMAND)))
    raw[10] = context_id
    error = fault_of(machine, bytes(raw))
    assert error.abort_source is AbortSource.PROVIDER
    assert machine.data_to_send() == INVALID
    assert machine.state is State.AWAITING_CLOSE


DATA = pdv(b"1\0", is_command=False)
MORE_DATA = pdv(b"1\0", is_command=False, is_last=False)


@pytest.mark.scenario("B43")
@pytest.mark.pitfall(27, 28)
@pytest.mark.parametrize("state", [State.ESTABLISHED, State.AWAITING_RELEASE])
@pytest.mark.parametrize(
    "pdu",
    [
        p_data(DATA),  # no command before it
        p_data(pdv(ECHO_COMMAND), DATA),  # it announced none
        p_data(pdv(STORE_COMMAND), MORE_DATA, pdv(ECHO_COMMAND)),  # a command inside
        p_data(pdv(STORE_COMMAND), pdv(b"1\0", context_id=3, is_command=False)),
        p_data(pdv(b"\0\0\0\0\2\0\0\0\1\1")),  # a command set that is none
        p_data(pdv(b"\xff" * 20)),
    ],
)
def test_a_fault_of_dimse_is_aborted_by_the_user(pdu: bytes, state: State) -> None:
    requestor, machine = connected([PresentationContext(CT), ECHO_CONTEXT])
    if state is State.AWAITING_RELEASE:
        machine = requestor
        machine.send(ReleaseRequest())
    error = fault_of(machine, pdu)
    assert error.abort_source is AbortSource.USER
    assert machine.data_to_send() == BY_USER
    assert machine.state is State.AWAITING_CLOSE
    assert machine.artim_running


@pytest.mark.scenario("B43")
@pytest.mark.pitfall(25)
@pytest.mark.parametrize(
    "body", [b"", b"\0\0\0\1\1", b"\0\0\0\0\1\3", b"\xff\xff\xff\xff\1\3", b"\0\0\0\7\1\3\0"]
)
def test_a_pdu_that_lies_is_aborted_by_the_provider(body: bytes) -> None:
    machine = established(Role.REQUESTOR)
    fault_of(machine, b"\x04\0" + len(body).to_bytes(4, "big") + body)
    assert machine.data_to_send() == INVALID
    assert machine.state is State.AWAITING_CLOSE


@pytest.mark.scenario("B43")
def test_after_a_fault_the_rest_is_read_and_ignored_until_the_end() -> None:
    machine = established(Role.REQUESTOR)
    message = p_data(pdv(ECHO_COMMAND))
    machine.receive_data(ACCEPT.encode() + message + ReleaseRequest().encode() + message[:9])
    with pytest.raises(RemoteProtocolError):
        machine.next_event()
    assert machine.next_event() is None
    assert events_of(machine, message[9:], message, b"") == [TransportClosed()]


# --- ending ----------------------------------------------------------------------------


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
