"""What is proposed."""

from __future__ import annotations

import pytest

from tests.protocol.builders import (
    ACCEPT,
    CT,
    ECHO_CONTEXT,
    EXPLICIT,
    IMPLICIT,
    JPEG_BASELINE,
    JPEG_LOSSLESS,
    REQUEST,
    VERIFICATION,
    accept_first,
    accepted,
    accepting,
    ids,
)
from trio_dicom._dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._protocol.negotiation import answer, negotiated, propose
from trio_dicom._wire.pdus import decode_pdu
from trio_dicom._wire.user_items import (
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
)
from trio_dicom.errors import LocalProtocolError


@pytest.mark.scenario("B63")
def test_a_proposal_says_who_we_are_and_how_much_we_take() -> None:
    assert REQUEST.user_information == (
        MaximumLength(131_072),
        ImplementationClassUID(IMPLEMENTATION_CLASS_UID),
        ImplementationVersionName(IMPLEMENTATION_VERSION_NAME),
    )
    assert decode_pdu(REQUEST.encode()) == REQUEST


@pytest.mark.scenario("B14")
def test_contexts_are_numbered_1_3_5_and_none_twice() -> None:
    again = PresentationContext(VERIFICATION, [EXPLICIT, IMPLICIT])
    other = PresentationContext(VERIFICATION, [IMPLICIT])
    request = propose(contexts=[ECHO_CONTEXT, other, again, PresentationContext(CT)])
    assert ids(request.contexts) == [1, 3, 5]
    assert [it.abstract_syntax for it in request.contexts] == [VERIFICATION, VERIFICATION, CT]
    assert request.contexts[1].transfer_syntaxes == (IMPLICIT,)


@pytest.mark.scenario("B12", "B15")
def test_each_syntax_of_a_class_can_have_a_context_of_its_own() -> None:
    request = propose(
        contexts=[
            PresentationContext(CT, [JPEG_BASELINE]),
            PresentationContext(CT, [JPEG_LOSSLESS]),
            PresentationContext(CT),
        ]
    )
    association = negotiated(
        request, accepting(accepted(1, JPEG_BASELINE), accepted(3, JPEG_LOSSLESS), accepted(5))
    )
    assert [str(it.transfer_syntax) for it in association.accepted_contexts] == [
        JPEG_BASELINE,
        JPEG_LOSSLESS,
        EXPLICIT,
    ]


@pytest.mark.scenario("B17")
def test_128_contexts_fit_and_129_do_not() -> None:
    contexts = [PresentationContext(f"1.2.{number}") for number in range(129)]
    request = propose(contexts=contexts[:128])
    assert ids(request.contexts) == list(range(1, 256, 2))
    assert decode_pdu(request.encode()) == request
    with pytest.raises(LocalProtocolError, match=r"129 presentation contexts.*at most 128"):
        propose(contexts=contexts)


def test_an_association_about_nothing_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="at least one presentation context"):
        propose(contexts=[])


@pytest.mark.scenario("B07")
@pytest.mark.parametrize(
    "title, fault",
    [
        ("", "is empty"),
        ("    ", "is empty"),
        ("A" * 17, "longer than 16"),
        ("A\\B", "backslash"),
        ("A\nB", "control character"),
        ("A\x7f", "control character"),
        ("MÜNCHEN", "not ASCII"),
    ],
)
def test_an_ae_title_that_cannot_be_is_named_before_anything_is_sent(
    title: str, fault: str
) -> None:
    with pytest.raises(LocalProtocolError, match=f"called AE title .*{fault}") as caught:
        propose(contexts=[ECHO_CONTEXT], called_ae=title)
    assert repr(title) in str(caught.value)
    with pytest.raises(LocalProtocolError, match=f"calling AE title .*{fault}"):
        propose(contexts=[ECHO_CONTEXT], calling_ae=title)


@pytest.mark.scenario("B07")
def test_an_ae_title_may_have_16_characters_and_spaces_inside() -> None:
    request = propose(contexts=[ECHO_CONTEXT], called_ae="A" * 16, calling_ae="MY PC")
    association = negotiated(request, ACCEPT)
    assert (association.called_ae, association.calling_ae) == ("A" * 16, "MY PC")


@pytest.mark.parametrize("max_length", [1, 7, -1, 2**32])
def test_a_maximum_length_without_room_for_a_fragment_is_not_proposed(max_length: int) -> None:
    with pytest.raises(LocalProtocolError, match="maximum length"):
        propose(contexts=[ECHO_CONTEXT], max_length=max_length)
    with pytest.raises(LocalProtocolError, match="maximum length"):
        answer(REQUEST, supported=accept_first, max_length=max_length)
