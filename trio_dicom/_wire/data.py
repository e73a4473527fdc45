"""P-DATA-TF: fragments of messages on their presentation contexts."""

from __future__ import annotations

from struct import Struct
from typing import ClassVar

from attrs import field, frozen

from trio_dicom._wire.header import PduType, encode_header
from trio_dicom._wire.items import encode_context_id, size_alone
from trio_dicom.errors import PDUError

__all__ = ["MOST_PDVS", "PDV_HEADER_LENGTH", "DataTransfer", "PresentationDataValue"]

PDV_HEADER_LENGTH = 6
"""Bytes before the data of a PDV: length, context ID, message control header."""

MOST_PDVS = 16_384
"""The most PDVs in one PDU that are taken. Real peers put one or two there; a PDU of 16 MiB
of empty ones would cost a gigabyte of objects."""

_PDV_HEADER = Struct(">LBB")
_COMMAND = 0x01
_LAST = 0x02


@frozen(kw_only=True)
class PresentationDataValue:
    """A fragment of a command set or a data set (PS3.8 Table 9-23 and Annex E.2).

    Attributes:
        context_id: The presentation context that it travels on.
        is_command: Whether it is of a command set rather than of a data set.
        is_last: Whether that set ends with it.
        data: The fragment. Decoded, it is a view of the PDU's own bytes.
    """

    context_id: int
    is_command: bool
    is_last: bool
    data: bytes | memoryview = field(repr=size_alone)

    def encode(self) -> bytes:
        """The whole PDV item."""
        length = len(self.data) + 2
        control = self.is_command * _COMMAND | self.is_last * _LAST
        context_id = encode_context_id(self.context_id)
        return b"".join((length.to_bytes(4, "big"), context_id, bytes((control,)), self.data))


@frozen
class DataTransfer:
    """P-DATA-TF (PS3.8 Table 9-22).

    Attributes:
        pdvs: Its fragments, at least one.
    """

    pdu_type: ClassVar[PduType] = PduType.P_DATA_TF

    pdvs: tuple[PresentationDataValue, ...]

    def encode(self) -> bytes:
        """The whole PDU.

        Raises:
            PDUError: There is no fragment, or one has a context ID that is not odd.
        """
        if not self.pdvs:
            raise PDUError("P-DATA-TF has no presentation data value")
        body = b"".join([pdv.encode() for pdv in self.pdvs])
        return encode_header(self.pdu_type, len(body)) + body

    @classmethod
    def decode(cls, body: bytes | memoryview) -> DataTransfer:
        """The value from a PDU's body, the bytes after its header. Copies nothing.

        Raises:
            PDUError: A fragment is longer than the PDU or shorter than its header,
                or there is none, or there are too many.
        """
        # No cursor here: this runs for every PDU of every transfer.
        view = memoryview(body)
        end = len(view)
        at = 0
        pdvs: list[PresentationDataValue] = []
        while at < end or not pdvs:
            if end - at < PDV_HEADER_LENGTH:
                raise PDUError(f"{end - at} bytes are too few for a presentation data value")
            length, context_id, control = _PDV_HEADER.unpack_from(view, at)
            start = at + PDV_HEADER_LENGTH
            at += 4 + length
            if length < 2 or at > end:
                raise PDUError(
                    f"presentation data value claims {length} bytes "
                    f"where {end - start + 2} are left"
                )
            if len(pdvs) == MOST_PDVS:
                raise PDUError(f"more than {MOST_PDVS} presentation data values in one PDU")
            pdvs.append(
                PresentationDataValue(
                    context_id=context_id,
                    is_command=bool(control & _COMMAND),
                    is_last=bool(control & _LAST),
                    data=view[start:at],
                )
            )
        return cls(tuple(pdvs))
