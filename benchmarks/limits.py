"""What limits us where a goal is not reached, from samples that py-spy took of our client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["LIMITS"]

LIMITS: Final[Mapping[str, str]] = {
    "large-disk": (
        "The bare loop, which does nothing but read and send, is itself not 20 times as fast "
        "as pynetdicom here."
    ),
    "slices": (
        "What limits it: 29 % of our time is our own code, 28 % Trio, 28 % system calls of "
        "the socket, and 14 % reading in a thread, which shares Python's lock with the rest. "
        "Each slice is answered before the next one is sent, unless there is a window: see "
        "the rows of ours with several on the way. The bare loop waits for no answer."
    ),
    "small": (
        "What limits it: 42 % of our time is system calls of the socket, 29 % our own code, "
        "23 % Trio, 3 % reading in a thread. A round trip over a bare Trio socket takes 60 to "
        "100 µs of it."
    ),
    "orthanc": "What limits it: Orthanc, which stores instance and index before it answers.",
    "find": (
        "What limits it: 35 % of our time is taking PDUs and messages apart, 28 % finding the "
        "elements of each identifier, 24 % pydicom when one is touched, and 11 % Trio."
    ),
    "echo": (
        "What limits it: 42 % of our time is our own code, 29 % system calls of the socket, "
        "27 % Trio. It takes two steps of tasks, as many as a bare Trio loop that sends and "
        "receives."
    ),
    "associations": (
        "What limits it: 42 % of our time is Trio, which starts and ends four tasks, 30 % our "
        "own code, 21 % system calls of the socket."
    ),
    "import": (
        "What limits it: the classes that attrs builds, 0.2 to 0.5 ms each, and a collection "
        "of the garbage collector that they bring about."
    ),
}
"""By the names of the works."""
