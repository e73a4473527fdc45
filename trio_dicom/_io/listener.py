"""The one task that reads from the transport."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, assert_never

import trio
from attrs import define, field

from trio_dicom._dimse.c_messages import CStoreRequest
from trio_dicom._dimse.message import REQUEST_TO_RESPONSE, Message, Request, Response
from trio_dicom._io.ending import Ending
from trio_dicom._io.ends import abort, end, transport_closed, why_broken
from trio_dicom._io.outcomes import finish, leave
from trio_dicom._io.pending import Abandoned, Completed, Failed, seconds_or_infinite
from trio_dicom._protocol.events import (
    AbortIndication,
    AssociateConfirmation,
    AssociateIndication,
    AssociateRefusal,
    Event,
    FragmentReceived,
    MessageReceived,
    ReleaseConfirmation,
    ReleaseIndication,
    TransportClosed,
)
from trio_dicom._protocol.states import State
from trio_dicom._wire.pdus import AssociationReject, ReleaseResponse
from trio_dicom.errors import RemoteProtocolError
from trio_dicom.reasons import AbortSource

if TYPE_CHECKING:
    from trio_dicom._io.link import Link
    from trio_dicom._protocol.negotiation import NegotiatedAssociation
    from trio_dicom._wire.pdus import AssociationRequest

__all__ = ["Listener"]

# The types of the TLS records that a peer begins with where we expect a PDU.
_SAYS_TLS = {
    0x15: "it answered with a TLS alert: it expects TLS on this port",
    0x16: "it began a TLS handshake: it expects TLS on this port",
}

# What Python adds to the bytes of a message that waits to be taken: the smallest costs that much.
_BESIDES = 256


@define(eq=False)
class Listener:
    """Reads until the connection ends. It never runs user code and never waits to write.

    A connection's begins when ``ClientConnection.start_listener`` is called.
    """

    _link: Link
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    started: bool = False
    ended: trio.Event = field(factory=trio.Event)
    _first_byte: int | None = None
    # Until it has asked for an association ARTIM runs, also over what TLS has to say.
    _heard: float = inf

    @property
    def running(self) -> bool:
        """Whether it is reading from the transport now."""
        return self.started and not self.ended.is_set()

    async def wait(self) -> None:
        """Return when the listener has ended in order.

        Raises:
            ConnectionEnded: What ended it otherwise; or ``RemoteProtocolError``.
        """
        await self.ended.wait()
        ending = self._link.ending
        if ending is not None and (error := ending.exception) is not None:
            raise error

    def start(self) -> None:
        """Begin to read, unless it has begun or the connection has ended."""
        if not self.started and self._link.ending is None:
            self.started = True
            self._link.tasks.start_soon(self.run)

    async def run(self) -> None:
        """Read until end of file, or until the link says that it has heard enough."""
        try:
            with self.scope:
                self.watch_artim()
                await self._listen()
            if self.scope.cancelled_caught:
                self._patience_ended()
            elif self._link.ending is None:
                # An A-ABORT where there is nothing to abort, of which the machine says nothing.
                transport_closed(self._link)
        except trio.ClosedResourceError as error:
            end(self._link, Ending.lost(self._link.peer, "was closed", error))
        except trio.BrokenResourceError as error:
            if self._link.tap is not None:
                self._link.tap.broke(why_broken(self._link, error))
            transport_closed(self._link, error)
        finally:
            self.ended.set()

    def allow(self, seconds: float) -> None:
        """Listen for no longer than ``seconds`` from now."""
        self.scope.deadline = min(self.scope.deadline, trio.current_time() + seconds)

    def watch_artim(self) -> None:
        """Run the ARTIM timer while the machine asks for it."""
        if self._link.machine.artim_running and self.scope.deadline == inf:
            self.allow(self._link.options.timeouts.artim)

    async def _listen(self) -> None:
        link = self._link
        while True:
            if link.flow.stopped:
                await link.flow.reading_allowed()
                self._heard = trio.current_time()
            data = await self._receive()
            if link.instrument is not None:
                link.instrument.bytes_received(len(data))
            if link.tap is not None:
                link.tap.received(data)
            if self._first_byte is None and data:
                self._first_byte = data[0]
            link.machine.receive_data(data)
            self._take_events()
            if link.ending is None and link.machine.state is State.AWAITING_CLOSE:
                link.outbox.ring()  # for the A-ABORT that the machine may owe (AA-7)
            self.watch_artim()
            has_heard_enough = link.ending is not None and link.ending.abort is None
            if not data or has_heard_enough or link.machine.ended:
                return

    async def _receive(self) -> bytes | bytearray:
        """What the peer says next. Who asked us to listen must not be silent for ever.

        A byte now and then is no sign of life: only what is whole counts.
        """
        link = self._link
        # With nothing open and nothing begun, the next word is ours. TLS has words of its own.
        acknowledge = (
            link.machine.is_amid_message
            or link.table.has_open
            or link.machine.association is None
            or link.network.is_tls
        )
        if link.acceptance is None:
            return await link.network.receive_some(acknowledge=acknowledge)
        seconds = seconds_or_infinite(link.options.timeouts.idle)
        while True:
            # Once it has ended, the scope of the whole task bounds what we still listen to.
            deadline = self._heard + seconds if link.ending is None else inf
            with trio.CancelScope(deadline=deadline):
                return await link.network.receive_some(acknowledge=acknowledge)
            # From the end of what was ours on the silence is the peer's.
            is_ours = link.serving.is_waited_for or link.machine.artim_running
            self._heard = trio.current_time() if is_ours else link.serving.answered_at
            if self._heard + seconds <= trio.current_time():
                abort(link, because=f"it was silent for {seconds:g} s")

    def _take_events(self) -> None:
        link = self._link
        try:
            while (event := link.machine.next_event()) is not None:
                if link.acceptance is not None:
                    self._heard = trio.current_time()
                if link.ending is None:
                    self._take(event)
        except RemoteProtocolError as error:
            if self._first_byte in _SAYS_TLS:
                error = RemoteProtocolError(
                    _SAYS_TLS[self._first_byte],
                    abort_source=error.abort_source,
                    abort_reason=error.abort_reason,
                )
            end(link, Ending.peer_broke_protocol(link.peer, error))

    def _take(self, event: Event) -> None:
        link = self._link
        if isinstance(event, MessageReceived):
            if link.instrument is not None:
                link.instrument.message_received(event.message, event.context)
            self._message(event)
            return
        if link.instrument is not None:
            link.instrument.event_received(event)
        match event:
            case FragmentReceived(message=message):
                if message is not None:
                    self._sign_of_life(message)
            case AssociateConfirmation(association=association):
                self._accepted(association)
            case AssociateRefusal(reject=reject):
                if (
                    link.acceptance is None
                ):  # else the machine itself has refused what it cannot speak
                    self._rejected(reject)
            case ReleaseIndication():
                self._release_indicated()
            case ReleaseConfirmation():
                link.dispatcher.call("on_receive_association_release_response")
                end(link, Ending.released(link.peer))
            case AbortIndication(abort=abort):
                link.dispatcher.call("on_receive_abort", abort.source, abort.reason)
                end(link, Ending.aborted_by_peer(link.peer, abort))
            case TransportClosed():
                transport_closed(link)
            case AssociateIndication(request=request):
                self._asked(request)
            case _:
                assert_never(event)

    def _asked(self, request: AssociationRequest) -> None:
        link = self._link
        if link.acceptance is None:
            raise AssertionError("a requestor gets no association requests")
        self.scope.deadline = inf  # ARTIM has done its work
        link.outbox.put(link.acceptance(request))

    def _accepted(self, association: NegotiatedAssociation) -> None:
        link = self._link
        link.table.window = association.max_operations_invoked or inf
        link.answered.set()
        link.dispatcher.call("on_receive_association_accept", association)

    def _rejected(self, reject: AssociationReject) -> None:
        link, reason = self._link, reject.reason
        link.dispatcher.call("on_receive_association_reject", reject.result, reason.source, reason)
        end(link, Ending.rejected(link.peer, reject))

    def _release_indicated(self) -> None:
        """The peer asks for release: it gets it, and open requests end (PS3.8 7.2)."""
        link = self._link
        link.is_releasing = True
        # Unless we have asked, too: then each answers the other (PS3.8 7.2.2).
        link.is_released_by_peer = link.machine.state is State.ANSWERING_RELEASE
        for entry in link.table.everything():
            finish(link, entry, Failed(link.released_error))
        link.sender.stop_reading()  # for a message that goes no further
        if link.acceptance is not None and link.is_released_by_peer and link.serving.is_waited_for:
            link.tasks.start_soon(self._grant_when_answered)
        else:
            self._grant()

    def _grant(self) -> None:
        self._link.outbox.put(ReleaseResponse())
        # Bounds our answer, too, in case the peer does not even read.
        self.allow(self._link.options.timeouts.artim)

    async def _grant_when_answered(self) -> None:
        """Answer the release behind what else we owe the peer (PS3.8 Table 9-8, AR-7).

        What has come whole is as good as stored, and not to hear of it makes a peer bring it
        again. It does not wait for longer than it may take to end any association.
        """
        link = self._link
        with trio.move_on_after(link.options.timeouts.abort):
            await link.wait_until(lambda: not link.serving.is_waited_for)
        self._grant()

    def _message(self, event: MessageReceived) -> None:
        message, size = event.message, event.size + _BESIDES
        self._sign_of_life(message)
        if isinstance(message, Response):
            self._response(message, size)
        elif isinstance(message, Request) and not event.is_streamed:  # it is served already
            self._link.serving.put(message, event.context, size)

    def _response(self, response: Response, size: int) -> None:
        link = self._link
        message_id = response.message_id_being_responded_to
        entry = link.table.find(message_id) if message_id is not None else None
        if entry is None or not entry.started:
            link.complain("dropped a response of %s to message %s", link.peer, message_id)
            return
        if not isinstance(response, REQUEST_TO_RESPONSE[type(entry.request)]):
            raise RemoteProtocolError(
                f"it answered {entry.words} with a {type(response).__name__}",
                abort_source=AbortSource.USER,
            )
        link.clocks.sign_of_life_after(entry.clock)
        if not response.is_final:
            if entry.outcome is None:
                if entry.channel is not None:
                    entry.channel.put(response, size)
                link.dispatcher.call("on_request_pending", entry.request, response, size=size)
            return
        if isinstance(entry.outcome, Abandoned):
            leave(link, entry, answered=True)
        else:
            finish(link, entry, Completed(response))

    def _sign_of_life(self, message: Message) -> None:
        """Bytes of ``message`` came: its request's peer is not silent."""
        table = self._link.table
        if isinstance(message, Response):
            message_id = message.message_id_being_responded_to
            entry = table.find(message_id) if message_id is not None else None
        else:
            entry = table.retrieving() if isinstance(message, CStoreRequest) else None
        if entry is not None:
            entry.clock.sign_of_life()

    def _patience_ended(self) -> None:
        """We have waited long enough for the peer to close."""
        if self._link.machine.artim_running:
            self._link.machine.artim_expired()
        transport_closed(self._link)
