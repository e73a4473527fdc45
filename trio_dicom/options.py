"""How patient, how generous and how careful a connection is: frozen values with units."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

from attrs import Attribute, field, frozen, validators

__all__ = ["ConnectionOptions", "KeepAlive", "Limits", "Timeouts"]


def _seconds(_instance: object, attribute: Attribute[float], value: float) -> None:
    if not value > 0:
        raise ValueError(f"{attribute.name} must be more than 0 seconds, not {value!r}")


def _optional_seconds(
    _instance: object, attribute: Attribute[float | None], value: float | None
) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name} must be more than 0 seconds or None, not {value!r}")


def _count(_instance: object, attribute: Attribute[int], value: int) -> None:
    if value < 0:
        raise ValueError(f"{attribute.name} must not be negative, not {value!r}")


_SHA256: Final = re.compile("[0-9a-f]{64}")

# Typed here, because a default of 60.0 says that None is not possible.
_IDLE: float | None = 60.0


@frozen(kw_only=True)
class Timeouts:
    """How long to wait for the peer, in seconds. None where it is allowed means for ever.

    Attributes:
        connect: For name look-up, TCP and TLS together.
        associate: For the answer to an A-ASSOCIATE-RQ.
        idle: The longest silence of the peer while a request is open. Every
            completed write, pending response and PDU of a sub-operation starts it
            anew. Silence that is ours does not count. At a receiver: between any two PDUs.
            A peer that sends no more than a byte in each is slow, not silent.
        move_idle: The same for a C-MOVE that is sent, whose work happens elsewhere: by default
            none. While it is being sent ``idle`` holds, as everything else waits behind it. So
            it does for any request whose own ``idle_timeout`` is infinite.
        total: The longest that one request may take from its first transmission on. By
            default there is no such bound, as nobody knows how much a peer has to send. Give
            one where peers are not trusted: one that says a little now and then stays within
            ``idle`` for ever. It bounds what is ours as well: a file on a disk that hangs holds
            up whatever is to be sent behind it, and no silence of the peer ends that. It does
            not bound what peers ask of a receiver.
        release: For open requests to finish and A-RELEASE-RP to come.
        abort: For everything after the decision to abort: ending the batch on
            the wire, the A-ABORT, and the peer closing its side.
        callbacks: For the callbacks that are queued when the connection ends, and once
            more for ``on_connection_closed``, which comes even if another one is stuck.
        cancel_grace: For the final response after a C-CANCEL.
        artim: The ARTIM timer of PS3.8 9.1.5: how long an acceptor waits for a
            request, and either side for the transport to close.
    """

    connect: float = field(default=30.0, validator=_seconds)
    associate: float = field(default=30.0, validator=_seconds)
    idle: float | None = field(default=_IDLE, validator=_optional_seconds)
    move_idle: float | None = field(default=None, validator=_optional_seconds)
    total: float | None = field(default=None, validator=_optional_seconds)
    release: float = field(default=30.0, validator=_seconds)
    abort: float = field(default=1.0, validator=_seconds)
    callbacks: float = field(default=5.0, validator=_seconds)
    cancel_grace: float = field(default=30.0, validator=_seconds)
    artim: float = field(default=30.0, validator=_seconds)


@frozen(kw_only=True)
class Limits:
    """What a peer can make us hold, in bytes unless said otherwise.

    What is over a limit is refused when that shows, and no more than the limit is held until
    then. Objects of Python cost more than the bytes that they are made of: a data set that is
    decoded up to forty times as much where it is nothing but tiny elements, a hundred times
    where it is nothing but empty items.

    Attributes:
        pdu_length: The longest P-DATA-TF PDU taken from a peer that ignores our
            maximum length; longer ones abort the association. It is held as a whole, so it is
            far above what anybody sends and far below what the header can claim, 4 GiB.
        associate_length: The longest A-ASSOCIATE PDU. 128 contexts with 60 transfer syntaxes
            each, more than there are, take a quarter of it.
        command_set: The longest command set. They have some hundred bytes; only lists of
            what failed make some longer.
        data_set: The longest data set held in memory, of messages other than C-STORE. The
            largest that real peers send are films to print, of up to 100 MiB.
        inflated: The longest data set that a deflated one may become when it is decoded.
            Deflate shrinks what is all the same to a thousandth, so the bytes that came say
            nothing of those to come.
        elements: The most elements in a data set that is decoded, those in the items of its
            sequences and these items included. Each costs up to 700 bytes once it is looked
            at. Objects of ten thousand frames have some hundred thousand, in sequences.
        in_memory: The longest instance of a peer held in memory; longer ones go to a
            temporary file while they arrive. Most single frames are below it, most series
            in one object above.
        instance: The longest instance taken from a peer at all, which bounds what one peer
            can do to a disk. Whole slides have some GiB.
        nesting: The deepest nesting of sequences in a data set, in levels. The standard's
            deepest have less than ten; Python's stack ends at some hundred.
        buffered_responses: Undecoded responses and peer's requests that nobody has
            taken yet; past it reading stops and TCP slows the peer. Each counts 256 bytes
            besides what it carries.
        unanswered_requests: Requests of the peer that have not got their answers, by number;
            past it reading stops. No window is that large.
        complaints: How often one connection logs what its peer does wrong, by number of
            times of each kind. Otherwise a peer fills our disk with a log.
        write: The longest single write to the transport: what may be under way when we
            change our mind.
    """

    pdu_length: int = field(default=16 * 1024 * 1024, validator=_count)
    associate_length: int = field(default=1024 * 1024, validator=_count)
    command_set: int = field(default=64 * 1024, validator=_count)
    data_set: int = field(default=256 * 1024 * 1024, validator=_count)
    inflated: int = field(default=1024 * 1024 * 1024, validator=_count)
    elements: int = field(default=1024 * 1024, validator=_count)
    in_memory: int = field(default=64 * 1024 * 1024, validator=_count)
    instance: int = field(default=64 * 1024 * 1024 * 1024, validator=_count)
    nesting: int = field(default=64, validator=_count)
    buffered_responses: int = field(default=16 * 1024 * 1024, validator=_count)
    unanswered_requests: int = field(default=4096, validator=_count)
    complaints: int = field(default=10, validator=_count)
    write: int = field(default=1024 * 1024, validator=_count)


def _fingerprints(value: str | Iterable[str]) -> frozenset[str]:
    """In small letters without colons, however they were written."""
    values = (value,) if isinstance(value, str) else value
    return frozenset("".join(it.replace(":", "").split()).lower() for it in values)


def _sha256(_instance: object, attribute: Attribute[frozenset[str]], value: frozenset[str]) -> None:
    for it in value:
        if not _SHA256.fullmatch(it):
            raise ValueError(
                f"{attribute.name} are SHA-256 in 64 hexadecimal digits, which {it!r} is not"
            )


@frozen(kw_only=True)
class KeepAlive:
    """TCP keepalive: how a dead peer is found while nothing is said.

    Attributes:
        idle: Seconds of silence before the first probe.
        interval: Seconds between probes.
        count: Unanswered probes until the connection counts as lost.
    """

    idle: int = field(default=60, validator=validators.gt(0))
    interval: int = field(default=10, validator=validators.gt(0))
    count: int = field(default=6, validator=validators.gt(0))


@frozen(kw_only=True)
class ConnectionOptions:
    """Everything about a connection that has a default.

    Attributes:
        timeouts: How long to wait.
        limits: What a peer can make us hold.
        max_length: The longest P-DATA-TF that we ask the peer to send, in bytes
            (PS3.8 D.1). 0 states no limit; what is longer than ``Limits.pdu_length`` is
            aborted all the same.
        max_fragment_pdu: The longest P-DATA-TF that we send, in bytes, even where
            the peer takes longer ones.
        on_timeout: What a timed-out request does to the association: ``"continue"``
            frees its slot for the next one, ``"abort"`` ends it.
        keepalive: TCP keepalive, or None to leave the socket as it is.
        local_address: The local host or address to connect from, or None.
        allow_plain_password: Send a user identity with a secret without TLS.
        peer_fingerprints: SHA-256 fingerprints of certificates, in hexadecimal with or without
            colons. Where there are any, the peer must show one of these certificates over
            TLS, besides all that the TLS context demands.
    """

    timeouts: Timeouts = field(factory=Timeouts)
    limits: Limits = field(factory=Limits)
    max_length: int = field(default=131_072, validator=_count)
    max_fragment_pdu: int = field(default=131_072, validator=validators.ge(8))
    on_timeout: Literal["continue", "abort"] = field(
        default="continue", validator=validators.in_(("continue", "abort"))
    )
    keepalive: KeepAlive | None = None
    local_address: str | None = None
    allow_plain_password: bool = False
    peer_fingerprints: frozenset[str] = field(
        default=frozenset(), converter=_fingerprints, validator=_sha256
    )
