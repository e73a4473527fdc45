"""What a retrieve asks for, as instances show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from attrs import field, frozen
from pydicom import Dataset

from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._dimse.values import values_in
from trio_dicom.status import Code

__all__ = ["UniqueKeys", "both"]

Check: TypeAlias = Callable[[StoredDataSet], int | None]
"""As ``Destination.check``."""

# PS3.4 C.2.2.1: the unique key of each level.
_TAGS: Final = {
    "SOPInstanceUID": 0x0008_0018,
    "PatientID": 0x0010_0020,
    "StudyInstanceUID": 0x0020_000D,
    "SeriesInstanceUID": 0x0020_000E,
}
_LOOKS: Final = (1 << 20, 1 << 24)
"""Bytes of a data set among which they have to be. Only a large private element needs more."""


@frozen
class UniqueKeys:
    """The unique keys of a retrieve, and whether an instance is one that they ask for.

    Attributes:
        wanted: By tag, the values of which it is one.
    """

    wanted: dict[int, frozenset[bytes]] = field(repr=False)

    @classmethod
    def of(cls, query: Dataset) -> UniqueKeys:
        """Those that ``query`` has. Text beyond ASCII has many encodings and does not count."""
        wanted: dict[int, frozenset[bytes]] = {}
        for keyword, tag in _TAGS.items():
            value: object = query.get(keyword)
            # Frames come as an instance of their own, with a new UID (PS3.4 Y.6.1).
            is_new = keyword == "SOPInstanceUID" and query.get("QueryRetrieveLevel") == "FRAME"
            if not value or is_new:
                continue
            texts = value.split("\\") if isinstance(value, str) else [str(it) for it in value]  # type: ignore[attr-defined]
            if all(text.isascii() for text in texts):
                wanted[tag] = frozenset(text.strip("\0 ").encode() for text in texts)
        return cls(wanted)

    def match(self, data: EncodedDataSet | StoredDataSet) -> bool:
        """Whether an instance is one that was asked for. Reads the file of one that is stored."""
        for look in _LOOKS:
            values = values_in(_beginning(data, look), data.transfer_syntax, self.wanted)
            if any(value not in self.wanted[tag] for tag, value in values.items()):
                return False
            if len(values) == len(self.wanted):
                return True
            if len(data) <= look:
                break
        return False

    def check(self, data: EncodedDataSet | StoredDataSet) -> int | None:
        """As ``Destination.check``."""
        return None if self.match(data) else Code.NOT_AUTHORIZED


def _beginning(data: EncodedDataSet | StoredDataSet, size: int) -> bytes | memoryview:
    if isinstance(data, EncodedDataSet):
        return memoryview(data.data)[:size]
    with data.path.open("rb") as file:
        file.seek(data.offset)
        return file.read(min(size, data.length))


def both(first: Check, second: Check | None) -> Check:
    """What two checks say: the first that refuses has refused."""

    def check(stored: StoredDataSet) -> int | None:
        status = first(stored)
        return status if status is not None or second is None else second(stored)

    return check
