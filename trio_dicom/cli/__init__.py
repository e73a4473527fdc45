"""The command line: ``trio-dicom``, on the public names of trio_dicom alone.

A new command is one file beside this one and one row in ``app``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: What stands behind ``trio-dicom``; None takes those of this process.
    """
    # Not by catching ImportError: what is broken within them shall show itself.
    if any(find_spec(needed) is None for needed in ("cyclopts", "rich")):
        sys.stderr.write(
            "trio-dicom: the command line needs more than the library: "
            "install it with\n\n    pip install 'trio-dicom[cli]'\n"
        )
        return 2
    start = import_module("trio_dicom.cli.app").start
    return int(start(sys.argv[1:] if arguments is None else arguments))
