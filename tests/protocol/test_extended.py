"""The reading of extended negotiation for queries."""

from __future__ import annotations

import pytest

from tests.protocol.builders import CT, STUDY_FIND, accept_first
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom._protocol.extended import QueryExtension, agreed_query_extension
from trio_dicom._protocol.negotiation import answer, negotiated, propose
from trio_dicom._wire.user_items import CommonExtendedNegotiation, ExtendedNegotiation

ASKED = QueryExtension(relational=True, fuzzy_names=True).item(STUDY_FIND)


def item(data: bytes, sop_class_uid: str = STUDY_FIND) -> ExtendedNegotiation:
    return ExtendedNegotiation(sop_class_uid=sop_class_uid, application_information=data)


@pytest.mark.scenario("B08")
def test_what_is_asked_goes_out_as_bytes() -> None:
    assert item(b"\x01\x00\x01\x00") == ASKED
    assert QueryExtension.of(ASKED) == QueryExtension(relational=True, fuzzy_names=True)


@pytest.mark.scenario("B08")
@pytest.mark.parametrize(
    "data, reading",
    [
        (b"", QueryExtension()),
        (b"\x01", QueryExtension(relational=True)),
        (b"\x00\x01\x02\x01", QueryExtension(combined_date_time=True, timezone=True)),
        (b"\x01\x00\x00\x00\x01\x01\x01\xff", QueryExtension(relational=True)),
    ],
)
def test_surplus_bytes_say_nothing_and_missing_ones_no(
    data: bytes, reading: QueryExtension
) -> None:
    assert QueryExtension.of(item(data)) == reading


@pytest.mark.scenario("B08")
def test_what_was_requested_and_what_was_accepted_are_both_there_raw() -> None:
    request = propose(contexts=[PresentationContext(STUDY_FIND)], extended=[ASKED])
    reply = item(b"\x01\x00\x00\x00\x07")
    accept = answer(request, supported=accept_first, extended=[item(b"x", CT), reply])
    association = negotiated(request, accept)
    assert association.request.items(ExtendedNegotiation) == (ASKED,)
    assert association.extended == (reply,)  # the one that nobody asked for is not sent
    assert agreed_query_extension(association, STUDY_FIND) == QueryExtension(relational=True)
    assert agreed_query_extension(association, CT) == QueryExtension()


@pytest.mark.scenario("B08")
def test_an_accept_has_no_common_extended_negotiation() -> None:
    family = CommonExtendedNegotiation(
        sop_class_uid="1.2.3",
        service_class_uid="1.2.840.10008.4.2",
        related_general_sop_class_uids=(CT,),
    )
    request = propose(contexts=[PresentationContext(CT)], common_extended=[family])
    assert request.items(CommonExtendedNegotiation) == (family,)
    accept = answer(request, supported=accept_first)
    assert accept.items(CommonExtendedNegotiation) == ()
