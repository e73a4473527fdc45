"""What goes wrong in a handler is logged and goes no further, and no log grows without end."""

from __future__ import annotations

import logging
from collections import Counter

from attrs import define, field

__all__ = ["Complaints", "log_failures"]

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


@define(eq=False)
class Complaints:
    """Logs what peers do wrong, or have us do, each kind so many times: they can do it for ever.

    Attributes:
        most: So many.
    """

    most: int
    _made: Counter[str] = field(factory=Counter[str], init=False)

    def log(self, about: str, words: str, *arguments: object, is_bug: bool = False) -> None:
        """Log it, unless there was enough of that kind.

        Args:
            about: Whom or what the complaints are about.
            words: The kind, to be formatted with ``arguments``.
            *arguments: What this one is about.
            is_bug: Whether it is an exception of ours, whose traceback is logged.
        """
        self._made[words] += 1
        if self._made[words] <= self.most:
            level = logging.ERROR if is_bug else logging.WARNING
            _logger.log(level, words, *arguments, exc_info=is_bug)
        if self._made[words] == self.most:
            _logger.warning("no more of that is logged about %s", about)
