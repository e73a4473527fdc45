"""Servers beside a block of a test: their failures come out of it, and readable."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Final, cast

import trio
from attrs import define, field
from trio.testing import wait_all_tasks_blocked

from trio_dicom._io.lifetime import peeled
from trio_dicom.testing.conversation import ConversationOver

__all__ = ["Serving", "is_of_a_script", "serving"]

_MOMENT: Final = 1.0  # seconds, where other tasks of the program never rest


@define(eq=False)
class Serving:
    """What serves the other side of a block.

    Attributes:
        nursery: Where it runs.
        failures: What they raised.
        ended: Set when one of them has ended.
    """

    nursery: trio.Nursery
    failures: list[Exception]
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
                # It must not fail because the stream is closed before it hears of that: in a
                # fixture it takes pytest-trio a moment to tell the test.
                self.nursery.cancel_scope.cancel()
                with trio.move_on_after(_MOMENT, shield=True):
                    await wait_all_tasks_blocked()
        finally:
            self.ended.set()
            await trio.aclose_forcefully(stream)


@asynccontextmanager
async def serving() -> AsyncGenerator[Serving, None]:
    """A block with servers beside it, which are cancelled at its end.

    Raises:
        Exception: What the block raises, as it is; else what a server raised.
        ExceptionGroup: Several of them raised something.
    """
    failures: list[Exception] = []
    try:
        with peeled():
            async with trio.open_nursery() as nursery:
                beside = Serving(nursery, failures)
                try:
                    yield beside
                except Exception as error:
                    for failure in failures:
                        for it in _errors_in(failure):
                            error.add_note(f"The other side has failed, too: {it}")
                    raise
                nursery.cancel_scope.cancel()
    except Exception:
        raise
    except (trio.Cancelled, BaseExceptionGroup):
        # Somebody else may have failed at the same time, and was faster: that must not hide this.
        _raise([it for it in failures if not _is_only_over(it)])
        raise
    _raise(failures)


def _raise(failures: list[Exception]) -> None:
    match failures:
        case []:
            pass
        case [failure]:
            raise failure
        case _:
            raise ExceptionGroup("the other side has failed in several places", failures)


def _is_only_over(failure: Exception) -> bool:
    return all(isinstance(it, ConversationOver) for it in _errors_in(failure))


def is_of_a_script(error: Exception) -> bool:
    """Whether a script of the test has failed, alone or with others, which the test has to hear.

    Args:
        error: What came of it.
    """
    return any(isinstance(it, AssertionError) for it in _errors_in(error))


def _errors_in(error: Exception) -> Iterator[Exception]:
    """The error itself, or where it is a group those in it."""
    if isinstance(error, ExceptionGroup):
        for it in cast("ExceptionGroup[Exception]", error).exceptions:
            yield from _errors_in(it)
    else:
        yield error
