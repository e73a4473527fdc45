"""DICOM in a program that is not async: python script.py HOST PORT"""

import sys
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from typing import Any, Generic, TypeVar, TypeVarTuple

import trio
from attrs import frozen
from pydicom import Dataset

from trio_dicom import open_association
from trio_dicom.sop_classes import STUDY_ROOT_FIND, VERIFICATION

T = TypeVar("T")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


# [once
def echo(host: str, port: int, seconds: float = 10) -> str:
    """A plain function, which others call as often as they like."""

    async def work() -> str:
        with trio.fail_after(seconds):
            async with open_association(host, port, contexts=[VERIFICATION]) as association:
                return str((await association.c_echo()).status)

    return trio.run(work)
    # once]


# [together
def studies_of(host: str, port: int, names: list[str]) -> dict[str, list[str]]:
    """Several things in one run: they share an association, and can be done at once."""
    found: dict[str, list[str]] = {}

    async def work() -> None:
        async with open_association(host, port, contexts=[STUDY_ROOT_FIND]) as association:
            for name in names:
                query = Dataset()
                query.PatientName = name
                query.StudyInstanceUID = ""
                async with association.c_find(query, level="STUDY") as matches:
                    found[name] = [str(it.identifier.StudyInstanceUID) async for it in matches]

    trio.run(work)
    return found
    # together]


# [thread
@frozen
class Held(Generic[T]):
    """Something that is open in a thread of its own, where Trio runs.

    Attributes:
        value: What it is. Its attributes can be read from here, its functions cannot be called.
    """

    value: T
    _token: trio.lowlevel.TrioToken

    def call(self, function: Callable[[*Ts], Awaitable[R]], *arguments: *Ts) -> R:
        """Await ``function`` over there, and return what it returns or raise what it raises.

        Raises:
            trio.RunFinishedError: The block was left, before or meanwhile.
        """
        try:
            return trio.from_thread.run(function, *arguments, trio_token=self._token)
        except trio.Cancelled:  # which means nothing in a thread without Trio
            raise trio.RunFinishedError("the block of in_thread was left") from None


@contextmanager
def in_thread(opening: AbstractAsyncContextManager[T]) -> Generator[Held[T], None, None]:
    """Hold an association, or whatever Trio opens, in a thread of its own.

    Leaving the block closes it in order; an exception, such as Ctrl-C, cancels what it does.
    """
    token: Future[trio.lowlevel.TrioToken] = Future()
    value: Future[T] = Future()
    scope, leave = trio.CancelScope(), trio.Event()

    async def hold() -> None:
        token.set_result(trio.lowlevel.current_trio_token())
        with scope:
            async with opening as entered:
                value.set_result(entered)
                await leave.wait()

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(trio.run, hold)
        try:
            either: list[Future[Any]] = [running, value]
            wait(either, return_when=FIRST_COMPLETED)
            if not value.done():
                running.result()  # raises what kept it from opening
            yield Held(value.result(), token.result())
        except BaseException:
            with suppress(trio.RunFinishedError):
                trio.from_thread.run_sync(scope.cancel, trio_token=token.result())
            raise
        trio.from_thread.run_sync(leave.set, trio_token=token.result())
        running.result()
    # thread]


# [use
def main(host: str, port: int) -> list[str]:
    statuses = [echo(host, port), echo(host, port)]  # an association each
    with in_thread(open_association(host, port, contexts=[VERIFICATION])) as held:  # one for all
        for _ in range(2):
            response = held.call(held.value.c_echo)
            statuses.append(str(response.status))
    return statuses
    # use]


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2])))
