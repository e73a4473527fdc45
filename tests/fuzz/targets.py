"""What is fuzzed, each with inputs to begin with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen

from tests.fuzz import client, codecs, receiver

__all__ = ["TARGETS", "Target"]


@frozen(kw_only=True)
class Target:
    """Something that reads what a peer, or a file, has.

    Attributes:
        run: Feeds it with one input, and raises where it breaks a promise.
        seeds: Inputs that get far.
        head: How many bytes of an input say how it is to be used, and are no part of what is read.
        is_slow: Whether an input takes milliseconds, because a whole connection is run.
    """

    run: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    head: int = 0
    is_slow: bool = False


TARGETS: Final[dict[str, Target]] = {
    "pdu": Target(run=codecs.pdu, seeds=lambda: codecs.PDUS),
    "command_set": Target(run=codecs.command_set, seeds=lambda: codecs.COMMAND_SETS),
    "data_set": Target(run=codecs.data_set, seeds=lambda: codecs.DATA_SETS, head=1),
    "file_head": Target(run=codecs.file_head, seeds=lambda: codecs.FILES),
    "client": Target(run=client.client, seeds=client.server_streams, head=2, is_slow=True),
    "receiver": Target(run=receiver.receiver, seeds=receiver.client_streams, head=2, is_slow=True),
}
