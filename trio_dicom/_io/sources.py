"""Where the bytes of a data set come from while it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import trio
from attrs import define, field

from trio_dicom._dimse.encoded import MessageData, StoredDataSet
from trio_dicom._dimse.headers import Bytes
from trio_dicom._dimse.transcode import encode_pieces
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.errors import LocalProtocolError

__all__ = ["BytesSource", "Source", "encoded_source"]

_NOTHING: Final = memoryview(b"")


class Source(Protocol):
    """The bytes of one data set, read once from front to back.

    Attributes:
        length: Bytes in all.
    """

    length: int

    def take(self, size: int) -> memoryview | None:
        """The next bytes, at most ``size``; None: ``fetch`` them first.

        There are none only if the source is too short. They are valid until the next call.
        """
        ...

    def whole(self, most: int) -> Bytes | None:
        """All of it, if it is there in one piece of ``most`` bytes or less, and else None."""
        ...

    async def fetch(self) -> None:
        """Wait until there is something to take.

        Raises:
            OSError: What the file behind it says.
        """
        ...

    def close(self) -> None:
        """Let go of what is behind it. May be called in any state, more than once."""
        ...


@define(eq=False)
class BytesSource:
    """A data set that lies in memory, so that nobody has to wait for it."""

    _pieces: Sequence[Bytes] = field(repr=False)
    length: int = field(init=False)
    _number: int = field(default=0, init=False)
    _position: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.length = sum([len(piece) for piece in self._pieces])

    def take(self, size: int) -> memoryview:
        """See ``Source``. Never across the end of a piece."""
        if self._number == len(self._pieces):
            return _NOTHING
        piece, start = self._pieces[self._number], self._position
        self._position = min(start + size, len(piece))
        block = memoryview(piece)[start : self._position]
        if self._position == len(piece):
            self._number, self._position = self._number + 1, 0
        return block

    def whole(self, most: int) -> Bytes | None:
        """See ``Source``."""
        return self._pieces[0] if len(self._pieces) == 1 and self.length <= most else None

    async def fetch(self) -> None:
        """See ``Source``. It is all there."""
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """See ``Source``."""
        self._pieces = ()
        self._number = 0


def encoded_source(data: MessageData, context: NegotiatedContext) -> BytesSource | None:
    """``data`` in the transfer syntax of ``context``, or None where nothing has to be sent.

    Raises:
        LocalProtocolError: It lies in a file.
        NotConvertible: It cannot be brought into that transfer syntax.
    """
    if isinstance(data, StoredDataSet):
        raise LocalProtocolError("a data set that lies in a file can only be sent by a request")
    if data is None or context.transfer_syntax is None:
        return None
    source = BytesSource(encode_pieces(data, context.transfer_syntax))
    return source if source.length else None
