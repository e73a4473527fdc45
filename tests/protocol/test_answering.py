"""How an acceptor answers, and what it does not even answer."""

from __future__ import annotations

import pytest

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
    VERIFICATION,
    accept_first,
    accepted,
    refuse_all,
    refused,
)
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._protocol.identity import username
from trio_dicom._protocol.negotiation import answer, check_request, propose
from trio_dicom._wire.associate import AssociationRequest
from trio_dicom._wire.items import ProposedContext
from trio_dicom._wire.pdus import decode_pdu
from trio_dicom._wire.user_items import (
    MaximumLength,
    OperationsWindow,
    RoleSelection,
    UserIdentityAnswer,
)
from trio_dicom.errors import LocalProtocolError, RemoteProtocolError
from trio_dicom.reasons import ContextResult


def test_an_answer_accepts_and_refuses_context_by_context() -> None:
    def supported(proposed: ProposedContext) -> tuple[ContextResult, str | None]:
        if proposed.abstract_syntax == CT:
            return ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED, EXPLICIT  # not significant
        return ContextResult.ACCEPTANCE, IMPLICIT

    accept = answer(TWO, supported=supported)
    assert accept.contexts == (
        accepted(1, IMPLICIT),
        refused(3, ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED),
    )
    assert (accept.called_ae, accept.calling_ae) == (TWO.called_ae, TWO.calling_ae)
    assert decode_pdu(accept.encode()) == accept
    assert answer(TWO, supported=refuse_all).contexts[0].transfer_syntax is None


@pytest.mark.parametrize("chosen", [JPEG_BASELINE, None])
def test_an_answer_cannot_choose_what_was_not_proposed(chosen: str | None) -> None:
    with pytest.raises(LocalProtocolError, match="was not proposed"):
        answer(TWO, supported=lambda _: (ContextResult.ACCEPTANCE, chosen))


def test_an_answer_says_nothing_that_was_not_asked() -> None:
    accept = answer(
        REQUEST,
        supported=accept_first,
        window=OperationsWindow(8, 8),
        roles=lambda proposed: proposed,
        identity_answer=b"hello",
    )
    assert accept == ACCEPT


def test_an_answer_speaks_about_roles_class_by_class() -> None:
    request = propose(
        contexts=[
            PresentationContext(CT, scp_role=True),
            PresentationContext(STUDY_FIND, scu_role=False, scp_role=True),
        ]
    )

    def roles(proposed: RoleSelection) -> RoleSelection | None:
        if proposed.sop_class_uid == CT:
            return None
        return RoleSelection(sop_class_uid="1.2", scu=True, scp=True)

    accept = answer(request, supported=accept_first, roles=roles)
    assert accept.items(RoleSelection) == (
        RoleSelection(sop_class_uid=STUDY_FIND, scu=False, scp=True),
    )


@pytest.mark.scenario("B09")
@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("given", [b"", b"ticket", None])
def test_an_identity_is_answered_when_it_asks_for_it(asked: bool, given: bytes | None) -> None:
    request = propose(
        contexts=[ECHO_CONTEXT], user_identity=username("jo", positive_response=asked)
    )
    accept = answer(request, supported=accept_first, identity_answer=given)
    wanted = UserIdentityAnswer(given) if asked and given is not None else None
    assert accept.item(UserIdentityAnswer) == wanted


def asking(*context_ids: int, length: int = 0) -> AssociationRequest:
    return AssociationRequest(
        called_ae="A",
        calling_ae="B",
        contexts=tuple(
            ProposedContext(
                context_id=number, abstract_syntax=VERIFICATION, transfer_syntaxes=(EXPLICIT,)
            )
            for number in context_ids
        ),
        user_information=(MaximumLength(length),),
    )


@pytest.mark.pitfall(26)
@pytest.mark.parametrize(
    "request_, fault",
    [
        (asking(1, 2), "context 2 is not odd"),
        (asking(0), "context 0 is not odd"),
        (asking(3, 1, 3), "context 3 is proposed twice"),
        (asking(1, length=4), "4 bytes"),
    ],
)
def test_a_request_on_which_nothing_can_be_built_is_refused(
    request_: AssociationRequest, fault: str
) -> None:
    with pytest.raises(RemoteProtocolError, match=fault):
        check_request(request_)


def test_any_odd_numbers_will_do() -> None:
    check_request(asking(255, 1, 7))
    check_request(asking())
