"""Who waits for events that peers report, before the handler is asked."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from trio_dicom._dimse.n_messages import NEventReportRequest, NEventReportResponse
    from trio_dicom.handler import EventTaker

__all__ = ["EventTakers"]


@define(eq=False)
class EventTakers:
    """Those that want to see the peer's events, in the order in which they came."""

    _takers: list[EventTaker] = field(factory=list["EventTaker"])

    @contextmanager
    def taken_by(self, take: EventTaker) -> Generator[None, None, None]:
        """Ask ``take``, too, while the block is open."""

        # Of its own, so that one who is there twice leaves as often.
        async def once(request: NEventReportRequest) -> NEventReportResponse | None:
            return await take(request)

        self._takers.append(once)
        try:
            yield
        finally:
            self._takers.remove(once)

    async def answer(self, request: NEventReportRequest) -> NEventReportResponse | None:
        """What the first taker says that answers, or None."""
        for take in tuple(self._takers):
            if take not in self._takers:  # it has left while others were asked
                continue
            response = await take(request)
            if response is not None:
                return response
        return None
