"""The commands, and what is around each: help, errors, exit codes, signals."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Final

import trio
from attrs import define, field
from cyclopts import App, CycloptsError
from rich.text import Text

from trio_dicom import __version__
from trio_dicom.cli.commit import commit
from trio_dicom.cli.demo import demo
from trio_dicom.cli.echo import echo
from trio_dicom.cli.exits import CommandError, ExitCode
from trio_dicom.cli.find import find
from trio_dicom.cli.get import get
from trio_dicom.cli.move import move
from trio_dicom.cli.n_commands import n_action, n_create, n_delete, n_get, n_set
from trio_dicom.cli.output import console_on
from trio_dicom.cli.receive import receive
from trio_dicom.cli.store import store
from trio_dicom.cli.streams import discard_what_nobody_takes, heeding, stderr, stdout
from trio_dicom.cli.trace import trace
from trio_dicom.cli.worklist import worklist
from trio_dicom.recording.printable import printable

__all__ = ["app", "run", "start"]

# What ends a command in order: Ctrl-C, and what service managers and batch systems send.
_SIGNALS: Final[dict[int, tuple[str, ExitCode]]] = {
    signal.SIGINT: ("interrupted", ExitCode.INTERRUPTED),
    signal.SIGTERM: ("terminated", ExitCode.TERMINATED),
}

_COMMANDS: Final = (
    *(demo, echo, store, find, worklist),
    *(get, move, receive, commit),
    *(n_get, n_set, n_action, n_create, n_delete),
    trace,
)

app: Final = App(
    name="trio-dicom",
    help="Talk to DICOM archives, scanners and whatever else listens on port 104.",
    version=__version__,
    help_format="markdown",
)
for _command in _COMMANDS:
    app.command(_command)


def start(arguments: Sequence[str]) -> int:
    """Run a command in a process of its own and return its exit code.

    Args:
        arguments: What stands behind ``trio-dicom``.
    """
    for stream in (sys.stdout, sys.stderr):
        # A file name that the terminal's encoding lacks is no reason to stop.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = trio.run(_until_interrupted, arguments)
    except KeyboardInterrupt:  # before the command began, or for the second time
        code = ExitCode.INTERRUPTED
    if not discard_what_nobody_takes() and code == ExitCode.OK:
        return ExitCode.SOME_FAILED
    return code


async def run(arguments: Sequence[str]) -> int:
    """Run a command within a Trio program and return its exit code.

    Args:
        arguments: What stands behind ``trio-dicom``.
    """
    await trio.lowlevel.checkpoint()
    code: int = ExitCode.OK
    with heeding() as heed:
        code = await _run(arguments)
    if heed.error is None:
        return code
    if heed.words is not None:
        _complain(heed.words)
    return ExitCode.SOME_FAILED


async def _run(arguments: Sequence[str]) -> int:
    try:
        code = await app.run_async(
            list(arguments),
            console=console_on(stdout()),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
            backend="trio",
        )
    except CycloptsError as error:
        error.verbose = False
        chain = " ".join(("trio-dicom", *(error.command_chain or ())))
        _complain(_without_values(str(error), arguments), f"Try '{chain} --help'.")
        return ExitCode.USAGE
    except CommandError as error:
        _complain(str(error))
        return error.exit_code
    return code if isinstance(code, int) else ExitCode.OK


async def _until_interrupted(arguments: Sequence[str]) -> int:
    """``run``, ended by a signal as by any cancellation: it aborts and leaves nothing behind."""
    ends = _Ends()
    with ends.scope:
        # Whoever starts us in the background has Ctrl-C ignored, and means that.
        heeded = [it for it in _SIGNALS if signal.getsignal(it) is not signal.SIG_IGN]
        if heeded:
            # No nursery: it would make groups of the errors of `run`.
            trio.lowlevel.spawn_system_task(ends.at_signal, heeded)
        return await run(arguments)
    word, code = _SIGNALS[ends.signal or signal.SIGINT]
    _complain(word)
    return code


@define(eq=False)
class _Ends:
    """How a command is ended from outside.

    Attributes:
        scope: What is cancelled then.
        signal: What came.
    """

    scope: trio.CancelScope = field(factory=trio.CancelScope, init=False)
    signal: int | None = field(default=None, init=False)

    async def at_signal(self, heeded: Sequence[int]) -> None:
        """Cancel at the first signal. A second one does what it always does."""
        with trio.open_signal_receiver(*heeded) as signals:
            async for number in signals:
                self.signal = number
                self.scope.cancel()
                return


def _complain(*sentences: str) -> None:
    text = Text("trio-dicom: ", "bold red")
    text.append(printable(" ".join(sentences)), "default not bold")
    console_on(stderr()).print(text, soft_wrap=True)


def _without_values(text: str, arguments: Sequence[str]) -> str:
    """An error text that does not repeat what somebody took for a password option."""
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name.startswith("-") and equals and value:
            text = text.replace(argument, name)
    return text
