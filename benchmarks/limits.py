"""What limits us where a goal is not reached.

The shares are of samples that py-spy took of our client on a machine that did nothing else, by
what was running in them. On a busy one they differ by ten points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["LIMITS"]

LIMITS: Final[Mapping[str, str]] = {
    "large-memory": (
        "What limits it: both copy each byte into the system once, and how quickly this machine "
        "does that varies more from one run to the next than the two differ."
    ),
    "large-disk": (
        "The bare loop, which does nothing but read and send, is itself not 20 times as fast "
        "as pynetdicom here, which sends the fragments of a file as it reads them."
    ),
    "slices": (
        "What limits it: 41 % of our time is our own code, 30 % Trio, 17 % reading in a thread, "
        "which shares Python's lock with the rest, and 10 % system calls of the socket. "
        "Each slice is answered before the next one is sent, unless there is a window: see "
        "the rows of ours with several on the way. The bare loop waits for no answer."
    ),
    "small": (
        "What limits it: 39 % of our time is our own code, 25 % reading in a thread, which shares "
        "Python's lock with the rest, 23 % Trio, 11 % system calls of the socket. A round trip "
        "over a bare Trio socket takes 60 to 100 µs of it."
    ),
    "orthanc": "What limits it: Orthanc, which stores instance and index before it answers.",
    "find": (
        "What limits it: 56 % of our time is taking PDUs and messages apart and finding the "
        "elements of each identifier, 28 % pydicom when one is touched, and 9 % Trio."
    ),
    "echo": (
        "What limits it: 55 % of our time is our own code, 30 % Trio, 12 % system calls of the "
        "socket. It takes two steps of tasks, as many as a bare Trio loop that sends and "
        "receives."
    ),
    "associations": (
        "What limits it: 44 % of our time is our own code, 27 % Trio, 19 % system calls of the "
        "socket. A bare Trio socket that is connected, talks as much and is closed takes a "
        "quarter of it, a blocking one a tenth to a sixth."
    ),
    "import": (
        "What limits it: the classes that attrs builds, 0.2 to 0.5 ms each, and a collection "
        "of the garbage collector that they bring about."
    ),
}
"""By the names of the works."""
