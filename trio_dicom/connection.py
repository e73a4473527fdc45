"""Level 1: a connection with every callback, for those who need them all."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager

import trio
from attrs import define

from trio_dicom._dimse.base import Request, Response
from trio_dicom._io.associating import associate, check_request
from trio_dicom._io.closing import ask_for_release, close, wait_closed
from trio_dicom._io.connecting import connect
from trio_dicom._io.ends import abort
from trio_dicom._io.lifetime import closed_on_failure, running
from trio_dicom._io.link import Link
from trio_dicom._io.listener import Listener
from trio_dicom._io.pending import Completed
from trio_dicom._io.requesting import abandon, submit, wait_until
from trio_dicom._io.responses import ResponseChannel
from trio_dicom._io.transport import NetworkStream
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom._protocol.negotiation import NegotiatedAssociation
from trio_dicom._wire.pdus import Abort, AssociationRequest
from trio_dicom.errors import ConnectFailed, ConnectTimeout, WouldDeadlock
from trio_dicom.handler import BaseHandler, ConnectionHandler, EventTaker, InstanceHandler
from trio_dicom.instrument import Instrument, tell_failed_attempt
from trio_dicom.options import ConnectionOptions
from trio_dicom.reasons import AbortReason, AbortSource

__all__ = ["ClientConnection", "open_connection", "wrap_stream"]


@asynccontextmanager
async def open_connection(
    host: str,
    port: int,
    *,
    handler: ConnectionHandler | None = None,
    instrument: Instrument | None = None,
    tls: ssl.SSLContext | None = None,
    server_hostname: str | None = None,
    options: ConnectionOptions | None = None,
) -> AsyncGenerator[ClientConnection, None]:
    """Connect to a peer and listen; no association is requested yet.

    Leaving the block releases the association if there is one, an exception or a
    cancellation aborts it; both within the bounds of ``Timeouts``.

    Args:
        host: Name or address; of several addresses the quickest wins.
        port: TCP port.
        handler: Whom to tell what happens, or None for nobody.
        instrument: Watches the wire.
        tls: How to encrypt, or None not to.
        server_hostname: The name that the peer's certificate must carry and that SNI
            sends, where it is not ``host``.
        options: Timeouts, limits and the like.

    Raises:
        ConnectFailed: Name, port or TLS do not work; the cause says why.
        ConnectTimeout: They took longer than ``Timeouts.connect``.
        LocalProtocolError: There is no such port.
    """
    options = ConnectionOptions() if options is None else options
    peer = f"{host}:{port}"
    try:
        stream = await connect(
            host, port, tls=tls, server_hostname=server_hostname, options=options
        )
    except (ConnectFailed, ConnectTimeout) as error:
        tell_failed_attempt(instrument, peer, error)
        raise
    async with wrap_stream(
        stream, handler=handler, instrument=instrument, options=options, peer=peer
    ) as connection:
        yield connection


@asynccontextmanager
async def wrap_stream(
    stream: trio.abc.Stream,
    *,
    handler: ConnectionHandler | None = None,
    instrument: Instrument | None = None,
    options: ConnectionOptions | None = None,
    start_listener: bool = True,
    peer: str = "",
) -> AsyncGenerator[ClientConnection, None]:
    """Make a connection of a stream that is open already, and own it.

    Args:
        stream: Any stream to a DICOM peer on which nothing was said yet. It must not
            keep the data that ``send_all`` is given: buffers are used again. If it has a
            ``send_nowait(data) -> int``, small messages go out by that.
        handler: Whom to tell what happens, or None for nobody.
        instrument: Watches the wire.
        options: Timeouts, limits and the like.
        start_listener: Whether to begin reading at once.
        peer: The peer's name for errors; its address by default.
    """
    options = ConnectionOptions() if options is None else options
    async with closed_on_failure(stream):  # of the instrument
        link = Link.create(
            NetworkStream(stream, peer),
            options,
            BaseHandler() if handler is None else handler,
            instrument,
        )
    connection = ClientConnection(link)
    async with running(link, why="the block that used the connection failed"):
        if start_listener:
            connection.start_listener()
        yield connection
        await connection.aclose()


@define(eq=False)
class ClientConnection:
    """One connection to one peer, which carries one association at most.

    Made by ``open_connection`` and ``wrap_stream``. Any number of tasks may use it at
    the same time.
    """

    _link: Link

    @property
    def listener(self) -> Listener:
        """The task that reads: whether it runs, and how to wait for its end."""
        return self._link.listener

    @property
    def network_stream(self) -> NetworkStream:
        """The stream underneath, with the addresses of both ends."""
        return self._link.network

    @property
    def options(self) -> ConnectionOptions:
        """Timeouts, limits and the like, as it was opened with them."""
        return self._link.options

    @property
    def association(self) -> NegotiatedAssociation | None:
        """What was agreed, also after the end; None before."""
        return self._link.machine.association

    @property
    def can_still_process_p_data_tf(self) -> bool:
        """True until a message was cut after some but not all of it went out.

        False is final: no other message can follow. Answers to what was sent before still
        come, and release and abort still work if the cut is between two writes.
        """
        return self._link.can_still_process_p_data_tf

    @property
    def has_lost_a_retrieve(self) -> bool:
        """Whether a C-GET ended here without its final response.

        Instances of it may come late, and no sub-operation names the C-GET that it is of.
        """
        return self._link.table.has_lost_a_retrieve

    @property
    def is_send_queue_empty(self) -> bool:
        """Whether nothing is queued and nothing awaits its final response."""
        return self._link.table.is_empty

    @property
    def is_send_next_message_required(self) -> bool:
        """Whether a request waits for a free slot of the window. The sender needs no help."""
        return self._link.table.queued > 0 and self._link.sender.on_the_wire is None

    def events(self, take: EventTaker) -> AbstractContextManager[None]:
        """Let ``take`` see the N-EVENT-REPORTs of the peer while the block is open.

        See ``EventSource``.

        Args:
            take: Answers an event, or returns None to leave it to the next.
        """
        return self._link.events.taken_by(take)

    def start_listener(self) -> None:
        """Begin to read. Calling it again does nothing."""
        self._link.listener.start()

    async def send_association_request(self, request: AssociationRequest) -> NegotiatedAssociation:
        """Ask for an association and return what was accepted.

        Args:
            request: What to ask for; ``propose`` makes it from contexts and titles.

        Raises:
            LocalProtocolError: This connection has asked before, or the request would
                send a secret without TLS. Nothing was sent.
            AssociationRejected: The peer said no.
            AssociateTimeout: The peer said nothing; the connection is closed.
            ConnectFailed: TLS 1.3 refused our certificate only now.
            ConnectionEnded: The peer hung up or aborted.
            RemoteProtocolError: What the peer said is no DICOM.
        """
        await trio.lowlevel.checkpoint_if_cancelled()  # what follows waits in any case
        try:
            check_request(self._link, request)
        except Exception:
            await trio.lowlevel.cancel_shielded_checkpoint()
            raise
        return await associate(self._link, request)

    async def send_association_release_request(self) -> None:
        """Refuse new requests, let open ones finish, and release the association.

        Returns when the connection is closed, however it ended. Inside a callback it
        starts the release and returns at once.

        Raises:
            ReleaseTimeout: It took longer than ``Timeouts.release``; we aborted.
        """
        await ask_for_release(self._link)

    async def send_abort(
        self,
        source: AbortSource = AbortSource.USER,
        reason: AbortReason = AbortReason.NOT_SPECIFIED,
    ) -> None:
        """Abort: overtakes what is queued and ends the connection.

        Every open request ends with ``AssociationAborted``. Returns when the connection is
        closed, ``Timeouts.abort`` seconds later at most; inside a callback at once.

        Args:
            source: Who gives up: the user, who is you.
            reason: Why, if the provider gives up.
        """
        abort(self._link, Abort(source, reason))
        await wait_closed(self._link)

    async def send_request(
        self,
        request: Request,
        *,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> None:
        """Send a request and return once its last byte is written. Answers go to the handler.

        Waits for a slot of the window first, which counts against no timeout. A cancelled
        call sends nothing if it was still waiting; what is on the wire is finished in the
        background.

        Args:
            request: What to send.
            context: The presentation context to use, where the choice is not ours.
            idle_timeout: Seconds of the peer's silence that are too many, until the final
                response. None: as in ``Timeouts``; ``math.inf``: no limit once it is sent.
            timeout: Seconds for the whole, from the first transmission on. None: as in
                ``Timeouts``; ``math.inf``: no limit.

        Raises:
            NoAcceptedContext: The peer accepted no context for it. Nothing was sent.
            LocalProtocolError: It cannot be sent: there is no association, its data set is
                malformed, or has text in a character set that it does not declare, or a
                timeout is no number. Nothing was sent.
            ResponseTimeout: The peer was silent before the last byte was written.
            ConnectionEnded: The connection has ended, or ends meanwhile.
            WouldDeadlock: This task must first take the responses that wait for it.
        """
        await submit(
            self._link,
            request,
            context=context,
            idle_timeout=idle_timeout,
            timeout=timeout,
        )

    async def ask(
        self,
        request: Request,
        *,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Send a request and return its final response. Pending ones go to the handler alone.

        It takes what ``send_request`` takes, and raises what that raises.
        """
        entry = await submit(
            self._link,
            request,
            context=context,
            idle_timeout=idle_timeout,
            timeout=timeout,
            until_answered=True,
        )
        assert isinstance(entry.outcome, Completed)  # other ends are errors
        return entry.outcome.response

    @asynccontextmanager
    async def open_request(
        self,
        request: Request,
        *,
        context: NegotiatedContext | None = None,
        idle_timeout: float | None = None,
        timeout: float | None = None,
        instances: InstanceHandler | None = None,
        announce: Callable[[ResponseChannel], None] | None = None,
    ) -> AsyncGenerator[ResponseChannel, None]:
        """Send a request as ``send_request`` does, and receive its answers as a channel.

        Leaving the block before the final response gives the answers up; a C-FIND, C-GET
        or C-MOVE is cancelled at the peer with C-CANCEL. Leaving waits for nothing.

        Args:
            request: As for ``send_request``.
            context: Likewise.
            idle_timeout: Likewise.
            timeout: Likewise.
            instances: Who takes the instances that a C-GET brings; None: the connection's
                handler.
            announce: Called with the channel before the request is queued. Its ``message_id``
                is there as soon as the first byte is written, however late this task runs.

        Raises:
            NoAcceptedContext: As ``send_request``; so are the others.
        """
        # What came before the last byte was written must not stop the reading either.
        with ResponseChannel(self._link.flow) as channel:
            if announce is not None:
                announce(channel)
            entry = await submit(
                self._link,
                request,
                context=context,
                idle_timeout=idle_timeout,
                timeout=timeout,
                channel=channel,
                instances=instances,
            )
            try:
                yield channel
            finally:
                abandon(self._link, entry)

    @contextmanager
    def waiting(self, what: str) -> Generator[None, None, None]:
        """Mark that this task waits for ``what``, of this connection, inside the block.

        Raises:
            WouldDeadlock: When the block is entered, or inside it: responses that this task
                must take first have stopped the reading.
        """
        scope = trio.CancelScope()
        with self._link.flow.waiting(what, scope.cancel) as wait, scope:
            yield
        if scope.cancelled_caught:
            wait.check()

    async def send_next_message(self) -> None:
        """Return when everything that the window admits was handed to the transport.

        The sender needs no help to make progress; this is for those who port code.

        Raises:
            WouldDeadlock: This task must first take the responses that wait for it.
        """
        await trio.lowlevel.checkpoint()
        await wait_until(self._link, lambda: self._link.sender.is_idle, "the queue to be sent")

    async def wait_send_queue_empty(self) -> None:
        """Return when nothing is queued and nothing awaits its final response.

        Raises:
            WouldDeadlock: Called inside a callback, on which open requests may depend; or
                this task must first take the responses that wait for it.
        """
        await trio.lowlevel.checkpoint()
        if self._link.is_inside():
            raise WouldDeadlock("a callback cannot wait for the queue that may wait for it")
        await wait_until(self._link, lambda: self._link.table.is_empty, "the queue to be empty")

    async def aclose(self) -> None:
        """End the connection: release the association if there is one, and close.

        Bounded by ``Timeouts``: what is not released in time is aborted, and so is what is
        not when this is cancelled. Inside a callback it starts the end and returns at once.
        Calling it again does nothing.
        """
        await close(self._link)
