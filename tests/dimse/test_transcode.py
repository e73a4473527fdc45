"""Data sets into other transfer syntaxes: every value preserved, or refused."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from tests.dimse.elements import (
    BIG_ENDIAN,
    DEFLATED,
    END_OF_SEQUENCE,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    NATIVE,
    PIXEL_DATA,
    PRIVATE_SYNTAX,
    RLE,
    UNDEFINED,
    converted,
    explicit,
    item,
    with_syntax,
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

# --- which may become which -----------------------------------------------------------


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


# --- as it is -------------------------------------------------------------------------


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


# --- pydicom's files ------------------------------------------------------------------


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


# --- pixel data -----------------------------------------------------------------------

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
