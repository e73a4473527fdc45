"""Keeping an instance that the peer sends: in a file, or for the handler to look at."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from attrs import evolve

from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._dimse.message import complete_response, response_to
from trio_dicom._io.instance_file import InstanceFile, NotKept
from trio_dicom._io.pending import Abandoned
from trio_dicom.handler import Destination, InstanceHandler, overrides
from trio_dicom.status import Code

if TYPE_CHECKING:
    from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
    from trio_dicom._io.link import Link
    from trio_dicom._io.reception import Reception
    from trio_dicom._protocol.contexts import NegotiatedContext

__all__ = ["store"]

_logger = logging.getLogger("trio_dicom")

# Seconds to wait for a file to be removed. After that the thread goes on without us.
_PATIENCE = 1.0


async def store(
    link: Link, request: CStoreRequest, context: NegotiatedContext, reception: Reception | None
) -> CStoreResponse:
    """Keep the instance of ``request``, whose data set is arriving, and say what became of it.

    All of it has come when this returns.
    """
    if _nobody_wants_instances(link):
        if reception is not None:
            await reception.discarded()
        return response_to(request, Code.OUT_OF_RESOURCES)
    handler = _handler(link)
    if reception is None:  # it came without a data set: the handler may know why
        return complete_response(await handler.on_c_store_request(request), request)
    destination = None
    if overrides(handler, "c_store_sink"):
        sink = await handler.c_store_sink(request)
        if isinstance(sink, int):
            await reception.discarded()
            return response_to(request, sink)
        destination = Destination(path=sink) if isinstance(sink, Path) else sink
    if destination is None:
        if not overrides(handler, "on_c_store_request"):
            await reception.discarded()
            return response_to(request, Code.SOP_CLASS_NOT_SUPPORTED)
        data = await reception.collected(link.options.limits.in_memory)
        if data is not None and _nobody_wants_instances(link):
            return response_to(request, Code.OUT_OF_RESOURCES)
        if data is not None:
            assert context.transfer_syntax is not None  # messages come on accepted ones
            request = evolve(request, data_set=EncodedDataSet(data, context.transfer_syntax))
            return complete_response(await handler.on_c_store_request(request), request)
    return await _store_in_file(link, request, context, reception, handler, destination)


async def _store_in_file(
    link: Link,
    request: CStoreRequest,
    context: NegotiatedContext,
    reception: Reception,
    handler: InstanceHandler,
    destination: Destination | None,
) -> CStoreResponse:
    assert context.transfer_syntax is not None  # messages come on accepted ones
    file = InstanceFile(destination, request, context.transfer_syntax, link.peer_ae)
    try:
        try:
            stored = await _fill(link, file, reception)
        except NotKept as reason:
            _logger.warning(
                "did not keep an instance of %s: %s", link.peer, reason.__cause__ or reason
            )
            with trio.move_on_after(_PATIENCE):
                await _discard(file)  # its room may be wanted before the rest has come
            await reception.discarded()
            return response_to(request, reason.status, error_comment=reason.comment)
        request = evolve(request, data_set=stored)
        return complete_response(await handler.on_c_store_request(request), request)
    finally:
        with trio.move_on_after(_PATIENCE, shield=True):
            await _discard(file)


async def _fill(link: Link, file: InstanceFile, reception: Reception) -> StoredDataSet:
    """Write what arrives, until all has arrived.

    Raises:
        NotKept: It cannot be written, or is not wanted.
    """
    while True:
        block = await reception.block()
        is_last = reception.is_complete
        if _nobody_wants_instances(link):
            raise NotKept(Code.OUT_OF_RESOURCES, "nobody wants it any more")
        # A dead mount holds up nobody who is cancelled: the thread then cleans up by itself.
        result = await trio.to_thread.run_sync(
            file.finish if is_last else file.write,
            block,
            abandon_on_cancel=True,
            limiter=link.file_threads,
        )
        if isinstance(result, NotKept):
            raise result
        if result is not None:
            return result


async def _discard(file: InstanceFile) -> None:
    """Remove what is left of ``file``; what has its name keeps it."""
    if not file.lies_aside:
        file.discard()
        return
    # In a thread, because a big file takes time and a dead mount takes all of it. That thread
    # is no other's: those of the connection may be stuck already.
    limiter = trio.CapacityLimiter(1)
    await trio.to_thread.run_sync(file.discard, abandon_on_cancel=True, limiter=limiter)


def _handler(link: Link) -> InstanceHandler:
    """Who takes instances now: the one of the C-GET that is open, or the connection's."""
    retrieving = link.table.retrieving()
    if retrieving is not None and retrieving.instances is not None:
        return retrieving.instances
    return link.dispatcher.handler


def _nobody_wants_instances(link: Link) -> bool:
    """Whether they are of a C-GET that was left, or whose peer was silent too long."""
    retrieving = link.table.retrieving()
    if retrieving is None:
        return link.table.lost_a_retrieve
    return isinstance(retrieving.outcome, Abandoned)
