"""Keeping an instance that the peer sends: in a file, or for the handler to look at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio
from attrs import define, field
from pydicom.uid import UID

from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._dimse.message import complete_response, response_to
from trio_dicom._io.instance_file import InstanceFile, NotKept
from trio_dicom._io.pending import Completed
from trio_dicom.handler import Destination, InstanceHandler, overrides
from trio_dicom.status import Code

if TYPE_CHECKING:
    from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
    from trio_dicom._io.link import Link
    from trio_dicom._io.pending import PendingRequest
    from trio_dicom._io.reception import Reception
    from trio_dicom._protocol.contexts import NegotiatedContext

__all__ = ["SETTLING", "Arrival", "settle"]

# Seconds to wait for a file to be removed, or to get its name, and for whoever is told of it
# at the end. After that the thread goes on without us.
_PATIENCE = 1.0

SETTLING: Final = 2 * _PATIENCE
"""Seconds that ``settle`` is given, whoever is cancelled: for the file and for the report."""


@define(eq=False)
class Arrival:
    """An instance that a peer sends, from its first byte on.

    Attributes:
        request: Its C-STORE request.
        context: The context that it comes on.
        reception: Its data set, which is arriving; None where the peer sends none.
        retrieve: The C-GET that was open when it began to come: it is of that.
        is_stray: Whether it is of a C-GET that has ended for us already.
    """

    request: CStoreRequest
    context: NegotiatedContext
    reception: Reception | None
    retrieve: PendingRequest | None
    is_stray: bool
    _writing: trio.CancelScope = field(factory=trio.CancelScope)
    _file: InstanceFile | None = None

    def is_wanted(self) -> bool:
        """Whether somebody wants it: its C-GET was not left, and did not time out."""
        if self.retrieve is None:
            return not self.is_stray
        return self.retrieve.outcome is None or isinstance(self.retrieve.outcome, Completed)

    def give_up(self) -> None:
        """Write no more of it: nobody wants it."""
        if self._file is not None:
            self._file.give_up()
        self._writing.cancel()

    async def store(self, link: Link) -> CStoreResponse:
        """Keep it, and say what became of it. All of it has come when this returns."""
        if not self.is_wanted():
            return await self._refuse(Code.OUT_OF_RESOURCES)
        handler = self._handler(link)
        if self.reception is None:  # it came without a data set: the handler may know why
            return await self._hand_over(handler, None)
        destination = None
        if overrides(handler, "c_store_sink"):
            sink = await handler.c_store_sink(self.request)
            if isinstance(sink, int):
                return await self._refuse(sink)
            destination = Destination(path=sink) if isinstance(sink, Path) else sink
        if destination is None:
            if not overrides(handler, "on_c_store_request"):
                return await self._refuse(Code.SOP_CLASS_NOT_SUPPORTED)
            data = await self.reception.collected(link.options.limits.in_memory)
            if data is not None:
                if not self.is_wanted():
                    return await self._refuse(Code.OUT_OF_RESOURCES)
                limits = link.options.limits
                encoded = EncodedDataSet(data, self._syntax, limits=limits)
                return await self._hand_over(handler, encoded)
        return await self._store_in_file(link, self.reception, handler, destination)

    @property
    def _syntax(self) -> UID:
        assert self.context.transfer_syntax is not None  # messages come on accepted ones
        return self.context.transfer_syntax

    def _handler(self, link: Link) -> InstanceHandler:
        """Who takes it: whom its C-GET names, or the connection's handler."""
        if self.retrieve is not None and self.retrieve.instances is not None:
            return self.retrieve.instances
        return link.dispatcher.handler

    async def _refuse(self, status: int, comment: str | None = None) -> CStoreResponse:
        if self.reception is not None:
            await self.reception.discarded()
        return response_to(self.request, status, error_comment=comment)

    async def _hand_over(
        self, handler: InstanceHandler, data: EncodedDataSet | StoredDataSet | None
    ) -> CStoreResponse:
        request = self.request.with_data_set(data)
        return complete_response(await handler.on_c_store_request(request), request)

    async def _store_in_file(
        self,
        link: Link,
        reception: Reception,
        handler: InstanceHandler,
        destination: Destination | None,
    ) -> CStoreResponse:
        async def hand_over(stored: StoredDataSet) -> CStoreResponse:
            file.unclaimed = None
            return await self._hand_over(handler, stored)

        file = self._file = InstanceFile(destination, self.request, self._syntax, link.peer_ae)
        try:
            try:
                stored = await self._fill(link, file, reception)
            except NotKept as reason:
                if self.is_wanted():
                    why = reason.__cause__ or reason
                    link.complain("did not keep an instance of %s: %s", link.peer, why)
                with trio.move_on_after(_PATIENCE):
                    await _discard(file)  # its room may be wanted before the rest has come
                if file.unclaimed is None:
                    return await self._refuse(reason.status, reason.comment)
                stored = file.unclaimed  # too late to refuse it
            return await hand_over(stored)
        finally:
            with trio.move_on_after(SETTLING, shield=True):
                await settle(file, hand_over)

    async def _fill(self, link: Link, file: InstanceFile, reception: Reception) -> StoredDataSet:
        """Write what arrives, until all has arrived.

        Raises:
            NotKept: It cannot be written, or is not wanted.
        """
        with self._writing:
            while True:
                block = await reception.block()
                # A dead mount holds up nobody who is cancelled: the thread then cleans up.
                result = await trio.to_thread.run_sync(
                    file.finish if reception.is_complete else file.write,
                    *block,
                    abandon_on_cancel=True,
                    limiter=link.file_threads,
                )
                if isinstance(result, NotKept):
                    raise result
                if result is not None:
                    return result
        raise NotKept(Code.OUT_OF_RESOURCES, "nobody wants it any more")


async def settle(
    file: InstanceFile, hand_over: Callable[[StoredDataSet], Awaitable[object]]
) -> None:
    """Remove what is left of ``file``, or else, if it has got its name, see that somebody knows.

    A thread may be giving it its name in the moment in which we are cancelled.

    Args:
        file: Into which nobody writes any more.
        hand_over: Tells whom it is for, and claims it.
    """
    with trio.move_on_after(_PATIENCE):
        await _discard(file)
    if file.unclaimed is not None:
        with trio.move_on_after(_PATIENCE):
            await hand_over(file.unclaimed)


async def _discard(file: InstanceFile) -> None:
    """Remove what is left of ``file``; what has its name keeps it."""
    if not file.takes_time_to_discard:
        file.discard()
        return
    # In a thread, because a big file takes time and a dead mount takes all of it. That thread
    # is no other's: those of the connection may be stuck already.
    limiter = trio.CapacityLimiter(1)
    await trio.to_thread.run_sync(file.discard, _PATIENCE, abandon_on_cancel=True, limiter=limiter)
