"""UIDs as they are typed: in digits, or by their keyword in the dictionary."""

from __future__ import annotations

import re
from typing import Final

from pydicom.uid import UID

from trio_dicom.cli.exits import UsageError
from trio_dicom.sop_classes import uid_named

__all__ = ["parse_uid"]

# Peers have odd ones, with leading zeros say, so no more is asked for than a place in a UID.
_UID: Final = re.compile(r"[0-9.]{1,64}")


def parse_uid(what: str, text: str) -> UID:
    """The UID that ``text`` is, or is the keyword of.

    Args:
        what: What it is the UID of, for the error.
        text: Digits and dots, or a keyword such as ``CTImageStorage``.

    Raises:
        UsageError: It is neither.
    """
    named = uid_named(text)
    if named is not None:
        return named
    if _UID.fullmatch(text) is None:
        raise UsageError(
            f"{what} {text!r} is neither a UID nor the keyword of one, such as CTImageStorage."
        )
    return UID(text)
