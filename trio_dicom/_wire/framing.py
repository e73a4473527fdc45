"""Where one PDU ends and the next begins in a stream of chunks."""

from __future__ import annotations

from collections import deque

from attrs import define, field

from trio_dicom._wire.control import CONTROL_LENGTH
from trio_dicom._wire.header import HEADER_LENGTH, LONGEST_BODY, PduType, decode_header
from trio_dicom.errors import PDUError

__all__ = ["PDUBuffer"]


@define(eq=False, kw_only=True)
class PDUBuffer:
    """Cuts what the transport delivers into PDUs and holds what is not whole yet.

    Type and length are judged from the six-byte header, before a byte of the body
    is waited for.

    Attributes:
        max_length: The longest P-DATA-TF taken, in bytes after the header.
        max_associate_length: The longest A-ASSOCIATE-RQ or -AC, likewise.
    """

    max_length: int
    max_associate_length: int = 1024 * 1024
    # Chunks that came and were not looked at, the first one perhaps in part.
    _chunks: deque[memoryview] = field(factory=deque[memoryview], init=False)
    # The beginning of a PDU that is spread over chunks. Bytes are collected here rather
    # than as a list of chunks, which would let a peer that sends single bytes cost us
    # a hundred times what it sent.
    _partial: bytearray = field(factory=bytearray, init=False, repr=False)
    _pending: int = field(default=0, init=False)

    @classmethod
    def unlimited(cls) -> PDUBuffer:
        """One that takes whatever a header can claim, for those whose peer is no stranger."""
        return cls(max_length=LONGEST_BODY, max_associate_length=LONGEST_BODY)

    @property
    def pending(self) -> int:
        """How many bytes are held that belong to no PDU given out."""
        return self._pending

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next chunk. ``bytes`` are kept as they are, everything else is copied."""
        if not data:
            return
        # What the caller can still change would change under the PDUs cut from it.
        view = memoryview(data if isinstance(data, bytes) else bytes(data))
        self._chunks.append(view)
        self._pending += len(view)

    def next_pdu(self) -> tuple[PduType, memoryview] | None:
        """The next PDU as its type and the bytes after its header, or None until it is whole.

        The bytes are a view of the chunk that held all of them, else of one copy.

        Raises:
            PDUError: No such type, or longer than the type may be. It is raised again
                at the next call: there is no way to go on behind such a header.
        """
        if not self._partial:
            if not self._chunks:
                return None
            whole = self._cut_from_first_chunk()
            if whole is not None:
                return whole
            if len(self._chunks) == 1:
                return None
        return self._collect()

    def _cut_from_first_chunk(self) -> tuple[PduType, memoryview] | None:
        chunk = self._chunks[0]
        if len(chunk) < HEADER_LENGTH:
            return None
        pdu_type, length = self._judge(chunk)
        end = HEADER_LENGTH + length
        if len(chunk) < end:
            return None
        if len(chunk) == end:
            self._chunks.popleft()
        else:
            self._chunks[0] = chunk[end:]
        self._pending -= end
        return pdu_type, chunk[HEADER_LENGTH:end]

    def _collect(self) -> tuple[PduType, memoryview] | None:
        if not self._fill(HEADER_LENGTH):
            return None
        pdu_type, length = self._judge(self._partial)
        end = HEADER_LENGTH + length
        if not self._fill(end):
            return None
        whole, self._partial = self._partial, bytearray()
        self._pending -= end
        return pdu_type, memoryview(whole).toreadonly()[HEADER_LENGTH:]

    def _fill(self, size: int) -> bool:
        """Move bytes from the chunks until ``size`` are collected; False: there are not enough."""
        while (missing := size - len(self._partial)) > 0:
            if not self._chunks:
                return False
            chunk = self._chunks[0]
            self._partial += chunk[:missing]
            if len(chunk) <= missing:
                self._chunks.popleft()
            else:
                self._chunks[0] = chunk[missing:]
        return True

    def _judge(self, header: bytearray | memoryview) -> tuple[PduType, int]:
        pdu_type, length = decode_header(header)
        match pdu_type:
            case PduType.P_DATA_TF:
                allowed = length <= self.max_length
            case PduType.ASSOCIATE_RQ | PduType.ASSOCIATE_AC:
                allowed = length <= self.max_associate_length
            case _:
                allowed = length == CONTROL_LENGTH
        if not allowed:
            raise PDUError(f"{pdu_type.name} of {length} bytes is refused")
        return pdu_type, length
