"""Handing an instance that is here as a whole to whoever keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import trio

from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._dimse.message import response_to
from trio_dicom._io.instance_file import InstanceFile, NotKept
from trio_dicom._io.storing import SETTLING, settle
from trio_dicom.handler import Destination, InstanceHandler, overrides
from trio_dicom.status import Code

__all__ = ["place", "sink_of"]

_BLOCK: Final = 1 << 20


async def sink_of(handler: InstanceHandler, request: CStoreRequest) -> Destination | int | None:
    """Where ``handler`` wants an instance, None for no file, or the status of its refusal."""
    if not overrides(handler, "c_store_sink"):
        await trio.lowlevel.checkpoint()
        return None
    sink = await handler.c_store_sink(request)
    return Destination(path=sink) if isinstance(sink, Path) else sink


async def place(
    handler: InstanceHandler,
    request: CStoreRequest,
    source_ae: str,
    threads: trio.CapacityLimiter,
) -> CStoreResponse:
    """Let ``handler`` have an instance, in the file that it wants, if it wants one.

    Args:
        handler: Who keeps it.
        request: With the instance: in memory, or in a file that goes when this returns.
        source_ae: The AE title that it came from.
        threads: Bounds the threads that write the file.
    """
    destination = await sink_of(handler, request)
    if isinstance(destination, int):
        return response_to(request, destination)
    data = request.data_set
    if destination is None or not isinstance(data, EncodedDataSet | StoredDataSet):
        return await handler.on_c_store_request(request)

    async def hand_over(stored: StoredDataSet) -> CStoreResponse:
        file.unclaimed = None
        return await handler.on_c_store_request(request.with_data_set(stored))

    file = InstanceFile(destination, request, data.transfer_syntax, source_ae)
    try:
        stored = await trio.to_thread.run_sync(
            _fill, file, data, abandon_on_cancel=True, limiter=threads
        )
        if isinstance(stored, NotKept):
            return response_to(request, stored.status, error_comment=stored.comment)
        assert stored is not None  # nobody has discarded it
        return await hand_over(stored)
    finally:
        with trio.move_on_after(SETTLING, shield=True):
            await settle(file, hand_over)


def _fill(
    file: InstanceFile, data: EncodedDataSet | StoredDataSet
) -> StoredDataSet | NotKept | None:
    if isinstance(data, EncodedDataSet):
        return file.finish(bytes(data.data))
    try:
        with data.path.open("rb") as source:
            source.seek(data.offset)
            left = data.length
            while True:
                block = source.read(min(left, _BLOCK))
                left -= len(block)
                if not left:
                    return file.finish(block)
                if not block:
                    return NotKept(Code.PROCESSING_FAILURE, "its temporary file became shorter")
                if (problem := file.write(block)) is not None:
                    return problem
    except OSError as error:
        return NotKept.because_of(error)
