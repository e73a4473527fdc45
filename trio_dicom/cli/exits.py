"""How a command ends: the exit codes, and the errors that lead to them."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

__all__ = ["CommandError", "ExitCode", "NoAssociation", "UsageError"]


class ExitCode(IntEnum):
    """What the shell is told."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    NO_ASSOCIATION = 3
    # As shells have it: 128 and the number of the signal.
    INTERRUPTED = 130
    TERMINATED = 143


class CommandError(Exception):
    """The command ends here. Its text is for whoever typed it."""

    exit_code: ClassVar[ExitCode]


class UsageError(CommandError):
    """The command makes no sense as it was typed. Nothing was sent."""

    exit_code = ExitCode.USAGE


class NoAssociation(CommandError):
    """The peer could not be reached, or did not want to talk to us."""

    exit_code = ExitCode.NO_ASSOCIATION
