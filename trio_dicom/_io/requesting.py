"""The caller's side of a request: into the queue, and out when it was sent or failed."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isnan
from numbers import Real
from typing import TYPE_CHECKING

import trio

from trio_dicom._dimse.c_messages import CGetRequest, CMoveRequest
from trio_dicom._io.clocks import SilenceClock
from trio_dicom._io.keeper import keep_while_waiting
from trio_dicom._io.outcomes import finish
from trio_dicom._io.pending import Abandoned, PendingRequest, Phase, seconds_or_infinite
from trio_dicom._io.preparing import prepare
from trio_dicom.errors import LocalProtocolError, WouldDeadlock

if TYPE_CHECKING:
    from trio_dicom._dimse.message import Request
    from trio_dicom._io.link import Link
    from trio_dicom._io.responses import ResponseChannel
    from trio_dicom._protocol.contexts import NegotiatedContext
    from trio_dicom.handler import InstanceHandler

__all__ = ["abandon", "submit", "wait_until"]


async def submit(
    link: Link,
    request: Request,
    *,
    context: NegotiatedContext | None,
    idle_timeout: float | None,
    timeout: float | None,
    channel: ResponseChannel | None = None,
    instances: InstanceHandler | None = None,
    until_answered: bool = False,
) -> PendingRequest:
    """Queue ``request`` and return once its last byte is written or its answer is there.

    Args:
        link: Where.
        request: What to send.
        context: See ``ClientConnection.send_request``.
        idle_timeout: Likewise.
        timeout: Likewise.
        channel: Where responses go besides the handler.
        instances: Who takes the instances that it brings, if not the handler.
        until_answered: Wait for the answer in any case.

    Raises:
        NoAcceptedContext: See ``ClientConnection.send_request``, also for the others.
    """
    await trio.lowlevel.checkpoint_if_cancelled()
    try:
        entry = await _prepared(link, request, context, idle_timeout, timeout)
    except Exception:
        await trio.lowlevel.cancel_shielded_checkpoint()
        raise
    entry.channel, entry.instances = channel, instances
    entry.is_kept_by_caller = until_answered
    if channel is not None:
        channel.attach(entry)
    link.table.queue(entry)
    try:
        with link.flow.waiting("a request to be sent", entry.progressed.set) as wait:
            link.sender.wake()
            if until_answered:
                await keep_while_waiting(link, entry)
            else:
                await entry.progressed.wait()
        if not entry.has_what_is_awaited:
            wait.check()
    except BaseException:
        abandon(link, entry)
        raise
    if (error := entry.error()) is not None:
        if entry.phase is not Phase.SENT:
            await link.tell_first()
        raise error
    return entry


async def _prepared(
    link: Link,
    request: Request,
    context: NegotiatedContext | None,
    idle_timeout: float | None,
    timeout: float | None,
) -> PendingRequest:
    """``request`` with all that it needs to be queued. Waits for nothing but a file."""
    _check(link)
    _check_seconds("idle_timeout", idle_timeout)
    _check_seconds("timeout", timeout)
    _check_slot(link, request)
    association = link.machine.association
    if association is None:
        raise LocalProtocolError("there is no association yet: send an association request first")
    context, source = await prepare(link, request, association, context)
    _check(link)  # the connection may have ended while a file was read
    timeouts = link.options.timeouts
    silence = timeouts.move_idle if isinstance(request, CMoveRequest) else timeouts.idle
    # Who works elsewhere, or may take his time, is to read what is asked all the same: whatever
    # else is to be sent waits behind it.
    is_bound = idle_timeout is not None and idle_timeout < inf
    return PendingRequest(
        request=request,
        context=context,
        source=source,
        peer=link.peer,
        total=seconds_or_infinite(timeouts.total if timeout is None else timeout),
        idle=seconds_or_infinite(silence if idle_timeout is None else idle_timeout),
        clock=SilenceClock(seconds_or_infinite(idle_timeout if is_bound else timeouts.idle)),
    )


def abandon(link: Link, entry: PendingRequest) -> None:
    """The caller does not wait any more. Does nothing to a request that has its outcome."""
    finish(link, entry, Abandoned())


async def wait_until(link: Link, condition: Callable[[], bool], what: str) -> None:
    """Return when ``condition`` holds, or when the connection has ended.

    Raises:
        WouldDeadlock: This task must first take the responses that wait for it.
    """
    if not condition():
        with link.flow.waiting(what, link.changed) as wait:
            await link.wait_until(lambda: wait.blocker is not None or condition())
        if not condition():
            wait.check()


def _check(link: Link) -> None:
    if (refusal := link.refusal()) is not None:
        raise refusal


def _check_seconds(name: str, seconds: object) -> None:
    """See that the sender and the keeper, whom all requests share, can reckon with ``seconds``.

    Raises:
        LocalProtocolError: They cannot.
    """
    if seconds is not None and (not isinstance(seconds, Real) or isnan(seconds)):
        raise LocalProtocolError(f"{name} is a number of seconds or None, which {seconds!r} is not")


def _check_slot(link: Link, request: Request) -> None:
    """See that a handler of a C-GET's instances does not wait for the end of that C-GET.

    Raises:
        WouldDeadlock: It does.
    """
    if link.table.retrieving() is None or not link.serving.is_inside():
        return
    if link.table.window <= 1 or isinstance(request, CGetRequest):
        raise WouldDeadlock(
            f"this {request.operation} would wait for the C-GET whose instance is being handled "
            "here, and that waits for the handler: send it when the C-GET has ended, on another "
            "association, or with a larger max_operations_invoked"
        )
