"""Handing bytes to the transport, and knowing whether a write was cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from attrs import define, field

from trio_dicom._io.gather import Gatherer

if TYPE_CHECKING:
    from trio_dicom.instrument import Instrument, Tap

__all__ = ["Interrupted", "Writer"]

# A write that takes longer than this, in seconds, tells that the link is slow. Smaller
# writes then show the peer's life more often and leave less behind when they are cut.
_SLOW_WRITE = 0.1


class Interrupted(Exception):
    """The message on the wire goes no further."""


@define(eq=False)
class Writer:
    """Writes batches of PDUs, larger ones while the link is fast.

    Attributes:
        is_cut: Whether a write did not end well. Trio cannot tell how much of it went
            out, so nothing may follow but closing.
        batch: How many PDUs go into the next write.
    """

    _gatherer: Gatherer
    _instrument: Instrument | None
    _tap: Tap | None = None
    is_cut: bool = False
    batch: int = 1
    _scope: trio.CancelScope = field(factory=trio.CancelScope)

    def interruptible(self) -> trio.CancelScope:
        """A scope that ``interrupt`` cancels, unless it is over by then."""
        self._scope = trio.CancelScope()
        return self._scope

    def interrupt(self) -> None:
        """End what is being waited for right now, in the middle of a write if need be."""
        self._scope.cancel()

    @property
    def can_write_at_once(self) -> bool:
        """Whether ``write_at_once`` can do anything here."""
        return self._gatherer.can_send_at_once

    def write_at_once(
        self, parts: list[bytes | memoryview]
    ) -> tuple[int, list[bytes | memoryview]]:
        """Write as much of ``parts`` as the system takes without waiting.

        Where that is some but not all of it, nothing but the rest may follow.

        Returns:
            How many bytes it took, and the rest. It takes none also where there is something
            wrong, which a ``write`` that follows will say.
        """
        if self.batch > 1:
            self._gatherer.make_room(sum([len(part) for part in parts]))
        sent, rest = self._gatherer.send_at_once(parts)
        self.is_cut = sent > 0 and len(rest) > 0
        if sent and self._tap is not None:
            self._tap.sent(b"".join(parts)[:sent])
        return sent, rest

    async def write(self, parts: list[bytes | memoryview], most: int = 1) -> None:
        """Write ``parts``, which may be interrupted, and learn how fast the link is.

        Args:
            parts: Whole PDUs, in any pieces.
            most: The largest number of PDUs that a later batch may hold.

        Raises:
            Interrupted: The write was cut.
            trio.BrokenResourceError: The transport is broken.
        """
        if self._tap is not None:
            self._tap.sent(b"".join(parts))  # before any answer to it can come
        begun = trio.current_time()
        size, whole = 0, False
        try:
            with self.interruptible() as scope:
                size = await self._gatherer.send_all(parts, at_once=self.batch > 1)
                whole = True
        finally:
            self.is_cut = not whole
        if scope.cancelled_caught:
            raise Interrupted
        if self._instrument is not None:
            self._instrument.bytes_sent(size)
        if trio.current_time() - begun > _SLOW_WRITE:
            self.batch = max(self.batch // 2, 1)
            self._gatherer.slow_down()
        else:
            self.batch = min(self.batch * 2, max(most, 1))
