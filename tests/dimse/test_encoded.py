"""Data sets that stay undecoded until somebody asks."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID

from tests.dimse.elements import (
    BIG_ENDIAN,
    END_OF_SEQUENCE,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    UNDEFINED,
    explicit,
    implicit,
    item,
    open_item,
)
from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._dimse.part10 import read_head
from trio_dicom.errors import LocalProtocolError, PDUError

NAME = explicit(0x0010_0010, "PN", b"Doe^John")


def test_a_data_set_is_decoded_once_and_kept() -> None:
    encoded = EncodedDataSet(NAME, EXPLICIT)
    assert len(encoded) == len(NAME)
    assert encoded.decode() is encoded.decode()
    assert type(encoded.decode()) is Dataset
    assert encoded.decode().PatientName == "Doe^John"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_will_do(kind: type) -> None:
    assert EncodedDataSet(kind(NAME), EXPLICIT).decode().PatientName == "Doe^John"
    assert EncodedDataSet(kind(NAME), EXPLICIT) == EncodedDataSet(NAME, EXPLICIT)


def test_the_representation_shows_no_patient() -> None:
    encoded = EncodedDataSet(NAME, EXPLICIT)
    encoded.decode()
    assert "Doe" not in repr(encoded)


def test_pixel_data_know_their_transfer_syntax() -> None:
    pixels = explicit(0x7FE0_0010, "OB", item() + item(b"ab") + END_OF_SEQUENCE, length=UNDEFINED)
    data_set = EncodedDataSet(pixels, JPEG).decode()
    assert data_set.file_meta.TransferSyntaxUID == JPEG
    assert data_set["PixelData"].is_undefined_length
    assert not hasattr(EncodedDataSet(NAME, EXPLICIT).decode(), "file_meta")


def test_implicit_vr_is_not_guessed_away() -> None:
    # A length of 4141H looks like the VR "AA", which makes pydicom change its mind.
    data = implicit(0x0008_0119, b"A" * 0x4142)
    assert EncodedDataSet(data, IMPLICIT).decode().LongCodeValue == "A" * 0x4142


def test_sequences_of_undefined_length_are_sequences_in_implicit_vr_too() -> None:
    content = item(implicit(0x0008_0020, b"20260101")) + END_OF_SEQUENCE
    data = implicit(0x0009_1001, content, length=UNDEFINED)
    (element,) = EncodedDataSet(data, IMPLICIT).decode()
    assert element.VR == "SQ"
    assert element.value[0].StudyDate == "20260101"


@pytest.mark.scenario("B53")
def test_invalid_uids_are_kept_as_they_are() -> None:
    encoded = EncodedDataSet(explicit(0x0008_0018, "UI", b"1.02.x&3"), UID("1.2.840.10008.1.2.1"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert encoded.decode().SOPInstanceUID == "1.02.x&3"
    assert EncodedDataSet(b"", "not a UID").transfer_syntax == "not a UID"  # type: ignore[arg-type]


# --- character sets ------------------------------------------------------------------


@pytest.mark.scenario("B54")
def test_a_declared_character_set_is_used() -> None:
    name = explicit(0x0010_0010, "PN", "Müller".encode() + b" ")
    declared = explicit(0x0008_0005, "CS", b"ISO_IR 192")
    assert EncodedDataSet(declared + name, EXPLICIT).decode().PatientName == "Müller"


@pytest.mark.scenario("B54")
def test_the_fallback_counts_where_none_is_declared() -> None:
    name = explicit(0x0010_0010, "PN", "Müller".encode() + b" ")
    encoded = EncodedDataSet(name, EXPLICIT)
    assert encoded.decode().PatientName != "Müller"
    assert encoded.decode(fallback_charset="ISO_IR 192").PatientName == "Müller"
    nested = EncodedDataSet(explicit(0x0008_1140, "SQ", item(name)), EXPLICIT)
    outer = nested.decode(fallback_charset="ISO_IR 192")
    assert outer.ReferencedImageSequence[0].PatientName == "Müller"
    declared = explicit(0x0008_0005, "CS", b"ISO_IR 100") + explicit(
        0x0010_0010, "PN", b"M\xfcller"
    )
    both = EncodedDataSet(declared, EXPLICIT).decode(fallback_charset="ISO_IR 192")
    assert both.PatientName == "Müller"


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("term", ["KLINGON", "punycode", "idna", "zlib", "A\0B", "ISO_IR 999"])
def test_a_character_set_that_does_not_exist_is_the_default(term: str) -> None:
    declared = term.encode() + b" " * (len(term) & 1)
    data = explicit(0x0008_0005, "CS", declared) + explicit(0x0010_0010, "PN", b"M\xfcller")
    # Nobody is warned with what the peer says: warnings are errors here.
    data_set = EncodedDataSet(data, EXPLICIT).decode()
    assert data_set.original_character_set == ["iso8859"]
    assert data_set.PatientName == "Müller"


@pytest.mark.parametrize(
    "term", ["ISO-IR 192", "ISO IR 192", "utf8", "UTF-8", "ISO_IR 192", "ISO_IR 192 "]
)
def test_a_character_set_that_is_misspelt_is_what_is_meant(term: str) -> None:
    declared = term.encode() + b" " * (len(term) & 1)
    data = explicit(0x0008_0005, "CS", declared) + explicit(0x0010_0010, "PN", b"M\xc3\xbc ")
    assert EncodedDataSet(data, EXPLICIT).decode().PatientName == "Mü"


@pytest.mark.pitfall(30)
def test_character_sets_without_end_are_refused() -> None:
    for terms, is_taken in ((64, True), (65, False)):
        declared = (b"ISO 2022 IR 100\\" * terms)[:-1] + b" "
        data = explicit(0x0008_0005, "CS", declared)
        if is_taken:
            EncodedDataSet(data, EXPLICIT).decode()
        else:
            with pytest.raises(PDUError, match="in 1040 characters"):
                EncodedDataSet(data, EXPLICIT).decode()


def test_items_where_the_character_set_belongs_declare_none() -> None:
    charset = explicit(0x0008_0005, "UN", item() + END_OF_SEQUENCE, length=UNDEFINED)
    nested = explicit(0x0009_1001, "UN", item() + END_OF_SEQUENCE, length=UNDEFINED)
    name = explicit(0x0010_0010, "PN", "Ängström".encode())
    decoded = EncodedDataSet(charset + nested + name, EXPLICIT).decode(
        fallback_charset="ISO_IR 192"
    )
    assert decoded.PatientName == "Ängström"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_what_follows_a_sequence_is_read_too(syntax: UID) -> None:
    if syntax == IMPLICIT:
        inside = implicit(0x0008_1150, b"1.2.34")
        sequences = implicit(0x0008_1140, item(inside)) + implicit(
            0x0008_1199, open_item(inside) + END_OF_SEQUENCE, length=UNDEFINED
        )
        around = implicit(0x0008_0060, b"CT"), implicit(0x0010_0020, b"ID")
    else:
        inside = explicit(0x0008_1150, "UI", b"1.2.34")
        sequences = explicit(0x0008_1140, "SQ", item(inside)) + explicit(
            0x0008_1199, "SQ", open_item(inside) + END_OF_SEQUENCE, length=UNDEFINED
        )
        around = explicit(0x0008_0060, "CS", b"CT"), explicit(0x0010_0020, "LO", b"ID")
    decoded = EncodedDataSet(around[0] + sequences + around[1], syntax).decode()
    assert (decoded.Modality, decoded.PatientID) == ("CT", "ID")
    assert decoded.ReferencedImageSequence[0].ReferencedSOPClassUID == "1.2.34"
    assert decoded.ReferencedSOPSequence[0].ReferencedSOPClassUID == "1.2.34"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (explicit(0x0010_0020, "LO", b"abc"), "odd length 3"),
        (explicit(0x0010_0020, "LO", b"ab", length=4), "claims 4 bytes where 2 are left"),
        (explicit(0x0010_0020, "XX", b"ab"), "unknown VR"),
        (explicit(0x0000_0002, "UI", b"1.2.34"), "no place"),
        (explicit(0xFFFE_E0DD, "LO", b"ab"), "no place"),
        (b"\x10\0\x20\0LO\2", "within an element's header"),
    ],
)
def test_what_is_wrong_behind_sound_elements_is_found(data: bytes, complaint: str) -> None:
    with pytest.raises(PDUError, match=complaint):
        EncodedDataSet(NAME + data, EXPLICIT).decode()


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (implicit(0x0010_0020, b"abc"), "odd length 3"),
        (implicit(0x0010_0020, b"ab", length=4), "claims 4 bytes where 2 are left"),
        (implicit(0x0010_0020, length=UNDEFINED), "cannot have an undefined length"),
        (implicit(0x0002_0010, b"1.2.34"), "no place"),
        (b"\x10\0\x20\0\2\0\0", "within an element's header"),
    ],
)
def test_so_it_is_in_implicit_vr(data: bytes, complaint: str) -> None:
    with pytest.raises(PDUError, match=complaint):
        EncodedDataSet(implicit(0x0010_0010, b"Doe^John") + data, IMPLICIT).decode()


# --- pydicom's files -----------------------------------------------------------------

BROKEN = {"MR_truncated.dcm", "SC_rgb_jpeg.dcm"}


def test_pydicoms_files_are_read_as_pydicom_reads_them(pydicom_files: Path) -> None:
    read = 0
    for path in sorted(pydicom_files.glob("*.dcm")):
        with path.open("rb") as file:
            try:
                head = read_head(file, path)
            except LocalProtocolError:
                continue
            file.seek(head.offset)
            encoded = EncodedDataSet(file.read(), head.transfer_syntax)
        if path.name in BROKEN:
            with pytest.raises(PDUError):
                encoded.decode()
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours, theirs = encoded.decode(), dcmread(path, force=True)
            assert Dataset(ours) == Dataset(theirs), path.name
            read += 1
    assert read > 60


def test_a_big_endian_data_set_is_read() -> None:
    rows = explicit(0x0028_0010, "US", b"\x01\x02", order=">")
    assert EncodedDataSet(rows, BIG_ENDIAN).decode().Rows == 0x0102


def test_a_stored_data_set_is_a_value() -> None:
    stored = StoredDataSet(
        path=Path("x.dcm"),
        offset=330,
        length=1000,
        transfer_syntax=EXPLICIT,
        sop_class_uid=UID("1.2.3"),
        sop_instance_uid=UID("1.2.3.4"),
    )
    assert len(stored) == 1000
    assert stored == copy.copy(stored)
