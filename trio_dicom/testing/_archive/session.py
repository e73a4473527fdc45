"""One association of the archive: reading, writing and the timers of the acceptor's side."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

import trio
from attrs import define, evolve, field

from trio_dicom._dimse.c_messages import CCancelRequest
from trio_dicom._dimse.encoded import StoredDataSet
from trio_dicom._dimse.message import Message, Request, Response, encode_command
from trio_dicom._dimse.transcode import encode_data_set
from trio_dicom._io.lifetime import peeled
from trio_dicom._io.transport import NetworkStream
from trio_dicom._operations.acceptance import rejection
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom._protocol.events import (
    AssociateIndication,
    Event,
    MessageReceived,
    ReleaseIndication,
)
from trio_dicom._protocol.machine import AssociationMachine
from trio_dicom._protocol.states import Role, State
from trio_dicom._wire.control import Abort, ReleaseResponse
from trio_dicom.errors import RemoteProtocolError
from trio_dicom.reasons import AbortSource
from trio_dicom.testing._archive.acceptance import MOST_OPERATIONS, accept
from trio_dicom.testing._archive.disturbing import Disturber
from trio_dicom.testing._archive.refusing import AssociationOver
from trio_dicom.testing._archive.services import serve_request
from trio_dicom.testing.links import reset
from trio_dicom.testing.serving import is_of_a_script

if TYPE_CHECKING:
    from trio_dicom.testing.archive import MemoryArchive

__all__ = ["Session", "serve_association"]

_logger = logging.getLogger("trio_dicom")

Work: TypeAlias = Callable[[], Awaitable[None]]
"""Something that the archive has to do beside its answers."""

_LARGEST_MESSAGE_ID = 0xFFFF
_WRITE = 1024 * 1024  # bytes of a data set that go out in one write


async def serve_association(archive: MemoryArchive, stream: trio.abc.Stream) -> None:
    """Serve one association on ``stream``, and close it.

    What it has begun for others, such as reports on associations of their own, it finishes
    after that.

    Args:
        archive: What is served.
        stream: On which nothing was said yet.

    Raises:
        AssertionError: A script failed that the archive has called. Then the stream is not
            closed: whoever serves it has to hear of that before the peer hears of an end.
        ExceptionGroup: Several did. Likewise.
    """
    try:
        with peeled():
            async with trio.open_nursery() as beside:
                session = Session(archive, NetworkStream(stream), beside)
                archive.sessions.append(session)
                try:
                    with peeled():
                        await session.run()
                finally:
                    archive.sessions.remove(session)
                await trio.aclose_forcefully(stream)
    except Exception as error:
        if is_of_a_script(error):
            raise
        await trio.aclose_forcefully(stream)
        _logger.exception("an association of the archive failed")
    except BaseException as error:
        if not is_of_a_script(error):
            await trio.aclose_forcefully(stream)
        raise


@define(eq=False)
class Session:
    """An association: one task reads and decides what happens, another answers requests.

    Attributes:
        archive: What is served.
        network: The peer.
        machine: The state of the association.
        disturber: What is wrong with it on purpose.
    """

    archive: MemoryArchive
    network: NetworkStream
    _beside: trio.Nursery
    machine: AssociationMachine = field(init=False)
    disturber: Disturber = field(init=False)

    _scope: trio.CancelScope = field(factory=trio.CancelScope, init=False)
    # Of messages one at a time is sent, and between its parts what must not wait for it.
    _speaking: trio.Lock = field(factory=trio.Lock, init=False)
    _sending: trio.Lock = field(factory=trio.Lock, init=False)
    _is_over: bool = field(default=False, init=False)
    _deadline: float = field(default=0.0, init=False)
    _timed_state: State | None = field(default=None, init=False)
    _to_serve: trio.MemorySendChannel[MessageReceived] = field(init=False)
    _requests: trio.MemoryReceiveChannel[MessageReceived] = field(init=False)
    _open: set[int] = field(factory=set[int], init=False)
    _cancelled: set[int] = field(factory=set[int], init=False)
    # What we have asked, by message ID, and the last ID that we have used.
    _asked: dict[int, trio.MemorySendChannel[Response]] = field(
        factory=dict[int, trio.MemorySendChannel[Response]], init=False
    )
    _message_id: int = field(default=0, init=False)
    # What waits for the answer to a request, by its message ID.
    _waiting: dict[int, list[Work]] = field(factory=dict[int, list[Work]], init=False)

    def __attrs_post_init__(self) -> None:
        self.machine = AssociationMachine(Role.ACCEPTOR, limits=self.archive.limits)
        self.disturber = Disturber(self)
        self._to_serve, self._requests = trio.open_memory_channel[MessageReceived](MOST_OPERATIONS)

    async def run(self) -> None:
        """Serve until the association and its transport have ended."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._answer_requests)
                    await self._read()
                    nursery.cancel_scope.cancel()
        finally:
            self._is_over = True
            for answered in self._asked.values():
                answered.close()
            for work in (work for waiting in self._waiting.values() for work in waiting):
                self.later(work)

    # --- for the services -------------------------------------------------------------

    @property
    def calling_ae(self) -> str:
        """The AE title of the peer; "" as long as it has no association."""
        return "" if self.machine.association is None else self.machine.association.calling_ae

    @property
    def called_ae(self) -> str:
        """How the peer called the archive, likewise."""
        return "" if self.machine.association is None else self.machine.association.called_ae

    @property
    def contexts(self) -> tuple[NegotiatedContext, ...]:
        """What is spoken about; nothing as long as there is no association."""
        return () if self.machine.association is None else self.machine.association.contexts

    def is_cancelled(self, request: Request) -> bool:
        """Whether the peer has sent a C-CANCEL for this request."""
        return request.message_id in self._cancelled

    async def send(self, message: Message, context: NegotiatedContext) -> None:
        """Send a message on ``context``, its data set in the transfer syntax of that.

        Raises:
            AssociationOver: The association has ended.
            NotConvertible: That is not possible. Nothing was sent.
        """
        if isinstance(message, Response):
            answer = await self.disturber.answer(message)
            if answer is None:
                return
            if answer.error_comment:
                _logger.info("the archive answers %s: %s", answer.status, answer.error_comment)
            message = answer
        data_set = message.data_set
        assert not isinstance(data_set, StoredDataSet)
        payload = b""
        if data_set is not None and context.transfer_syntax is not None:
            payload = encode_data_set(data_set, context.transfer_syntax)
        command = encode_command(message, has_data_set=bool(payload))
        async with self._speaking:
            await self._send_part(context, command, is_command=True, is_last=True)
            step = self.machine.fragment_size * max(1, _WRITE // self.machine.fragment_size)
            view = memoryview(payload)
            for start in range(0, len(payload), step):
                part = view[start : start + step]
                is_last = start + step >= len(payload)
                await self._send_part(context, part, is_command=False, is_last=is_last)

    async def ask(self, request: Request, context: NegotiatedContext) -> Response:
        """Send a request of ours on ``context``, a sub-operation or a report; its answer.

        Args:
            request: Without a message ID.
            context: Where it goes.

        Raises:
            AssociationOver: The association has ended before the answer was there.
            NotConvertible: As ``send``.
        """
        self._message_id = self._message_id % _LARGEST_MESSAGE_ID + 1
        request = evolve(request, message_id=self._message_id)
        answered, answer = trio.open_memory_channel[Response](1)
        self._asked[self._message_id] = answered
        await self.send(request, context)
        try:
            return await answer.receive()
        except trio.EndOfChannel:
            raise AssociationOver from None

    def later(self, work: Work, *, after: Request | None = None) -> None:
        """Do ``work`` beside the requests that are served.

        It may outlast the association: what it then has to say there raises
        ``AssociationOver``, which ends it.

        Args:
            work: What to do.
            after: The request, one that is served now, whose answer goes out first.
        """
        if after is None or self._is_over:
            self._beside.start_soon(self._work, work)
        else:
            assert after.message_id is not None
            self._waiting.setdefault(after.message_id, []).append(work)

    async def hang_up(self, how: Literal["abort", "eof", "reset"]) -> None:
        """End the association by an A-ABORT, or its transport without one.

        Raises:
            AssociationOver: It is done.
        """
        if how == "abort":
            await self._write(self.machine.send(Abort(AbortSource.USER)))
        else:
            if how == "reset":
                with suppress(TypeError):  # what cannot be reset is closed
                    reset(self.network.stream)
            self._scope.cancel()
        raise AssociationOver

    async def stop_reading(self) -> None:
        """Read nothing any more, and end with the peer where one need not read to hear of that."""
        stream = self.network.stream
        gone: Callable[[], Awaitable[None]] = getattr(stream, "wait_abandoned", trio.sleep_forever)
        await gone()
        self._scope.cancel()
        await trio.lowlevel.checkpoint()

    # --- what the peer does -----------------------------------------------------------

    async def _read(self) -> None:
        while not self.machine.ended:
            self._wind_up()
            with trio.CancelScope(deadline=self._deadline) as patience:
                try:
                    data = await self.network.receive_some()
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return
                self.machine.receive_data(data)
            if patience.cancelled_caught:
                await self._out_of_patience()
            else:
                await self._take_events()

    def _wind_up(self) -> None:
        """Start the timer that is due: ARTIM once in its state, else ours at each sign of life."""
        now, state = trio.current_time(), self.machine.state
        if not self.machine.artim_running:
            self._deadline = now + self.archive.idle_timeout
        elif state is not self._timed_state:
            self._deadline = now + self.archive.artim_timeout
        self._timed_state = state

    async def _out_of_patience(self) -> None:
        if trio.current_time() < self._deadline:  # what we wrote meanwhile has moved it on
            return
        if self.machine.artim_running:
            self.machine.artim_expired()
        else:
            await self._write(self.machine.send(Abort(AbortSource.USER)))

    async def _take_events(self) -> None:
        try:
            while (event := self.machine.next_event()) is not None:
                await self._take(event)
        except RemoteProtocolError as error:
            _logger.info("the archive aborts: %s", error)
        if owed := self.machine.data_to_send():
            await self._write(owed)

    async def _take(self, event: Event) -> None:
        await self.disturber.notice(event)
        match event:
            case AssociateIndication(request=request):
                called_ae = self.archive.ae_title if self.archive.checks_called_ae else None
                await self._write(
                    self.machine.send(
                        self.disturber.rejection()
                        or rejection(request, called_ae=called_ae)
                        or accept(request, refused=self.disturber.refusals(request))
                    )
                )
            case MessageReceived():
                await self._take_message(event)
            case ReleaseIndication():
                await self._write(self.machine.send(ReleaseResponse()))
            case _:  # the machine knows what has ended, and fragments are signs of life
                pass

    async def _take_message(self, received: MessageReceived) -> None:
        message = received.message
        if isinstance(message, CCancelRequest):
            if message.message_id_being_responded_to in self._open:
                self._cancelled.add(message.message_id_being_responded_to)
        elif isinstance(message, Response):
            answers = message.message_id_being_responded_to
            if answers in self._asked:
                self._asked.pop(answers).send_nowait(message)
        elif isinstance(message, Request):
            assert message.message_id is not None
            self._open.add(message.message_id)
            try:
                self._to_serve.send_nowait(received)
            except trio.WouldBlock:  # more than any window that we have agreed to
                await self._write(self.machine.send(Abort(AbortSource.USER)))

    # --- what we do -------------------------------------------------------------------

    async def _answer_requests(self) -> None:
        while True:
            received = await self.disturber.next_of(self._requests)
            request = received.message
            assert isinstance(request, Request)
            assert request.message_id is not None
            try:
                await serve_request(self, request, received.context)
            except AssociationOver:
                return
            self._open.discard(request.message_id)
            self._cancelled.discard(request.message_id)
            for work in self._waiting.pop(request.message_id, ()):
                self.later(work)

    @staticmethod
    async def _work(work: Work) -> None:
        try:
            with suppress(AssociationOver):
                await work()
        except Exception as error:
            if is_of_a_script(error):  # which this is a report to
                raise
            _logger.exception("the archive failed on what it had to do")

    async def _send_part(
        self,
        context: NegotiatedContext,
        payload: bytes | memoryview,
        *,
        is_command: bool,
        is_last: bool,
    ) -> None:
        async with self._sending:
            if self._is_over or self.machine.state is not State.ESTABLISHED:
                raise AssociationOver
            pieces = self.machine.fragment(
                context.context_id, payload, is_command=is_command, is_last=is_last
            )
            await self._write_locked(b"".join(pieces))
        self._wind_up()

    async def _write(self, data: bytes) -> None:
        async with self._sending:
            await self._write_locked(data)

    async def _write_locked(self, data: bytes) -> None:
        with trio.move_on_after(self.archive.idle_timeout) as patience:
            try:
                await self.network.stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._scope.cancel()
        if patience.cancelled_caught:  # in the middle of a PDU: nothing can follow it
            self._scope.cancel()
