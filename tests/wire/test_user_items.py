"""The user information items 51H to 59H, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.wire.strategies import tuples_of, user_items
from trio_dicom._wire.cursor import Cursor
from trio_dicom._wire.items import UnknownItem
from trio_dicom._wire.user_items import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    OperationsWindow,
    RoleSelection,
    UserIdentity,
    UserIdentityAnswer,
    UserIdentityType,
    UserItem,
    decode_user_items,
)
from trio_dicom.errors import PDUError

ITEMS: list[tuple[UserItem, bytes]] = [
    (MaximumLength(16_384), b"\x51\0\0\4\0\0\x40\0"),
    (MaximumLength(0), b"\x51\0\0\4\0\0\0\0"),
    (MaximumLength(2**32 - 1), b"\x51\0\0\4\xff\xff\xff\xff"),
    (ImplementationClassUID("1.2.3"), b"\x52\0\0\x05" + b"1.2.3"),
    (OperationsWindow(5, 256), b"\x53\0\0\4\0\x05\x01\0"),
    (OperationsWindow(0, 0), b"\x53\0\0\4\0\0\0\0"),
    (
        RoleSelection(sop_class_uid="1.2.3", scu=False, scp=True),
        b"\x54\0\0\x09\0\x051.2.3\0\1",
    ),
    (
        RoleSelection(sop_class_uid="1.2.34", scu=True, scp=False),
        b"\x54\0\0\x0a\0\x061.2.34\1\0",
    ),
    (ImplementationVersionName("BENCH_1"), b"\x55\0\0\x07BENCH_1"),
    (
        ExtendedNegotiation(sop_class_uid="1.2.3", application_information=b"\1\0\1"),
        b"\x56\0\0\x0a\0\x051.2.3\1\0\1",
    ),
    (
        ExtendedNegotiation(sop_class_uid="1.2.3", application_information=b""),
        b"\x56\0\0\x07\0\x051.2.3",
    ),
    (
        CommonExtendedNegotiation(
            sop_class_uid="1.2.3",
            service_class_uid="1.4",
            related_general_sop_class_uids=("1.5", "1.6.7"),
        ),
        b"\x57\0\0\x1a\0\x051.2.3\0\x031.4\0\x0c\0\x031.5\0\x051.6.7",
    ),
    (
        CommonExtendedNegotiation(
            sop_class_uid="1.2", service_class_uid="1.4", related_general_sop_class_uids=()
        ),
        b"\x57\0\0\x0c\0\x031.2\0\x031.4\0\0",
    ),
    (UserIdentityAnswer(b"\0ticket"), b"\x59\0\0\x09\0\x07\0ticket"),
    (UserIdentityAnswer(b""), b"\x59\0\0\x02\0\0"),
    (UnknownItem(0x5A, b"\1\2"), b"\x5a\0\0\2\1\2"),
    (UnknownItem(0x00, b""), b"\0\0\0\0"),
]
IDENTITIES: list[tuple[UserItem, bytes]] = [
    (
        UserIdentity(
            identity_type=UserIdentityType.USERNAME,
            primary="jürgen".encode(),
            positive_response_requested=True,
        ),
        b"\x58\0\0\x0d\1\1\0\x07j\xc3\xbcrgen\0\0",
    ),
    (
        UserIdentity(
            identity_type=UserIdentityType.USERNAME_AND_PASSCODE,
            primary=b"ann",
            secondary="päss".encode(),
        ),
        b"\x58\0\0\x0e\2\0\0\x03ann\0\x05p\xc3\xa4ss",
    ),
    (
        UserIdentity(identity_type=UserIdentityType.KERBEROS, primary=b"\x60\x82\0\xff"),
        b"\x58\0\0\x0a\3\0\0\4\x60\x82\0\xff\0\0",
    ),
    (
        UserIdentity(identity_type=UserIdentityType.SAML, primary=b"<a/>"),
        b"\x58\0\0\x0a\4\0\0\4<a/>\0\0",
    ),
    (
        UserIdentity(identity_type=UserIdentityType.JWT, primary=b"a.b.c"),
        b"\x58\0\0\x0b\5\0\0\5a.b.c\0\0",
    ),
]
SHORTEST_BODY = {
    0x51: b"\0\0\0\0",
    0x53: b"\0\1\0\1",
    0x54: b"\0\x011\0\1",
    0x56: b"\0\x011",
    0x57: b"\0\x011\0\x011\0\x03\0\x011",
    0x58: b"\2\0\0\x01a\0\x01b",
    0x59: b"\0\x01a",
}


def decoded(data: bytes) -> tuple[UserItem, ...]:
    return decode_user_items(Cursor(memoryview(data), "user information"))


@pytest.mark.parametrize("item, encoded", ITEMS)
@pytest.mark.scenario("B08")
def test_each_item_has_the_bytes_of_its_table(item: UserItem, encoded: bytes) -> None:
    assert item.encode() == encoded
    assert decoded(encoded) == (item,)


@pytest.mark.parametrize("item, encoded", IDENTITIES)
@pytest.mark.scenario("B09")
def test_a_user_identity_goes_byte_for_byte(item: UserItem, encoded: bytes) -> None:
    assert item.encode() == encoded
    assert decoded(encoded) == (item,)


@pytest.mark.scenario("B09")
def test_an_identity_of_a_type_that_the_standard_does_not_name_keeps_its_number() -> None:
    encoded = b"\x58\0\0\x07\x2a\0\0\x01x\0\0"
    (identity,) = decoded(encoded)
    assert isinstance(identity, UserIdentity)
    assert identity.identity_type == 42
    assert identity.identity_type.name == "RESERVED_42"
    assert identity.encode() == encoded


@pytest.mark.parametrize("value", [-1, 256, "USERNAME"])
def test_what_no_byte_can_hold_is_no_identity_type(value: int) -> None:
    with pytest.raises(ValueError, match="is not a valid UserIdentityType"):
        UserIdentityType(value)


@given(tuples_of(user_items, most=8))
@pytest.mark.pitfall(16)
def test_items_keep_their_order_the_unknown_ones_included(items: tuple[UserItem, ...]) -> None:
    assert decoded(b"".join(item.encode() for item in items)) == items


@pytest.mark.pitfall(16)
def test_a_uid_or_name_loses_its_padding_on_reading() -> None:
    assert decoded(b"\x52\0\0\x061.2.3\0") == (ImplementationClassUID("1.2.3"),)
    assert decoded(b"\x55\0\0\x08BENCH_1 ") == (ImplementationVersionName("BENCH_1"),)
    assert decoded(b"\x54\0\0\x0a\0\x061.2.3 \0\1") == (
        RoleSelection(sop_class_uid="1.2.3", scu=False, scp=True),
    )
    assert decoded(b"\x57\0\0\x14\0\x041.2\0\0\x041.4 \0\x06\0\x041.5\0") == (
        CommonExtendedNegotiation(
            sop_class_uid="1.2", service_class_uid="1.4", related_general_sop_class_uids=("1.5",)
        ),
    )


@pytest.mark.pitfall(16)
def test_reserved_bytes_are_ignored() -> None:
    assert decoded(b"\x51\xff\0\4\0\0\x40\0") == (MaximumLength(16_384),)
    # The second byte of 57H is the version of the item rather than reserved: later
    # versions add fields behind those of version 0.
    (item,) = decoded(b"\x57\1\0\x0e\0\x031.2\0\x031.4\0\0\xca\xfe")
    assert isinstance(item, CommonExtendedNegotiation)
    assert item.service_class_uid == "1.4"


def test_bytes_behind_the_fields_of_an_item_are_ignored() -> None:
    assert decoded(b"\x51\0\0\6\0\0\x40\0\1\2") == (MaximumLength(16_384),)


@pytest.mark.pitfall(26)
@pytest.mark.parametrize(
    "item_type, cut",
    [(item_type, cut) for item_type, body in SHORTEST_BODY.items() for cut in range(len(body))],
)
def test_an_item_too_short_for_its_type_is_refused(item_type: int, cut: int) -> None:
    body = SHORTEST_BODY[item_type]
    whole = bytes((item_type, 0, 0, len(body))) + body
    assert decoded(whole)[0].encode() == whole
    short = bytes((item_type, 0, 0, cut)) + body[:cut]
    with pytest.raises(PDUError, match=f"{item_type:02X}H|related"):
        decoded(short)


@pytest.mark.pitfall(26)
@pytest.mark.parametrize("data", [b"\x51", b"\x51\0\0", b"\x51\0\0\5\0\0\0\0", b"\xff\0\xff\xff"])
def test_an_item_longer_than_what_holds_it_is_refused(data: bytes) -> None:
    with pytest.raises(PDUError):
        decoded(b"\x52\0\0\x011" + data)


LONG = 0x10000 * b"1"


@pytest.mark.parametrize(
    "item, named",
    [
        (MaximumLength(2**32), "maximum length 4294967296"),
        (MaximumLength(-1), "maximum length -1"),
        (OperationsWindow(65_536, 1), "operations invoked 65536"),
        (OperationsWindow(1, 65_536), "operations performed 65536"),
        (ImplementationClassUID("１.2"), "implementation class UID"),
        (ImplementationVersionName(LONG.decode()), "implementation version name: length 65536"),
        (
            ExtendedNegotiation(sop_class_uid="1.2", application_information=LONG),
            "extended negotiation: length",
        ),
        (
            RoleSelection(sop_class_uid=LONG.decode(), scu=True, scp=True),
            "SOP class UID: length 65536",
        ),
        (
            UserIdentity(identity_type=UserIdentityType.SAML, primary=LONG),
            "primary field of the user identity: length 65536",
        ),
        (
            UserIdentity(identity_type=UserIdentityType.SAML, primary=LONG[:-1]),
            "user identity: length 65541",
        ),
        (UserIdentityAnswer(LONG), "server response: length 65536"),
        (UnknownItem(256, b""), "item type 256"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_does_not_fit_is_refused_by_name(item: UserItem, named: str) -> None:
    with pytest.raises(PDUError, match=named):
        item.encode()


SECRET = b"s3cret"


@pytest.mark.scenario("B09")
@pytest.mark.parametrize(
    "item",
    [
        UserIdentity(
            identity_type=UserIdentityType.USERNAME_AND_PASSCODE, primary=SECRET, secondary=SECRET
        ),
        UserIdentityAnswer(SECRET),
        UnknownItem(0x5A, SECRET),
    ],
)
def test_no_secret_shows_in_a_repr(item: UserItem) -> None:
    assert SECRET.decode() not in repr(item)
    assert SECRET.decode() not in str(item)
    assert SECRET.decode() not in repr((item,))


@pytest.mark.scenario("B09")
def test_no_secret_shows_in_an_error() -> None:
    for item in (
        UserIdentity(identity_type=UserIdentityType.JWT, primary=SECRET * 20_000),
        UserIdentityAnswer(SECRET * 20_000),
    ):
        with pytest.raises(PDUError) as refused:
            item.encode()
        assert SECRET.decode() not in str(refused.value)
    encoded = UserIdentity(identity_type=UserIdentityType.JWT, primary=SECRET).encode()
    with pytest.raises(PDUError) as refused:
        decoded(bytes((encoded[0], 0, 0, 8)) + encoded[4:12])
    assert SECRET.decode() not in str(refused.value)


@pytest.mark.pitfall(16)
def test_a_flag_is_set_by_1_alone() -> None:
    assert decoded(b"\x54\0\0\x07\0\x031.2\x02\xff") == (
        RoleSelection(sop_class_uid="1.2", scu=False, scp=False),
    )
    assert decoded(b"\x58\0\0\x07\1\2\0\x01x\0\0") == (
        UserIdentity(identity_type=UserIdentityType.USERNAME, primary=b"x"),
    )
