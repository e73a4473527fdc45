"""A-ASSOCIATE-RQ and A-ASSOCIATE-AC, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.header import PduType, encode_header
from trio_dicom._wire.items import AnsweredContext, ProposedContext, UnknownItem
from trio_dicom._wire.pdus import Pdu, decode_pdu
from trio_dicom._wire.user_items import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    ImplementationClassUID,
    MaximumLength,
    OperationsWindow,
    RoleSelection,
    UserIdentity,
    UserIdentityAnswer,
    UserIdentityType,
)
from trio_dicom.errors import PDUError
from trio_dicom.reasons import ContextResult

FIXED = b"\0\1\0\0" + b"ARCHIVE         " + b"BENCH           " + bytes(32)
APPLICATION = b"\x10\0\0\x151.2.840.10008.3.1.1.1"
PROPOSED = b"\x20\0\0\x2e\1\0\0\0\x30\0\0\x111.2.840.10008.1.1\x40\0\0\x111.2.840.10008.1.2"
ACCEPTED = b"\x21\0\0\x19\1\0\0\0\x40\0\0\x111.2.840.10008.1.2"
REFUSED = b"\x21\0\0\x19\3\0\3\0\x40\0\0\x111.2.840.10008.1.2"
USER = b"\x50\0\0\x11\x51\0\0\4\0\0\x40\0\x52\0\0\x051.2.3"
NO_USER = b"\x50\0\0\0"

USER_INFORMATION = (MaximumLength(16_384), ImplementationClassUID("1.2.3"))
VERIFICATION = ProposedContext(
    context_id=1, abstract_syntax="1.2.840.10008.1.1", transfer_syntaxes=("1.2.840.10008.1.2",)
)
YES = AnsweredContext(
    context_id=1, result=ContextResult.ACCEPTANCE, transfer_syntax="1.2.840.10008.1.2"
)
NO = AnsweredContext(
    context_id=3, result=ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, transfer_syntax=None
)
REQUEST = AssociationRequest(
    called_ae="ARCHIVE",
    calling_ae="BENCH",
    contexts=(VERIFICATION,),
    user_information=USER_INFORMATION,
)
ACCEPT = AssociationAccept(
    called_ae="ARCHIVE",
    calling_ae="BENCH",
    contexts=(NO, YES),
    user_information=USER_INFORMATION,
)

TOO_MUCH = (UnknownItem(0x7F, bytes(40_000)),) * 2


def pdu(pdu_type: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return encode_header(PduType(pdu_type), len(body)) + body


@pytest.mark.scenario("B07")
def test_a_request_has_the_bytes_of_its_table() -> None:
    encoded = pdu(1, FIXED, APPLICATION, PROPOSED, USER)
    assert encoded[:6] == bytes.fromhex("01 00 000000A4")
    assert REQUEST.encode() == encoded
    assert decode_pdu(encoded) == REQUEST


@pytest.mark.pitfall(16)
def test_an_answer_has_the_bytes_of_its_table_and_contexts_in_any_order() -> None:
    encoded = pdu(2, FIXED, APPLICATION, REFUSED, ACCEPTED, USER)
    assert encoded[:6] == bytes.fromhex("02 00 000000AC")
    assert ACCEPT.encode() == encoded
    assert decode_pdu(encoded) == ACCEPT


@pytest.mark.pitfall(16)
@pytest.mark.scenario("B07")
def test_an_answer_with_every_reserved_byte_set_is_the_same() -> None:
    fixed = b"\0\1\xff\xffARCHIVE\0\0\0\0\0\0\0\0\0  BENCH\0        " + b"\xff" * 32
    items = APPLICATION + REFUSED + ACCEPTED + USER
    dirty = items.replace(b"\x10\0", b"\x10\xff", 1)
    dirty = dirty.replace(b"\x21\0\0\x19\1\0\0\0\x40\0", b"\x21\xff\0\x19\1\xff\0\xff\x40\xff")
    dirty = dirty.replace(b"\x50\0\0\x11\x51\0", b"\x50\xff\0\x11\x51\xff")
    assert dirty != items
    assert decode_pdu(pdu(2, fixed, dirty)) == ACCEPT


@pytest.mark.pitfall(16)
def test_the_reserved_titles_of_an_answer_can_be_anything() -> None:
    accept = decode_pdu(pdu(2, b"\0\1\0\0", bytes(range(0x80, 0xA0)), bytes(32)))
    assert isinstance(accept, AssociationAccept)
    assert len(accept.called_ae) == len(accept.calling_ae) == 16
    empty = decode_pdu(pdu(2, b"\0\1\0\0", bytes(32), bytes(32)))
    assert isinstance(empty, AssociationAccept)
    assert (empty.called_ae, empty.calling_ae) == ("", "")


@pytest.mark.pitfall(16)
def test_an_answer_without_a_maximum_length_has_none() -> None:
    accept = decode_pdu(pdu(2, FIXED, APPLICATION, ACCEPTED, NO_USER))
    assert isinstance(accept, AssociationAccept)
    assert accept.item(MaximumLength) is None
    assert accept.items(MaximumLength) == ()


@pytest.mark.pitfall(16)
def test_an_answer_without_application_context_and_user_information_is_read() -> None:
    accept = decode_pdu(pdu(2, FIXED, ACCEPTED))
    assert isinstance(accept, AssociationAccept)
    assert accept.application_context == ""
    assert accept.user_information == ()
    assert accept.encode() == pdu(2, FIXED, ACCEPTED, NO_USER)


@pytest.mark.pitfall(16)
@pytest.mark.scenario("B09")
def test_a_user_identity_request_inside_an_answer_is_read() -> None:
    request = b"\x58\0\0\x09\1\0\0\x03ann\0\0"
    answer = b"\x59\0\0\x04\0\2ok"
    user = b"\x50\0" + len(request + answer).to_bytes(2, "big") + request + answer
    accept = decode_pdu(pdu(2, FIXED, APPLICATION, ACCEPTED, user))
    assert isinstance(accept, AssociationAccept)
    assert accept.item(UserIdentity) == UserIdentity(
        identity_type=UserIdentityType.USERNAME, primary=b"ann"
    )
    assert accept.item(UserIdentityAnswer) == UserIdentityAnswer(b"ok")


@pytest.mark.scenario("B08")
def test_the_items_of_a_class_are_found_in_order() -> None:
    first = ExtendedNegotiation(sop_class_uid="1.2", application_information=b"\1\1\1\1\1\xee")
    second = ExtendedNegotiation(sop_class_uid="1.3", application_information=b"\0")
    common = CommonExtendedNegotiation(
        sop_class_uid="1.2", service_class_uid="1.4", related_general_sop_class_uids=("1.5",)
    )
    request = AssociationRequest(
        called_ae="A",
        calling_ae="B",
        contexts=(VERIFICATION,),
        user_information=(first, MaximumLength(0), common, second),
    )
    decoded = decode_pdu(request.encode())
    assert isinstance(decoded, AssociationRequest)
    assert decoded.item(ExtendedNegotiation) == first
    assert decoded.items(ExtendedNegotiation) == (first, second)
    assert decoded.items(CommonExtendedNegotiation) == (common,)
    assert decoded.item(RoleSelection) is None


@pytest.mark.pitfall(17)
@pytest.mark.parametrize("window", [OperationsWindow(0, 0), OperationsWindow(65_535, 65_535)])
def test_any_operations_window_is_read(window: OperationsWindow) -> None:
    accept = AssociationAccept(
        called_ae="A", calling_ae="B", contexts=(YES,), user_information=(window,)
    )
    decoded = decode_pdu(accept.encode())
    assert isinstance(decoded, AssociationAccept)
    assert decoded.item(OperationsWindow) == window


@pytest.mark.pitfall(16)
@pytest.mark.parametrize("pdu_type, wrong, context", [(1, ACCEPTED, PROPOSED), (2, PROPOSED, YES)])
def test_items_that_do_not_belong_here_are_kept_and_come_back(
    pdu_type: int, wrong: bytes, context: object
) -> None:
    right = PROPOSED if pdu_type == 1 else ACCEPTED
    unknown = b"\x7f\0\0\2\1\2"
    encoded = pdu(pdu_type, FIXED, APPLICATION, right, USER, wrong, unknown)
    decoded = decode_pdu(encoded)
    assert isinstance(decoded, AssociationRequest | AssociationAccept)
    assert decoded.unknown_items == (
        UnknownItem(wrong[0], wrong[4:]),
        UnknownItem(0x7F, b"\1\2"),
    )
    assert len(decoded.contexts) == 1
    assert decoded.encode() == encoded


@pytest.mark.pitfall(26)
def test_ids_that_no_one_may_use_are_read_for_others_to_judge() -> None:
    even = ACCEPTED.replace(b"\x19\1", b"\x19\2", 1)
    accept = decode_pdu(pdu(2, FIXED, APPLICATION, ACCEPTED, ACCEPTED, even, USER))
    assert isinstance(accept, AssociationAccept)
    assert [context.context_id for context in accept.contexts] == [1, 1, 2]


@pytest.mark.parametrize("version", [0, 1, 3, 0xFFFF])
def test_the_protocol_version_is_kept(version: int) -> None:
    encoded = pdu(1, version.to_bytes(2, "big"), FIXED[2:], APPLICATION, PROPOSED, USER)
    decoded = decode_pdu(encoded)
    assert isinstance(decoded, AssociationRequest)
    assert decoded.protocol_version == version
    assert decoded.encode() == encoded


@pytest.mark.pitfall(26)
@pytest.mark.parametrize("twice", [APPLICATION, USER])
def test_an_item_that_may_come_once_is_refused_when_it_comes_twice(twice: bytes) -> None:
    with pytest.raises(PDUError, match=f"item {twice[0]:02X}H comes twice"):
        decode_pdu(pdu(2, FIXED, APPLICATION, ACCEPTED, USER, twice))


@pytest.mark.pitfall(26)
@pytest.mark.parametrize("pdu_type", [1, 2])
@pytest.mark.parametrize("length", [0, 1, 3, 67])
def test_a_body_too_short_for_its_fixed_fields_is_refused(pdu_type: int, length: int) -> None:
    with pytest.raises(PDUError, match="should follow"):
        decode_pdu(pdu(pdu_type, FIXED[:length]))


@pytest.mark.pitfall(26)
def test_a_header_that_claims_4_gib_is_refused() -> None:
    with pytest.raises(PDUError, match="claims 4294967295 bytes, but 68 follow"):
        decode_pdu(bytes.fromhex("02 00 FFFFFFFF") + FIXED)


@pytest.mark.pitfall(26)
@pytest.mark.parametrize("encoded", [REQUEST.encode(), ACCEPT.encode()])
def test_an_item_longer_than_the_pdu_is_refused(encoded: bytes) -> None:
    for item in (APPLICATION, PROPOSED, ACCEPTED, USER):
        at = encoded.find(item)
        if at >= 0:
            lying = bytearray(encoded)
            lying[at + 2] = 0xFF
            with pytest.raises(PDUError):
                decode_pdu(bytes(lying))


@pytest.mark.pitfall(26)
def test_sub_items_end_where_their_item_ends() -> None:
    # 51H claims a byte more than 50H holds; the byte is there, but it is not its own.
    user = b"\x50\0\0\x08\x51\0\0\5\0\0\x40\0" + b"\x7f\0\0\0"
    with pytest.raises(PDUError, match="item 50H: 5 bytes should follow, but only 4 do"):
        decode_pdu(pdu(2, FIXED, APPLICATION, ACCEPTED, user))


@pytest.mark.scenario("B07")
@pytest.mark.parametrize("title", ["SEVENTEEN_LETTERS", "АРХИВ"])
def test_a_title_that_cannot_be_encoded_is_refused_by_name(title: str) -> None:
    called = AssociationRequest(called_ae=title, calling_ae="B", contexts=())
    with pytest.raises(PDUError, match=f"called AE title '{title}'"):
        called.encode()
    calling = AssociationRequest(called_ae="A", calling_ae=title, contexts=())
    with pytest.raises(PDUError, match=f"calling AE title '{title}'"):
        calling.encode()


@pytest.mark.parametrize(
    "field, value, named",
    [
        ("protocol_version", -1, "protocol version -1"),
        ("protocol_version", 65_536, "protocol version 65536"),
        ("application_context", "Ω", "application context name 'Ω'"),
        ("user_information", TOO_MUCH, "user information: length 80008"),
    ],
    ids=["negative", "too large", "not Latin-1", "too much"],
)
def test_what_does_not_fit_is_refused_by_name(field: str, value: Any, named: str) -> None:
    with pytest.raises(PDUError, match=named):
        evolve(REQUEST, **{field: value}).encode()


@pytest.mark.scenario("B06")
@pytest.mark.parametrize("whole", [REQUEST, ACCEPT])
def test_each_side_says_its_own_maximum_length(whole: Pdu) -> None:
    assert isinstance(whole, AssociationRequest | AssociationAccept)
    assert whole.item(MaximumLength) == MaximumLength(16_384)
