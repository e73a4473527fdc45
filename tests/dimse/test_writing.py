"""What callers build, and sequences, group lengths and character sets on the way out."""

from __future__ import annotations

import copy
import io
from array import array
from pathlib import Path

import pytest
from pydicom import Dataset, Sequence, dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import Tag
from pydicom.uid import UID

from tests.dimse.elements import (
    BIG_ENDIAN,
    DEFLATED,
    END_OF_SEQUENCE,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    PIXEL_DATA,
    SEQUENCE,
    UNDEFINED,
    converted,
    explicit,
    implicit,
    item,
    open_item,
    with_syntax,
)
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.part10 import file_meta_bytes
from trio_dicom._dimse.transcode import (
    NotConvertible,
    encode_data_set,
    encode_pieces,
)
from trio_dicom.errors import LocalProtocolError

# --- sequences and group lengths ------------------------------------------------------


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


# --- what callers build ---------------------------------------------------------------


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
    # As pydicom reads what is empty: without a value rather than with an empty one.
    empty = RawDataElement(Tag(0x0008_0050), None, 0, None, 0, True, True)
    data_set[empty.tag] = empty
    encode_data_set(data_set, EXPLICIT)
    assert all(isinstance(element, RawDataElement) for element in data_set.values())


@pytest.mark.pitfall(9)
def test_values_that_are_still_in_their_file_are_read_and_sent(tmp_path: Path) -> None:
    path = tmp_path / "deferred.dcm"
    data = explicit(0x0010_0010, "PN", b"ab") + explicit(PIXEL_DATA, "OW", bytes(range(200)))
    path.write_bytes(
        file_meta_bytes(sop_class_uid="1.2", sop_instance_uid="1.3", transfer_syntax=EXPLICIT)
        + data
    )
    data_set = dcmread(path, defer_size=100)
    assert encode_data_set(data_set, EXPLICIT) == data


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


# --- character sets -------------------------------------------------------------------


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


@pytest.mark.scenario("B54")
def test_text_behind_escapes_goes_out_in_the_charset_that_is_declared_now() -> None:
    japanese = b"Yamada=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"  # seven bits each, and yet no ASCII
    declared = explicit(0x0008_0005, "CS", b"\\ISO 2022 IR 87 ")
    data = declared + explicit(0x0010_0010, "PN", japanese)
    data_set = EncodedDataSet(data, EXPLICIT).decode()
    assert encode_data_set(data_set, EXPLICIT) == data
    data_set.SpecificCharacterSet = "ISO_IR 192"
    assert encode_data_set(data_set, EXPLICIT).endswith("Yamada=山田^太郎".encode())


@pytest.mark.scenario("B54")
@pytest.mark.parametrize("name", ["山田?太郎", ["Müller", "山田"]])
@pytest.mark.parametrize("charset", [None, "ISO_IR 100", ["ISO_IR 100", "ISO_IR 126"]])
def test_text_that_its_charset_lacks_is_never_sent_as_question_marks(
    name: str | list[str], charset: str | list[str] | None
) -> None:
    data_set = Dataset()
    data_set.SpecificCharacterSet = charset
    data_set.OtherPatientNames = name
    with pytest.raises(LocalProtocolError, match=r"\(0010,1001\) has characters that"):
        encode_data_set(data_set, EXPLICIT)


@pytest.mark.scenario("B54")
@pytest.mark.parametrize(
    "charset", ["ISO_IR 192", "GB18030", ["", "ISO 2022 IR 87"], ["ISO_IR 6", "ISO 2022 IR 149"]]
)
def test_question_marks_of_the_callers_own_are_sent(charset: str | list[str]) -> None:
    data_set = Dataset()
    data_set.SpecificCharacterSet = charset
    data_set.PatientName = "Yamada^Tarou=山田^太郎=?" if "87" in charset[-1] else "홍^길동?=洪"
    if charset == "GB18030":
        data_set.PatientName = "Wang^XiaoDong=王^小东?"
    wire = encode_data_set(data_set, EXPLICIT)
    assert EncodedDataSet(wire, EXPLICIT).decode().PatientName == data_set.PatientName


def test_an_empty_character_set_declares_nothing() -> None:
    data_set = Dataset()
    data_set.SpecificCharacterSet = None
    data_set.PatientName = "Müller"
    assert encode_data_set(data_set, EXPLICIT).endswith(b"M\xfcller")


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize("is_read", [False, True], ids=["set", "as it was read"])
def test_a_long_value_is_not_copied(syntax: UID, is_read: bool) -> None:
    pixels, after = bytes(1 << 20), bytes(2 << 20)
    data_set = Dataset()
    data_set.PatientID = "1"
    data_set.PixelData = pixels
    data_set["PixelData"].VR = "OW"
    data_set.DataSetTrailingPadding = after
    whole = encode_data_set(data_set, syntax)
    if is_read:
        data_set = EncodedDataSet(whole, syntax).decode()
        pixels, after = (data_set.get_item(tag).value for tag in (0x7FE00010, 0xFFFCFFFC))
    head, *pieces = encode_pieces(data_set, syntax)
    assert b"".join([head, *pieces]) == whole
    assert pieces[0] is pixels
    assert pieces[2] is after
    assert len(pieces) == 3


ELEMENT = b"\x10\0\x20\0LO\2\x001 "


@pytest.mark.parametrize("data", [ELEMENT, memoryview(b"head" + ELEMENT)[4:]])
def test_bytes_that_are_in_the_wanted_syntax_are_not_copied(data: bytes | memoryview) -> None:
    (piece,) = encode_pieces(EncodedDataSet(data, EXPLICIT), EXPLICIT)
    assert piece is data


@pytest.mark.parametrize(
    "data",
    [
        bytearray(ELEMENT),
        memoryview(bytearray(ELEMENT)),
        memoryview(array("H", ELEMENT)),
        memoryview(ELEMENT).cast("B", (2, 5)),
        memoryview(b"".join(bytes((byte, 0)) for byte in ELEMENT))[::2],
    ],
    ids=["bytearray", "view of one", "of words", "of two dimensions", "with gaps"],
)
def test_what_can_change_or_is_not_flat_is_copied(data: bytearray | memoryview) -> None:
    encoded = EncodedDataSet(data, EXPLICIT)
    assert len(encoded) == len(ELEMENT)
    (piece,) = encode_pieces(encoded, EXPLICIT)
    assert isinstance(piece, bytes)
    assert piece == ELEMENT


def test_an_odd_long_value_is_padded() -> None:
    data_set = Dataset()
    data_set.PixelData = bytes((1 << 20) + 1)
    data_set["PixelData"].VR = "OB"
    pieces = encode_pieces(data_set, EXPLICIT)
    assert list(map(len, pieces)) == [12, (1 << 20) + 2]
