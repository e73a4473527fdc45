"""Command sets: Implicit VR Little Endian, group 0000, and nothing else."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.tag import BaseTag
from pydicom.uid import UID

from trio_dicom._dimse.command_set import (
    AE,
    AT,
    LO,
    UI,
    US,
    as_uid,
    decode_command_set,
    encode_command_set,
)
from trio_dicom._dimse.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from trio_dicom.errors import LocalProtocolError, PDUError

# A C-ECHO-RQ as it stands on the wire.
ELEMENTS = {
    0x0002: b"1.2.840.10008.1.1\0",
    0x0100: b"\x30\x00",
    0x0110: b"\x07\x00",
    0x0800: b"\x01\x01",
}
ENCODED = bytes.fromhex(
    "0000 0000 04000000 38000000"
    "0000 0200 12000000 312e322e3834302e31303030382e312e3100"
    "0000 0001 02000000 3000"
    "0000 1001 02000000 0700"
    "0000 0008 02000000 0101"
)


def test_a_command_set_is_its_group_length_and_its_elements() -> None:
    assert encode_command_set(ELEMENTS) == ENCODED
    assert decode_command_set(ENCODED) == {0x0000: b"\x38\0\0\0", **ELEMENTS}


def test_elements_go_out_in_the_order_of_their_tags() -> None:
    assert encode_command_set(dict(reversed(ELEMENTS.items()))) == ENCODED


@pytest.mark.pitfall(27)
@pytest.mark.parametrize(
    "group_length",
    [b"", ENCODED[:8] + b"\xff\xff\xff\xff", ENCODED[:8] + b"\0\0\0\0", b"\0\0\0\0\0\0\0\0"],
    ids=["missing", "too long", "zero", "empty"],
)
def test_a_wrong_or_missing_group_length_only_describes(group_length: bytes) -> None:
    values = decode_command_set(group_length + ENCODED[12:])
    values.pop(0, None)
    assert values == ELEMENTS


@pytest.mark.pitfall(27)
def test_a_command_set_cut_anywhere_but_between_elements_is_refused() -> None:
    whole = {0, 12, 12 + 26, 12 + 36, 12 + 46, len(ENCODED)}
    for cut in range(len(ENCODED) + 1):
        if cut in whole:
            decode_command_set(ENCODED[:cut])
        else:
            with pytest.raises(PDUError):
                decode_command_set(ENCODED[:cut])


@pytest.mark.pitfall(27)
@pytest.mark.parametrize(
    "element",
    [
        bytes.fromhex("0000 1001 ffffffff"),
        bytes.fromhex("0000 1001 04000000 0700"),
        bytes.fromhex("0000 1001 01000080 0700"),
    ],
)
def test_an_element_that_lies_about_its_length_is_refused(element: bytes) -> None:
    with pytest.raises(PDUError, match=r"\(0000,0110\) claims"):
        decode_command_set(element)


@pytest.mark.pitfall(27)
@pytest.mark.parametrize("group", ["0200", "0800", "ffff"])
def test_a_command_set_that_begins_with_another_group_is_refused(group: str) -> None:
    with pytest.raises(PDUError, match="in a command set"):
        decode_command_set(bytes.fromhex(f"{group} 0001 00000000") + ENCODED)


def test_elements_of_other_groups_behind_it_are_passed_over() -> None:
    # As Orthanc ends a C-GET that failed: group length and failed instances of its data set.
    behind = bytes.fromhex("0800 0000 04000000 0c0000000800 5800 04000000 312e3200")
    assert decode_command_set(ENCODED + behind) == decode_command_set(ENCODED)
    for cut in set(range(1, len(behind))) - {12}:
        with pytest.raises(PDUError):
            decode_command_set(ENCODED + behind[:cut])


@pytest.mark.pitfall(27)
def test_an_element_that_comes_twice_is_refused() -> None:
    with pytest.raises(PDUError, match="comes twice"):
        decode_command_set(ENCODED + bytes.fromhex("0000 0008 02000000 0000"))


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_pdu_error(data: bytes) -> None:
    with contextlib.suppress(PDUError):
        decode_command_set(data)


@given(st.dictionaries(st.integers(1, 0xFFFF), st.binary(max_size=8).map(lambda b: b + b)))
def test_what_was_encoded_is_decoded(elements: dict[int, bytes]) -> None:
    decoded = decode_command_set(encode_command_set(elements))
    length = decoded.pop(0)
    assert decoded == elements
    assert int.from_bytes(length, "little") == sum(8 + len(v) for v in elements.values())


@pytest.mark.pitfall(27)
@pytest.mark.parametrize("length", [1, 3, 4])
def test_a_number_that_has_not_two_bytes_is_refused(length: int) -> None:
    with pytest.raises(PDUError, match=f"a US of {length} bytes"):
        US.decode(bytes(length))


@pytest.mark.parametrize("length", [1, 2, 3, 5, 6, 7])
def test_a_list_of_tags_that_has_not_four_bytes_each_is_refused(length: int) -> None:
    with pytest.raises(PDUError, match="list of tags"):
        AT.decode(bytes(length))


def test_tags_are_two_numbers_each() -> None:
    tags = (BaseTag(0x00100010), BaseTag(0x7FE00010))
    assert AT.encode(tags) == bytes.fromhex("10001000 e07f1000")
    assert AT.decode(AT.encode(tags)) == tags


@pytest.mark.pitfall(16)
@pytest.mark.parametrize(
    "raw, uid",
    [
        (b"1.2.3\0", "1.2.3"),
        (b"1.2.3", "1.2.3"),
        (b"1.2.3 \0\0", "1.2.3"),
        (b"1.2.34", "1.2.34"),
        (b"", None),
        (b"\0\0", None),
    ],
)
def test_padding_of_uids_is_stripped(raw: bytes, uid: str | None) -> None:
    assert UI.decode(raw) == uid


@pytest.mark.scenario("B53")
@pytest.mark.parametrize("text", ["1.02.3", "../../x", "1..2", "x" * 65, "\xe9", "1\\2", " 1"])
def test_an_invalid_uid_is_kept_as_it_is_without_a_warning(text: str) -> None:
    uid = UI.decode(UI.encode(text))
    assert isinstance(uid, UID)
    assert uid == text == as_uid(text)


def test_a_uid_stays_the_same_object() -> None:
    uid = UID("1.2.3")
    assert as_uid(uid) is uid


def test_nothing_does_not_become_a_uid_named_none() -> None:
    with pytest.raises(TypeError):
        as_uid(None)  # type: ignore[arg-type]  # what a caller without types may do


@pytest.mark.parametrize("text, encoded", [("AB", b"AB"), ("ABC", b"ABC "), ("1.2", b"1.2 ")])
def test_ae_titles_are_padded_with_a_space_and_uids_with_a_nul(text: str, encoded: bytes) -> None:
    assert AE.encode(text) == encoded
    assert UI.encode(text) == encoded.replace(b" ", b"\0")


@pytest.mark.parametrize("raw", [b" AB ", b"AB\0\0", b"AB", b"AB              "])
def test_padding_of_ae_titles_is_stripped(raw: bytes) -> None:
    assert AE.decode(raw) == "AB"


@pytest.mark.parametrize("codec", [AE, LO, UI, US])
def test_an_empty_value_is_none(codec: object) -> None:
    assert codec.decode(b"") is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("title", ["X" * 17, "A\\B", "A\nB", "Ω"])
def test_an_impossible_ae_title_is_refused(title: str) -> None:
    with pytest.raises(LocalProtocolError, match="AE title"):
        AE.encode(title)


def test_an_impossible_uid_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="UID"):
        UI.encode("1.2.Ω")


@pytest.mark.scenario("B52")
@pytest.mark.parametrize(
    "comment, encoded",
    [
        ("no", b"no"),
        ("odd", b"odd "),
        ("x" * 100, b"x" * 64),
        ("é\\\n\x7f", b"????"),
    ],
)
def test_a_comment_is_made_to_fit(comment: str, encoded: bytes) -> None:
    assert LO.encode(comment) == encoded


def test_a_comment_that_came_is_kept_whole() -> None:
    assert LO.decode(b"\xe9" * 100) == "\xe9" * 100


@pytest.mark.scenario("B63")
def test_our_implementation_has_a_uid_and_a_short_name() -> None:
    assert IMPLEMENTATION_CLASS_UID.startswith("2.25.")
    assert UID(IMPLEMENTATION_CLASS_UID).is_valid
    assert 0 < len(IMPLEMENTATION_VERSION_NAME) <= 16
