"""A stream with something wrong with it: any Trio stream, and the faults of its directions."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from math import inf
from typing import cast

import trio
from attrs import define, field

from trio_dicom._io.gather import Gatherer
from trio_dicom.testing.course import Course
from trio_dicom.testing.faults import Clog, Cut, Fault, Stall, checked
from trio_dicom.testing.links import reset

__all__ = ["FaultyStream"]


@define(eq=False)
class FaultyStream(trio.abc.HalfCloseableStream):
    """``stream`` with faults; to whoever uses it, a stream like others.

    ::

        stream = FaultyStream(stream, sending=[Trickle(), Cut(at=100, how="reset")])

    Each direction has its own, and where several say something about the same byte, all are
    heard: pieces are as short as the shortest, pauses add up, and of what lets no byte pass the
    first counts. What was sent in pieces may lie together again when the other end reads it;
    what is received in pieces comes so.

    Attributes:
        stream: What it stands on; it is closed with it, and by a ``Cut``.
        sending: What is wrong with what is written here.
        receiving: What is wrong with what is read here.
    """

    stream: trio.abc.Stream
    sending: tuple[Fault, ...] = field(default=(), converter=checked, kw_only=True)
    receiving: tuple[Fault, ...] = field(default=(), converter=checked, kw_only=True)
    _out: Course = field(init=False, repr=False)
    _in: Course = field(init=False, repr=False)
    _held: bytearray = field(factory=bytearray, init=False, repr=False)
    _gatherer: Gatherer = field(init=False, repr=False)
    _cut: Cut | None = field(default=None, init=False, repr=False)
    _is_closed: bool = field(default=False, init=False, repr=False)
    _changes: trio.lowlevel.ParkingLot = field(
        factory=trio.lowlevel.ParkingLot, init=False, repr=False
    )
    _send_lock: trio.Lock = field(factory=trio.Lock, init=False, repr=False)
    _receive_lock: trio.Lock = field(factory=trio.Lock, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._out, self._in = Course(self.sending), Course(self.receiving)
        self._gatherer = Gatherer(self.stream)

    @property
    def sent(self) -> int:
        """How many bytes have passed from here."""
        return self._out.at

    @property
    def received(self) -> int:
        """How many bytes have passed to here."""
        return self._in.at

    @property
    def broken_by(self) -> Cut | Stall | Clog | None:
        """What broke the link, or one direction of it for ever, or None as long as it lives."""
        return self._cut or self._out.stuck_at or self._in.stuck_at

    async def wait_stuck(self) -> None:
        """Return when nothing can be received here any more though the link is not cut."""
        await self._in.is_stuck.wait()

    # --- sending ----------------------------------------------------------------------

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """As ``trio.abc.SendStream.send_all``."""
        with self._claimed(self._send_lock, "sending"):
            await trio.lowlevel.checkpoint()
            self._check()
            view, course = memoryview(data).cast("B"), self._out
            with self._told_of_a_cut():
                if not view:
                    await self.stream.send_all(view)
                while view:
                    await self._pass_barriers(course, is_deaf=True)
                    if isinstance(course.barrier(), Stall):
                        return
                    await self._pause(course)
                    size = course.room(len(view))
                    await self.stream.send_all(course.change(bytes(view[:size])))
                    view = view[size:]
                    course.passed(size)
                    await self._cut_if_due(course)
                    if view:
                        self._check()

    @property
    def send_nowait(self) -> Callable[[bytes], int]:
        """Sends the beginning of what it is given that goes without waiting: so many bytes.

        Raises:
            AttributeError: What it stands on can do no such thing.
        """
        if not self._gatherer.can_send_at_once:
            raise AttributeError(f"{type(self.stream).__name__} does not send without waiting")
        return self._send_nowait

    def _send_nowait(self, data: bytes) -> int:
        course, at = self._out, 0
        if self._is_closed or self._send_lock.locked():
            return 0
        while at < len(data) and self._cut is None and not course.pause():
            if (barrier := course.barrier()) is not None:
                if not isinstance(barrier, Stall):
                    return at
                course.get_stuck(barrier)
                return len(data)  # it is sent, as far as anybody can tell from here
            size = course.room(len(data) - at)
            taken, _ = self._gatherer.send_at_once([course.change(data[at : at + size])])
            course.passed(taken)
            at += taken
            if isinstance(barrier := course.barrier(), Cut):
                self._break(barrier)
            if taken < size:
                break
        return at

    async def wait_send_all_might_not_block(self) -> None:
        """As ``trio.abc.SendStream.wait_send_all_might_not_block``."""
        with self._claimed(self._send_lock, "sending"):
            await trio.lowlevel.checkpoint()
            try:
                self._check()
                with self._told_of_a_cut():
                    await self._pass_barriers(self._out, is_deaf=True)
                    await self.stream.wait_send_all_might_not_block()
            except trio.BrokenResourceError:
                pass  # writing does not block: it fails

    async def send_eof(self) -> None:
        """As ``trio.abc.HalfCloseableStream.send_eof``.

        Raises:
            TypeError: What it stands on cannot be closed by half.
        """
        if not isinstance(self.stream, trio.abc.HalfCloseableStream):
            raise TypeError(f"{type(self.stream).__name__} cannot be closed by half")
        with self._claimed(self._send_lock, "sending"), self._told_of_a_cut():
            await self.stream.send_eof()

    # --- receiving --------------------------------------------------------------------

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """As ``trio.abc.ReceiveStream.receive_some``."""
        if max_bytes is not None and operator.index(max_bytes) < 1:
            raise ValueError("max_bytes must be at least 1")
        with self._claimed(self._receive_lock, "receiving"):
            await trio.lowlevel.checkpoint()
            try:
                self._check()
                with self._told_of_a_cut():
                    return await self._receive(max_bytes)
            except trio.BrokenResourceError:
                if self._cut is not None and self._cut.how == "eof":
                    return b""
                raise

    async def _receive(self, max_bytes: int | None) -> bytes:
        course = self._in
        await self._pass_barriers(course)
        if not self._held:
            self._held += await self.stream.receive_some(max_bytes)
            if not self._held:
                return b""
        await self._pause(course)
        size = course.room(min(len(self._held), max_bytes or len(self._held)))
        piece = course.change(bytes(self._held[:size]))
        del self._held[:size]
        course.passed(size)
        await self._cut_if_due(course)
        return piece

    # --- ends -------------------------------------------------------------------------

    def reset(self) -> None:
        """Break the link as a TCP reset does."""
        self._break(Cut(0, "reset"))

    async def aclose(self) -> None:
        """As ``trio.abc.AsyncResource.aclose``."""
        self._is_closed = True
        self._changes.unpark_all()
        await self.stream.aclose()

    @property
    def close(self) -> Callable[[], None]:
        """Closes it here and now.

        Raises:
            AttributeError: What it stands on takes some time for that.
        """
        if _closes_at_once(self.stream) is None:
            raise AttributeError(f"{type(self.stream).__name__} does not close at once")
        return self._close

    def _close(self) -> None:
        self._is_closed = True
        self._changes.unpark_all()
        if (close := _closes_at_once(self.stream)) is not None:
            close()

    # --- faults -----------------------------------------------------------------------

    async def _pass_barriers(self, course: Course, *, is_deaf: bool = False) -> None:
        """Return when a byte can pass, or would be swallowed and ``is_deaf``."""
        await self._cut_if_due(course)
        self._check()
        while (barrier := course.barrier()) is not None:
            if isinstance(barrier, Clog) and barrier.seconds < inf:
                await self._sleep_until(course.due(barrier.seconds))
                course.is_over(barrier)
                await self._cut_if_due(course)
                self._check()
                continue
            assert not isinstance(barrier, Cut)  # it was due
            course.get_stuck(barrier)
            if isinstance(barrier, Stall) and is_deaf:
                return
            await self._sleep_until(inf)

    async def _pause(self, course: Course) -> None:
        if seconds := course.pause():
            await self._sleep_until(course.due(seconds))
            course.has_paused()

    async def _sleep_until(self, until: float) -> None:
        """Let time pass, unless the link breaks or is closed meanwhile."""
        while trio.current_time() < until:
            with trio.move_on_at(until):
                await self._changes.park()
            self._check()

    async def _cut_if_due(self, course: Course) -> None:
        if isinstance(barrier := course.barrier(), Cut) and self._cut is None:
            self._break(barrier)
            if _closes_at_once(self.stream) is None:
                await trio.aclose_forcefully(self.stream)

    def _break(self, cut: Cut) -> None:
        if self._cut is not None:
            return
        self._cut = cut
        self._held.clear()
        if cut.how == "reset":
            with suppress(TypeError):  # what cannot be reset is closed
                reset(self.stream)
        if (close := _closes_at_once(self.stream)) is not None:
            if cut.how == "eof" and isinstance(self.stream, trio.SocketStream):
                _drain(self.stream)
            close()
        self._changes.unpark_all()

    def _check(self) -> None:
        if self._is_closed:
            raise trio.ClosedResourceError("this stream was closed")
        if self._cut is not None:
            raise trio.BrokenResourceError(f"the link was broken on purpose: {self._cut}")

    @contextmanager
    def _told_of_a_cut(self) -> Generator[None, None, None]:
        """Raise what belongs to a cut where the stream says that we have closed it."""
        try:
            yield
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._check()
            raise

    @contextmanager
    def _claimed(self, lock: trio.Lock, what: str) -> Generator[None, None, None]:
        try:
            lock.acquire_nowait()
        except trio.WouldBlock:
            raise trio.BusyResourceError(f"another task is {what} already") from None
        try:
            yield
        finally:
            lock.release()


def _closes_at_once(stream: trio.abc.Stream) -> Callable[[], object] | None:
    """How to close it here and now, if that can be done without waiting."""
    if isinstance(stream, trio.SocketStream):
        return stream.socket.close
    return cast("Callable[[], object] | None", getattr(stream, "close", None))


def _drain(stream: trio.SocketStream) -> None:
    """Read what is there: closing a socket with unread bytes would send a reset."""
    with suppress(OSError):
        while os.read(stream.socket.fileno(), 65_536):
            pass
