"""What goes wrong in a handler is logged and goes no further."""

from __future__ import annotations

import logging

__all__ = ["log_failures"]

_logger = logging.getLogger("trio_dicom")


def log_failures(
    group: BaseExceptionGroup[BaseException], words: str, *arguments: object
) -> BaseExceptionGroup[BaseException]:
    """Log the bugs in ``group``; what is left is none, such as a cancellation, and goes on.

    A nursery of a handler that is cancelled makes such a group when one of its tasks fails
    on the way out. The cancelled scope takes its own part, and the bug would come out alone.
    """
    bugs, rest = group.split(Exception)
    if bugs is not None:
        _logger.error(words, *arguments, exc_info=bugs)
    assert rest is not None  # or it were no BaseExceptionGroup
    return rest
