"""Keeping the late instances of a lost C-GET out of the next one."""

from __future__ import annotations

from collections.abc import Callable

import trio
from attrs import define, evolve, field

from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
from trio_dicom._dimse.encoded import EncodedDataSet, StoredDataSet
from trio_dicom._dimse.message import response_to
from trio_dicom._operations.placing import sink_of
from trio_dicom._operations.unique_keys import UniqueKeys, both
from trio_dicom.handler import Destination, InstanceHandler, InstanceSink
from trio_dicom.status import Code

__all__ = ["OnlyAsked"]


@define(eq=False)
class OnlyAsked:
    """An instance handler that takes what a C-GET asks for, and refuses strangers.

    The sub-operations of a C-GET do not name it. While it is the first one on its
    association they are its own. After one that was lost, instances of that may still come,
    and of another patient.

    Attributes:
        handler: Who takes the instances.
        keys: What they have to show.
        is_doubtful: Whether they have to.
    """

    handler: InstanceHandler
    keys: UniqueKeys
    is_doubtful: Callable[[], bool]
    # As in the connection: one file can be looked at while another hangs on a dead mount.
    _threads: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(2))

    async def c_store_sink(self, request: CStoreRequest) -> InstanceSink:
        """See ``InstanceHandler``."""
        destination = await sink_of(self.handler, request)
        if not isinstance(destination, Destination):
            return destination
        # When it is here: until then an earlier C-GET may be given up.
        return evolve(destination, check=both(self._check, destination.check))

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """See ``InstanceHandler``."""
        data = request.data_set
        # What has a file of its own has been looked at, and another one may have kept the name.
        is_checked = isinstance(data, StoredDataSet) and not data.is_temporary
        must_show = self.is_doubtful() and not is_checked
        if must_show and isinstance(data, EncodedDataSet | StoredDataSet):
            shows = await trio.to_thread.run_sync(
                self.keys.match, data, abandon_on_cancel=True, limiter=self._threads
            )
            if not shows:
                return response_to(request, Code.OUT_OF_RESOURCES)
        return await self.handler.on_c_store_request(request)

    def _check(self, stored: StoredDataSet) -> int | None:
        is_stranger = self.is_doubtful() and not self.keys.match(stored)
        return Code.OUT_OF_RESOURCES if is_stranger else None
