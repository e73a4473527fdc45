"""Images for a printer: what is taken as it is, what is shown through a window, what is refused."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, JPEG2000Lossless

from trio_dicom import LocalProtocolError, PrintImage


def image(values: list[int], *, allocated: int = 16, **attributes: Any) -> Dataset:
    """An image of one row with these values."""
    code = {8: "B", 16: "H"}[allocated]
    mask = (1 << allocated) - 1
    data_set = Dataset()
    data_set.SamplesPerPixel = 1
    data_set.PhotometricInterpretation = "MONOCHROME2"
    data_set.Rows, data_set.Columns = 1, len(values)
    data_set.BitsAllocated = data_set.BitsStored = allocated
    data_set.HighBit = allocated - 1
    data_set.PixelRepresentation = 0
    data_set.PixelData = array(code, [value & mask for value in values]).tobytes()
    for keyword, value in attributes.items():
        setattr(data_set, keyword, value)
    return data_set


TWELVE = {"BitsStored": 12, "HighBit": 11}
SIGNED = {"PixelRepresentation": 1}


def test_eight_and_twelve_unsigned_bits_are_taken_as_they_are() -> None:
    eight = PrintImage.of(image([0, 7, 255], allocated=8))
    assert (eight.bits, eight.pixel_data) == (8, b"\x00\x07\xff")
    twelve = PrintImage.of(image([0, 7, 4095], **TWELVE))
    assert (twelve.bits, twelve.pixel_data) == (12, b"\x00\x00\x07\x00\xff\x0f")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        # From the smallest to the greatest value, where there is no window.
        (image([100, 200, 300]), [0, 128, 255]),
        (image([-100, 0, 100], **SIGNED), [0, 128, 255]),
        (image([7, 7]), [0, 0]),
        # The window of PS3.3 C.11.2.1.2.1: its edges, and what lies outside.
        (image([0, 50, 100, 101, 200], WindowCenter=100.5, WindowWidth=101), [0, 0, 128, 130, 255]),
        (image([99, 100, 101], WindowCenter=[100, 5], WindowWidth=[1, 9]), [0, 255, 255]),
        # In the units of the image.
        (
            image([0, 1000, 2000], RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=1000.5,
                  WindowWidth=4001),
            [0, 128, 255],
        ),
        # Only the bits that count: here 4, from bit 7 to bit 4.
        (image([0x0F0F, 0xF00F, 0xFFF0], BitsStored=4, HighBit=7), [0, 0, 255]),
        (image([0x80, 0x00, 0x7F], allocated=8, **SIGNED), [0, 128, 255]),
        # What would fit, but asks for a window.
        (image([0, 128, 255], allocated=8, WindowCenter=128.5, WindowWidth=1), [0, 0, 255]),
    ],
)  # fmt: skip
def test_other_values_are_shown_through_a_window(source: Dataset, shown: list[int]) -> None:
    before = source.PixelData
    result = PrintImage.of(source)
    assert result.bits == 8
    assert list(result.pixel_data) == shown
    assert source.PixelData is before


def test_the_caller_chooses_window_and_bits() -> None:
    source = image([0, 2048, 4095], **TWELVE)
    assert list(PrintImage.of(source, window=(2048.5, 4096)).pixel_data) == [0, 128, 255]
    twelve = PrintImage.of(image([0, 100, 200]), bits=12)
    assert twelve.bits == 12
    assert list(array("H", twelve.pixel_data)) == [0, 2048, 4095]
    with pytest.raises(LocalProtocolError, match="at least 1 wide"):
        PrintImage.of(source, window=(0, 0.5))


def test_a_frame_is_chosen() -> None:
    source = image([1, 2, 3, 4], allocated=8)
    source.Columns, source.NumberOfFrames = 2, 2
    assert PrintImage.of(source).pixel_data == b"\x01\x02"
    assert PrintImage.of(source, frame=1).pixel_data == b"\x03\x04"
    for frame in (2, -1):
        with pytest.raises(LocalProtocolError, match=f"no frame {frame}"):
            PrintImage.of(source, frame=frame)


def test_big_endian_pixels_are_turned() -> None:
    source = image([0x0100, 0xFF0F], **TWELVE)
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    assert PrintImage.of(source).pixel_data == b"\x01\x00\xff\x0f"


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"PhotometricInterpretation": "RGB"}, "RGB is not grayscale"),
        ({"SamplesPerPixel": 3}, "not grayscale"),
        ({"BitsAllocated": 32}, "32 bits per pixel"),
        ({"PixelData": b"\0\0"}, "no frame 0 of 4 bytes"),
        ({"Rows": None}, "no frame 0 of 0 bytes"),
    ],
)
def test_what_cannot_be_printed_is_refused(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(LocalProtocolError, match=message):
        PrintImage.of(image([1, 2], **attributes))


def test_a_compressed_image_is_refused() -> None:
    source = image([1, 2])
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = JPEG2000Lossless
    with pytest.raises(LocalProtocolError, match="decompress"):
        PrintImage.of(source)


def test_a_real_image_is_shown(pydicom_files: Path) -> None:
    source = dcmread(pydicom_files / "CT_small.dcm")
    result = PrintImage.of(source, window=(40, 400))
    assert (result.rows, result.columns, result.bits) == (128, 128, 8)
    assert len(set(result.pixel_data)) > 100
    assert result.aspect_ratio is None


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"PixelAspectRatio": ["2", "1"]}, (2, 1)),
        ({"PixelAspectRatio": ["1", "1"]}, None),
        ({"PixelSpacing": ["0.5", "0.25"]}, (2, 1)),
        ({"ImagerPixelSpacing": ["0.5", "0.5"]}, None),
        ({}, None),
    ],
)
def test_the_shape_of_the_pixels_is_kept(
    attributes: dict[str, Any], expected: tuple[int, int] | None
) -> None:
    assert PrintImage.of(image([1, 2], **attributes)).aspect_ratio == expected


def test_an_image_is_an_item_of_the_standard() -> None:
    odd = PrintImage(rows=1, columns=3, pixel_data=b"abc", aspect_ratio=(2, 1)).data_set()
    assert odd.PixelData == b"abc\0"
    assert odd["PixelData"].VR == "OB"
    assert (odd.BitsAllocated, odd.BitsStored, odd.HighBit) == (8, 8, 7)
    assert odd.PixelAspectRatio == [2, 1]
    wide = PrintImage(
        rows=1, columns=1, bits=12, photometric_interpretation="MONOCHROME1", pixel_data=b"ab"
    ).data_set()
    assert wide["PixelData"].VR == "OW"
    assert (wide.BitsAllocated, wide.BitsStored, wide.HighBit) == (16, 12, 11)
    assert wide.PhotometricInterpretation == "MONOCHROME1"
    assert "PixelAspectRatio" not in wide


def test_pixels_that_make_no_image_are_refused() -> None:
    with pytest.raises(LocalProtocolError, match="make 4"):
        PrintImage(rows=2, columns=2, pixel_data=b"abc")
    assert "abcd" not in repr(PrintImage(rows=2, columns=2, pixel_data=b"abcd"))
