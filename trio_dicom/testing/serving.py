"""Servers beside a block of a test: their failures come out of it, and readable."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Final, cast

import trio
from attrs import define, field
from trio.testing import wait_all_tasks_blocked

from trio_dicom._io.lifetime import peeled
from trio_dicom.errors import TrioDicomError
from trio_dicom.testing.conversation import ConversationOver

__all__ = ["Serving", "is_of_a_script", "serving", "settled"]

_MOMENT: Final = 1.0  # seconds, where other tasks of the program never rest
_LONGEST: Final = 60.0  # seconds of Trio's clock, should it be faster than the machine's


@define(eq=False)
class Serving:
    """What serves the other side of a block.

    Attributes:
        nursery: Where it runs.
        failures: What they raised.
        ended: Set when one of them has ended.
    """

    nursery: trio.Nursery
    failures: list[BaseException]
    ended: trio.Event = field(factory=trio.Event, init=False)

    async def run(
        self, serve: Callable[[trio.abc.Stream], Awaitable[None]], stream: trio.abc.Stream
    ) -> None:
        """Serve ``stream``, and close it; the block is cancelled if that fails."""
        try:
            await serve(stream)
        except Exception as failure:  # noqa: BLE001  it comes out of the block
            self.failures.append(failure)
            # A conversation that the block has ended keeps it waiting no longer: it may be on
            # its way out with an error of its own, which must not give way to a Cancelled.
            if not _is_only_over(failure):
                await self._end_the_block()
        except BaseException as failure:
            # Such as pytest.fail and pytest.skip raise. It is told beside, too: on its way it gives
            # way to the Cancelled that whoever closes the stream meets.
            if (own := _without_cancelled(failure)) is not None:
                self.failures.append(own)
                with trio.move_on_after(_LONGEST, shield=True):
                    await self._end_the_block()
            raise
        finally:
            self.ended.set()
            await trio.aclose_forcefully(stream)

    async def _end_the_block(self) -> None:
        # It must not fail because the stream is closed before it hears of that: in a fixture it
        # takes pytest-trio a moment to tell the test.
        self.nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await settled()


@asynccontextmanager
async def serving() -> AsyncGenerator[Serving, None]:
    """A block with servers beside it, which are cancelled at its end.

    Raises:
        BaseException: What the block raises, as it is; else what a server raised. An error of a
            connection gives way to that of a script.
        BaseExceptionGroup: Several of them raised something.
    """
    failures: list[BaseException] = []
    try:
        with peeled():
            async with trio.open_nursery() as nursery:
                beside = Serving(nursery, failures)
                try:
                    yield beside
                except Exception as error:
                    with trio.CancelScope(shield=True):
                        await settled()
                    if isinstance(error, TrioDicomError):
                        # It has come of what the script did, and may be what the test waits for.
                        of_scripts = filter(is_of_a_script, failures)
                        _raise([it for it in of_scripts if not _is_only_over(it)])
                    for failure in failures:
                        for it in _errors_in(failure):
                            told = str(it) or type(it).__name__
                            error.add_note(f"The other side has failed, too: {told}")
                    raise
                nursery.cancel_scope.cancel()
    except Exception:
        raise
    except (trio.Cancelled, BaseExceptionGroup):
        # Somebody else may have failed at the same time, and was faster: that must not hide this.
        _raise([it for it in failures if not _is_only_over(it)])
        raise
    _raise(failures)


async def settled() -> None:
    """Return when all other tasks wait for something, or after a moment: there are some that poll.

    The moment is one of real time. Trio's clock may stand still while they do.
    """
    with trio.CancelScope() as scope:
        impatience = _Impatience(scope, time.monotonic() + _MOMENT)
        trio.lowlevel.add_instrument(impatience)
        try:
            await wait_all_tasks_blocked()
        finally:
            trio.lowlevel.remove_instrument(impatience)


@define(eq=False)
class _Impatience(trio.abc.Instrument):
    """Ends a wait that a timeout of Trio's would not.

    Attributes:
        scope: The wait.
        until: How long, on the clock of the machine.
    """

    scope: trio.CancelScope
    until: float

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002
        """Every task that could go on has done so."""
        if time.monotonic() > self.until:
            self.scope.cancel()


def _raise(failures: list[BaseException]) -> None:
    match failures:
        case []:
            pass
        case [failure]:
            raise failure
        case _:
            raise BaseExceptionGroup("the other side has failed in several places", failures)


def _is_only_over(failure: BaseException) -> bool:
    return all(isinstance(it, ConversationOver) for it in _errors_in(failure))


def is_of_a_script(error: BaseException) -> bool:
    """Whether a script of the test has failed, alone or with others, which the test has to hear.

    Args:
        error: What came of it.
    """
    of_a_test = (it for it in _errors_in(error) if not isinstance(it, trio.Cancelled))
    return any(isinstance(it, AssertionError) or not isinstance(it, Exception) for it in of_a_test)


def _without_cancelled(error: BaseException) -> BaseException | None:
    """What is left of it without the cancellation of the block."""
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).split(trio.Cancelled)[1]
    return None if isinstance(error, trio.Cancelled) else error


def _errors_in(error: BaseException) -> Iterator[BaseException]:
    """The error itself, or where it is a group those in it."""
    if isinstance(error, BaseExceptionGroup):
        for it in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _errors_in(it)
    else:
        yield error
