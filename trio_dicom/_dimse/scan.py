"""A look at the bones of an encoded data set, before anybody decodes it.

pydicom takes truncated elements and groups 0000 and 0002 in silence, guesses
between implicit and explicit VR, and recurses as deep as a peer tells it to. So
every length, delimiter and level is checked first, without recursion.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import error as struct_error
from typing import TypeAlias

from trio_dicom._dimse.headers import (
    DELIMITER_LENGTH,
    FORBIDDEN_GROUPS,
    HEADERS,
    UNDEFINED_LENGTH,
    Bytes,
    name_of,
    value_end,
)
from trio_dicom._dimse.sequences import (
    Allowance,
    check_fragments,
    check_sequence,
    look_for_levels,
)
from trio_dicom._dimse.syntax import Encoding
from trio_dicom.errors import PDUError

__all__ = ["Element", "scan"]

Element: TypeAlias = tuple[int, str | None, int, int, int]
"""Tag, VR (None where nothing says it), begin and end of the value, and its length field.

A plain tuple, because one is made for each element of each data set. The end
lies before the delimiter where the length is undefined.
"""


def scan(
    data: Bytes,
    encoding: Encoding,
    *,
    nesting: int,
    position: int = 0,
    beginning: bool = False,
    allowance: Allowance | None = None,
) -> Iterator[Element]:
    """Checks ``data`` and gives its elements of the top level, one after the other.

    Everything inside an element has been checked when it is given.

    Args:
        data: A data set, inflated.
        encoding: How it claims to be laid out.
        nesting: The deepest nesting of sequences, in levels.
        position: Where its first element begins that is wanted.
        beginning: The data may stop anywhere: give what is whole and then stop.
        allowance: What elements and items of all levels are counted against, if they are.

    Raises:
        PDUError: It is not what it claims to be.
    """
    header = HEADERS[encoding]
    end = len(data)
    try:
        while position < end:
            tag, vr, start, length = header(data, position)
            if tag >> 16 in FORBIDDEN_GROUPS:
                raise PDUError(f"{name_of(tag)} in a data set, where it has no place")
            if allowance is not None:
                allowance.take()
            if length != UNDEFINED_LENGTH:
                if beginning and length > end - start:
                    return
                stop = position = value_end(tag, start, length, end)
                if vr == "SQ":
                    check_sequence(
                        data, start, stop, encoding, nesting=nesting, allowance=allowance
                    )
                elif vr is None or vr == "UN":
                    look_for_levels(
                        data, start, stop, tag, encoding, nesting=nesting, allowance=allowance
                    )
            else:
                if vr == "SQ" or vr is None or vr == "UN":
                    position = check_sequence(
                        data,
                        start,
                        end,
                        encoding,
                        nesting=nesting,
                        delimited=True,
                        guessing=vr == "UN",
                        allowance=allowance,
                    )
                else:
                    position = check_fragments(data, start, end, tag, vr, encoding)
                stop = position - DELIMITER_LENGTH
            yield tag, vr, start, stop, length
    except struct_error:
        if not beginning:
            raise PDUError(f"a data set of {end} bytes ends within an element's header") from None
