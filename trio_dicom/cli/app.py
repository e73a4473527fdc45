"""The commands, and what is around each: help, errors, exit codes, Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Final

import trio
from cyclopts import App, CycloptsError
from rich.console import Console
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
from trio_dicom.cli.output import printable
from trio_dicom.cli.receive import receive
from trio_dicom.cli.store import store
from trio_dicom.cli.worklist import worklist

__all__ = ["app", "run", "start"]

_COMMANDS: Final = (
    *(demo, echo, store, find, worklist),
    *(get, move, receive, commit),
    *(n_get, n_set, n_action, n_create, n_delete),
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
        return trio.run(_until_interrupted, arguments)
    except KeyboardInterrupt:  # before the command began, or for the second time
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone. Python would complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.SOME_FAILED


async def run(arguments: Sequence[str]) -> int:
    """Run a command within a Trio program and return its exit code.

    Args:
        arguments: What stands behind ``trio-dicom``.
    """
    await trio.lowlevel.checkpoint()
    try:
        code = await app.run_async(
            list(arguments),
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
    """``run``, ended by Ctrl-C as by any cancellation: it aborts and leaves nothing behind."""
    with trio.CancelScope() as scope:
        # Whoever starts us in the background has it ignored, and means that.
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            # No nursery: it would make groups of the errors of `run`.
            trio.lowlevel.spawn_system_task(_cancel_at_interrupt, scope)
        return await run(arguments)
    _complain("interrupted")
    return ExitCode.INTERRUPTED


async def _cancel_at_interrupt(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()
            return  # a second Ctrl-C does what it always does


def _complain(*sentences: str) -> None:
    text = Text("trio-dicom: ", "bold red")
    text.append(printable(" ".join(sentences)), "default not bold")
    Console(stderr=True, highlight=False).print(text, soft_wrap=True)


def _without_values(text: str, arguments: Sequence[str]) -> str:
    """An error text that does not repeat what somebody took for a password option."""
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name.startswith("-") and equals and value:
            text = text.replace(argument, name)
    return text
