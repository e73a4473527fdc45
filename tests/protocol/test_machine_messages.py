"""Messages and noise: what the machine reports, refuses and owes."""

from __future__ import annotations

import pytest

from tests.protocol.builders import (
    ACCEPT,
    BY_USER,
    CT,
    ECHO,
    ECHO_COMMAND,
    ECHO_CONTEXT,
    INVALID,
    REQUEST,
    STORE,
    STORE_COMMAND,
    accept_first,
    accepted,
    accepting,
    by_provider,
    connected,
    encoded,
    established,
    event_of,
    events_of,
    fault_of,
    p_data,
    pdv,
    refuse_all,
    sent,
)
from trio_dicom._dimse.c_messages import CEchoResponse, CStoreRequest
from trio_dicom._dimse.message import encode_command
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._protocol.events import (
    FragmentReceived,
    MessageReceived,
    TransportClosed,
)
from trio_dicom._protocol.machine import AssociationMachine
from trio_dicom._protocol.negotiation import answer, propose
from trio_dicom._protocol.states import Role, State, Stimulus
from trio_dicom._wire.control import Abort, ReleaseRequest
from trio_dicom._wire.user_items import MaximumLength
from trio_dicom.errors import LocalProtocolError, RemoteProtocolError
from trio_dicom.options import Limits
from trio_dicom.reasons import (
    AbortReason,
    AbortSource,
)


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


def test_it_is_known_whether_a_message_is_half_here() -> None:
    machine = storing()
    assert not machine.is_amid_message
    command = p_data(pdv(STORE_COMMAND))
    assert events_of(machine, command[:7]) == []
    assert machine.is_amid_message  # within a PDU
    events_of(machine, command[7:])
    assert machine.is_amid_message  # its data set has yet to come
    events_of(machine, p_data(pdv(bytes(encoded().data), is_command=False)))
    assert not machine.is_amid_message


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
