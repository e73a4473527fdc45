"""What a C-GET or a C-MOVE brings: counts from the peer, and instances that came to us."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from trio_dicom._dimse.c_messages import CStoreRequest, CStoreResponse
from trio_dicom._dimse.encoded import StoredDataSet
from trio_dicom._io.responses import ResponseChannel
from trio_dicom._operations.inbox import ReceivedInstance
from trio_dicom._operations.placing import sink_of
from trio_dicom._operations.results import ResultChannel, ResultT
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.errors import NoAcceptedContext
from trio_dicom.handler import InstanceHandler, InstanceSink
from trio_dicom.sop_classes import storage_sop_classes

__all__ = ["Arrivals", "Retrieval", "check_instances_can_come"]


class Retrieval(ResultChannel[ResultT]):
    """How far a retrieve is, as the peer tells.

    ::

        async with association.c_get(query, into="inbox") as retrieval:
            async for step in retrieval:
                print(step.completed, "came,", step.remaining, "to come")
        print(retrieval.response.failed_sop_instance_uids)

    Every step has the counts ``remaining``, ``completed``, ``failed`` and ``warning``; each
    is None where the peer leaves it out. A retrieve of which only some instances failed ends
    with a warning and raises nothing: look at ``response``.

    Attributes:
        response: The final response, once the loop or ``final`` has met it. Until then None.
        instances: What was stored in files here so far, in the order in which it came.
    """

    def __init__(
        self,
        responses: ResponseChannel,
        kind: type[ResultT],
        instances: list[ReceivedInstance],
        *,
        check: bool = True,
    ) -> None:
        """Wrap the responses of a retrieve.

        Args:
            responses: What ``open_request`` gave.
            kind: The class of the responses.
            instances: Where those that come are noted.
            check: Whether a bad end raises `StatusError`.
        """
        super().__init__(responses, kind, check=check)
        self.instances = instances


@define(eq=False)
class Arrivals:
    """An instance handler that notes what another one has stored in files.

    Attributes:
        handler: Who takes the instances.
        instances: What is in files by now.
    """

    handler: InstanceHandler
    instances: list[ReceivedInstance] = field(factory=list[ReceivedInstance])

    async def c_store_sink(self, request: CStoreRequest) -> InstanceSink:
        """See ``InstanceHandler``."""
        return await sink_of(self.handler, request)

    async def on_c_store_request(self, request: CStoreRequest) -> CStoreResponse:
        """See ``InstanceHandler``."""
        response = await self.handler.on_c_store_request(request)
        data = request.data_set
        is_taken = not response.status.is_failure
        if is_taken and isinstance(data, StoredDataSet) and not data.is_temporary:
            self.instances.append(ReceivedInstance.of(data))
        return response


def check_instances_can_come(contexts: Sequence[NegotiatedContext]) -> None:
    """See that a peer has a context on which it can send an instance.

    A peer that refused us the provider's role may send instances all the same.

    Raises:
        NoAcceptedContext: It has none.
    """
    storage = storage_sop_classes(retired=True)
    accepted = [context for context in contexts if context.accepted]
    if not any(it.as_scp or it.abstract_syntax in storage for it in accepted):
        raise NoAcceptedContext(
            "the instances that a C-GET brings (see storage_contexts)",
            proposed=[str(it) for it in contexts if it.abstract_syntax in storage],
            accepted=[str(it) for it in accepted],
        )
