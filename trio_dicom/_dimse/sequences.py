"""Sequences of items and encapsulated fragments, checked without recursion (PS3.5 7.5, A.4)."""

from __future__ import annotations

from struct import error as struct_error
from typing import Final

from attrs import define, field

from trio_dicom._dimse.headers import (
    FORBIDDEN_GROUPS,
    HEADERS,
    ITEM,
    ITEM_DELIMITER,
    SEQUENCE_DELIMITER,
    UNDEFINED_LENGTH,
    Bytes,
    item_header,
    name_of,
    value_end,
)
from trio_dicom._dimse.syntax import Encoding
from trio_dicom._dimse.vr import is_private
from trio_dicom.errors import PDUError

__all__ = ["Allowance", "check_fragments", "check_sequence", "encoding_of_item", "look_for_levels"]

_ITEM_BEGINS: Final = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")


class _HostileError(PDUError):
    """Not broken, but too much, whatever is around it."""


@define(eq=False)
class Allowance:
    """How many elements and items a data set may have, on all its levels together.

    Attributes:
        most: So many.
        taken: How many it has so far.
    """

    most: int
    taken: int = 0

    def take(self) -> None:
        """There is one more.

        Raises:
            PDUError: That is one too many.
        """
        self.taken += 1
        if self.taken > self.most:
            raise _HostileError(f"a data set has more than {self.most} elements and items")


def check_sequence(
    data: Bytes,
    start: int,
    end: int,
    encoding: Encoding,
    *,
    nesting: int,
    delimited: bool = False,
    guessing: bool = False,
    looking: bool = True,
    allowance: Allowance | None = None,
) -> int:
    """Checks the items from ``start`` on and gives the position behind them.

    Args:
        data: The bytes in which the sequence lies.
        start: Where its first item begins.
        end: Where the sequence ends, or what it cannot reach beyond if delimited.
        encoding: How its items are laid out.
        nesting: How many levels of sequences there may be, this one included.
        delimited: A sequence delimitation item ends it.
        guessing: Look into each item whether it is in implicit VR, as in UN.
        looking: Look into values of unknown VR, too.
        allowance: What its items and what is in them is counted against, if it is.

    Raises:
        PDUError: It is not a sequence of items.
    """
    sequence = _Frame(
        end=end, delimited=delimited, encoding=encoding, guessing=guessing, is_sequence=True
    )
    walk = _Walk(data=data, position=start, nesting=nesting, looking=looking, allowance=allowance)
    walk.enter(sequence)
    try:
        while walk.frames:
            frame = walk.frames[-1]
            if walk.position >= frame.end:
                if frame.delimited:
                    raise PDUError("a sequence or an item lacks its delimiter")
                walk.leave()
            elif frame.is_sequence:
                walk.item(frame)
            else:
                walk.element(frame)
    except struct_error:
        raise PDUError("a sequence ends within a header") from None
    return walk.position


def check_fragments(
    data: Bytes, start: int, end: int, tag: int, vr: str | None, encoding: Encoding
) -> int:
    """Checks encapsulated fragments and gives the position behind their delimiter.

    Raises:
        PDUError: They are broken, or this element cannot have any.
    """
    if encoding.implicit_vr or not encoding.little_endian or vr not in ("OB", "OW"):
        raise PDUError(f"{name_of(tag)} cannot have an undefined length here")
    position = start
    while position + 8 <= end:
        item, length = item_header(data, position, encoding)
        position += 8
        if item == SEQUENCE_DELIMITER and length == 0:
            return position
        if item != ITEM:
            raise PDUError(f"{name_of(item)} among the fragments of {name_of(tag)}")
        position = value_end(item, position, length, end)
    raise PDUError(f"the fragments of {name_of(tag)} lack their delimiter")


def look_for_levels(
    data: Bytes,
    start: int,
    stop: int,
    tag: int,
    encoding: Encoding,
    *,
    nesting: int,
    allowance: Allowance | None = None,
) -> None:
    """Looks how deep a value of unknown VR would lead, and how far, were it a sequence.

    It is read as one when the dictionaries say so. What is no sequence is none of our
    business here.

    Raises:
        PDUError: It leads too deep or too far.
    """
    # Standard elements that the dictionary lacks are never looked up again.
    unknown_to_all = encoding.implicit_vr and not is_private(tag)
    if data[start : min(start + 4, stop)] not in _ITEM_BEGINS or unknown_to_all:
        return
    try:
        check_sequence(
            data, start, stop, encoding, nesting=nesting, guessing=True, allowance=allowance
        )
    except _HostileError:
        raise
    except PDUError:
        return


def encoding_of_item(data: Bytes, position: int, encoding: Encoding) -> Encoding:
    """How the item that begins at ``position`` is laid out, which a UN does not say.

    UN holds items in implicit VR (PS3.5 6.2.2), and some peers put them there in explicit VR: then
    letters stand where the first element has its VR.
    """
    code = bytes(data[position + 4 : position + 6])
    if len(code) < 2 or all(0x40 < letter < 0x5B for letter in code):
        return encoding
    return Encoding(True, encoding.little_endian)


@define(eq=False, kw_only=True)
class _Frame:
    """One sequence or one item that is open."""

    end: int
    delimited: bool
    encoding: Encoding
    guessing: bool
    is_sequence: bool


@define(eq=False, kw_only=True)
class _Walk:
    """The way through a sequence: where we are, and what is open around it."""

    data: Bytes = field(repr=False)
    position: int
    nesting: int
    looking: bool
    allowance: Allowance | None
    depth: int = 0
    frames: list[_Frame] = field(factory=list[_Frame])

    def enter(self, sequence: _Frame) -> None:
        self.depth += 1
        if self.depth > self.nesting:
            raise _HostileError(f"sequences nest deeper than {self.nesting} levels")
        self.frames.append(sequence)

    def leave(self) -> None:
        self.depth -= self.frames.pop().is_sequence

    def item(self, sequence: _Frame) -> None:
        """One step inside a sequence: the next item, or the end."""
        tag, length = item_header(self.data, self.position, sequence.encoding)
        self.position += 8
        if tag == SEQUENCE_DELIMITER and length == 0 and sequence.delimited:
            self.leave()
            return
        if tag != ITEM:
            raise PDUError(f"{name_of(tag)} in a sequence, where an item belongs")
        if self.allowance is not None:
            self.allowance.take()
        delimited = length == UNDEFINED_LENGTH
        end = sequence.end if delimited else value_end(tag, self.position, length, sequence.end)
        encoding = sequence.encoding
        if sequence.guessing:
            encoding = encoding_of_item(self.data, self.position, encoding)
        self.frames.append(
            _Frame(
                end=end,
                delimited=delimited,
                encoding=encoding,
                guessing=sequence.guessing,
                is_sequence=False,
            )
        )

    def element(self, item: _Frame) -> None:
        """One step inside an item: the next element, or the end."""
        tag, length = item_header(self.data, self.position, item.encoding)
        if tag == ITEM_DELIMITER and length == 0 and item.delimited:
            self.position += 8
            self.leave()
            return
        if tag >> 16 in FORBIDDEN_GROUPS:
            raise PDUError(f"{name_of(tag)} in an item, where it has no place")
        if self.allowance is not None:
            self.allowance.take()
        tag, vr, start, length = HEADERS[item.encoding](self.data, self.position)
        delimited = length == UNDEFINED_LENGTH
        stop = item.end if delimited else value_end(tag, start, length, item.end)
        unknown = vr is None or vr == "UN"
        if vr == "SQ" or (delimited and unknown):
            self.position = start
            self.enter(
                _Frame(
                    end=stop,
                    delimited=delimited,
                    encoding=item.encoding,
                    guessing=item.guessing or vr == "UN",
                    is_sequence=True,
                )
            )
        elif delimited:
            self.position = check_fragments(self.data, start, item.end, tag, vr, item.encoding)
        else:
            if unknown and self.looking:
                left = self.nesting - self.depth
                look_for_levels(
                    self.data,
                    start,
                    stop,
                    tag,
                    item.encoding,
                    nesting=left,
                    allowance=self.allowance,
                )
            self.position = stop
