"""The upper layer state machine as data: states, stimuli, actions and PS3.8 Table 9-10."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from attrs import frozen

__all__ = ["TRANSITIONS", "Action", "Role", "State", "Stimulus", "Transition"]


class Role(Enum):
    """Which side of the association we are: the one that asked for it, or the one asked."""

    REQUESTOR = "requestor"
    ACCEPTOR = "acceptor"


class State(Enum):
    """Where an association stands (PS3.8 9.2.1). The value is the number in the standard."""

    IDLE = 1  # Sta1
    AWAITING_REQUEST = 2  # Sta2
    ANSWERING_REQUEST = 3  # Sta3
    CONNECTING = 4  # Sta4
    AWAITING_ACCEPT = 5  # Sta5
    ESTABLISHED = 6  # Sta6
    AWAITING_RELEASE = 7  # Sta7: we asked for it
    ANSWERING_RELEASE = 8  # Sta8: they asked for it
    COLLISION_REQUESTOR_ANSWERING = 9  # Sta9
    COLLISION_ACCEPTOR_AWAITING = 10  # Sta10
    COLLISION_REQUESTOR_AWAITING = 11  # Sta11
    COLLISION_ACCEPTOR_ANSWERING = 12  # Sta12
    AWAITING_CLOSE = 13  # Sta13

    @property
    def words(self) -> str:
        """The name as a user reads it in an error: ``awaiting accept``."""
        return self.name.lower().replace("_", " ")


class Stimulus(Enum):
    """What can happen to an association, in the order of the rows of PS3.8 Table 9-10."""

    SEND_REQUEST = 1
    TRANSPORT_CONFIRMED = 2
    ACCEPT_RECEIVED = 3
    REJECT_RECEIVED = 4
    TRANSPORT_INDICATED = 5
    REQUEST_RECEIVED = 6
    SEND_ACCEPT = 7
    SEND_REJECT = 8
    SEND_DATA = 9
    DATA_RECEIVED = 10
    SEND_RELEASE_REQUEST = 11
    RELEASE_REQUEST_RECEIVED = 12
    RELEASE_RESPONSE_RECEIVED = 13
    SEND_RELEASE_RESPONSE = 14
    SEND_ABORT = 15
    ABORT_RECEIVED = 16
    TRANSPORT_CLOSED = 17
    ARTIM_EXPIRED = 18
    INVALID_PDU_RECEIVED = 19


class Action(Enum):
    """What is to be done (PS3.8 Tables 9-6 to 9-9)."""

    AE_1 = "open the transport"
    AE_2 = "send A-ASSOCIATE-RQ"
    AE_3 = "report the acceptance"
    AE_4 = "report the rejection, close"
    AE_5 = "accept the transport, start ARTIM"
    AE_6 = "stop ARTIM; report the request, or send A-ASSOCIATE-RJ and start ARTIM"
    AE_7 = "send A-ASSOCIATE-AC"
    AE_8 = "send A-ASSOCIATE-RJ, start ARTIM"
    DT_1 = "send P-DATA-TF"
    DT_2 = "report the data"
    AR_1 = "send A-RELEASE-RQ"
    AR_2 = "report the release request"
    AR_3 = "report the release, close"
    AR_4 = "send A-RELEASE-RP, start ARTIM"
    AR_5 = "stop ARTIM"
    AR_6 = "report the data that came after our release request"
    AR_7 = "send P-DATA-TF before answering the release request"
    AR_8 = "report the release request that crossed ours"
    AR_9 = "send A-RELEASE-RP and await theirs"
    AR_10 = "report the release, ours is still to be sent"
    AA_1 = "send A-ABORT as the user, start ARTIM"
    AA_2 = "stop ARTIM, close"
    AA_3 = "report the abort, close"
    AA_4 = "report the loss of the transport"
    AA_5 = "stop ARTIM: the transport closed before a request"
    AA_6 = "ignore the PDU"
    AA_7 = "send A-ABORT once more"
    AA_8 = "send A-ABORT as the provider, report it, start ARTIM"


@frozen
class Transition:
    """One cell of PS3.8 Table 9-10.

    Attributes:
        action: What is to be done.
        next_state: Where that leads.
        otherwise: Where it leads when the action's condition does not hold. AE-6: the
            request is not acceptable to us as a provider. AR-8: we are the acceptor.
            None for all other actions.
    """

    action: Action
    next_state: State
    otherwise: State | None = None


_S = State
_A = Action

# The next state belongs to the action, not to the cell (PS3.8 Tables 9-6 to 9-9).
_LEADS_TO: Mapping[Action, tuple[State] | tuple[State, State]] = {
    _A.AE_1: (_S.CONNECTING,),
    _A.AE_2: (_S.AWAITING_ACCEPT,),
    _A.AE_3: (_S.ESTABLISHED,),
    _A.AE_4: (_S.IDLE,),
    _A.AE_5: (_S.AWAITING_REQUEST,),
    _A.AE_6: (_S.ANSWERING_REQUEST, _S.AWAITING_CLOSE),
    _A.AE_7: (_S.ESTABLISHED,),
    _A.AE_8: (_S.AWAITING_CLOSE,),
    _A.DT_1: (_S.ESTABLISHED,),
    _A.DT_2: (_S.ESTABLISHED,),
    _A.AR_1: (_S.AWAITING_RELEASE,),
    _A.AR_2: (_S.ANSWERING_RELEASE,),
    _A.AR_3: (_S.IDLE,),
    _A.AR_4: (_S.AWAITING_CLOSE,),
    _A.AR_5: (_S.IDLE,),
    _A.AR_6: (_S.AWAITING_RELEASE,),
    _A.AR_7: (_S.ANSWERING_RELEASE,),
    _A.AR_8: (_S.COLLISION_REQUESTOR_ANSWERING, _S.COLLISION_ACCEPTOR_AWAITING),
    _A.AR_9: (_S.COLLISION_REQUESTOR_AWAITING,),
    _A.AR_10: (_S.COLLISION_ACCEPTOR_ANSWERING,),
    _A.AA_1: (_S.AWAITING_CLOSE,),
    _A.AA_2: (_S.IDLE,),
    _A.AA_3: (_S.IDLE,),
    _A.AA_4: (_S.IDLE,),
    _A.AA_5: (_S.IDLE,),
    _A.AA_6: (_S.AWAITING_CLOSE,),
    _A.AA_7: (_S.AWAITING_CLOSE,),
    _A.AA_8: (_S.AWAITING_CLOSE,),
}

# The states in which the association is being made, is there, or is being released, and the
# peer may speak.
_ALIVE = (
    _S.ANSWERING_REQUEST,
    _S.AWAITING_ACCEPT,
    _S.ESTABLISHED,
    _S.AWAITING_RELEASE,
    _S.ANSWERING_RELEASE,
    _S.COLLISION_REQUESTOR_ANSWERING,
    _S.COLLISION_ACCEPTOR_AWAITING,
    _S.COLLISION_REQUESTOR_AWAITING,
    _S.COLLISION_ACCEPTOR_ANSWERING,
)


# A PDU that comes where it does not belong.
_UNEXPECTED = dict.fromkeys(_ALIVE, _A.AA_8) | {
    _S.AWAITING_REQUEST: _A.AA_1,
    _S.AWAITING_CLOSE: _A.AA_6,
}
# The same for those that would begin another association, and for what is no PDU at all.
_UNACCEPTABLE = _UNEXPECTED | {_S.AWAITING_CLOSE: _A.AA_7}

_ROWS: Mapping[Stimulus, Mapping[State, Action]] = {
    Stimulus.SEND_REQUEST: {_S.IDLE: _A.AE_1},
    Stimulus.TRANSPORT_CONFIRMED: {_S.CONNECTING: _A.AE_2},
    Stimulus.ACCEPT_RECEIVED: _UNEXPECTED | {_S.AWAITING_ACCEPT: _A.AE_3},
    Stimulus.REJECT_RECEIVED: _UNEXPECTED | {_S.AWAITING_ACCEPT: _A.AE_4},
    Stimulus.TRANSPORT_INDICATED: {_S.IDLE: _A.AE_5},
    Stimulus.REQUEST_RECEIVED: _UNACCEPTABLE | {_S.AWAITING_REQUEST: _A.AE_6},
    Stimulus.SEND_ACCEPT: {_S.ANSWERING_REQUEST: _A.AE_7},
    Stimulus.SEND_REJECT: {_S.ANSWERING_REQUEST: _A.AE_8},
    Stimulus.SEND_DATA: {_S.ESTABLISHED: _A.DT_1, _S.ANSWERING_RELEASE: _A.AR_7},
    Stimulus.DATA_RECEIVED: _UNEXPECTED | {_S.ESTABLISHED: _A.DT_2, _S.AWAITING_RELEASE: _A.AR_6},
    Stimulus.SEND_RELEASE_REQUEST: {_S.ESTABLISHED: _A.AR_1},
    Stimulus.RELEASE_REQUEST_RECEIVED: _UNEXPECTED
    | {_S.ESTABLISHED: _A.AR_2, _S.AWAITING_RELEASE: _A.AR_8},
    Stimulus.RELEASE_RESPONSE_RECEIVED: _UNEXPECTED
    | {
        _S.AWAITING_RELEASE: _A.AR_3,
        _S.COLLISION_ACCEPTOR_AWAITING: _A.AR_10,
        _S.COLLISION_REQUESTOR_AWAITING: _A.AR_3,
    },
    Stimulus.SEND_RELEASE_RESPONSE: {
        _S.ANSWERING_RELEASE: _A.AR_4,
        _S.COLLISION_REQUESTOR_ANSWERING: _A.AR_9,
        _S.COLLISION_ACCEPTOR_ANSWERING: _A.AR_4,
    },
    Stimulus.SEND_ABORT: dict.fromkeys(_ALIVE, _A.AA_1) | {_S.CONNECTING: _A.AA_2},
    Stimulus.ABORT_RECEIVED: dict.fromkeys(_ALIVE, _A.AA_3)
    | {_S.AWAITING_REQUEST: _A.AA_2, _S.AWAITING_CLOSE: _A.AA_2},
    Stimulus.TRANSPORT_CLOSED: dict.fromkeys(_ALIVE, _A.AA_4)
    | {_S.AWAITING_REQUEST: _A.AA_5, _S.CONNECTING: _A.AA_4, _S.AWAITING_CLOSE: _A.AR_5},
    Stimulus.ARTIM_EXPIRED: {_S.AWAITING_REQUEST: _A.AA_2, _S.AWAITING_CLOSE: _A.AA_2},
    Stimulus.INVALID_PDU_RECEIVED: _UNACCEPTABLE,
}

TRANSITIONS: Mapping[tuple[State, Stimulus], Transition] = MappingProxyType(
    {
        (state, stimulus): Transition(action, *_LEADS_TO[action])
        for stimulus, row in _ROWS.items()
        for state, action in row.items()
    }
)
"""PS3.8 Table 9-10. A pair that is not in it cannot happen, or must not."""
