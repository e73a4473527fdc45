"""A bounded look at a few values of an encoded data set."""

from __future__ import annotations

import pytest
from pydicom.uid import UID

from tests.dimse.elements import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, JPEG, explicit, implicit
from trio_dicom._dimse.deflated import deflate
from trio_dicom._dimse.values import values_in

INSTANCE, PATIENT, STUDY = 0x0008_0018, 0x0010_0020, 0x0020_000D
TAGS = (INSTANCE, PATIENT, STUDY)
VALUES = {INSTANCE: b"1.2.3", PATIENT: b"P 1", STUDY: b"1.2"}

ENCODED = explicit(INSTANCE, "UI", b"1.2.3\0") + explicit(PATIENT, "LO", b"P 1 ")
ENCODED += explicit(STUDY, "UI", b"1.2\0")


@pytest.mark.parametrize(
    ("data_set", "syntax"),
    [
        (ENCODED, EXPLICIT),
        (ENCODED, JPEG),
        (deflate(ENCODED), DEFLATED),
        (bytearray(ENCODED), EXPLICIT),
        (memoryview(ENCODED), EXPLICIT),
        (memoryview(deflate(ENCODED)), DEFLATED),
        (
            implicit(INSTANCE, b"1.2.3\0") + implicit(PATIENT, b"P 1 ") + implicit(STUDY, b"1.2\0"),
            IMPLICIT,
        ),
        (
            explicit(INSTANCE, "UI", b"1.2.3\0", order=">")
            + explicit(PATIENT, "LO", b"P 1 ", order=">")
            + explicit(STUDY, "UI", b"1.2\0", order=">"),
            BIG_ENDIAN,
        ),
    ],
)
def test_values_come_without_their_padding(
    data_set: bytes | bytearray | memoryview, syntax: UID
) -> None:
    assert values_in(data_set, syntax, TAGS) == VALUES


@pytest.mark.parametrize("cut", range(len(ENCODED)))
def test_what_is_cut_off_is_not_there(cut: int) -> None:
    found = values_in(ENCODED[:cut], EXPLICIT, TAGS)
    assert found == {tag: VALUES[tag] for tag in TAGS[: len(found)]}
    assert len(found) < len(TAGS)


def test_what_was_there_before_a_fault_stays_what_it_is() -> None:
    broken = ENCODED[:14] + b"\x10\x00\x10\x00??\0\0"
    assert values_in(broken, EXPLICIT, TAGS) == {INSTANCE: b"1.2.3"}
    assert values_in(b"no deflate stream", DEFLATED, TAGS) == {}


def test_nothing_is_read_behind_the_last_tag() -> None:
    assert values_in(ENCODED + b"??", EXPLICIT, TAGS) == VALUES
    assert values_in(ENCODED, EXPLICIT, [INSTANCE]) == {INSTANCE: b"1.2.3"}
    assert values_in(ENCODED, EXPLICIT, []) == {}
    assert values_in(b"", EXPLICIT, TAGS) == {}


@pytest.mark.pitfall(30)
def test_a_bomb_is_inflated_no_further_than_eight_times() -> None:
    private = explicit(0x0009_1001, "OB", bytes(1_000_000))
    bomb = deflate(explicit(INSTANCE, "UI", b"1.2.3\0") + private + ENCODED[14:])
    assert values_in(bomb, DEFLATED, TAGS) == {INSTANCE: b"1.2.3"}
