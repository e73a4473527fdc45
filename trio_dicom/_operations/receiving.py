"""Our own port, to which peers bring instances and events."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncGenerator, Collection
from contextlib import AbstractContextManager, asynccontextmanager

import trio
from attrs import define, field

from trio_dicom._io.accepting import serve
from trio_dicom._io.connecting import check_port
from trio_dicom._io.events import EventTakers
from trio_dicom._io.failures import log_failures
from trio_dicom._io.ports import open_for
from trio_dicom._io.tls import refuse_pins_without_tls
from trio_dicom._io.transport import remote_host, set_keepalive, socket_stream
from trio_dicom._operations.admission import Admission
from trio_dicom._operations.guest import Guest
from trio_dicom._operations.inbox import Into, inbox_for
from trio_dicom._operations.open_moves import OpenMoves
from trio_dicom._operations.watching import Watching
from trio_dicom._protocol.negotiation import checked_ae_title, checked_max_length
from trio_dicom.errors import LocalProtocolError
from trio_dicom.handler import EventTaker, InstanceHandler
from trio_dicom.instrument import Instrument
from trio_dicom.options import ConnectionOptions

__all__ = ["Receiver", "open_receiver"]

_logger = logging.getLogger("trio_dicom")

# Connections beyond the associations: they get a rejection, which says more than a closed port.
_ROOM_AT_THE_DOOR = 16


@define(eq=False)
class Receiver:
    """A port to which peers bring instances and events.

    Made by ``open_receiver``.

    Attributes:
        ae_title: What it is called.
        host: The address that it listens on.
        port: The TCP port that it listens on.
        associations: How many associations it has at the moment.
        moves: The C-MOVEs that bring instances here.
    """

    ae_title: str
    host: str
    port: int
    _admission: Admission
    _instances: InstanceHandler | None
    _on_event: EventTaker | None
    _options: ConnectionOptions
    _instrument: Instrument | None
    associations: int = field(default=0, init=False)
    moves: OpenMoves = field(factory=OpenMoves, init=False)
    # Every connection, the oldest first.
    _guests: dict[Guest, trio.CancelScope] = field(
        factory=dict[Guest, trio.CancelScope], init=False
    )
    _takers: EventTakers = field(factory=EventTakers, init=False)

    @property
    def address(self) -> str:
        """As the command line takes it: ``AET@host:port``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"

    @property
    def takes_instances(self) -> bool:
        """Whether it takes instances that no ``c_move`` has asked for."""
        return self._instances is not None

    def events(self, take: EventTaker) -> AbstractContextManager[None]:
        """Let ``take`` see the N-EVENT-REPORTs of all peers while the block is open.

        See ``EventSource``.

        Args:
            take: Answers an event, or returns None to leave it to the next.
        """
        return self._takers.taken_by(take)

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Serve the association of one peer, until it ends, and close ``stream``.

        Whatever the peer does, this neither raises nor lasts for ever.

        Args:
            stream: A connection that a peer has opened, in a way of your own.
        """
        if len(self._guests) >= self._admission.max_associations + _ROOM_AT_THE_DOOR:
            self._make_room()
        guest = Guest(
            remote_host(stream),
            self._admission,
            self._take_place,
            self._instances,
            self._on_event,
            self.moves,
        )
        self._guests[guest] = scope = trio.CancelScope()
        ending = None
        try:
            self._probe_when_silent(stream)
            with scope:
                ending = await serve(
                    stream,
                    acceptance=guest.acceptance,
                    handler=guest,
                    events=self._takers,
                    options=self._options,
                    instrument=Watching(guest, self._instrument),
                )
            if ending is not None:
                _logger.warning("an association of %r ended: %s", guest.calling_ae, ending)
        except Exception:
            _logger.exception(_BUG, guest.calling_ae)
        except BaseExceptionGroup as group:
            raise log_failures(group, _BUG, guest.calling_ae) from None
        finally:
            guest.leave()
            self._guests.pop(guest, None)
            self.associations -= guest.is_accepted

    def _make_room(self) -> None:
        """Close the oldest connection that has no association.

        Whoever comes and says nothing must not shut out those who have something to say.
        """
        for guest, scope in self._guests.items():
            if not guest.is_accepted:
                _logger.warning(
                    "%s has too many connections, and closed the oldest without an association",
                    self.address,
                )
                scope.cancel()
                del self._guests[guest]
                return

    def _probe_when_silent(self, stream: trio.abc.Stream) -> None:
        transport, keepalive = socket_stream(stream), self._options.keepalive
        if transport is None or keepalive is None:
            return
        try:
            set_keepalive(transport, keepalive)
        except OSError as error:
            _logger.warning("the system does not take %s: %s", keepalive, error)

    def _take_place(self, host: str | None) -> bool:
        """Whether there is room for one more association with ``host``, which then has it."""
        if self.associations >= self._admission.max_associations:
            return False
        most = self._admission.max_associations_per_host
        if most is not None and host is not None:
            from_there = sum(it.is_accepted for it in self._guests if it.host == host)
            if from_there >= most:
                return False
        self.associations += 1
        return True


_BUG = "the receiver failed on an association of %r"


@asynccontextmanager
async def open_receiver(
    port: int = 0,
    *,
    into: Into | None,
    ae_title: str = "TRIO_DICOM",
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    checks_called_ae: bool = False,
    calling_aes: Collection[str] | None = None,
    takes_unknown_classes: bool = False,
    max_associations: int = 16,
    max_associations_per_host: int | None = None,
    on_event: EventTaker | None = None,
    options: ConnectionOptions | None = None,
    instrument: Instrument | None = None,
) -> AsyncGenerator[Receiver, None]:
    """A port of ours, to which peers bring instances and events until the block is left.

    ::

        async with open_receiver(11112, into="inbox", host="0.0.0.0") as receiver:
            print("waiting for instances at", receiver.address)
            await trio.sleep_forever()

    It answers C-ECHO, C-STORE of every storage class in every transfer syntax of pydicom's
    ``AllTransferSyntaxes``, and N-EVENT-REPORT. Instances are written to disk while they arrive.
    Of the syntaxes of a context it takes the first, which is what the sender likes best.

    Leaving the block aborts the associations that are open, within ``Timeouts.abort``.

    Args:
        port: The TCP port; 0 for any that is free. 11112 is DICOM's own beside 104.
        into: Where the instances go: a directory, an ``Inbox``, or an ``InstanceHandler``.
            None: only those are taken that a ``c_move`` asks for which names the receiver.
        ae_title: What it is called.
        host: The address to listen on: loopback, unless you want company; "0.0.0.0" or "::"
            for every one that the computer has.
        tls: How to encrypt, or None not to. A context that asks for a certificate lets
            nobody in without one, with ``peer_fingerprints`` nobody but certain ones.
        checks_called_ae: Whether it rejects those who call it otherwise.
        calling_aes: The AE titles that may call, or None for everybody. Anybody can claim to
            have any title: only TLS knows.
        takes_unknown_classes: Whether SOP classes that are neither the standard's nor known
            are taken as storage classes.
        max_associations: More at a time are rejected for now.
        max_associations_per_host: More at a time from one address are rejected for now, so that
            one peer leaves room for the others. None, the default, for no such limit: behind
            one address there may be a gateway with all the peers that there are.
        on_event: Answers the events that nobody takes by ``Receiver.events``.
        options: Timeouts, limits and the like, for each association: ``Timeouts.idle`` is
            the longest silence of a peer, ``Timeouts.artim`` what it has for its request.
        instrument: Watches the wire, all associations together.

    Raises:
        LocalProtocolError: The AE title, the number or the length is not possible, or
            certificates are pinned for which ``tls`` does not ask.
        OSError: The port is taken, or the directory cannot be made.
    """
    options = ConnectionOptions() if options is None else options
    check_port(port, least=0)
    refuse_pins_without_tls(
        options.peer_fingerprints, is_tls=tls is not None and tls.verify_mode != ssl.CERT_NONE
    )
    ae_title = checked_ae_title(ae_title, "receiver's").strip(" ")
    for most in (max_associations, max_associations_per_host):
        if most is not None and most < 1:
            raise LocalProtocolError(f"a receiver of {most} associations takes nothing")
    if isinstance(calling_aes, str):  # one title is a collection of letters, which nobody means
        calling_aes = (calling_aes,)
    admission = Admission(
        called_ae=ae_title if checks_called_ae else None,
        calling_aes=calling_aes,
        takes_unknown_classes=takes_unknown_classes,
        max_associations=max_associations,
        max_associations_per_host=max_associations_per_host,
        max_length=checked_max_length(options.max_length),
    )
    instances = None if into is None else await inbox_for(into)
    listeners = await trio.open_tcp_listeners(port, host=host)
    # A name may have several addresses. Without a port given they would get different ones.
    for surplus in listeners[1:] if port == 0 else ():
        surplus.socket.close()  # at once: no checkpoint before all that is open is looked after
    del listeners[1 if port == 0 else len(listeners) :]
    host, port = listeners[0].socket.getsockname()[:2]
    receiver = Receiver(ae_title, host, port, admission, instances, on_event, options, instrument)
    if tls is None:
        ports: list[trio.abc.Listener[trio.abc.Stream]] = [*listeners]
    else:
        ports = [trio.SSLListener(it, tls, https_compatible=True) for it in listeners]
    async with open_for(ports, receiver.serve):
        yield receiver
