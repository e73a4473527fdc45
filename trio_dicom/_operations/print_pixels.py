"""The pixels of a grayscale image, and what they look like through a window."""

from __future__ import annotations

import sys
from array import array
from typing import Any, Final, Self

from attrs import field, frozen
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.syntax import encoding_of, is_native
from trio_dicom._operations.reading import uid_of
from trio_dicom.errors import LocalProtocolError

__all__ = ["GrayscalePixels", "Window"]

_BYTE: Final = 8  # bits
_GRAYSCALE: Final = ("MONOCHROME1", "MONOCHROME2")

Window = tuple[float, float]
"""Centre and width of the values that are shown, in the units of the image."""


@frozen(kw_only=True)
class GrayscalePixels:
    """One frame of a grayscale image as it is stored.

    Attributes:
        bits_allocated: Per pixel, 8 or 16.
        bits_stored: How many of them count.
        high_bit: The highest of those.
        is_signed: Whether the values are signed.
        slope: What a value is multiplied with, to be in the units of the image.
        intercept: What is added to it then.
        window: The first window that the image has.
        data: The pixels, of two bytes the lower first.
    """

    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    slope: float
    intercept: float
    window: Window | None
    data: bytes = field(repr=False)

    @classmethod
    def of(cls, image: Dataset, frame: int) -> Self:
        """Take them out of an image.

        Raises:
            LocalProtocolError: It is no grayscale image of 8 or 16 bits, is compressed, or
                has no such frame.
        """
        photometric = str(image.get("PhotometricInterpretation", ""))
        if image.get("SamplesPerPixel", 1) != 1 or photometric not in _GRAYSCALE:
            raise LocalProtocolError(f"an image of {photometric or 'no kind'} is not grayscale")
        pixels = (image.get("Rows") or 0) * (image.get("Columns") or 0)
        allocated = image.get("BitsAllocated")
        if allocated not in (_BYTE, 2 * _BYTE):
            raise LocalProtocolError(f"an image of {allocated} bits per pixel cannot be printed")
        stored = image.get("BitsStored", allocated)
        return cls(
            bits_allocated=allocated,
            bits_stored=stored,
            high_bit=image.get("HighBit", stored - 1),
            is_signed=image.get("PixelRepresentation", 0) == 1,
            slope=float(_first(image.get("RescaleSlope")) or 1),
            intercept=float(_first(image.get("RescaleIntercept")) or 0),
            window=_window(image),
            data=_frame(image, frame, pixels * (allocated // _BYTE)),
        )

    @property
    def fits_a_printer(self) -> bool:
        """Whether a printer can take them as they are, and nothing asks for a window."""
        return (
            (self.bits_allocated, self.bits_stored) in ((8, 8), (16, 12))
            and self.high_bit == self.bits_stored - 1
            and not self.is_signed
            and self.window is None
            and (self.slope, self.intercept) == (1, 0)
        )

    def shown(self, window: Window | None, bits: int) -> bytes:
        """The pixels through a window, unsigned (PS3.3 C.11.2.1.2.1).

        Args:
            window: The window; None: that of the image, and where it has none, from its
                smallest value to its greatest.
            bits: Per pixel of the result: one byte for 8, two for more.
        """
        raw = _native(self.data) if self.bits_allocated > _BYTE else self.data
        values = {number: self._value(number) for number in set(raw)}
        window = window or self.window or _whole(values.values())
        if window[1] < 1:
            raise LocalProtocolError(f"a window is at least 1 wide, not {window[1]:g}")
        shown = {
            number: _through(value, window, (1 << bits) - 1) for number, value in values.items()
        }
        pixels = map(shown.__getitem__, raw)
        return bytes(pixels) if bits <= _BYTE else _little(array("H", pixels))

    def _value(self, number: int) -> float:
        """What the bits of one pixel mean."""
        number = (number >> (self.high_bit + 1 - self.bits_stored)) & ((1 << self.bits_stored) - 1)
        if self.is_signed and number >> (self.bits_stored - 1):
            number -= 1 << self.bits_stored
        return number * self.slope + self.intercept


def _through(value: float, window: Window, white: int) -> int:
    centre, width = window[0] - 0.5, window[1] - 1
    if value <= centre - width / 2:
        return 0
    if value > centre + width / 2:
        return white
    return round(((value - centre) / width + 0.5) * white)


def _whole(values: Any) -> Window:
    lowest, highest = min(values, default=0), max(values, default=0)
    return (lowest + highest) / 2 + 0.5, highest - lowest + 1


def _window(image: Dataset) -> Window | None:
    centre, width = _first(image.get("WindowCenter")), _first(image.get("WindowWidth"))
    if centre is None or width is None or float(width) < 1:
        return None
    return float(centre), float(width)


def _first(value: Any) -> Any:  # as pydicom has it: nothing, one, or several
    if value is None or isinstance(value, str | float | int):
        return value or None if isinstance(value, str) else value
    return value[0] if len(value) else None


def _frame(image: Dataset, frame: int, size: int) -> bytes:
    syntax = _transfer_syntax(image)
    if syntax is not None and not is_native(syntax):
        raise LocalProtocolError(f"an image in {syntax.name} cannot be printed: decompress it")
    data: bytes = image.get("PixelData") or b""
    data = data[frame * size : (frame + 1) * size]
    if frame < 0 or len(data) != size or not size:
        raise LocalProtocolError(f"the image has no frame {frame} of {size} bytes of pixel data")
    if image.BitsAllocated > _BYTE and syntax and not encoding_of(syntax).little_endian:
        swapped = array("H", data)
        swapped.byteswap()
        return swapped.tobytes()
    return data


def _transfer_syntax(image: Dataset) -> UID | None:
    meta = getattr(image, "file_meta", None)
    return None if meta is None else uid_of(meta, "TransferSyntaxUID")


def _native(data: bytes) -> array[int]:
    values = array("H", data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _little(values: array[int]) -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()
