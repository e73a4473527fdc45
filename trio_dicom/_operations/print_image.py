"""Images as a basic grayscale printer takes them: 8 or 12 bits, unsigned (PS3.4 H.4.3.1)."""

from __future__ import annotations

from math import gcd
from typing import Any, Final, Self

from attrs import field, frozen, validators
from pydicom import Dataset

from trio_dicom._operations.print_pixels import GrayscalePixels, Window
from trio_dicom.errors import LocalProtocolError

__all__ = ["PrintImage"]

_BYTE: Final = 8  # bits


@frozen(kw_only=True)
class PrintImage:
    """A grayscale image for a printer.

    Attributes:
        rows: Its height, in pixels.
        columns: Its width, in pixels.
        bits: Per pixel, 8 or 12.
        photometric_interpretation: ``MONOCHROME2``, or ``MONOCHROME1`` where 0 is white.
        pixel_data: The pixels from left to right, then from top to bottom: of one byte, or
            for 12 bits of two, the lower first. Not in the representation.
        aspect_ratio: Height and width of a pixel in relation, if it is no square.
    """

    rows: int
    columns: int
    bits: int = field(default=8, validator=validators.in_((8, 12)))
    photometric_interpretation: str = field(
        default="MONOCHROME2", validator=validators.in_(("MONOCHROME1", "MONOCHROME2"))
    )
    pixel_data: bytes = field(repr=False)
    aspect_ratio: tuple[int, int] | None = None

    def __attrs_post_init__(self) -> None:
        expected = self.rows * self.columns * self._bytes_per_pixel
        if len(self.pixel_data) != expected:
            raise LocalProtocolError(
                f"{len(self.pixel_data)} bytes of pixel data where {self.rows} rows of "
                f"{self.columns} pixels make {expected}"
            )

    @classmethod
    def of(
        cls,
        image: Dataset,
        *,
        frame: int = 0,
        window: Window | None = None,
        bits: int = 8,
    ) -> Self:
        """Make one of an image in memory.

        What a printer can take is taken as it is. Otherwise the values are rescaled and
        shown through a window (PS3.3 C.11.2.1.2.1). That takes a second for some million
        pixels; ``FilmSession.set_image`` does it in a thread.

        Args:
            image: A grayscale image that is not compressed. It is not changed.
            frame: Which of its frames, from 0 on.
            window: Centre and width of the window. None: the first window of the image;
                where it has none, from its smallest value to its greatest.
            bits: Per pixel of the result, 8 or 12, where it is not taken as it is.

        Raises:
            LocalProtocolError: It is no such image.
        """
        pixels = GrayscalePixels.of(image, frame)
        if window is None and pixels.fits_a_printer:
            bits, data = pixels.bits_stored, pixels.data
        else:
            data = pixels.shown(window, bits)
        return cls(
            rows=image.Rows,
            columns=image.Columns,
            bits=bits,
            photometric_interpretation=image.PhotometricInterpretation,
            pixel_data=data,
            aspect_ratio=_aspect_ratio(image),
        )

    def data_set(self) -> Dataset:
        """The item of the Basic Grayscale Image Sequence (2020,0110)."""
        item = Dataset()
        item.SamplesPerPixel = 1
        item.PhotometricInterpretation = self.photometric_interpretation
        item.Rows, item.Columns = self.rows, self.columns
        if self.aspect_ratio is not None:
            item.PixelAspectRatio = list(self.aspect_ratio)
        item.BitsAllocated = self._bytes_per_pixel * _BYTE
        item.BitsStored = self.bits
        item.HighBit = self.bits - 1
        item.PixelRepresentation = 0
        padding = b"\0" * (len(self.pixel_data) % 2)
        item.add_new("PixelData", "OB" if self.bits == _BYTE else "OW", self.pixel_data + padding)
        return item

    @property
    def _bytes_per_pixel(self) -> int:
        return 1 if self.bits == _BYTE else 2


def _aspect_ratio(image: Dataset) -> tuple[int, int] | None:
    ratio: Any = image.get("PixelAspectRatio")  # as pydicom has it
    if ratio and len(ratio) == len(("height", "width")):
        height, width = int(ratio[0]), int(ratio[1])
    else:
        spacing: Any = image.get("PixelSpacing") or image.get("ImagerPixelSpacing")
        if not spacing or len(spacing) != len(("height", "width")):
            return None
        # Whole numbers are wanted: micrometres will do.
        height, width = round(spacing[0] * 1000), round(spacing[1] * 1000)
    divisor = gcd(height, width)
    return None if height == width else (height // divisor, width // divisor)
