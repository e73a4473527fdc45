"""Lengths, delimiters and depth of what a peer calls a data set."""

from __future__ import annotations

import contextlib
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from tests.dimse.elements import (
    BIG_ENDIAN,
    DEFLATED,
    END_OF_SEQUENCE,
    EXPLICIT,
    IMPLICIT,
    NATIVE,
    UNDEFINED,
    explicit,
    implicit,
    item,
    open_item,
)
from trio_dicom._dimse.deflated import deflate, inflate
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.scan import Element, scan
from trio_dicom._dimse.syntax import encoding_of
from trio_dicom._dimse.transcode import encode_data_set
from trio_dicom.errors import PDUError
from trio_dicom.options import Limits

STUDY_DATE = 0x0008_0020
SEQUENCE = 0x0008_1140
PRIVATE = 0x0009_1001
PIXEL_DATA = 0x7FE0_0010


def scanned(data: bytes, syntax: UID, nesting: int = 8) -> list[Element]:
    return list(scan(data, encoding_of(syntax), nesting=nesting))


def levels(count: int, *, delimited: bool, syntax: UID) -> bytes:
    """A sequence of one item that holds a sequence of one item, and so on."""
    data = b""
    for _ in range(count):
        if delimited:
            content = open_item(data) + END_OF_SEQUENCE
            length = UNDEFINED
        else:
            content = item(data)
            length = len(content)
        if syntax == IMPLICIT:
            data = implicit(SEQUENCE, content, length=length)
        else:
            data = explicit(SEQUENCE, "SQ", content, length=length)
    return data


def test_elements_are_given_with_the_place_of_their_values() -> None:
    data = explicit(STUDY_DATE, "DA", b"20260101") + explicit(PIXEL_DATA, "OW", b"abcd")
    assert scanned(data, EXPLICIT) == [
        (STUDY_DATE, "DA", 8, 16, 8),
        (PIXEL_DATA, "OW", 28, 32, 4),
    ]


def test_implicit_elements_have_the_vr_of_the_dictionary_or_none() -> None:
    data = implicit(STUDY_DATE, b"20260101") + implicit(PRIVATE, b"ab") + implicit(0x0019_0010)
    assert [vr for _, vr, *_ in scanned(data, IMPLICIT)] == ["DA", None, "LO"]


def test_elements_unknown_to_the_standard_are_kept() -> None:
    data = implicit(0x0008_FFFE, b"ab") + implicit(0x0008_FFF0, b"cd")
    assert [vr for _, vr, *_ in scanned(data, IMPLICIT)] == [None, None]


def test_big_endian_elements_are_read() -> None:
    data = explicit(0x0028_0010, "US", b"\0\1", order=">")
    assert scanned(data, BIG_ENDIAN) == [(0x0028_0010, "US", 8, 10, 2)]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize("delimited", [False, True])
def test_as_many_levels_as_allowed_are_taken_and_not_one_more(syntax: UID, delimited: bool) -> None:
    data = levels(8, delimited=delimited, syntax=syntax)
    assert len(scanned(data, syntax, nesting=8)) == 1
    with pytest.raises(PDUError, match="deeper than 7"):
        scanned(data, syntax, nesting=7)


def test_without_any_level_a_sequence_is_refused() -> None:
    with pytest.raises(PDUError, match="deeper than 0"):
        scanned(levels(1, delimited=True, syntax=EXPLICIT), EXPLICIT, nesting=0)


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize("count, delimited", [(900, True), (1000, False), (100_000, True)])
def test_a_tower_of_sequences_is_refused_at_once(syntax: UID, count: int, delimited: bool) -> None:
    tower = levels(min(count, 1000), delimited=delimited, syntax=syntax) * (count // 900)
    started = time.perf_counter()
    with pytest.raises(PDUError, match="nest deeper than 64 levels"):
        EncodedDataSet(tower, syntax).decode()
    assert time.perf_counter() - started < 0.5


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("cut", range(1, 60))
def test_a_data_set_cut_anywhere_is_refused_or_ends_between_two_elements(cut: int) -> None:
    whole = (
        explicit(STUDY_DATE, "DA", b"20260101")
        + explicit(SEQUENCE, "SQ", open_item() + END_OF_SEQUENCE, length=UNDEFINED)
        + explicit(0x0010_0020, "LO", b"ID")
    )
    between = {16, 52, len(whole)}
    if cut in between:
        assert scanned(whole[:cut], EXPLICIT)
    elif cut < len(whole):
        with pytest.raises(PDUError):
            scanned(whole[:cut], EXPLICIT)


def test_a_beginning_gives_what_is_whole() -> None:
    data = explicit(STUDY_DATE, "DA", b"20260101") + explicit(0x0010_0020, "LO", b"ID")
    encoding = encoding_of(EXPLICIT)
    for cut in range(17, len(data)):
        found = list(scan(data[:cut], encoding, nesting=1, beginning=True))
        assert [tag for tag, *_ in found] == [STUDY_DATE]


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("tag", [0x0000_0100, 0x0002_0010, 0xFFFE_0001])
def test_groups_that_belong_elsewhere_are_refused(tag: int) -> None:
    with pytest.raises(PDUError, match="no place"):
        scanned(explicit(tag, "UI", b"1.2\0"), EXPLICIT)
    inner = item(explicit(tag, "UI", b"1.2\0"))
    with pytest.raises(PDUError, match="no place"):
        scanned(explicit(SEQUENCE, "SQ", inner), EXPLICIT)


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN])
def test_a_vr_of_the_future_has_the_form_of_un_and_is_read_as_such(syntax: UID) -> None:
    order = "<" if syntax == EXPLICIT else ">"
    future = explicit(PRIVATE, "UN", b"abcd", order=order).replace(b"UN", b"ZZ")
    name = explicit(0x0010_0010, "PN", b"A^B ", order=order)
    assert scanned(future, syntax) == [(PRIVATE, "UN", 12, 16, 4)]
    nested = explicit(SEQUENCE, "SQ", item(future + name, order=order), order=order)
    data_set = EncodedDataSet(nested + future + name, syntax).decode()
    for each in (data_set, data_set.ReferencedImageSequence[0]):
        assert each[PRIVATE].value == b"abcd"
        assert each.PatientName == "A^B"
    assert encode_data_set(data_set, syntax) == (nested + future + name).replace(b"ZZ", b"UN")
    # Of what the dictionary knows, a new VR is no news.
    known = explicit(STUDY_DATE, "UN", b"20260101").replace(b"UN", b"ZZ")
    assert EncodedDataSet(known, EXPLICIT).decode().StudyDate == "20260101"


@pytest.mark.parametrize("vr", ["ZZ", "??", "zz", "Z1", "\0\0"])
def test_a_vr_that_cannot_be_is_not_guessed(vr: str) -> None:
    short = explicit(STUDY_DATE, vr, b"ab")
    long = explicit(STUDY_DATE, "UN", b"ab").replace(b"UN", vr.encode())
    for data in (short,) if vr == "ZZ" else (short, long):
        with pytest.raises(PDUError, match="unknown VR"):
            scanned(data, EXPLICIT)
        with pytest.raises(PDUError, match="unknown VR"):
            scanned(explicit(SEQUENCE, "SQ", item(data)), EXPLICIT)


def test_implicit_elements_in_an_explicit_data_set_are_refused() -> None:
    with pytest.raises(PDUError, match="unknown VR"):
        scanned(implicit(STUDY_DATE, b"20260101"), EXPLICIT)


@pytest.mark.scenario("B55")
def test_odd_lengths_are_refused() -> None:
    with pytest.raises(PDUError, match="odd length 3"):
        scanned(explicit(0x0010_0020, "LO", b"abc"), EXPLICIT)
    inner = item(explicit(0x0010_0020, "LO", b"abc") + b"\0")
    with pytest.raises(PDUError, match="odd length 3"):
        scanned(explicit(SEQUENCE, "SQ", inner), EXPLICIT)


BROKEN_SEQUENCES = {
    "no item": explicit(STUDY_DATE, "DA", b"20260101"),
    "a delimiter that is not wanted": END_OF_SEQUENCE,
    "an item longer than its sequence": item(b"", length=10),
    "an item that does not end": item(explicit(STUDY_DATE, "DA", b""), length=UNDEFINED),
    "an item's delimiter where none is wanted": item(bytes.fromhex("feff0de000000000")),
    "an element longer than its item": item(explicit(STUDY_DATE, "DA", b"", length=8)),
    "a delimiter with a length": item(bytes.fromhex("feff0de002000000"), length=UNDEFINED),
    "half an item": item()[:6],
    "half an element": item(explicit(STUDY_DATE, "DA")[:6]),
}


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("content", BROKEN_SEQUENCES.values(), ids=BROKEN_SEQUENCES.keys())
def test_broken_sequences_are_refused(content: bytes) -> None:
    with pytest.raises(PDUError):
        scanned(explicit(SEQUENCE, "SQ", content), EXPLICIT)


def test_a_sequence_without_its_delimiter_is_refused() -> None:
    with pytest.raises(PDUError, match="lacks its delimiter"):
        scanned(explicit(SEQUENCE, "SQ", open_item(), length=UNDEFINED), EXPLICIT)


def test_sequences_of_all_forms_are_taken() -> None:
    inner = explicit(SEQUENCE, "SQ", item() + item(), length=16)
    content = item(inner) + open_item(inner) + item()
    data = (
        explicit(SEQUENCE, "SQ", content + END_OF_SEQUENCE, length=UNDEFINED)
        + explicit(0x0008_1250, "SQ", content)
        + explicit(0x0040_0275, "SQ")
    )
    assert [stop - start for _, _, start, stop, _ in scanned(data, EXPLICIT)] == [
        len(content),
        len(content),
        0,
    ]


FRAGMENTS = item(b"") + item(b"abcd") + END_OF_SEQUENCE


def test_fragments_are_taken_with_an_explicit_vr() -> None:
    data = explicit(PIXEL_DATA, "OB", FRAGMENTS, length=UNDEFINED)
    assert scanned(data, EXPLICIT) == [(PIXEL_DATA, "OB", 12, 12 + 20, UNDEFINED)]
    nested = explicit(SEQUENCE, "SQ", item(data))
    assert len(scanned(nested, EXPLICIT)) == 1


@pytest.mark.parametrize(
    "fragments",
    [
        item(b"abcd", length=400) + END_OF_SEQUENCE,
        item(b"abcd"),
        item(b"abc") + END_OF_SEQUENCE,
        explicit(STUDY_DATE, "DA", b"") + END_OF_SEQUENCE,
        END_OF_SEQUENCE[:6],
        END_OF_SEQUENCE[:4] + bytes.fromhex("02000000"),
    ],
)
def test_broken_fragments_are_refused(fragments: bytes) -> None:
    with pytest.raises(PDUError):
        scanned(explicit(PIXEL_DATA, "OB", fragments, length=UNDEFINED), EXPLICIT)


def test_an_undefined_length_is_refused_where_it_means_nothing() -> None:
    with pytest.raises(PDUError, match="undefined length"):
        scanned(explicit(0x0008_0119, "UC", FRAGMENTS, length=UNDEFINED), EXPLICIT)
    with pytest.raises(PDUError, match="undefined length"):
        scanned(implicit(PIXEL_DATA, FRAGMENTS, length=UNDEFINED), IMPLICIT)
    with pytest.raises(PDUError, match="undefined length"):
        scanned(explicit(PIXEL_DATA, "OB", b"", length=UNDEFINED, order=">"), BIG_ENDIAN)


def un_tower(count: int, *, vr: str) -> bytes:
    """Values of unknown VR in each other, which pydicom may take for sequences."""
    data = b""
    for _ in range(count):
        data = explicit(PRIVATE, vr, item(data))
    return data


@pytest.mark.pitfall(30)
def test_levels_hidden_in_unknown_values_count() -> None:
    assert len(scanned(un_tower(8, vr="UN"), EXPLICIT, nesting=8)) == 1
    with pytest.raises(PDUError, match="deeper"):
        scanned(un_tower(9, vr="UN"), EXPLICIT, nesting=8)
    hidden = b""
    for _ in range(9):
        hidden = implicit(PRIVATE, item(hidden))
    with pytest.raises(PDUError, match="deeper"):
        scanned(hidden, IMPLICIT, nesting=8)
    with pytest.raises(PDUError, match="deeper"):
        scanned(explicit(PRIVATE, "UN", item(hidden)), EXPLICIT, nesting=8)


def test_unknown_values_that_are_no_sequence_are_left_alone() -> None:
    junk = item(b"junk", length=400)
    data = (
        implicit(PRIVATE, junk)
        + implicit(0x0009_1002, b"\xfe\xff")
        + implicit(0x0008_FFF0, levels(9, delimited=False, syntax=IMPLICIT))
    )
    assert len(scanned(data, IMPLICIT, nesting=1)) == 3
    # In another byte order, and cut within its first element.
    big = explicit(PRIVATE, "UN", item(b"abcd", order=">"), order=">")
    assert len(scanned(big, BIG_ENDIAN)) == 1
    assert len(scanned(explicit(PRIVATE, "UN", item(b"ab")), EXPLICIT)) == 1


def test_un_of_undefined_length_holds_items_in_implicit_or_explicit_vr() -> None:
    content = open_item(implicit(STUDY_DATE, b"20260101")) + item(
        explicit(STUDY_DATE, "DA", b"20260102")
    )
    data = explicit(PRIVATE, "UN", content + END_OF_SEQUENCE, length=UNDEFINED)
    (element,) = EncodedDataSet(data, EXPLICIT).decode()
    assert element.VR == "SQ"
    assert [each.StudyDate for each in element.value] == ["20260101", "20260102"]
    nested = explicit(SEQUENCE, "SQ", item(data))
    assert len(scanned(nested, EXPLICIT, nesting=2)) == 1
    with pytest.raises(PDUError, match="deeper"):
        scanned(nested, EXPLICIT, nesting=1)


@given(st.binary(max_size=200), st.sampled_from(NATIVE))
def test_random_bytes_raise_nothing_but_pdu_errors(data: bytes, syntax: UID) -> None:
    with contextlib.suppress(PDUError):
        EncodedDataSet(data, syntax).decode()


@given(st.data())
def test_bytes_changed_at_random_raise_nothing_but_pdu_errors(data: st.DataObject) -> None:
    whole = bytearray(
        explicit(STUDY_DATE, "DA", b"20260101")
        + explicit(
            SEQUENCE, "SQ", open_item(un_tower(2, vr="UN")) + END_OF_SEQUENCE, length=UNDEFINED
        )
        + explicit(PIXEL_DATA, "OB", FRAGMENTS, length=UNDEFINED)
    )
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(PDUError):
        scanned(bytes(whole), EXPLICIT)


# --- deflated ------------------------------------------------------------------------


@pytest.mark.scenario("B13")
def test_a_deflated_stream_of_odd_length_gets_one_nul() -> None:
    lengths = set()
    for size in range(40):
        data = bytes(range(size))
        stream = deflate(data)
        raw = zlib.compressobj(wbits=-15)
        bare = raw.compress(data) + raw.flush()
        lengths.add(len(bare) % 2)
        assert len(stream) % 2 == 0
        assert stream == bare + b"\0" * (len(bare) % 2)
        assert inflate(stream, limit=size) == data
    assert lengths == {0, 1}


def test_gzips_trailer_behind_a_deflated_data_set_is_ignored() -> None:
    stream = deflate(b"abcd").rstrip(b"\0")
    assert inflate(stream + bytes(9), limit=10) == b"abcd"
    with pytest.raises(PDUError, match="followed"):
        inflate(stream + bytes(100), limit=10)


@pytest.mark.parametrize(
    "stream, says", [(b"\xff\xff\xff\xff", "no deflate"), (deflate(bytes(99))[:4], "middle")]
)
def test_what_is_no_whole_deflate_stream_is_refused(stream: bytes, says: str) -> None:
    with pytest.raises(PDUError, match=says):
        EncodedDataSet(stream, DEFLATED).decode()


@pytest.mark.pitfall(30)
def test_a_deflate_bomb_is_refused_quickly_and_in_bounded_memory() -> None:
    compressor = zlib.compressobj(wbits=-15)
    chunk = bytes(1 << 20)
    bomb = b"".join(compressor.compress(chunk) for _ in range(256)) + compressor.flush()
    assert len(bomb) < 300_000
    limit = 1 << 20
    tracemalloc.start()
    started = time.perf_counter()
    with pytest.raises(PDUError, match=f"more than {limit}"):
        EncodedDataSet(bomb, DEFLATED).decode(Limits(inflated=limit))
    assert time.perf_counter() - started < 0.5
    assert tracemalloc.get_traced_memory()[1] < 8 * limit
    tracemalloc.stop()
