"""Items of sequences are read by the rules of the top level, and never by pydicom's guesses."""

from __future__ import annotations

import encodings
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import UID

from tests.dimse.elements import (
    BIG_ENDIAN,
    END_OF_SEQUENCE,
    EXPLICIT,
    IMPLICIT,
    SEQUENCE,
    UNDEFINED,
    converted,
    explicit,
    implicit,
    item,
    open_item,
)
from trio_dicom import Limits, PDUError
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.reading import read_data_set
from trio_dicom._dimse.transcode import encode_data_set

CHARSET, TEXT, PRIVATE = 0x0008_0005, 0x0040_A160, 0x0071_1018
CREATOR = explicit(0x0071_0010, "LO", b"AGFA-AG_HPState ")
"""Of (0071,xx18), which is a sequence in pydicom's dictionary of private elements."""


def decoded(data: bytes, syntax: UID = EXPLICIT) -> Dataset:
    return EncodedDataSet(data, syntax).decode()


def value(data_set: Dataset, tag: int = SEQUENCE) -> Any:
    return data_set[tag].value


def deep(levels: int, first: bytes) -> bytes:
    """``levels`` items in each other, of which the outermost has another tag."""
    data = b""
    for level in range(levels):
        content = item(data) if level < levels - 1 else first + item(data)[4:]
        data = explicit(SEQUENCE, "SQ", content) if level < levels - 1 else content
    return data


def places(content: bytes, implicitly: bytes) -> dict[str, tuple[bytes, UID]]:
    """One item at each place where there may be one: its content in explicit and implicit VR."""
    return {
        "SQ": (explicit(SEQUENCE, "SQ", item(content)), EXPLICIT),
        "SQ without length": (
            explicit(SEQUENCE, "SQ", open_item(content) + END_OF_SEQUENCE, length=UNDEFINED),
            EXPLICIT,
        ),
        "UN": (explicit(SEQUENCE, "UN", item(content)), EXPLICIT),
        "UN in implicit VR": (explicit(SEQUENCE, "UN", item(implicitly)), EXPLICIT),
        "UN without length": (
            explicit(SEQUENCE, "UN", item(implicitly) + END_OF_SEQUENCE, length=UNDEFINED),
            EXPLICIT,
        ),
        "implicit VR": (implicit(SEQUENCE, item(implicitly)), IMPLICIT),
    }


TERMS = [b"punycode", b"DOE^JOHN", b"rot13 ", b"ISO 2022 IR 7 DOE^JOHN", b"ISO-IR 1 DOE^JOHN "]
PLACES = sorted(places(b"", b""))


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("vr", ["CS", "UN", "OB", "LO", "US"])
@pytest.mark.parametrize("place", PLACES)
def test_an_item_chooses_no_codec_of_python(place: str, vr: str, term: bytes) -> None:
    content = explicit(CHARSET, vr, term) + explicit(TEXT, "UT", b"a-b\xfc")
    data, syntax = places(content, implicit(CHARSET, term) + implicit(TEXT, b"a-b\xfc"))[place]
    remembered = len(vars(encodings)["_cache"])
    # Nobody is warned with what the peer says: warnings are errors here.
    (inner,) = value(decoded(data, syntax))
    assert inner.original_character_set == ["iso8859"]
    assert inner.TextValue == "a-bü"
    assert not inner.SpecificCharacterSet
    assert str(inner)
    assert len(vars(encodings)["_cache"]) == remembered


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("vr", ["CS", "UN", "OB"])
def test_nor_does_what_pydicom_writes(vr: str) -> None:
    declared = explicit(CHARSET, vr, b"punycode")
    text = explicit(TEXT, "UT", b"a-b\xfc")
    data_set = decoded(declared + explicit(SEQUENCE, "SQ", item(declared + text)) + text)
    assert data_set.TextValue == "a-bü"
    written = BytesIO()
    data_set.save_as(written, implicit_vr=False, little_endian=True)
    assert b"a-b\xfc" in written.getvalue()
    assert b"punycode" not in written.getvalue()


def test_what_is_converted_declares_what_it_declared() -> None:
    data = implicit(CHARSET, b"KLINGON ") + implicit(TEXT, b"a-b\xfc")
    assert (
        converted(implicit(SEQUENCE, item(data)) + data, IMPLICIT, EXPLICIT).count(
            explicit(CHARSET, "CS", b"KLINGON ")
        )
        == 2
    )


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("place", PLACES)
def test_character_sets_without_end_are_refused_in_an_item(place: str) -> None:
    terms = b"ISO_IR 6\\" * 200
    data, syntax = places(explicit(CHARSET, "CS", terms), implicit(CHARSET, terms))[place]
    with pytest.raises(PDUError, match="in 1800 characters"):
        decoded(data, syntax)


@pytest.mark.parametrize("term", ["ISO-IR 192", "utf8", "UTF-8 ", "ISO_IR 192", "iso_ir 192"])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_misspelt_in_an_item_is_what_is_meant(place: str, term: str) -> None:
    declared, name = term.encode(), "Mü^A".encode() + b" "
    content = explicit(CHARSET, "CS", declared) + explicit(0x0010_0010, "PN", name)
    implicitly = implicit(CHARSET, declared) + implicit(0x0010_0010, name)
    (inner,) = value(decoded(*places(content, implicitly)[place]))
    assert inner.PatientName == "Mü^A"
    assert inner.SpecificCharacterSet == "ISO_IR 192"


def test_an_item_has_the_character_set_that_is_declared_behind_its_sequence() -> None:
    inside = item(explicit(0x0010_0010, "PN", "Mü^A".encode() + b" "))
    data = explicit(0x0004_1220, "SQ", inside) + explicit(CHARSET, "CS", b"ISO_IR 192")
    assert value(decoded(data), 0x0004_1220)[0].PatientName == "Mü^A"


# --- what is no sequence, though the dictionaries say so --------------------------------------

NO_SEQUENCES = {
    "another tag": deep(66, b"\xfe\xff\x01\xe0"),
    "another tag, many levels": deep(300, b"\xfe\xff\x01\xe0"),
    "an odd length before many levels": item(
        explicit(0x0008_0050, "SH", b"abc") + explicit(SEQUENCE, "SQ", deep(66, item()[:4]))
    ),
    "a VR that does not exist": item(explicit(0x0008_0050, "z!", b"ab")),
    "no items": b"what it is",
    "half a header": item()[:6],
}


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("broken", NO_SEQUENCES.values(), ids=NO_SEQUENCES)
@pytest.mark.parametrize("creator", [None, CREATOR])
def test_what_cannot_be_a_sequence_remains_bytes(creator: bytes | None, broken: bytes) -> None:
    tag = PRIVATE if creator else SEQUENCE
    broken += b"\0" * (len(broken) % 2)
    element = (creator or b"") + explicit(tag, "UN", broken)
    nested = explicit(0x0008_1115, "SQ", item(element))
    data = nested + element if creator is None else element
    data_set = decoded(data)
    assert (data_set[tag].VR, value(data_set, tag)) == ("UN", broken)
    assert str(data_set)
    assert encode_data_set(data_set, EXPLICIT) == data
    (inner,) = value(decoded(nested), 0x0008_1115)
    assert (inner[tag].VR, value(inner, tag)) == ("UN", broken)
    if creator:
        data = CREATOR[:4] + CREATOR[6:7] + bytes(3) + CREATOR[8:] + implicit(tag, broken)
        assert value(decoded(data, IMPLICIT), tag) == broken


def test_what_a_private_dictionary_calls_a_sequence_is_one() -> None:
    inside = implicit(0x0008_1150, b"1.2.34")
    for data, syntax in (
        (CREATOR + explicit(PRIVATE, "UN", item(inside)), EXPLICIT),
        (implicit(0x0071_0010, b"AGFA-AG_HPState ") + implicit(PRIVATE, item(inside)), IMPLICIT),
    ):
        data_set = decoded(data, syntax)
        assert value(data_set, PRIVATE)[0].ReferencedSOPClassUID == "1.2.34"
        nested = explicit(SEQUENCE, "SQ", item(data)) if syntax == EXPLICIT else None
        if nested:
            assert value(value(decoded(nested))[0], PRIVATE)[0].ReferencedSOPClassUID == "1.2.34"


@pytest.mark.pitfall(30)
@pytest.mark.parametrize(
    ("vr", "name"),
    [("LO", b"\x1b(BAGFA-AG_HPState"), ("LO", b"A\\B "), ("LO", b"\xc4B"), ("US", b"\0\1\0\1")],
)
def test_nobody_looks_up_a_creator_whose_name_depends_on_more(vr: str, name: bytes) -> None:
    tower = deep(66, b"\xfe\xff\x01\xe0")
    data = explicit(0x0071_0010, vr, name) + explicit(PRIVATE, "UN", tower)
    data_set = decoded(data)
    assert value(data_set, PRIVATE) == tower


def test_elements_in_a_big_endian_un_are_read() -> None:
    inside = (0x0028_0010).to_bytes(4) + bytes((0, 0, 0, 2, 0, 7))
    data = explicit(
        SEQUENCE,
        "UN",
        item(inside, order=">") + item(order=">")[:2] + b"\xe0\xdd\0\0\0\0",
        length=UNDEFINED,
        order=">",
    )
    assert value(decoded(data, BIG_ENDIAN))[0].Rows == 7


@pytest.mark.pitfall(30)
def test_more_levels_than_python_can_follow_are_refused_whatever_the_limit() -> None:
    with pytest.raises(PDUError, match="than Python can follow"):
        read_data_set(
            explicit(SEQUENCE, "SQ", deep(1500, item()[:4])), EXPLICIT, Limits(nesting=2000)
        )
