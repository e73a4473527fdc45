"""The one place that decides how a request ends: synchronously, and the first call wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_dicom._dimse.c_messages import CCancelRequest, CGetRequest
from trio_dicom._io.outbox import OutgoingMessage
from trio_dicom._io.pending import (
    CANCELLABLE,
    Abandoned,
    Completed,
    Outcome,
    PendingRequest,
    Phase,
    TimedOut,
)

if TYPE_CHECKING:
    from trio_dicom._io.link import Link

__all__ = ["finish", "leave", "was_sent"]


def finish(link: Link, entry: PendingRequest, outcome: Outcome) -> None:
    """Give ``entry`` its outcome, unless it has one: the first call wins."""
    if entry.outcome is not None:
        return
    entry.settle(outcome)
    if isinstance(outcome, Abandoned) and entry.started:
        # The slot stays taken: the peer is still at work on it. A message that is still
        # being written is finished first.
        if entry.phase is Phase.SENT:
            _cancel(link, entry)
    else:
        leave(link, entry, answered=isinstance(outcome, Completed))
    if isinstance(entry.request, CGetRequest) and not isinstance(outcome, Completed):
        link.serving.give_up(entry)
    if isinstance(outcome, Abandoned) and not entry.started:
        link.sender.interrupt(entry)  # which may be waiting for its data set
    if entry.phase is Phase.QUEUED and entry.source is not None:
        entry.source.close()
    if entry.channel is not None:
        entry.channel.wake()
    match outcome:
        case Completed(response):
            link.dispatcher.call("on_request_completed", entry.request, response)
        case TimedOut(seconds):
            link.dispatcher.call("on_request_timed_out", entry.request, seconds)
            if entry.phase is Phase.SENT:
                _cancel(link, entry)
        case _:
            pass


def was_sent(link: Link, entry: PendingRequest) -> None:
    """The last byte of ``entry`` is written."""
    entry.was_sent()
    if isinstance(entry.outcome, Abandoned):
        _cancel(link, entry)


def leave(link: Link, entry: PendingRequest, *, answered: bool) -> None:
    """Free what ``entry`` holds in the table, so that the next request can be sent."""
    link.table.leave(entry, answered=answered)
    if link.table.queued:
        if answered:
            link.sender.wake()
        else:  # whoever gives up one request may be about to give up all
            link.outbox.ring()
    link.changed()


def _cancel(link: Link, entry: PendingRequest) -> None:
    """Tell the peer that nobody wants the rest, and wait for it no longer than the grace."""
    if not isinstance(entry.request, CANCELLABLE):
        return
    entry.clock.end_by(trio.current_time() + link.options.timeouts.cancel_grace)
    if link.may_send_messages:
        cancel = CCancelRequest(message_id_being_responded_to=entry.message_id)
        link.outbox.put(OutgoingMessage.encode(cancel, entry.context))
