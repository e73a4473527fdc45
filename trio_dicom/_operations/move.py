"""C-MOVE: the peer sends what we ask for, to somebody else or to a receiver of ours."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import trio
from pydicom import Dataset

from trio_dicom._dimse.base import Priority
from trio_dicom._dimse.c_messages import CMoveRequest, CMoveResponse
from trio_dicom._io.responses import ResponseChannel
from trio_dicom._operations.inbox import Into
from trio_dicom._operations.query_models import MOVE, Model
from trio_dicom._operations.requester import Requester
from trio_dicom._operations.retrieving import Retrieval
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.errors import StatusError
from trio_dicom.status import Code

if TYPE_CHECKING:
    from trio_dicom._operations.landing import MoveDestination
    from trio_dicom._operations.open_moves import OpenMove
    from trio_dicom._operations.receiving import Receiver

__all__ = ["MoveRetrieval", "MoveService"]

_logger = logging.getLogger("trio_dicom")

_PATIENCE: Final = 30.0
"""Seconds for instances that are still arriving when the peer says that it is done."""


class MoveRetrieval(Retrieval[CMoveResponse]):
    """How far a C-MOVE is, as the peer tells.

    ::

        async with association.c_move(query, into="inbox") as retrieval:
            async for step in retrieval:
                print(step.completed, "came,", step.remaining, "to come")

    See `Retrieval`. With a destination of somebody else's, ``instances`` stays empty.

    Attributes:
        destination: Where the instances go.
        response: The final response, once the loop or ``final`` has met it. Until then None.
        instances: What was stored in files here so far, in the order in which it came.
    """

    def __init__(
        self,
        responses: ResponseChannel,
        destination: MoveDestination,
        move: OpenMove | None,
        *,
        check: bool = True,
    ) -> None:
        """Wrap the responses of a C-MOVE.

        Args:
            responses: What ``open_request`` gave.
            destination: Where the instances go.
            move: Whose instances come here, or None if they go elsewhere.
            check: Whether a bad end raises `StatusError`.
        """
        instances = [] if move is None else move.instances
        super().__init__(responses, CMoveResponse, instances, check=check)
        self.destination = destination
        self._move = move
        self._has_warned = False

    async def final(self) -> CMoveResponse:
        """The final response. Pending ones that were not received are dropped.

        What is still arriving at a receiver of ours is waited for.

        Raises:
            StatusError: It is not a good one. Where the peer does not know the destination,
                the text says what to configure there.
            trio.BusyResourceError: As for every `ResultChannel`; so are the others.
        """
        failure = None
        try:
            await super().final()
        except StatusError as error:
            failure = StatusError(
                error.status,
                operation="C-MOVE",
                comment=error.comment,
                hint=self._hint(error.status.code),
            )
        if self._move is not None:
            self._move.is_complete = True
            with trio.move_on_after(_PATIENCE):
                await self._move.nothing_in_hand()
        self._warn_of_missing()
        if failure is not None:
            raise failure
        assert self.response is not None  # or else it would not have ended in order
        return self.response

    @property
    def missing(self) -> int:
        """How many instances the peer says that it sent and of which nothing came here.

        0 before the end, and where they go to somebody else. If nothing came at all, the peer
        has most likely another host or port for our AE title.
        """
        if self._move is None or self.response is None:
            return 0
        sent = (self.response.completed or 0) + (self.response.warning or 0)
        return max(sent - self._move.came, 0)

    def _warn_of_missing(self) -> None:
        if self.missing and not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "%d of the instances that the peer says it sent did not come here. Does it send "
                "them to %s?",
                self.missing,
                self.destination,
            )

    def _hint(self, code: int) -> str:
        if code == Code.MOVE_DESTINATION_UNKNOWN:
            return f"Configure the destination at the peer: {self.destination}"
        if code == Code.UNABLE_TO_PROCESS:  # Orthanc says no more than this
            return f"Perhaps the peer does not know the destination: {self.destination}"
        return ""


class MoveService(Requester):
    """C-MOVE."""

    __slots__ = ()

    @asynccontextmanager
    async def c_move(
        self,
        query: Dataset,
        destination: str | None = None,
        *,
        into: Into | None = None,
        receiver: Receiver | None = None,
        receive_port: int | None = None,
        receive_host: str | None = None,
        receive_ae: str | None = None,
        receive_tls: ssl.SSLContext | None = None,
        model: Model | None = None,
        level: str | None = None,
        check: bool = True,
        priority: Priority = Priority.MEDIUM,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[MoveRetrieval, None]:
        """Have the peer send instances on associations of its own (PS3.7 9.1.4).

        ::

            async with association.c_move(query, into="inbox") as retrieval:
                async for step in retrieval:
                    print(step.completed, "came,", step.remaining, "to come")

        They go to a third party by its AE title, or come here. For ``into`` alone a port
        is opened while the block is; a ``receiver`` that you have opened serves any number
        of C-MOVEs at a time and keeps them apart. The peer must know our AE title, host and
        port beforehand: if it does not, the error tells what it has to know.

        Leaving the block before the end sends C-CANCEL, and waits for nothing. What still
        comes is refused.

        Args:
            query: The unique keys of what is wanted. The data set is not changed.
            destination: The AE title of somebody else, whom the peer knows.
            into: Where the instances go: a directory, an ``Inbox``, or an
                ``InstanceHandler``. None: to the place of the ``receiver``.
            receiver: Where they come in; None for one of its own, with the next four, which
                mean nothing otherwise, and with the options of this connection.
            receive_port: Its TCP port. None: 11112, which is DICOM's own. 0: any that is free.
            receive_host: The address that it listens on. None: ours in this association.
            receive_ae: Its AE title. None: our calling AE title.
            receive_tls: How to encrypt there, or None not to.
            model: The information model: a constant such as ``PATIENT_ROOT_MOVE``, or any SOP
                class UID. None: Study Root if the peer accepted it, else Patient Root; and
                for the level FRAME the Composite Instance Root.
            level: The Query/Retrieve Level, whatever ``query`` says: as for ``c_get``.
            check: As for ``c_find``.
            priority: How urgent it is.
            context: As for ``send_request``.
            idle_timeout: As for ``send_request``. None: ``Timeouts.move_idle``. What comes
                to us of the instances is a sign of life.
            timeout: As for ``send_request``.

        Raises:
            NoAcceptedContext: The peer accepted no context for the model. Nothing was sent.
            LocalProtocolError: The model or the destination is not clear, the level is
                missing, or an option means nothing. Likewise.
            OSError: The port is taken, or the directory cannot be made. Likewise.
            StatusError: In the loop, at its end, as ``check`` says.
            ResponseTimeout: There too: the peer was silent for too long.
            ConnectionEnded: The association has ended, or ends meanwhile.
        """
        # Most programs have nothing moved.
        from trio_dicom._operations.landing import landing  # noqa: PLC0415

        sop_class, identifier = MOVE.resolve(
            self.negotiated.contexts, query, model=model, level=level, context=context
        )
        async with landing(
            self,
            destination,
            into=into,
            receiver=receiver,
            receive_host=receive_host,
            receive_port=receive_port,
            receive_ae=receive_ae,
            receive_tls=receive_tls,
        ) as place:
            request = CMoveRequest(
                sop_class_uid=sop_class,
                priority=priority,
                move_destination=place.destination.ae_title,
                data_set=identifier,
            )
            with place.expecting(self.negotiated.calling_ae, identifier) as move:
                async with self.connection.open_request(
                    request,
                    context=context,
                    idle_timeout=idle_timeout,
                    timeout=timeout,
                    # The first instance may be here before this task runs again.
                    announce=None if move is None else move.begin,
                ) as responses:
                    yield MoveRetrieval(responses, place.destination, move, check=check)
