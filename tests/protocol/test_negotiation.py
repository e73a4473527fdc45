"""What comes of a proposal and its answer."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.protocol.builders import (
    ACCEPT,
    CT,
    ECHO_CONTEXT,
    EXPLICIT,
    IMPLICIT,
    JPEG_BASELINE,
    REQUEST,
    STUDY_FIND,
    TWO,
    accept_first,
    accepted,
    accepting,
    refused,
)
from trio_dicom._dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._protocol.identity import username
from trio_dicom._protocol.negotiation import answer, negotiated, propose
from trio_dicom._protocol.states import Role
from trio_dicom._wire.associate import AssociationAccept
from trio_dicom._wire.items import AnsweredContext, UnknownItem
from trio_dicom._wire.pdus import decode_pdu
from trio_dicom._wire.user_items import (
    MaximumLength,
    OperationsWindow,
    RoleSelection,
)
from trio_dicom.errors import LocalProtocolError, RemoteProtocolError
from trio_dicom.reasons import AbortReason, AbortSource, ContextResult


@pytest.mark.scenario("B06")
def test_each_side_sends_by_the_others_maximum_length_and_both_are_visible() -> None:
    request = propose(contexts=[ECHO_CONTEXT], max_length=20_000)
    accept = answer(request, supported=accept_first, max_length=30_000)
    ours = negotiated(request, accept)
    theirs = negotiated(request, accept, role=Role.ACCEPTOR)
    assert (ours.our_max_length, ours.peer_max_length) == (20_000, 30_000)
    assert (theirs.our_max_length, theirs.peer_max_length) == (30_000, 20_000)


@pytest.mark.pitfall(16)
def test_a_peer_that_does_not_say_its_maximum_length_gets_16384() -> None:
    assert negotiated(REQUEST, accepting(accepted(1))).peer_max_length == 16_384


@pytest.mark.pitfall(13)
def test_a_maximum_length_of_0_is_no_limit() -> None:
    association = negotiated(REQUEST, accepting(user_information=(MaximumLength(0),)))
    assert association.peer_max_length == 0


@pytest.mark.pitfall(16)
@pytest.mark.parametrize("length", range(1, 8))
def test_a_maximum_length_into_which_nothing_fits_is_a_fault(length: int) -> None:
    with pytest.raises(RemoteProtocolError, match=f"{length} bytes") as caught:
        negotiated(REQUEST, accepting(user_information=(MaximumLength(length),)))
    assert caught.value.abort_source is AbortSource.PROVIDER
    assert caught.value.abort_reason is AbortReason.INVALID_PDU_PARAMETER_VALUE


@pytest.mark.pitfall(17)
@pytest.mark.scenario("B24")
def test_a_window_is_offered_only_when_asked_for() -> None:
    assert REQUEST.item(OperationsWindow) is None
    asked = propose(contexts=[ECHO_CONTEXT], max_operations_invoked=5)
    assert asked.item(OperationsWindow) == OperationsWindow(5, 1)


@pytest.mark.scenario("B24")
@pytest.mark.pitfall(17, 22)
@pytest.mark.parametrize(
    "offered, answered, window",
    [
        (None, None, 1),
        (None, 8, 1),  # nobody asked
        (8, None, 1),  # the peer is synchronous
        (8, 1, 1),
        (8, 4, 4),
        (8, 8, 8),
        (8, 9, 8),  # more than offered
        (8, 0, 8),
        (0, 4, 4),
        (0, 0, 0),  # unlimited
    ],
)
def test_the_window_is_what_both_can_hold_to(
    offered: int | None, answered: int | None, window: int
) -> None:
    asked = 1 if offered is None else offered
    request = propose(contexts=[ECHO_CONTEXT], max_operations_invoked=asked)
    items = () if answered is None else (OperationsWindow(answered, 1),)
    association = negotiated(request, accepting(accepted(1), user_information=items))
    assert association.max_operations_invoked == window
    assert association.max_operations_performed == 1


@pytest.mark.scenario("B24")
def test_what_one_side_invokes_the_other_performs() -> None:
    request = propose(contexts=[ECHO_CONTEXT], max_operations_invoked=8, max_operations_performed=2)
    accept = answer(request, supported=accept_first, window=OperationsWindow(3, 0))
    assert accept.item(OperationsWindow) == OperationsWindow(3, 2)
    ours = negotiated(request, accept)
    theirs = negotiated(request, accept, role=Role.ACCEPTOR)
    assert (ours.max_operations_invoked, ours.max_operations_performed) == (3, 2)
    assert (theirs.max_operations_invoked, theirs.max_operations_performed) == (2, 3)


@pytest.mark.parametrize("window", [-1, 65_536])
def test_a_window_that_does_not_fit_is_refused(window: int) -> None:
    with pytest.raises(LocalProtocolError, match="window"):
        propose(contexts=[ECHO_CONTEXT], max_operations_invoked=window)
    with pytest.raises(LocalProtocolError, match="window"):
        propose(contexts=[ECHO_CONTEXT], max_operations_performed=window)


@pytest.mark.pitfall(16)
def test_answers_in_any_order_find_their_contexts() -> None:
    association = negotiated(TWO, accepting(accepted(3, IMPLICIT), accepted(1)))
    assert [(it.context_id, it.transfer_syntax) for it in association.contexts] == [
        (1, EXPLICIT),
        (3, IMPLICIT),
    ]
    found = association.context(3)
    assert found is not None
    assert found.abstract_syntax == CT
    assert association.context(5) is None


@pytest.mark.scenario("B03")
@pytest.mark.pitfall(16, 26)
def test_a_refused_context_with_junk_is_refused() -> None:
    junk = bytes.fromhex("2100 000a 0300 0500 4000 0002 ff00".replace(" ", ""))
    raw = accepting(accepted(1)).encode()
    body = raw[6:-4] + junk + raw[-4:]  # before the empty user information
    accept = decode_pdu(raw[:2] + len(body).to_bytes(4, "big") + body)
    assert isinstance(accept, AssociationAccept)
    association = negotiated(TWO, accept)
    left = association.context(3)
    assert left is not None
    assert not left.accepted
    assert left.result == 5
    assert "reserved 5" in str(left)


@pytest.mark.pitfall(16)
def test_a_context_without_an_answer_is_refused() -> None:
    association = negotiated(TWO, accepting(accepted(3)))
    assert [it.context_id for it in association.accepted_contexts] == [3]
    assert association.contexts[0].result is ContextResult.NO_REASON


@pytest.mark.pitfall(26)
@pytest.mark.parametrize(
    "answers, fault",
    [
        ([accepted(5)], "context 5 is accepted, but was not proposed"),
        ([accepted(2)], "context 2 is accepted, but was not proposed"),
        ([accepted(1), accepted(1)], "context 1 is answered twice"),
        ([accepted(1), refused(1)], "context 1 is answered twice"),
        ([refused(1), accepted(1)], "context 1 is answered twice"),
        ([accepted(1, JPEG_BASELINE)], "which was not proposed"),
    ],
)
def test_an_answer_that_changes_what_bytes_mean_is_a_fault(
    answers: list[AnsweredContext], fault: str
) -> None:
    with pytest.raises(RemoteProtocolError, match=fault) as caught:
        negotiated(TWO, accepting(*answers))
    assert caught.value.abort_source is AbortSource.PROVIDER


@pytest.mark.pitfall(16)
@pytest.mark.parametrize("answers", [[refused(7)], [refused(3), refused(3)], [refused(2)]])
def test_a_refusal_of_what_is_refused_anyway_changes_nothing(
    answers: list[AnsweredContext],
) -> None:
    association = negotiated(TWO, accepting(accepted(1), *answers))
    assert [it.context_id for it in association.accepted_contexts] == [1]


@pytest.mark.pitfall(16)
def test_what_only_describes_is_not_judged() -> None:
    accept = accepting(
        accepted(1),
        user_information=(
            username("an identity request in an answer"),
            UnknownItem(0x77, b"?"),
            RoleSelection(sop_class_uid=CT, scu=False, scp=True),
        ),
    )
    association = negotiated(TWO, accept)
    assert association.called_ae == "ANY-SCP"  # those of the answer are reserved
    assert association.peer_implementation_class_uid is None
    assert association.peer_implementation_version_name is None
    assert association.identity_answer is None


def test_the_peer_can_be_asked_what_it_is() -> None:
    association = negotiated(REQUEST, ACCEPT)
    assert association.peer_implementation_class_uid == IMPLEMENTATION_CLASS_UID
    assert association.peer_implementation_version_name == IMPLEMENTATION_VERSION_NAME


def roles_of(
    *contexts: PresentationContext,
) -> list[tuple[str, bool, bool]]:
    items = propose(contexts=contexts).items(RoleSelection)
    return [(item.sop_class_uid, item.scu, item.scp) for item in items]


@pytest.mark.scenario("B21")
def test_roles_are_proposed_once_for_each_class_that_asks() -> None:
    assert roles_of(
        ECHO_CONTEXT,
        PresentationContext(CT, [JPEG_BASELINE], scp_role=True),
        PresentationContext(CT, scp_role=True),
        PresentationContext(STUDY_FIND, scu_role=False, scp_role=True),
        PresentationContext("1.2.3", scu_role=False, scp_role=False),
    ) == [(CT, True, True), (STUDY_FIND, False, True), ("1.2.3", False, False)]


@pytest.mark.scenario("B21")
def test_one_context_does_not_take_away_what_another_of_its_class_needs() -> None:
    for_get = PresentationContext(CT, scu_role=False, scp_role=True)
    for_store = PresentationContext(CT, [JPEG_BASELINE])
    assert roles_of(for_get, for_store) == [(CT, True, True)]
    both_at_once = PresentationContext(CT)  # the same context as for_get
    assert roles_of(for_get, both_at_once) == [(CT, True, True)]


@pytest.mark.scenario("B21")
@pytest.mark.pitfall(16)
@pytest.mark.parametrize(
    "proposed, granted, effective",
    [
        (None, None, (True, False)),
        (None, (False, True), (True, False)),  # nobody asked
        ((True, True), None, (True, False)),  # not answered: the defaults
        ((True, True), (True, True), (True, True)),
        ((True, True), (True, False), (True, False)),
        ((True, True), (False, True), (False, True)),
        ((True, True), (False, False), (False, False)),
        ((False, True), (True, True), (False, True)),  # more than was asked
    ],
)
def test_an_answer_grants_at_most_what_was_proposed(
    proposed: tuple[bool, bool] | None,
    granted: tuple[bool, bool] | None,
    effective: tuple[bool, bool],
) -> None:
    scu, scp = proposed or (None, None)
    request = propose(contexts=[PresentationContext(CT, scu_role=scu, scp_role=scp)])
    items = ()
    if granted is not None:
        items = (RoleSelection(sop_class_uid=CT, scu=granted[0], scp=granted[1]),)
    accept = accepting(accepted(1), user_information=items)
    (ours,) = negotiated(request, accept).contexts
    (theirs,) = negotiated(request, accept, role=Role.ACCEPTOR).contexts
    assert (ours.as_scu, ours.as_scp) == effective
    assert (theirs.as_scp, theirs.as_scu) == effective


def test_the_first_of_two_words_about_a_role_counts_on_either_side() -> None:
    first = RoleSelection(sop_class_uid=CT, scu=True, scp=True)
    second = RoleSelection(sop_class_uid=CT, scu=False, scp=False)
    request = evolve(propose(contexts=[PresentationContext(CT)]), user_information=(first, second))
    accept = accepting(accepted(1), user_information=(first, second))
    (context,) = negotiated(request, accept).contexts
    assert (context.as_scu, context.as_scp) == (True, True)
