"""Every state meets every stimulus, in both roles, with real PDUs.

What should happen is read from the second writing of PS3.8 Table 9-10, not from the one
that the machine uses.
"""

from __future__ import annotations

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.builders import ACCEPT, REQUEST, pdv
from tests.protocol.standard import NEXT_STATE, cells
from trio_dicom._dimse.c_messages import CEchoRequest
from trio_dicom._dimse.message import encode_command
from trio_dicom._protocol.events import (
    AbortIndication,
    AssociateConfirmation,
    AssociateIndication,
    AssociateRefusal,
    Event,
    MessageReceived,
    ReleaseConfirmation,
    ReleaseIndication,
    TransportClosed,
)
from trio_dicom._protocol.machine import AssociationMachine
from trio_dicom._protocol.states import Role, State, Stimulus
from trio_dicom._wire.control import Abort, AssociationReject, ReleaseRequest, ReleaseResponse
from trio_dicom._wire.data import DataTransfer
from trio_dicom.errors import LocalProtocolError, RemoteProtocolError
from trio_dicom.reasons import AbortReason, AbortSource, RejectReason, RejectResult

REJECT = AssociationReject(result=RejectResult.TRANSIENT, reason=RejectReason.TEMPORARY_CONGESTION)
ABORT = Abort(AbortSource.PROVIDER, AbortReason.UNEXPECTED_PDU)
ECHO = encode_command(CEchoRequest(message_id=1), has_data_set=False)

SENT = {
    Stimulus.SEND_REQUEST: REQUEST,
    Stimulus.SEND_ACCEPT: ACCEPT,
    Stimulus.SEND_REJECT: REJECT,
    Stimulus.SEND_RELEASE_REQUEST: ReleaseRequest(),
    Stimulus.SEND_RELEASE_RESPONSE: ReleaseResponse(),
    Stimulus.SEND_ABORT: Abort(AbortSource.USER),
}
RECEIVED = {
    Stimulus.REQUEST_RECEIVED: REQUEST.encode(),
    Stimulus.ACCEPT_RECEIVED: ACCEPT.encode(),
    Stimulus.REJECT_RECEIVED: REJECT.encode(),
    Stimulus.DATA_RECEIVED: DataTransfer((pdv(ECHO),)).encode(),
    Stimulus.RELEASE_REQUEST_RECEIVED: ReleaseRequest().encode(),
    Stimulus.RELEASE_RESPONSE_RECEIVED: ReleaseResponse().encode(),
    Stimulus.ABORT_RECEIVED: ABORT.encode(),
    Stimulus.INVALID_PDU_RECEIVED: b"\x99" + ABORT.encode()[1:],
}
# That the transport opened is where a machine begins.
STIMULI = [
    stimulus
    for stimulus in Stimulus
    if stimulus not in (Stimulus.TRANSPORT_CONFIRMED, Stimulus.TRANSPORT_INDICATED)
]

REPORTS: dict[str, type[Event]] = {
    "AE-3": AssociateConfirmation,
    "AE-4": AssociateRefusal,
    "AE-6": AssociateIndication,
    "DT-2": MessageReceived,
    "AR-6": MessageReceived,
    "AR-2": ReleaseIndication,
    "AR-8": ReleaseIndication,
    "AR-3": ReleaseConfirmation,
    "AR-10": ReleaseConfirmation,
    "AA-3": AbortIndication,
    "AA-4": TransportClosed,
    "AA-5": TransportClosed,
    "AR-5": TransportClosed,
}
STARTS_ARTIM = {"AE-5", "AE-8", "AR-4", "AA-1", "AA-8"}
STOPS_ARTIM = {"AE-6", "AR-5", "AA-2", "AA-5"}

WORDS = NEXT_STATE.split()
LEADS_TO = dict(zip(WORDS[::2], WORDS[1::2], strict=True))


@define
class Outcome:
    """What came of a stimulus, as anybody can see it."""

    events: list[type[Event]]
    output: bytes = b""
    fault: type[Exception] | None = None


def poke(machine: AssociationMachine, stimulus: Stimulus) -> Outcome:
    """Let it happen."""
    try:
        if stimulus in SENT:
            return Outcome([], machine.send(SENT[stimulus]))
        if stimulus is Stimulus.SEND_DATA:
            pieces = machine.fragment(1, ECHO, is_command=True, is_last=True)
            return Outcome([], b"".join(pieces))
        if stimulus is Stimulus.ARTIM_EXPIRED:
            machine.artim_expired()
            return Outcome([])
        machine.receive_data(RECEIVED.get(stimulus, b""))
    except LocalProtocolError as error:
        return Outcome([], fault=type(error))
    events: list[type[Event]] = []
    fault: type[Exception] | None = None
    try:
        while (event := machine.next_event()) is not None:
            events.append(type(event))
    except RemoteProtocolError as error:
        fault = type(error)
        assert machine.next_event() is None
    return Outcome(events, machine.data_to_send(), fault)


@define
class Model:
    """The machine as the standard describes it."""

    role: Role
    state: int = 1
    artim: bool = False
    fresh: bool = True
    deaf: bool = False

    def step(self, stimulus: Stimulus) -> Outcome:
        event = stimulus.value
        action = cells()[event, self.state]
        incoming = stimulus in RECEIVED
        if self.state == 1 and not self.fresh and stimulus is Stimulus.SEND_REQUEST:
            return Outcome([], fault=LocalProtocolError)  # B04
        if self.state == 1 and incoming:
            if not self.fresh:
                return Outcome([])  # over, whatever comes
            action = "AA-8"  # the standard has no cell; nobody may speak first
        if self.state == 1 and stimulus is Stimulus.TRANSPORT_CLOSED:
            self.fresh = False
            return Outcome([TransportClosed])
        if incoming and self.deaf:
            return Outcome([])
        if stimulus is Stimulus.INVALID_PDU_RECEIVED:
            self.deaf = True
        if action == ".":
            quiet = stimulus is Stimulus.ARTIM_EXPIRED
            return Outcome([], fault=None if quiet else LocalProtocolError)
        self.fresh = False
        if action == "AE-1":
            self.state = 5
            return Outcome([], REQUEST.encode())
        states = LEADS_TO[action].split("/")
        acceptor_differs = action == "AR-8" and self.role is Role.ACCEPTOR
        self.state = int(states[-1] if acceptor_differs else states[0])
        self.artim = (self.artim and action not in STOPS_ARTIM) or action in STARTS_ARTIM
        return self.outcome(action, stimulus)

    def outcome(self, action: str, stimulus: Stimulus) -> Outcome:
        if stimulus in SENT:
            return Outcome([], SENT[stimulus].encode())
        if stimulus is Stimulus.SEND_DATA:
            return Outcome([], RECEIVED[Stimulus.DATA_RECEIVED])
        unrecognized = stimulus is Stimulus.INVALID_PDU_RECEIVED
        reason = AbortReason.UNRECOGNIZED_PDU if unrecognized else AbortReason.UNEXPECTED_PDU
        if action == "AA-1":
            return Outcome([], Abort(AbortSource.USER).encode(), RemoteProtocolError)
        if action == "AA-8":
            output = Abort(AbortSource.PROVIDER, reason).encode()
            return Outcome([], output, RemoteProtocolError)
        if action == "AA-7":
            return Outcome([], Abort(AbortSource.PROVIDER, reason).encode())
        return Outcome([REPORTS[action]] if action in REPORTS else [])


def walk(role: Role, stimuli: list[Stimulus]) -> tuple[AssociationMachine, Model]:
    """Let machine and model meet the same stimuli and compare them after each."""
    machine, model = AssociationMachine(role), Model(role)
    if role is Role.ACCEPTOR:
        model.step(Stimulus.TRANSPORT_INDICATED)
    for stimulus in stimuli:
        expected = model.step(stimulus)
        assert poke(machine, stimulus) == expected, stimulus
        assert machine.state is State(model.state)
        assert machine.artim_running is model.artim
        assert machine.ended is (model.state == 1 and not model.fresh)
        if stimulus is Stimulus.TRANSPORT_CLOSED:
            break
    return machine, model


S = Stimulus
ASKED = [S.SEND_REQUEST]
ASSOCIATED = [*ASKED, S.ACCEPT_RECEIVED]
SERVED = [S.REQUEST_RECEIVED, S.SEND_ACCEPT]
CROSSED = [S.SEND_RELEASE_REQUEST, S.RELEASE_REQUEST_RECEIVED]
WAYS = [
    (Role.REQUESTOR, 1, []),
    (Role.REQUESTOR, 5, ASKED),
    (Role.REQUESTOR, 6, ASSOCIATED),
    (Role.REQUESTOR, 7, [*ASSOCIATED, S.SEND_RELEASE_REQUEST]),
    (Role.REQUESTOR, 8, [*ASSOCIATED, S.RELEASE_REQUEST_RECEIVED]),
    (Role.REQUESTOR, 9, [*ASSOCIATED, *CROSSED]),
    (Role.REQUESTOR, 11, [*ASSOCIATED, *CROSSED, S.SEND_RELEASE_RESPONSE]),
    (Role.REQUESTOR, 13, [*ASSOCIATED, S.SEND_ABORT]),
    (Role.REQUESTOR, 13, [*ASSOCIATED, S.RELEASE_REQUEST_RECEIVED, S.SEND_RELEASE_RESPONSE]),
    (Role.REQUESTOR, 13, [S.DATA_RECEIVED]),
    (Role.REQUESTOR, 1, [*ASKED, S.REJECT_RECEIVED]),
    (Role.REQUESTOR, 1, [*ASSOCIATED, S.SEND_RELEASE_REQUEST, S.RELEASE_RESPONSE_RECEIVED]),
    (Role.REQUESTOR, 1, [*ASSOCIATED, S.ABORT_RECEIVED]),
    (Role.ACCEPTOR, 2, []),
    (Role.ACCEPTOR, 3, [S.REQUEST_RECEIVED]),
    (Role.ACCEPTOR, 6, SERVED),
    (Role.ACCEPTOR, 7, [*SERVED, S.SEND_RELEASE_REQUEST]),
    (Role.ACCEPTOR, 8, [*SERVED, S.RELEASE_REQUEST_RECEIVED]),
    (Role.ACCEPTOR, 10, [*SERVED, *CROSSED]),
    (Role.ACCEPTOR, 12, [*SERVED, *CROSSED, S.RELEASE_RESPONSE_RECEIVED]),
    (Role.ACCEPTOR, 13, [S.REQUEST_RECEIVED, S.SEND_REJECT]),
    (Role.ACCEPTOR, 13, [S.INVALID_PDU_RECEIVED]),
    (Role.ACCEPTOR, 1, [S.ARTIM_EXPIRED]),
]


def test_the_ways_lead_into_every_state_that_lasts() -> None:
    # Sta4 is left in the same call that enters it: the transport is open already.
    assert {state for _, state, _ in WAYS} == set(range(1, 14)) - {4}


@pytest.mark.pitfall(20, 33)
@pytest.mark.scenario("B04", "B42", "B43")
@pytest.mark.parametrize("stimulus", STIMULI)
@pytest.mark.parametrize("role, state, way", WAYS)
def test_every_state_meets_every_stimulus(
    role: Role, state: int, way: list[Stimulus], stimulus: Stimulus
) -> None:
    machine, _ = walk(role, way)
    assert machine.state is State(state)
    walk(role, [*way, stimulus])


@pytest.mark.pitfall(33)
@given(st.sampled_from(Role), st.lists(st.sampled_from(STIMULI), max_size=30))
def test_no_walk_leaves_the_table(role: Role, stimuli: list[Stimulus]) -> None:
    walk(role, stimuli)


@given(st.sampled_from(WAYS), st.lists(st.sampled_from(STIMULI), max_size=12))
def test_no_walk_from_any_state_leaves_the_table(
    way: tuple[Role, int, list[Stimulus]], stimuli: list[Stimulus]
) -> None:
    role, _, before = way
    walk(role, [*before, *stimuli])


@pytest.mark.parametrize("role, state, way", WAYS)
def test_what_is_allowed_is_what_has_a_cell(role: Role, state: int, way: list[Stimulus]) -> None:
    machine, _ = walk(role, way)
    for stimulus in STIMULI:
        has_cell = cells()[stimulus.value, state] != "."
        assert machine.allows(stimulus) is (has_cell and not machine.ended)
