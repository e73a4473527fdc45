"""The DIMSE-C services of an association (PS3.7 9.1)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import trio
from pydicom import Dataset

from trio_dicom._dimse.base import Priority, Response
from trio_dicom._dimse.c_messages import CEchoRequest, CFindRequest, CGetRequest, CGetResponse
from trio_dicom._operations.find import Matches
from trio_dicom._operations.inbox import Into, inbox_for
from trio_dicom._operations.move import MoveService
from trio_dicom._operations.only_asked import OnlyAsked
from trio_dicom._operations.query_models import FIND, GET, Model
from trio_dicom._operations.retrieving import Arrivals, Retrieval, check_instances_can_come
from trio_dicom._operations.store import Storable, store_request
from trio_dicom._operations.store_many import storing
from trio_dicom._operations.store_results import StoreResults
from trio_dicom._operations.unique_keys import UniqueKeys
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom._protocol.extended import QueryExtension, agreed_query_extension

__all__ = ["CServices"]

_ECHO = CEchoRequest()


class CServices(MoveService):
    """C-ECHO, C-STORE, C-FIND, C-GET and C-MOVE."""

    __slots__ = ()

    async def c_echo(
        self, *, idle_timeout: float | None = None, timeout: float | None = None
    ) -> Response:
        """Ask whether the peer is there (PS3.7 9.1.5).

        Args:
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.

        Returns:
            The response; its ``status`` is success, or the peer's reason why not.

        Raises:
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        return await self.send_request(_ECHO, idle_timeout=idle_timeout, timeout=timeout)

    async def c_store(
        self,
        source: Storable,
        *,
        priority: Priority = Priority.MEDIUM,
        move_originator_ae: str | None = None,
        move_originator_message_id: int | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Store an instance at the peer (PS3.7 9.1.1).

        A file whose transfer syntax was accepted is streamed as it is, undecoded. Otherwise
        it is re-encoded if that keeps every value. Pixel data is never recompressed, and a
        data set of yours is never changed.

        Args:
            source: A DICOM file, or a data set.
            priority: How urgent it is.
            move_originator_ae: Who asked for the C-MOVE that this is a part of, if it is.
            move_originator_message_id: The message ID of that C-MOVE.
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.

        Returns:
            The response; its ``status`` tells what became of the instance.

        Raises:
            NoAcceptedContext: The peer takes no such instance. The association lives.
            LocalProtocolError: There is no instance in it that could be stored.
            OSError: The file cannot be read.
            SourceFailed: The file broke while it was sent; the association was aborted.
            ResponseTimeout: As ``send_request``; so is ``ConnectionEnded``.
        """
        request = await store_request(
            source,
            self._reads_files,
            priority=priority,
            move_originator_ae=move_originator_ae,
            move_originator_message_id=move_originator_message_id,
        )
        return await self.send_request(request, idle_timeout=idle_timeout, timeout=timeout)

    def c_store_many(
        self,
        sources: Iterable[Storable],
        *,
        priority: Priority = Priority.MEDIUM,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> AbstractAsyncContextManager[StoreResults]:
        """Store many instances, as fast as the peer takes them (PS3.7 9.1.1).

        ::

            async with association.c_store_many(paths) as results:
                async for result in results:
                    print(result.source, result.error or result.status)

        While one is on the wire the next ones are read, small files many at a time. As many
        are open at once as the window admits. Results come in the order of ``sources``;
        while nobody takes them, no more is sent. Memory does not grow with the number of
        files. Other requests can be sent on the association meanwhile, also inside the loop.

        What is wrong with one instance is in its result, and the others go on: a file that
        cannot be read, `NoAcceptedContext`, `ResponseTimeout`. Leaving the block early sends
        no more; what is on the wire is finished in the background.

        Args:
            sources: DICOM files and data sets. A generator is asked for a few dozen files
                ahead, and for one data set; like all code it must not block for long.
            priority: How urgent they are.
            idle_timeout: As for ``send_request``, for each.
            timeout: As for ``send_request``, for each.

        Raises:
            ConnectionEnded: In the loop, behind the last result: the association has ended,
                and the instances without a result were not tried. What was on the wire has
                a result, with this error in it. What iterating over ``sources`` raises comes
                there, too.
        """
        return storing(
            self,
            sources,
            self._reads_files,
            priority=priority,
            idle_timeout=idle_timeout,
            timeout=timeout,
        )

    @asynccontextmanager
    async def c_find(
        self,
        query: Dataset,
        *,
        model: Model | None = None,
        level: str | None = None,
        check: bool = True,
        priority: Priority = Priority.MEDIUM,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[Matches, None]:
        """Ask the peer what it has (PS3.7 9.1.2).

        ::

            async with association.c_find(query) as matches:
                async for match in matches:
                    print(match.identifier)

        Leaving the block before the end sends C-CANCEL, and waits for nothing: what still
        comes is dropped in the background, and the association stays usable.

        Args:
            query: The keys. They go out as you wrote them, and the data set is not changed.
            model: The information model: a constant such as ``MODALITY_WORKLIST``, or any
                SOP class UID. None: Study Root if the peer accepted it, else Patient Root;
                Patient Root alone for the level PATIENT; where neither was accepted, the
                only other model that was.
            level: The Query/Retrieve Level of this query, whatever ``query`` says: PATIENT,
                STUDY, SERIES or IMAGE. Worklists and the like have none.
            check: Whether a loop that reaches its end raises `StatusError` if the peer says
                failure, or says cancelled though we did not cancel. Without it a query that
                broke in the middle looks complete: look at ``matches.status``.
            priority: How urgent it is.
            context: As for ``send_request``.
            idle_timeout: As for ``send_request``.
            timeout: As for ``send_request``.

        Raises:
            NoAcceptedContext: The peer accepted no context for the model. Nothing was sent.
            LocalProtocolError: The model is not clear, the level is missing, or a key beyond
                ASCII has no ``SpecificCharacterSet`` that declares it. Likewise.
            StatusError: In the loop, at its end, as ``check`` says.
            ResponseTimeout: There too: the peer was silent for too long.
            ConnectionEnded: The association has ended, or ends meanwhile.
        """
        await trio.lowlevel.checkpoint()
        sop_class, identifier = FIND.resolve(
            self.negotiated.contexts, query, model=model, level=level, context=context
        )
        request = CFindRequest(sop_class_uid=sop_class, priority=priority, data_set=identifier)
        async with self.open_request(
            request, context=context, idle_timeout=idle_timeout, timeout=timeout
        ) as responses:
            yield Matches(responses, check=check)

    @asynccontextmanager
    async def c_get(
        self,
        query: Dataset,
        *,
        into: Into | None = None,
        model: Model | None = None,
        level: str | None = None,
        check: bool = True,
        priority: Priority = Priority.MEDIUM,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[Retrieval[CGetResponse], None]:
        """Have the peer send instances here, on this association (PS3.7 9.1.3).

        ::

            async with association.c_get(query, into="inbox") as retrieval:
                async for step in retrieval:
                    print(step.completed, "came,", step.remaining, "to come")

        The association needs ``storage_contexts`` for what the instances may be. Each is
        written to disk while it arrives, as ``Inbox`` says. One that cannot be written is
        answered with a failure, which the peer counts, and the others go on. One C-GET at a
        time runs on an association; a second one waits.

        Leaving the block before the end sends C-CANCEL, and waits for nothing: instances
        that still come are read and refused, and the association stays usable.

        Args:
            query: The unique keys of what is wanted. The data set is not changed.
            into: Where the instances go: a directory, an ``Inbox``, or an
                ``InstanceHandler``. None: to the handler of the association.
            model: The information model: a constant such as ``PATIENT_ROOT_GET``, or any SOP
                class UID. None: Study Root if the peer accepted it, else Patient Root; and
                for the level FRAME the Composite Instance Root.
            level: The Query/Retrieve Level, whatever ``query`` says: PATIENT, STUDY, SERIES
                or IMAGE; FRAME for an instance made of some frames of another one, which
                ``SimpleFrameList`` and its like name (PS3.4 Y.3.2).
            check: As for ``c_find``.
            priority: How urgent it is.
            context: As for ``send_request``.
            idle_timeout: As for ``send_request``. Everything that comes is a sign of life.
            timeout: As for ``send_request``.

        Raises:
            NoAcceptedContext: The peer accepted no context for the model, or none on which
                instances could come. Nothing was sent.
            LocalProtocolError: The model is not clear, the level is missing, or a key beyond
                ASCII has no ``SpecificCharacterSet`` that declares it. Likewise.
            OSError: The directory cannot be made. Likewise.
            StatusError: In the loop, at its end, as ``check`` says.
            ResponseTimeout: There too: the peer was silent for too long.
            ConnectionEnded: The association has ended, or ends meanwhile.
        """
        contexts = self.negotiated.contexts
        sop_class, identifier = GET.resolve(
            contexts, query, model=model, level=level, context=context
        )
        check_instances_can_come(contexts)
        arrivals = None
        if into is not None:
            keys = UniqueKeys.of(identifier)
            arrivals = Arrivals(OnlyAsked(await inbox_for(into), keys, self._has_lost_a_retrieve))
        request = CGetRequest(sop_class_uid=sop_class, priority=priority, data_set=identifier)
        async with self.open_request(
            request,
            context=context,
            idle_timeout=idle_timeout,
            timeout=timeout,
            instances=arrivals,
        ) as responses:
            instances = [] if arrivals is None else arrivals.instances
            yield Retrieval(responses, CGetResponse, instances, check=check)

    def _has_lost_a_retrieve(self) -> bool:
        return self.connection.has_lost_a_retrieve

    def query_extension(self, model: Model | None = None) -> QueryExtension:
        """How the peer matches queries beyond what it must: what it said yes to.

        Ask for it by ``extended`` of ``open_association``.

        Args:
            model: The information model, as for ``c_find``.

        Raises:
            LocalProtocolError: The model is not clear; or ``NoAcceptedContext``: there is none.
        """
        if model is None:
            model = FIND.fitting(self.negotiated.contexts)
        return agreed_query_extension(self.negotiated, model)
