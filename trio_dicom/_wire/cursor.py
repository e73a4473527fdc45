"""A reader over bytes that never reads past their end."""

from __future__ import annotations

from attrs import define, field

from trio_dicom.errors import PDUError

__all__ = ["Cursor"]


@define(eq=False)
class Cursor:
    """Reads big-endian numbers and slices, front to back, without copying.

    Everything that the bytes are too short for is a ``PDUError`` which names
    what was being read.

    Attributes:
        what: What the bytes are, in words, for the error.
    """

    _data: memoryview
    what: str
    _at: int = field(default=0, init=False)

    @property
    def remaining(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def u8(self) -> int:
        """The next byte as a number."""
        return self.take(1)[0]

    def u16(self) -> int:
        """The next two bytes as a number."""
        return int.from_bytes(self.take(2), "big")

    def u32(self) -> int:
        """The next four bytes as a number."""
        return int.from_bytes(self.take(4), "big")

    def take(self, count: int) -> memoryview:
        """The next ``count`` bytes.

        Raises:
            PDUError: Fewer than ``count`` bytes are left.
        """
        start = self._at
        end = start + count
        if end > len(self._data):
            raise PDUError(
                f"{self.what}: {count} bytes should follow, but only {self.remaining} do"
            )
        self._at = end
        return self._data[start:end]

    def rest(self) -> memoryview:
        """All the bytes that are left."""
        return self.take(self.remaining)

    def sub(self, count: int, what: str) -> Cursor:
        """A cursor over the next ``count`` bytes, which are a ``what``."""
        return Cursor(self.take(count), what)
