"""The one place that decides how the connection ends: synchronously, the first call wins."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import trio

from trio_dicom._io.ending import Ending
from trio_dicom._io.outcomes import finish, leave
from trio_dicom._io.pending import Failed, PendingRequest, Phase, seconds_or_infinite
from trio_dicom._io.tls import EXPECTED, NO_CERTIFICATE, advice
from trio_dicom._protocol.states import Stimulus
from trio_dicom._wire.pdus import Abort
from trio_dicom.errors import Delivery, LocalProtocolError, SourceFailed
from trio_dicom.reasons import AbortSource

if TYPE_CHECKING:
    from trio_dicom._io.link import Link

__all__ = [
    "abort",
    "cut",
    "end",
    "last_words",
    "source_broke",
    "suspicion",
    "transport_closed",
    "why_broken",
    "write_failed",
]


def end(link: Link, ending: Ending) -> None:
    """End the connection and every open request with it, unless it has ended already."""
    if link.ending is not None:
        return
    link.ending = ending
    if ending.abort is None:
        link.sender.stop()
        link.listener.scope.cancel()
    for entry in link.table.everything():
        finish(link, entry, Failed(ending.waiting))
        leave(link, entry, answered=False)  # an abandoned one has its outcome already
    link.flow.release_all()
    link.answered.set()
    if ending.abort is not None:
        # For everything that follows together: the write in progress, the A-ABORT, and
        # reading until the peer has closed, lest a reset eats the A-ABORT.
        deadline = trio.current_time() + link.options.timeouts.abort
        link.sender.scope.deadline = link.listener.scope.deadline = deadline
        link.sender.stop_reading()
    if not link.listener.started:
        link.listener.ended.set()
    link.outbox.ring()
    link.changed()


def abort(link: Link, abort: Abort | None = None, *, because: str = "") -> None:
    """Abort the association, or close a connection that carries none."""
    if link.machine.allows(Stimulus.SEND_ABORT):
        abort = Abort(AbortSource.USER) if abort is None else abort
        end(link, Ending.aborted_by_us(link.peer, abort, because=because))
    elif link.is_released_by_peer:
        end(link, Ending.released(link.peer, by_peer=True))
    else:
        end(link, Ending.closed(link.peer))


def last_words(link: Link) -> bytes:
    """The A-ABORT with which the connection ends, or nothing."""
    machine, ending = link.machine, link.ending
    if ending is None or ending.abort is None:
        return b""
    if owed := machine.data_to_send():
        return owed
    # The peer may have released, aborted or hung up since we decided to abort.
    return machine.send(ending.abort) if machine.allows(Stimulus.SEND_ABORT) else b""


def cut(link: Link) -> None:
    """A message was cut on the wire: no other may follow it."""
    link.stop_messages()
    for entry in link.table.everything():
        if entry.phase is Phase.QUEUED:
            finish(link, entry, Failed(link.cut_error))


def source_broke(link: Link, entry: PendingRequest, cause: BaseException) -> None:
    """The data set of ``entry`` could not be read, to its end or at all."""
    text = f"the data set of {entry.words} could not be read: {cause}"
    if entry.started:
        finish(link, entry, Failed(lambda delivery: _source_failed(text, cause, delivery)))
        abort(link, because="a data set of ours broke in the middle of its message")
    else:
        finish(link, entry, Failed(lambda _: _unreadable(text, cause)))


def write_failed(link: Link, error: Exception) -> None:
    """The transport takes nothing any more. What it still has for us is read first."""
    link.write_error = error
    link.stop_messages()
    if link.listener.running:
        link.listener.allow(link.options.timeouts.abort)
    else:
        transport_closed(link)


def patience(link: Link) -> trio.CancelScope:
    """The time that the peer has to take a write that no request's clock measures."""
    idle = seconds_or_infinite(link.options.timeouts.idle)
    return trio.CancelScope(deadline=trio.current_time() + idle)


def took_nothing(link: Link) -> None:
    """The peer has not taken a write in that time."""
    idle = link.options.timeouts.idle
    end(link, Ending.lost(link.peer, f"took nothing for {idle:g} s, so we gave it up"))


def transport_closed(link: Link, error: Exception | None = None) -> None:
    """End of file, or ``error`` when the transport broke."""
    if link.is_released_by_peer:
        end(link, Ending.released(link.peer, by_peer=True))
        return
    error = link.write_error if error is None else error
    cause = None if error is None else error.__cause__ or error
    is_called = link.acceptance is None and link.machine.association is None
    if is_called and isinstance(cause, ssl.SSLError):
        # Whoever began the handshake, to read or to write, is told why it failed.
        end(link, Ending.tls_failed(link.peer, cause))
        return
    how = "was closed by the peer" if cause is None else f"broke ({_words(cause)})"
    if link.machine.association is None:
        if link.acceptance is not None and cause is None:
            # It came, looked or was sent away, and left.
            end(link, Ending.closed(link.peer))
            return
        how += suspicion(link, cause, " before it answered the association request")
    end(link, Ending.lost(link.peer, how, cause))


def why_broken(link: Link, error: Exception) -> str:
    """Why the transport broke, in words, and what may be behind it if it carried nothing yet."""
    cause = error.__cause__ or error
    hint = suspicion(link, cause) if link.machine.association is None else ""
    return f"{_words(cause)}{hint}"


def _words(cause: BaseException) -> str:
    return str(cause) or type(cause).__name__


def suspicion(link: Link, cause: BaseException | None = None, what: str = "") -> str:
    """What may be behind it that there is no association: TLS on one side alone, or half of it.

    Args:
        link: The connection.
        cause: What broke it, if it did.
        what: What did not happen, for a peer that we have called.
    """
    if link.acceptance is not None:
        hint = f". {advice(cause, of_client=True)}" if isinstance(cause, ssl.SSLError) else ""
        return f" before an association stood{hint}"
    return f"{what}. {NO_CERTIFICATE}" if link.network.is_tls else f"{what}: {EXPECTED}"


def _source_failed(text: str, cause: BaseException, delivery: Delivery | None) -> SourceFailed:
    error = SourceFailed(f"{text}, so we aborted the association", delivery=delivery)
    error.__cause__ = cause
    return error


def _unreadable(text: str, cause: BaseException) -> LocalProtocolError:
    error = LocalProtocolError(f"{text}; nothing of it was sent, and the association lives")
    error.__cause__ = cause
    return error
