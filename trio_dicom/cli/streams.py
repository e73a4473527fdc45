"""Standard output and standard error, which may go away while a command runs."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import IO, Final, TextIO, cast

import trio
from attrs import define, field

__all__ = ["Heed", "Stream", "discard_what_nobody_takes", "heeding", "stderr", "stdout"]


@define(eq=False)
class Heed:
    """Ends a command whose standard output nobody takes any more.

    What prints may be a callback in a task that serves a peer, where an error would end
    nothing, or the wrong thing. So nothing that prints raises: the command is cancelled.

    Attributes:
        scope: Around the command.
        error: Why its output is not taken, if it is not.
    """

    scope: trio.CancelScope = field(factory=trio.CancelScope, init=False)
    error: OSError | None = field(default=None, init=False)

    def lost(self, error: OSError) -> None:
        """Standard output cannot be written: the command ends."""
        self.error = self.error or error
        self.scope.cancel()

    @property
    def words(self) -> str | None:
        """What there is to say about it: nothing, where the reader has gone as ``head`` does."""
        if self.error is None or isinstance(self.error, BrokenPipeError):
            return None
        reason = self.error.strerror or str(self.error)
        return f"standard output cannot be written: {reason}."


# Commands that run at the same time in one program have one each.
_current: Final[ContextVar[Heed | None]] = ContextVar("trio_dicom.cli.streams", default=None)


@contextmanager
def heeding() -> Generator[Heed, None, None]:
    """Cancel the block when its standard output is not taken any more."""
    heed = Heed()
    before = _current.set(heed)
    try:
        with heed.scope:
            yield heed
    finally:
        _current.reset(before)


@define(eq=False)
class Stream:
    """A standard stream that is written without errors, for as long as somebody takes it.

    Attributes:
        encoding: Which characters it has, for rich.
    """

    # None where the process was started without it.
    _file: TextIO | None
    _heed: Heed | None
    _is_lost: bool = field(default=False, init=False)

    @property
    def encoding(self) -> str:  # noqa: D102 - above
        return getattr(self._file, "encoding", None) or "utf-8"

    def as_file(self) -> IO[str]:
        """The same for those who want a file and write to it, as rich does and csv."""
        return cast(IO[str], self)  # they need none of the other methods

    def isatty(self) -> bool:
        """Whether somebody looks."""
        return self._file is not None and self._file.isatty()

    def fileno(self) -> int:
        """As of every file."""
        if self._file is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._file.fileno()

    def write(self, text: str) -> int:
        """Write it, or drop it if nobody takes it."""
        if not self._is_lost:
            try:
                if self._file is None:
                    raise OSError(errno.EBADF, os.strerror(errno.EBADF))
                self._file.write(text)
            except OSError as error:
                self._lost(error)
        return len(text)

    def flush(self) -> None:
        """Have it written now: whoever reads it wants it now."""
        if self._file is not None and not self._is_lost:
            try:
                self._file.flush()
            except OSError as error:
                self._lost(error)

    def _lost(self, error: OSError) -> None:
        self._is_lost = True
        if self._heed is not None:
            self._heed.lost(error)


def stdout() -> Stream:
    """Standard output. The command ends when nobody takes it."""
    return Stream(sys.stdout, _current.get())


def stderr(*, is_output: bool = False) -> Stream:
    """Standard error. Where nobody takes it, there is nobody to be told.

    Args:
        is_output: Whether it does for standard output, too, as it may on a terminal.
    """
    return Stream(sys.stderr, _current.get() if is_output else None)


def discard_what_nobody_takes() -> bool:
    """Empty the buffers of the standard streams. To be called before the process ends.

    Python would complain about what is left in them.

    Returns:
        Whether all of standard output was taken.
    """
    is_taken = True
    streams: tuple[TextIO | None, ...] = (sys.stdout, sys.stderr)
    for stream in streams:
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            is_taken = is_taken and stream is not sys.stdout
            with suppress(OSError):
                devnull = os.open(os.devnull, os.O_WRONLY)
                os.dup2(devnull, stream.fileno())
                os.close(devnull)
    return is_taken
