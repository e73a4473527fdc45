"""The state table against the one in the standard."""

from __future__ import annotations

import pytest

from tests.protocol.standard import NEXT_STATE, cells
from trio_dicom._protocol.states import TRANSITIONS, Action, State, Stimulus
from trio_dicom._protocol.stimuli import RECEIVING, SENDING
from trio_dicom._wire.header import PduType


@pytest.mark.parametrize("stimulus", Stimulus)
@pytest.mark.parametrize("state", State)
def test_every_cell_is_that_of_the_standard(state: State, stimulus: Stimulus) -> None:
    action = cells()[stimulus.value, state.value]
    transition = TRANSITIONS.get((state, stimulus))
    if action == ".":
        assert transition is None
    else:
        assert transition is not None
        assert transition.action is Action[action.replace("-", "_")]


def test_every_action_leads_where_the_standard_says() -> None:
    words = NEXT_STATE.split()
    expected = {
        action.replace("-", "_"): [State(int(number)) for number in states.split("/")]
        for action, states in zip(words[::2], words[1::2], strict=True)
    }
    assert expected.keys() == Action.__members__.keys()
    for transition in TRANSITIONS.values():
        first, *rest = expected[transition.action.name]
        assert transition.next_state is first
        assert transition.otherwise is (rest[0] if rest else None)


def test_a_state_has_words_for_an_error() -> None:
    assert State.AWAITING_ACCEPT.words == "awaiting accept"


def test_every_pdu_is_a_stimulus_both_ways() -> None:
    assert set(RECEIVING) == set(SENDING) == set(PduType)
