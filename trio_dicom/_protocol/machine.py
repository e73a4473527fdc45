"""One association without I/O: bytes in, events out, in either role (PS3.8 9.2)."""

from __future__ import annotations

from typing import TypeAlias

from attrs import define, field, validators

from trio_dicom._dimse.fragment import fragment, max_fragment
from trio_dicom._protocol.agreement import SMALLEST_MAX_LENGTH
from trio_dicom._protocol.events import (
    AbortIndication,
    AssociateConfirmation,
    AssociateIndication,
    AssociateRefusal,
    Event,
    ReleaseConfirmation,
    ReleaseIndication,
    TransportClosed,
)
from trio_dicom._protocol.negotiation import NegotiatedAssociation, check_request, negotiated
from trio_dicom._protocol.reader import MessageReader, SinkFor
from trio_dicom._protocol.states import TRANSITIONS, Action, Role, State, Stimulus, Transition
from trio_dicom._protocol.stimuli import RECEIVING, SENDING
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.control import Abort, AssociationReject, ReleaseRequest, ReleaseResponse
from trio_dicom._wire.framing import PDUBuffer
from trio_dicom._wire.header import PduType
from trio_dicom.errors import LocalProtocolError, PDUError, RemoteProtocolError
from trio_dicom.options import Limits
from trio_dicom.reasons import AbortReason, AbortSource, RejectReason, RejectResult

__all__ = ["AssociationMachine"]

_Sendable: TypeAlias = (
    AssociationRequest
    | AssociationAccept
    | AssociationReject
    | ReleaseRequest
    | ReleaseResponse
    | Abort
)

# The table has no cell for a peer that speaks before it was asked, as no DICOM peer does.
_SPOKE_FIRST = Transition(Action.AA_8, State.AWAITING_CLOSE)
_MOST_OWED = 256  # bytes: a peer cannot make us pile up A-ABORTs while nobody fetches them

_VERSION_NOT_SUPPORTED = AssociationReject(
    result=RejectResult.PERMANENT, reason=RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED
)


@define(eq=False)
class AssociationMachine:
    """One association, from the first byte of a fresh transport to its last.

    Feed it what the transport delivers and ask it for events until it has none; write what
    ``send`` and ``fragment`` return, and after every round of events what it owes the peer
    by itself. It never reads a clock: ``artim_running`` asks its owner to run the timer.

    ::

        machine.receive_data(chunk)
        while (event := machine.next_event()) is not None:
            ...
        to_peer = machine.data_to_send()

    Attributes:
        role: Which side we are.
        limits: What the peer can make us hold.
        max_fragment_pdu: The longest P-DATA-TF that we send, in bytes, even where the peer
            takes longer ones.
        sink_for: Takes the data sets of C-STORE requests while they arrive, or None.
    """

    role: Role
    limits: Limits = field(factory=Limits, kw_only=True)
    max_fragment_pdu: int = field(
        default=131_072, kw_only=True, validator=validators.ge(SMALLEST_MAX_LENGTH)
    )
    sink_for: SinkFor | None = field(default=None, kw_only=True)

    _state: State = field(default=State.IDLE, init=False)
    # A transport carries one association: idle afterwards is not idle before.
    _spent: bool = field(default=False, init=False)
    _request: AssociationRequest | None = field(default=None, init=False)
    _association: NegotiatedAssociation | None = field(default=None, init=False)
    _accepted: frozenset[int] = field(default=frozenset(), init=False)
    _fragment_size: int = field(default=0, init=False)

    _buffer: PDUBuffer = field(init=False)
    _reader: MessageReader = field(init=False)
    _listening: bool = field(default=True, init=False)
    _end_of_file: bool = field(default=False, init=False)
    _reported_end: bool = field(default=False, init=False)
    _owed: bytearray = field(factory=bytearray, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._buffer = PDUBuffer(
            max_length=self.limits.pdu_length, max_associate_length=self.limits.associate_length
        )
        self._reader = MessageReader(self.limits, self.sink_for)
        if self.role is Role.ACCEPTOR:
            self._spent = True
            self._enter(TRANSITIONS[State.IDLE, Stimulus.TRANSPORT_INDICATED].next_state)

    # --- where we stand ---------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where the association stands."""
        return self._state

    @property
    def association(self) -> NegotiatedAssociation | None:
        """What was agreed, also after the end; None before."""
        return self._association

    @property
    def ended(self) -> bool:
        """Whether this is over and the transport is to be closed, if it is not yet."""
        return self._spent and self._state is State.IDLE

    @property
    def artim_running(self) -> bool:
        """Whether the ARTIM timer of PS3.8 9.1.5 is to run.

        It starts anew whenever the state that asks for it is entered. When it expires,
        call ``artim_expired``.
        """
        # Exactly the actions that lead into these two states start it (PS3.8 Tables 9-6 to 9-9).
        return self._state in (State.AWAITING_REQUEST, State.AWAITING_CLOSE)

    @property
    def fragment_size(self) -> int:
        """The most bytes of a message that one P-DATA-TF takes; 0 before an association."""
        return self._fragment_size

    @property
    def is_amid_message(self) -> bool:
        """Whether a PDU, or a message, has begun to come whose rest is missing."""
        return self._buffer.pending > 0 or self._reader.is_amid_message

    def allows(self, stimulus: Stimulus) -> bool:
        """Whether ``stimulus`` may happen now, be it ours to do or the peer's."""
        return not self.ended and (self._state, stimulus) in TRANSITIONS

    # --- what we do -------------------------------------------------------------------

    def send(self, pdu: _Sendable) -> bytes:
        """The bytes of ``pdu``, which count as sent from now on.

        Raises:
            LocalProtocolError: The state does not allow it, or it cannot be encoded.
                Nothing has changed.
        """
        if isinstance(pdu, AssociationRequest):
            return self._send_request(pdu)
        stimulus = SENDING[pdu.pdu_type]
        if not self.allows(stimulus):
            raise LocalProtocolError(
                f"{pdu.pdu_type.name} cannot be sent: the association is {self._words}"
            )
        data = _encoded(pdu)
        if isinstance(pdu, AssociationAccept):
            assert self._request is not None
            try:
                agreed = negotiated(self._request, pdu, role=Role.ACCEPTOR)
            except RemoteProtocolError as error:  # the peer would say so, and be right
                raise LocalProtocolError(f"this is no answer to the request: {error}") from error
            self._agree(agreed)
        self._follow(TRANSITIONS[self._state, stimulus])
        return data

    def fragment(
        self, context_id: int, payload: bytes | memoryview, *, is_command: bool, is_last: bool
    ) -> list[bytes | memoryview]:
        """Part of a message as P-DATA-TF, ready to be joined or written one after the other.

        Args:
            context_id: An accepted context.
            payload: The next bytes of the set: multiples of ``fragment_size``, best, until its end.
            is_command: Whether they are of the command set.
            is_last: Whether the set ends with them.

        Raises:
            LocalProtocolError: The state or the context does not allow it.
        """
        if self._state is not State.ESTABLISHED and self._state is not State.ANSWERING_RELEASE:
            raise LocalProtocolError(f"no message can be sent: the association is {self._words}")
        if context_id not in self._accepted:
            raise LocalProtocolError(f"context {context_id} was not accepted")
        return fragment(
            context_id, payload, is_command=is_command, is_last=is_last, size=self._fragment_size
        )

    def data_to_send(self) -> bytes:
        """What the machine itself owes the peer, such as an A-ABORT. It counts as sent."""
        data = bytes(self._owed)
        self._owed.clear()
        return data

    def artim_expired(self) -> None:
        """Tell the machine that the ARTIM timer ran out. Too late is not too bad."""
        if self.allows(Stimulus.ARTIM_EXPIRED):
            self._follow(TRANSITIONS[self._state, Stimulus.ARTIM_EXPIRED])

    # --- what the peer does -----------------------------------------------------------

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Take what the transport delivered; ``b""`` is the end of file.

        Raises:
            LocalProtocolError: The end of file was before this.
        """
        if self._end_of_file:
            raise LocalProtocolError("nothing can come after the end of file")
        if not data:
            self._end_of_file = True
        elif self._listening:
            self._buffer.feed(data)

    def next_event(self) -> Event | None:
        """The next thing that the peer did, or None until more data has come.

        Raises:
            RemoteProtocolError: The peer broke the protocol. The machine has moved on as
                the standard says, and ``data_to_send`` has the A-ABORT.
        """
        if self._reader.has_unread and (event := self._receive_data(None)) is not None:
            return event
        while (pdu := self._next_pdu()) is not None:
            pdu_type, body = pdu
            if pdu_type is PduType.P_DATA_TF and (
                self._state is State.ESTABLISHED or self._state is State.AWAITING_RELEASE
            ):
                event = self._receive_data(body)
            else:
                event = self._receive(pdu_type, body)
            if event is not None:
                return event
        if self._end_of_file and not self._reported_end:
            return self._receive_end_of_file()
        return None

    def _next_pdu(self) -> tuple[PduType, memoryview] | None:
        if not self._listening:
            return None
        try:
            return self._buffer.next_pdu()
        except PDUError as error:
            # Nobody knows where the next PDU begins: whatever comes is noise.
            self._stop_listening()
            if self._state is State.AWAITING_CLOSE:
                self._abort_again(error.reason)
                return None
            raise self._broken(str(error), error.reason) from error

    def _receive_data(self, body: memoryview | None) -> Event | None:
        """What a P-DATA-TF brought, or, without one, what is left of the last."""
        # DT-2 and AR-6 lead back to where they came from: there is nothing to look up.
        try:
            return self._reader.read_on() if body is None else self._reader.read(body)
        except PDUError as error:
            raise self._broken(str(error), error.reason) from error
        except RemoteProtocolError as error:
            if error.abort_source is AbortSource.PROVIDER:
                raise self._broken(str(error), error.abort_reason) from error
            # The PDU is sound, what it says is not: that is for our user to refuse.
            self._owed += Abort(AbortSource.USER).encode()
            self._follow(TRANSITIONS[self._state, Stimulus.SEND_ABORT])
            raise

    def _receive(self, pdu_type: PduType, body: memoryview) -> Event | None:
        stimulus = RECEIVING[pdu_type]
        transition = TRANSITIONS.get((self._state, stimulus), _SPOKE_FIRST)
        if transition.action is Action.AA_1 or transition.action is Action.AA_8:
            raise self._broken(
                f"the peer sent {pdu_type.name} while the association was {self._words}",
                AbortReason.UNEXPECTED_PDU,
            )
        event: Event | None = None
        try:
            match transition.action:
                case Action.AE_3:
                    event = self._confirm(AssociationAccept.decode(body))
                case Action.AE_4:
                    event = AssociateRefusal(AssociationReject.decode(body))
                case Action.AE_6:
                    return self._indicate(AssociationRequest.decode(body), transition)
                case Action.AR_2 | Action.AR_8:
                    event = ReleaseIndication()
                case Action.AR_3 | Action.AR_10:
                    event = ReleaseConfirmation()
                case Action.AA_3:
                    event = AbortIndication(Abort.decode(body))
                case Action.AA_7:
                    self._abort_again(AbortReason.UNEXPECTED_PDU)
                case _:  # AA-2 and AA-6: nothing to report
                    pass
        except PDUError as error:
            raise self._broken(str(error), error.reason) from error
        except RemoteProtocolError as error:
            raise self._broken(str(error), error.abort_reason) from error
        self._follow(transition, holds=self.role is Role.REQUESTOR)
        return event

    def _confirm(self, accept: AssociationAccept) -> AssociateConfirmation:
        assert self._request is not None
        association = negotiated(self._request, accept)
        self._agree(association)
        return AssociateConfirmation(association)

    def _indicate(self, request: AssociationRequest, transition: Transition) -> Event:
        # PS3.8 Table 9-11: whoever speaks version 1 only tests that its bit is set.
        acceptable = bool(request.protocol_version & 1)
        if acceptable:
            check_request(request)
        self._follow(transition, holds=acceptable)
        if acceptable:
            self._request = request
            return AssociateIndication(request)
        self._owed += _VERSION_NOT_SUPPORTED.encode()
        return AssociateRefusal(_VERSION_NOT_SUPPORTED)

    def _receive_end_of_file(self) -> TransportClosed:
        # AA-4, AA-5 and AR-5 all lead to idle, and before a request we are.
        self._reported_end = True
        self._spent = True
        self._enter(State.IDLE)
        return TransportClosed()

    # --- how we move ------------------------------------------------------------------

    def _send_request(self, request: AssociationRequest) -> bytes:
        if self._spent or self.role is Role.ACCEPTOR:
            raise LocalProtocolError(
                "no association can be requested: a connection carries one, and this one "
                f"is {self._words}. Open another connection."
            )
        data = _encoded(request)
        self._request = request
        self._spent = True
        # The transport is open already: its request and its confirmation fall together.
        for stimulus in (Stimulus.SEND_REQUEST, Stimulus.TRANSPORT_CONFIRMED):
            self._follow(TRANSITIONS[self._state, stimulus])
        return data

    def _agree(self, association: NegotiatedAssociation) -> None:
        self._association = association
        self._accepted = frozenset(it.context_id for it in association.accepted_contexts)
        self._reader.accept(association.accepted_contexts)
        self._fragment_size = max_fragment(association.peer_max_length, self.max_fragment_pdu)
        # What we promised to take we take, also where it is more than the limit.
        self._buffer.max_length = max(self._buffer.max_length, association.our_max_length)

    def _follow(self, transition: Transition, *, holds: bool = True) -> None:
        """Go where the transition leads; ``holds`` is its condition where it has one."""
        if holds or transition.otherwise is None:
            self._enter(transition.next_state)
        else:
            self._enter(transition.otherwise)

    def _enter(self, state: State) -> None:
        self._state = state
        if state is State.IDLE:
            self._stop_listening()
        if state is State.IDLE or state is State.AWAITING_CLOSE:
            self._reader.forget()

    def _stop_listening(self) -> None:
        self._listening = False
        self._buffer = PDUBuffer(max_length=0)  # what it held goes

    def _broken(self, why: str, reason: AbortReason) -> RemoteProtocolError:
        """What to raise for a PDU that we cannot take. The A-ABORT is owed by then."""
        transition = TRANSITIONS.get((self._state, Stimulus.INVALID_PDU_RECEIVED), _SPOKE_FIRST)
        source = AbortSource.PROVIDER
        if transition.action is Action.AA_1:  # it speaks for the user, who gives no reason
            source, reason = AbortSource.USER, AbortReason.NOT_SPECIFIED
        self._owed += Abort(source, reason).encode()
        self._spent = True
        self._follow(transition)
        return RemoteProtocolError(why, abort_source=source, abort_reason=reason)

    def _abort_again(self, reason: AbortReason) -> None:
        if len(self._owed) < _MOST_OWED:
            self._owed += Abort(AbortSource.PROVIDER, reason).encode()

    @property
    def _words(self) -> str:
        return "over" if self.ended else self._state.words


def _encoded(pdu: _Sendable) -> bytes:
    try:
        return pdu.encode()
    except PDUError as error:
        raise LocalProtocolError(str(error)) from error
