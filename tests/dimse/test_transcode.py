"""Data sets into other transfer syntaxes: every value preserved, or refused."""

from __future__ import annotations

import copy
import io
import warnings
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, Sequence, dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import UID

from tests.dimse.elements import (
    BIG_ENDIAN,
    DEFLATED,
    END_OF_SEQUENCE,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    NATIVE,
    RLE,
    UNDEFINED,
    explicit,
    implicit,
    item,
    open_item,
)
from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._dimse.part10 import read_head
from trio_dicom._dimse.syntax import encoding_of
from trio_dicom._dimse.transcode import (
    NotConvertible,
    can_convert,
    encode_data_set,
    source_syntax,
)
from trio_dicom.errors import LocalProtocolError

PRIVATE_SYNTAX = UID("1.2.3.4.5")
PIXEL_DATA = 0x7FE0_0010
SEQUENCE = 0x0008_1140


def converted(data: bytes, source: UID, target: UID) -> bytes:
    return encode_data_set(EncodedDataSet(data, source), target)


def with_syntax(data_set: Dataset, syntax: UID) -> Dataset:
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = syntax
    return data_set


# --- which may become which ----------------------------------------------------------


@pytest.mark.scenario("B16")
def test_the_uncompressed_syntaxes_become_each_other_and_nothing_else_does() -> None:
    for source in NATIVE:
        assert all(can_convert(source, target) for target in NATIVE)
        assert not can_convert(source, JPEG)
        assert not can_convert(JPEG, source)
    assert can_convert(JPEG, JPEG)
    assert not can_convert(JPEG, RLE)
    assert can_convert(PRIVATE_SYNTAX, PRIVATE_SYNTAX)
    assert not can_convert(PRIVATE_SYNTAX, EXPLICIT)


def test_data_name_the_syntax_that_they_need() -> None:
    stored = StoredDataSet(
        path=Path("x"),
        offset=0,
        length=0,
        transfer_syntax=RLE,
        sop_class_uid=UID("1.2"),
        sop_instance_uid=UID("1.3"),
    )
    assert source_syntax(None) is None
    assert source_syntax(stored) == RLE
    assert source_syntax(EncodedDataSet(b"", JPEG)) == JPEG
    assert source_syntax(Dataset()) is None
    no_name = Dataset()
    no_name.file_meta = FileMetaDataset()
    assert source_syntax(no_name) is None
    assert source_syntax(with_syntax(Dataset(), EXPLICIT)) == EXPLICIT
    assert source_syntax(with_syntax(Dataset(), JPEG)) is None
    with_pixels = with_syntax(Dataset(), JPEG)
    with_pixels.PixelData = encapsulate([b"ab"])
    assert source_syntax(with_pixels) == JPEG


# --- as it is ------------------------------------------------------------------------


@pytest.mark.scenario("B55")
@pytest.mark.parametrize("syntax", [*NATIVE, JPEG, PRIVATE_SYNTAX])
def test_what_is_in_the_right_syntax_goes_out_byte_for_byte(syntax: UID) -> None:
    data = b"not even a data set."
    assert converted(data, syntax, syntax) == data
    assert encode_data_set(EncodedDataSet(memoryview(data), syntax), syntax) == data


@pytest.mark.scenario("B55")
def test_a_data_set_of_odd_length_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="odd length"):
        converted(b"abc", EXPLICIT, EXPLICIT)


@pytest.mark.scenario("B13")
def test_a_deflated_data_set_of_odd_length_gets_its_padding() -> None:
    assert converted(b"abc", DEFLATED, DEFLATED) == b"abc\0"


@pytest.mark.scenario("B13")
def test_deflating_changes_not_one_element() -> None:
    data = explicit(0x0010_0020, "LO", b"ID") + explicit(0x0008_0020, "DA", b"20260101")
    deflated = converted(data, EXPLICIT, DEFLATED)
    assert len(deflated) % 2 == 0
    assert converted(deflated, DEFLATED, EXPLICIT) == data


@pytest.mark.scenario("B55")
@pytest.mark.parametrize("syntax", NATIVE)
def test_an_empty_data_set_gives_no_bytes(syntax: UID) -> None:
    assert encode_data_set(Dataset(), syntax) == b""


# --- pydicom's files -----------------------------------------------------------------


def described(data_set: Dataset, *, little_endian: bool) -> dict[int, Any]:
    """Every element with a comparable value, binary words in little endian."""
    found: dict[int, Any] = {}
    for element in data_set:
        value = element.value
        if element.tag.element == 0:
            continue
        if element.VR == "SQ":
            value = [described(each, little_endian=little_endian) for each in value]
        elif isinstance(value, bytes) and element.VR == "OW" and not little_endian:
            swapped = bytearray(value)
            swapped[0::2], swapped[1::2] = value[1::2], value[0::2]
            value = bytes(swapped)
        found[element.tag] = value or None
    return found


def files_in_native_syntaxes(folder: Path) -> list[tuple[Path, EncodedDataSet]]:
    files: list[tuple[Path, EncodedDataSet]] = []
    for path in sorted(folder.glob("*.dcm")):
        with path.open("rb") as file:
            try:
                head = read_head(file, path)
            except LocalProtocolError:
                continue
            file.seek(head.offset)
            if head.transfer_syntax in NATIVE and "truncated" not in path.name:
                files.append((path, EncodedDataSet(file.read(), head.transfer_syntax)))
    return files


@pytest.mark.scenario("B16")
@pytest.mark.pitfall(9, 10)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", NATIVE)
def test_pydicoms_files_keep_every_element_in_every_syntax(
    pydicom_files: Path, target: UID
) -> None:
    refused: set[str] = set()
    files = files_in_native_syntaxes(pydicom_files)
    for path, encoded in files:
        source = encoded.transfer_syntax
        fresh, touched = encoded.decode(), dcmread(path, force=True)
        list(touched.iterall())
        expected = described(
            dcmread(path, force=True), little_endian=encoding_of(source).little_endian
        )
        for data in (encoded, copy.deepcopy(fresh), touched):
            before = copy.deepcopy(data)
            try:
                wire = encode_data_set(data, target)
            except NotConvertible:
                refused.add(path.name)
                continue
            assert len(wire) % 2 == 0
            back = EncodedDataSet(wire, target).decode()
            found = described(back, little_endian=encoding_of(target).little_endian)
            if path.name == "waveform_ecg.dcm" and target == IMPLICIT:
                # Two private elements of unknown creators: only their bytes are left.
                for tag in (0x1455_100D, 0x7001_1153):
                    assert found.pop(tag)
                assert found == {k: v for k, v in expected.items() if k in found}
            else:
                assert found == expected, path.name
            assert data == before
            if data is not encoded and source == target != DEFLATED:
                assert wire == encoded.data
    assert len(files) > 25
    assert refused == REFUSED[target]


# Samples of 32 bits have two byte orders in the field; the last one has private
# elements of unknown VR.
_DOSES = {"rtdose.dcm", "rtdose_1frame.dcm"}
_BIG_DOSES = {"rtdose_expb.dcm", "rtdose_expb_1frame.dcm"}
REFUSED = {
    IMPLICIT: _BIG_DOSES,
    EXPLICIT: _BIG_DOSES,
    DEFLATED: _BIG_DOSES,
    BIG_ENDIAN: _DOSES | {"badVR.dcm"},
}


@pytest.mark.scenario("B16")
@pytest.mark.filterwarnings("ignore")
def test_samples_are_the_same_in_files_that_others_wrote(pydicom_files: Path) -> None:
    numpy = pytest.importorskip("numpy")
    little = dcmread(pydicom_files / "MR_small.dcm")
    big = dcmread(pydicom_files / "MR_small_bigendian.dcm")
    ours = EncodedDataSet(encode_data_set(big, EXPLICIT), EXPLICIT).decode()
    assert ours.PixelData == little.PixelData
    assert numpy.array_equal(ours.pixel_array, little.pixel_array)


# --- implicit into explicit ----------------------------------------------------------


@pytest.mark.scenario("B16", "B54")
def test_private_elements_that_nobody_knows_become_un() -> None:
    data = implicit(0x0009_0010, b"NOBODY'S") + implicit(0x0009_1001, b"abcd")
    wire = explicit(0x0009_0010, "LO", b"NOBODY'S") + explicit(0x0009_1001, "UN", b"abcd")
    assert converted(data, IMPLICIT, EXPLICIT) == wire
    assert converted(wire, EXPLICIT, IMPLICIT) == data


@pytest.mark.scenario("B16")
def test_standard_elements_that_nobody_knows_become_un() -> None:
    data = implicit(0x0008_FFF0, b"ab")
    assert converted(data, IMPLICIT, EXPLICIT) == explicit(0x0008_FFF0, "UN", b"ab")


@pytest.mark.scenario("B54")
def test_private_elements_that_the_dictionary_knows_get_their_vr() -> None:
    creator = implicit(0x0009_0010, b"GEMS_IDEN_01")
    data = creator + implicit(0x0009_1001, b"AB") + implicit(0x0009_1027, b"\1\0\0\0")
    wire = converted(data, IMPLICIT, EXPLICIT)
    assert wire.endswith(
        explicit(0x0009_1001, "LO", b"AB") + explicit(0x0009_1027, "SL", b"\1\0\0\0")
    )
    # A value that cannot be what the dictionary says is nobody's.
    data = creator + implicit(0x0009_1027, b"\1\0")
    assert converted(data, IMPLICIT, EXPLICIT).endswith(explicit(0x0009_1027, "UN", b"\1\0"))


def test_a_private_creator_that_somebody_has_looked_at_counts() -> None:
    data_set = EncodedDataSet(
        implicit(0x0009_0010, b"GEMS_IDEN_01") + implicit(0x0009_1001, b"AB"), IMPLICIT
    ).decode()
    assert data_set[0x0009_0010].value == "GEMS_IDEN_01"
    assert encode_data_set(data_set, EXPLICIT).endswith(explicit(0x0009_1001, "LO", b"AB"))
    data_set[0x0009_0010].value = None
    assert encode_data_set(data_set, EXPLICIT).endswith(explicit(0x0009_1001, "UN", b"AB"))


def test_private_sequences_are_sequences_if_they_look_like_it() -> None:
    creator = implicit(0x2001_0010, b"Philips Imaging DD 001")
    inner = implicit(0x0008_0020, b"20260101")
    data = creator + implicit(0x2001_105F, item(inner))
    expected = explicit(0x2001_105F, "SQ", item(explicit(0x0008_0020, "DA", b"20260101")))
    assert converted(data, IMPLICIT, EXPLICIT).endswith(expected)
    data = creator + implicit(0x2001_105F, b"no items here.")
    assert converted(data, IMPLICIT, EXPLICIT).endswith(
        explicit(0x2001_105F, "UN", b"no items here.")
    )


@pytest.mark.scenario("B16")
def test_what_16_bits_cannot_count_becomes_un() -> None:
    text = b"1\\" * 32_767 + b"23"
    assert len(text) == 65_536
    data = implicit(0x3006_0050, text)
    assert converted(data, IMPLICIT, EXPLICIT) == explicit(0x3006_0050, "UN", text)
    assert converted(data, IMPLICIT, BIG_ENDIAN) == explicit(0x3006_0050, "UN", text, order=">")
    longest = implicit(0x3006_0050, text[:65_534])
    assert converted(longest, IMPLICIT, EXPLICIT)[4:6] == b"DS"
    # UN is little endian wherever it is, so numbers would be in the wrong order.
    numbers = implicit(0x0018_9810, bytes(65_536))
    assert converted(numbers, IMPLICIT, EXPLICIT)[4:6] == b"UN"
    with pytest.raises(NotConvertible, match="little endian always"):
        converted(numbers, IMPLICIT, BIG_ENDIAN)


def test_a_vr_that_does_not_exist_is_not_written() -> None:
    data_set = Dataset(
        {Tag(0x0008_0020): RawDataElement(Tag(0x0008_0020), "ZZ", 2, b"ab", 0, False, True)}
    )
    with pytest.raises(NotConvertible, match="unknown VR 'ZZ'"):
        encode_data_set(data_set, EXPLICIT)


BITS = 0x0028_0100


@pytest.mark.scenario("B16")
@pytest.mark.parametrize(
    ("context", "tag", "vr"),
    [
        (implicit(BITS, b"\x08\0"), PIXEL_DATA, "OB"),
        (implicit(BITS, b"\x10\0"), PIXEL_DATA, "OW"),
        (b"", PIXEL_DATA, "OW"),
        (implicit(0x5400_1004, b"\x08\0"), 0x5400_1010, "OB"),
        (b"", 0x5400_1010, "OW"),
        (b"", 0x6000_3000, "OW"),
        (implicit(0x0028_0103, b"\1\0"), 0x0028_0106, "SS"),
        (implicit(0x0028_0103, b"\0\0"), 0x0028_0106, "US"),
        (b"", 0x0028_0106, "US"),
        (b"", 0x0028_3006, "US"),
    ],
)
def test_ambiguous_vrs_are_resolved_as_the_standard_says(context: bytes, tag: int, vr: str) -> None:
    data = b"".join(sorted([context, implicit(tag, b"\1\2")], key=lambda raw: raw[:4]))
    wire = converted(data, IMPLICIT, EXPLICIT)
    assert explicit(tag, vr, b"\1\2") in wire


def test_longer_look_up_tables_are_words() -> None:
    data = implicit(0x0028_3006, b"\1\2\3\4")
    assert converted(data, IMPLICIT, EXPLICIT) == explicit(0x0028_3006, "OW", b"\1\2\3\4")


@pytest.mark.scenario("B16")
def test_the_context_of_an_ambiguous_vr_may_lie_around_it() -> None:
    smallest = implicit(0x0028_0106, b"\xff\xff")
    data = implicit(SEQUENCE, item(smallest)) + implicit(0x0028_0103, b"\1\0")
    wire = converted(data, IMPLICIT, EXPLICIT)
    assert explicit(0x0028_0106, "SS", b"\xff\xff") in wire


def test_a_context_that_somebody_has_set_counts() -> None:
    data_set = Dataset()
    data_set.BitsAllocated = 8
    data_set.PixelData = b"abcd"
    assert explicit(PIXEL_DATA, "OB", b"abcd") in encode_data_set(data_set, EXPLICIT)
    data_set.BitsAllocated = None
    assert explicit(PIXEL_DATA, "OW", b"abcd") in encode_data_set(data_set, EXPLICIT)
    data_set[0x0028_0100].value = [8, 8]
    assert explicit(PIXEL_DATA, "OW", b"abcd") in encode_data_set(data_set, EXPLICIT)


# --- big endian ----------------------------------------------------------------------

WORDS = {
    "AT": (0x0028_0009, b"\1\2\3\4", b"\2\1\4\3"),
    "US": (0x0028_0010, b"\1\2", b"\2\1"),
    "SL": (0x0018_6020, b"\1\2\3\4", b"\4\3\2\1"),
    "FD": (0x0018_602C, b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
    "OW": (0x0028_1201, b"\1\2\3\4", b"\2\1\4\3"),
    "OL": (0x0066_0040, b"\1\2\3\4", b"\4\3\2\1"),
    "OF": (0x7FE0_0008, b"\1\2\3\4", b"\4\3\2\1"),
    "OD": (0x7FE0_0009, b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
    "OV": (0x7FE0_0001, b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
    "OB": (PIXEL_DATA, b"\1\2\3\4", b"\1\2\3\4"),
    "LO": (0x0010_0020, b"ab", b"ab"),
}


@pytest.mark.scenario("B16")
@pytest.mark.parametrize(("vr", "element"), WORDS.items(), ids=WORDS)
def test_words_are_swapped_as_their_vr_says(vr: str, element: tuple[int, bytes, bytes]) -> None:
    tag, little, big = element
    wire = explicit(tag, vr, big, order=">")
    assert converted(explicit(tag, vr, little), EXPLICIT, BIG_ENDIAN) == wire
    assert converted(wire, BIG_ENDIAN, EXPLICIT) == explicit(tag, vr, little)
    data_set = EncodedDataSet(wire, BIG_ENDIAN).decode()
    list(data_set)
    assert encode_data_set(with_syntax(data_set, BIG_ENDIAN), EXPLICIT) == explicit(tag, vr, little)


def test_binary_values_of_a_new_data_set_are_little_endian() -> None:
    data_set = Dataset()
    data_set.RedPaletteColorLookupTableData = b"\1\2"
    assert encode_data_set(data_set, BIG_ENDIAN)[-2:] == b"\2\1"
    assert encode_data_set(data_set, IMPLICIT)[-2:] == b"\1\2"


@pytest.mark.scenario("B16")
@pytest.mark.parametrize(
    ("data", "source"),
    [
        (explicit(0x0009_1001, "UN", b"abcd"), EXPLICIT),
        (implicit(0x0009_1001, b"abcd"), IMPLICIT),
        (implicit(0x0008_FFF0, b"abcd"), IMPLICIT),
        (
            implicit(0x0009_0010, b"GEMS_IDEN_01") + implicit(0x0009_1027, b"\1\0\0\0"),
            IMPLICIT,
        ),
    ],
    ids=["UN", "private", "unknown", "known by a private dictionary only"],
)
def test_words_whose_size_nobody_states_are_not_swapped(data: bytes, source: UID) -> None:
    with pytest.raises(NotConvertible, match="nobody knows the byte order"):
        converted(data, source, BIG_ENDIAN)


@pytest.mark.scenario("B16")
def test_what_needs_no_swapping_goes_into_big_endian() -> None:
    private = (
        explicit(0x0009_0010, "LO", b"NOBODY'S")
        + explicit(0x0009_1001, "UN", b"")
        + explicit(0x0009_1002, "OB", b"ab")
    )
    assert converted(private, EXPLICIT, BIG_ENDIAN)[-2:] == b"ab"
    known = implicit(0x0009_0010, b"GEMS_IDEN_01") + implicit(0x0009_1001, b"AB")
    assert converted(known, IMPLICIT, BIG_ENDIAN)[-2:] == b"AB"


@pytest.mark.scenario("B16")
def test_a_private_value_whose_sender_states_the_vr_is_swapped() -> None:
    stated = explicit(0x0009_0010, "LO", b"NOBODY'S") + explicit(0x0009_1001, "US", b"\1\2")
    assert converted(stated, EXPLICIT, BIG_ENDIAN)[-2:] == b"\2\1"


def test_samples_longer_than_a_word_are_not_swapped() -> None:
    data = explicit(BITS, "US", b"\x20\0") + explicit(PIXEL_DATA, "OW", b"abcd")
    with pytest.raises(NotConvertible, match="longer than a word"):
        converted(data, EXPLICIT, BIG_ENDIAN)


def test_half_a_word_cannot_be_swapped() -> None:
    with pytest.raises(NotConvertible, match="no whole number"):
        converted(explicit(0x0066_0040, "OL", b"ab"), EXPLICIT, BIG_ENDIAN)


# --- sequences and group lengths -----------------------------------------------------


def sequence(order: str = "<", *, text: bytes = b"20260101") -> bytes:
    inner = explicit(0x0008_0020, "DA", text, order=order)
    content = item(inner, order=order) + item(order=order)
    return explicit(SEQUENCE, "SQ", content, order=order)


def test_sequences_are_converted_at_every_level() -> None:
    assert converted(sequence(), EXPLICIT, BIG_ENDIAN) == sequence(">")
    assert converted(sequence(">"), BIG_ENDIAN, EXPLICIT) == sequence()


def test_undefined_lengths_stay_undefined() -> None:
    inner = implicit(0x0008_0020, b"20260101")
    data = implicit(SEQUENCE, open_item(inner) + item(inner) + END_OF_SEQUENCE, length=UNDEFINED)
    inner = explicit(0x0008_0020, "DA", b"20260101")
    wire = explicit(
        SEQUENCE, "SQ", open_item(inner) + item(inner) + END_OF_SEQUENCE, length=UNDEFINED
    )
    assert converted(data, IMPLICIT, EXPLICIT) == wire
    assert converted(wire, EXPLICIT, IMPLICIT) == data


def test_group_lengths_are_right_in_the_new_encoding() -> None:
    data = (
        implicit(0x0008_0000, b"\x01\0\0\0")
        + implicit(0x0008_1195, b"1.2\0")
        + implicit(0x0010_0000, b"\x09\0\0\0")
        + implicit(0x0020_0010, b"ab")
    )
    wire = (
        explicit(0x0008_0000, "UL", b"\x0c\0\0\0")
        + explicit(0x0008_1195, "UI", b"1.2\0")
        + explicit(0x0010_0000, "UL", bytes(4))
        + explicit(0x0020_0010, "SH", b"ab")
    )
    assert converted(data, IMPLICIT, EXPLICIT) == wire


@pytest.mark.parametrize("target", [EXPLICIT, JPEG])
def test_a_data_set_as_it_was_read_is_written_as_it_was(target: UID) -> None:
    wire = sequence(text=b"malformed ")
    assert (
        encode_data_set(with_syntax(EncodedDataSet(wire, EXPLICIT).decode(), EXPLICIT), EXPLICIT)
        == wire
    )
    assert encode_data_set(EncodedDataSet(wire, EXPLICIT).decode(), target) == wire


def test_malformed_data_are_not_converted() -> None:
    with pytest.raises(NotConvertible, match="malformed"):
        converted(b"no data set!", EXPLICIT, IMPLICIT)
    with pytest.raises(NotConvertible, match="malformed"):
        converted(b"\xff\xff\xff\xff", DEFLATED, EXPLICIT)
    broken = RawDataElement(Tag(SEQUENCE), "SQ", 4, b"abcd", 0, False, True)
    with pytest.raises(NotConvertible, match="malformed"):
        encode_data_set(Dataset({Tag(SEQUENCE): broken}), IMPLICIT)


def test_an_element_that_is_there_twice_is_not_lost() -> None:
    twice = explicit(0x0010_0020, "LO", b"ab") * 2
    assert converted(twice, EXPLICIT, EXPLICIT) == twice
    assert converted(twice, EXPLICIT, DEFLATED)
    with pytest.raises(NotConvertible, match="twice"):
        converted(twice, EXPLICIT, IMPLICIT)


# --- what callers build --------------------------------------------------------------


@pytest.mark.pitfall(10)
def test_a_data_set_that_a_caller_built_is_written_and_stays_as_it_is() -> None:
    child = Dataset()
    child.ReferencedSOPInstanceUID = "1.2"
    data_set = Dataset()
    data_set.PatientName = "Doe^John"
    data_set.SmallestImagePixelValue = 7
    data_set.ReferencedImageSequence = Sequence([child])
    data_set.StudyDescription = None
    before = copy.deepcopy(data_set)
    inner = explicit(0x0008_1155, "UI", b"1.2\0")
    assert encode_data_set(data_set, EXPLICIT) == (
        explicit(0x0008_1030, "LO")
        + explicit(SEQUENCE, "SQ", item(inner))
        + explicit(0x0010_0010, "PN", b"Doe^John")
        + explicit(0x0028_0106, "US", b"\x07\0")
    )
    assert data_set == before
    assert data_set["SmallestImagePixelValue"].VR == "US or SS"


@pytest.mark.pitfall(10)
def test_raw_elements_stay_raw() -> None:
    data_set = EncodedDataSet(
        implicit(0x0009_0010, b"GEMS_IDEN_01")
        + implicit(0x0009_1001, b"AB")
        + implicit(PIXEL_DATA, b"ab"),
        IMPLICIT,
    ).decode()
    encode_data_set(data_set, EXPLICIT)
    assert all(isinstance(element, RawDataElement) for element in data_set.values())


def test_odd_values_are_padded_as_their_vr_wants() -> None:
    data_set = Dataset()
    data_set.add_new(0x0009_1001, "UN", b"abc")
    data_set.PatientID = "abc"
    wire = explicit(0x0009_1001, "UN", b"abc\0") + explicit(0x0010_0020, "LO", b"abc ")
    assert encode_data_set(data_set, EXPLICIT) == wire
    odd = RawDataElement(Tag(0x0010_0020), "LO", 3, b"abc", 0, False, True)
    assert encode_data_set(Dataset({odd.tag: odd}), EXPLICIT) == explicit(
        0x0010_0020, "LO", b"abc "
    )


def test_a_look_up_table_may_be_numbers() -> None:
    data_set = Dataset()
    data_set.add(DataElement(0x0028_3006, "US or OW", [1, 2]))
    assert encode_data_set(data_set, BIG_ENDIAN) == explicit(
        0x0028_3006, "OW", b"\0\1\0\2", order=">"
    )


@pytest.mark.parametrize("tag", [0x0000_0100, 0x0002_0010])
def test_elements_of_other_places_are_refused(tag: int) -> None:
    data_set = Dataset({Tag(tag): RawDataElement(Tag(tag), "UI", 2, b"1\0", 0, False, True)})
    with pytest.raises(LocalProtocolError, match="no place"):
        encode_data_set(data_set, EXPLICIT)


def test_a_value_that_its_vr_cannot_hold_is_the_callers_error() -> None:
    data_set = Dataset()
    data_set.add(DataElement(0x0028_0010, "US", "secret", already_converted=True))
    with pytest.raises(LocalProtocolError) as caught:
        encode_data_set(data_set, EXPLICIT)
    assert "(0028,0010)" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_buffered_value_is_read_and_left_where_it_was() -> None:
    data_set = Dataset()
    data_set.BitsAllocated = 8
    buffer = io.BytesIO(b"abcd")
    data_set.PixelData = buffer
    assert encode_data_set(data_set, EXPLICIT).endswith(explicit(PIXEL_DATA, "OB", b"abcd"))
    assert buffer.tell() == 0


def test_a_value_that_32_bits_cannot_count_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from trio_dicom._dimse import writing

    monkeypatch.setattr(writing, "_LONGEST", 8)
    with pytest.raises(NotConvertible, match="32 bits"):
        converted(explicit(0x0028_1201, "OW", bytes(10)), EXPLICIT, IMPLICIT)


def test_a_data_set_nested_without_end_is_refused() -> None:
    data_set = Dataset()
    data_set.PatientID = "x"
    for _ in range(400):
        outer = Dataset()
        outer.ReferencedImageSequence = Sequence([data_set])
        data_set = outer
    with pytest.raises(LocalProtocolError, match="nests deeper"):
        encode_data_set(data_set, EXPLICIT)


# --- character sets ------------------------------------------------------------------


@pytest.mark.scenario("B54")
def test_text_goes_out_in_the_charset_that_is_declared_now() -> None:
    latin = explicit(0x0008_0005, "CS", b"ISO_IR 100")
    name = explicit(0x0010_0010, "PN", b"M\xfcller")
    nested = explicit(SEQUENCE, "SQ", item(name))
    data_set = EncodedDataSet(latin + nested + name, EXPLICIT).decode()
    assert encode_data_set(data_set, EXPLICIT) == latin + nested + name
    data_set.SpecificCharacterSet = "ISO_IR 192"
    utf8 = explicit(0x0010_0010, "PN", "Müller".encode() + b" ")
    assert encode_data_set(data_set, EXPLICIT) == (
        explicit(0x0008_0005, "CS", b"ISO_IR 192") + explicit(SEQUENCE, "SQ", item(utf8)) + utf8
    )
    data_set.SpecificCharacterSet = ["ISO_IR 192"]
    assert encode_data_set(data_set, EXPLICIT).endswith(utf8)


@pytest.mark.scenario("B54")
def test_text_read_by_a_fallback_is_written_as_it_was() -> None:
    name = explicit(0x0010_0010, "PN", "Müller".encode() + b" ")
    data_set = EncodedDataSet(name, EXPLICIT).decode(fallback_charset="ISO_IR 192")
    assert data_set.PatientName == "Müller"
    assert encode_data_set(data_set, EXPLICIT) == name


def test_an_empty_character_set_declares_nothing() -> None:
    data_set = Dataset()
    data_set.SpecificCharacterSet = None
    data_set.PatientName = "Müller"
    assert encode_data_set(data_set, EXPLICIT).endswith(b"M\xfcller")


# --- pixel data ----------------------------------------------------------------------

FRAGMENTS = item() + item(b"abcd")
ENCAPSULATED = explicit(PIXEL_DATA, "OB", FRAGMENTS + END_OF_SEQUENCE, length=UNDEFINED)
BARE = explicit(PIXEL_DATA, "OB", b"abcd")


@pytest.mark.pitfall(9)
@pytest.mark.parametrize("target", NATIVE)
def test_compressed_data_are_never_converted(target: UID) -> None:
    with pytest.raises(NotConvertible, match="without a codec"):
        converted(ENCAPSULATED, JPEG, target)
    data_set = EncodedDataSet(ENCAPSULATED, JPEG).decode()
    with pytest.raises(NotConvertible, match="without a codec"):
        encode_data_set(data_set, target)
    del data_set.file_meta
    with pytest.raises(NotConvertible, match="encapsulated"):
        encode_data_set(data_set, target)


@pytest.mark.scenario("B12")
@pytest.mark.parametrize("touched", [False, True])
def test_compressed_data_go_out_in_their_own_syntax(touched: bool) -> None:
    data_set = EncodedDataSet(ENCAPSULATED, JPEG).decode()
    if touched:
        assert data_set.PixelData == FRAGMENTS
    assert encode_data_set(data_set, JPEG) == ENCAPSULATED


@pytest.mark.scenario("B12")
def test_compressed_data_that_a_caller_set_become_fragments() -> None:
    data_set = with_syntax(Dataset(), JPEG)
    data_set.PixelData = encapsulate([b"abcd"], has_bot=False)
    assert encode_data_set(data_set, JPEG) == ENCAPSULATED


@pytest.mark.pitfall(9)
def test_uncompressed_data_do_not_go_out_as_compressed_ones() -> None:
    data_set = EncodedDataSet(BARE, EXPLICIT).decode()
    with pytest.raises(NotConvertible, match="without a codec"):
        encode_data_set(data_set, JPEG)
    del data_set.file_meta
    with pytest.raises(NotConvertible, match="not encapsulated"):
        encode_data_set(data_set, JPEG)
    assert encode_data_set(data_set, PRIVATE_SYNTAX) == BARE


def test_an_icon_in_compressed_data_may_be_uncompressed() -> None:
    data = explicit(0x0088_0200, "SQ", item(BARE)) + ENCAPSULATED
    data_set = EncodedDataSet(data, JPEG).decode()
    list(data_set.iterall())
    assert encode_data_set(data_set, JPEG) == data


@pytest.mark.pitfall(9)
def test_a_compressed_icon_keeps_a_data_set_in_its_syntax() -> None:
    data = explicit(0x0088_0200, "SQ", item(ENCAPSULATED))
    data_set = with_syntax(EncodedDataSet(data, JPEG).decode(), JPEG)
    assert source_syntax(data_set) is None
    assert encode_data_set(data_set, JPEG) == data
    with pytest.raises(NotConvertible, match="encapsulated"):
        encode_data_set(data_set, EXPLICIT)


def test_broken_fragments_do_not_leave() -> None:
    data_set = with_syntax(Dataset(), JPEG)
    data_set.PixelData = item(b"abcd", length=400)
    with pytest.raises(LocalProtocolError, match="broken"):
        encode_data_set(data_set, JPEG)


def test_a_data_set_of_pydicoms_own_sorts_itself(pydicom_files: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        deferred = dcmread(pydicom_files / "CT_small.dcm", defer_size=1000)
        whole = dcmread(pydicom_files / "CT_small.dcm")
    assert encode_data_set(deferred, EXPLICIT) == encode_data_set(whole, EXPLICIT)
