"""Data sets as messages carry them: undecoded until somebody asks.

A data set that arrives is kept as the bytes it came in, one that is sent from a
file stays in its file. Either knows its transfer syntax, so that it can go out
again as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from attrs import define, field, frozen
from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._dimse.reading import read_data_set
from trio_dicom.options import Limits

__all__ = ["EncodedDataSet", "MessageData", "StoredDataSet"]

_DEFAULT_LIMITS = Limits()


@define
class EncodedDataSet:
    """A data set in the bytes of one transfer syntax (PS3.5 Section 10).

    The bytes are a peer's word until ``decode`` has looked at them. They are
    patients' data, so the representation tells their number only.

    Attributes:
        data: The encoded elements; deflated ones as they came over the wire.
        transfer_syntax: How they are encoded.
        limits: What it may be to be decoded: those of the connection on which it came.
    """

    data: bytes | bytearray | memoryview = field(repr=False)
    transfer_syntax: UID = field(converter=as_uid)
    limits: Limits = field(default=_DEFAULT_LIMITS, kw_only=True, repr=False, eq=False)
    _decoded: tuple[str, Dataset] | None = field(default=None, init=False, repr=False, eq=False)

    def decode(self, limits: Limits | None = None, *, fallback_charset: str = "") -> Dataset:
        """The data set, decoded once and kept; its elements are converted when touched.

        Args:
            limits: In the place of its own.
            fallback_charset: The Specific Character Set, in the standard's terms such
                as ``ISO_IR 192``, of text in data sets that declare none.

        Raises:
            PDUError: The bytes are not a data set in this transfer syntax.
        """
        if self._decoded is None or self._decoded[0] != fallback_charset:
            limits = self.limits if limits is None else limits
            data_set = read_data_set(self.data, self.transfer_syntax, limits, fallback_charset)
            self._decoded = fallback_charset, data_set
        return self._decoded[1]

    def __len__(self) -> int:
        """The number of bytes."""
        return self.data.nbytes if isinstance(self.data, memoryview) else len(self.data)


@frozen(kw_only=True)
class StoredDataSet:
    """A data set that lies in a file, undecoded, and is sent from there.

    Attributes:
        path: The file.
        offset: Where the data set begins in it, in bytes.
        length: How many bytes it has.
        transfer_syntax: How it is encoded.
        sop_class_uid: The SOP class that the data set itself names (0008,0016).
        sop_instance_uid: The SOP instance that it names (0008,0018).
        is_temporary: Whether the file goes when the request that carries it is answered.
    """

    path: Path
    offset: int
    length: int
    transfer_syntax: UID = field(converter=as_uid)
    sop_class_uid: UID = field(converter=as_uid)
    sop_instance_uid: UID = field(converter=as_uid)
    is_temporary: bool = False

    def __len__(self) -> int:
        """The number of bytes."""
        return self.length


MessageData: TypeAlias = Dataset | EncodedDataSet | StoredDataSet | None
"""What a message carries besides its command set."""
