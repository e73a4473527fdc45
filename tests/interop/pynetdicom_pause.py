"""Has pynetdicom pause as it means to: on a busy machine it takes an answer for a request.

A thread of each association looks for requests of the peer. Before it sends something itself,
pynetdicom clears the checkpoint of that thread and waits until `_is_paused` says that it stands
there. But the thread says so before it arrives, and for a moment after it has gone on. If it is
about to go on just then, it takes the answer, logs that it is unexpected, and whoever waits for it
waits in vain (pynetdicom's issue 875).
"""

from __future__ import annotations

import threading
from typing import Any, cast

from pynetdicom.association import Association

__all__ = ["make_pauses_sure"]

_MOMENT = 0.01  # seconds


class _Checkpoint(threading.Event):
    """A thread that may go on is not said to stand here any more."""

    def __init__(self, association: Any) -> None:
        super().__init__()
        self.set()
        self._association = association
        self._deciding = threading.Lock()

    def clear(self) -> None:
        with self._deciding:
            super().clear()

    def wait(self, timeout: float | None = None) -> bool:
        while True:
            super().wait(_MOMENT)
            with self._deciding:
                # Not once: a thread that serves a report says, when it is done, that nobody stands
                # here, whoever does.
                self._association._is_paused = not self.is_set()
                if self.is_set():
                    return True


def make_pauses_sure() -> None:
    """For all associations that pynetdicom makes from now on."""
    make = cast("Any", Association.__init__)
    if hasattr(make, "makes_pauses_sure"):
        return

    def init(self: Any, *args: Any, **options: Any) -> None:
        make(self, *args, **options)
        self._reactor_checkpoint = _Checkpoint(self)

    cast("Any", init).makes_pauses_sure = True
    cast("Any", Association).__init__ = init
