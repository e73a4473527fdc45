"""``KEY[=VALUE]``: how attributes are named on the command line, and given values.

A key is a keyword of the dictionary (``PatientName``), a tag (``0010,0010``, ``(0010,0010)`` or
``00100010``), or a path into a sequence (``ScheduledProcedureStepSequence[0].Modality``).
Nothing here does I/O.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import field, frozen
from pydicom import Dataset
from pydicom.charset import python_encoding
from pydicom.datadict import private_dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag
from pydicom.uid import ImplicitVRLittleEndian

from trio_dicom import LocalProtocolError
from trio_dicom.cli.exits import UsageError
from trio_dicom.cli.tags import name_of, parse_tag, vr_of
from trio_dicom.cli.values import value_of
from trio_dicom.lowlevel import encode_data_set

__all__ = ["Key", "data_set_of", "parse_key", "parse_keys"]

_STEP: Final = re.compile(r"(?P<name>[^\[\]]+)(?:\[(?P<item>[0-9]{1,4})\])?")
_UTF_8: Final = "ISO_IR 192"


@frozen(kw_only=True)
class Key:
    """An attribute, and the value that it shall have or match.

    Attributes:
        steps: The sequences on the way to it, each with the number of the item.
        tag: The attribute; None where the path ends with an item, which may be empty.
        value: What it shall be, or "" for whatever it is.
    """

    steps: tuple[tuple[BaseTag, int], ...] = ()
    tag: BaseTag | None
    value: str = field(default="", repr=False)  # patients' names are among them

    @property
    def name(self) -> str:
        """The way to it, in keywords where there are any."""
        steps = [f"{name_of(tag)}[{item}]" for tag, item in self.steps]
        return ".".join(steps if self.tag is None else [*steps, name_of(self.tag)])

    @property
    def path(self) -> tuple[BaseTag, ...]:
        """The tags on the way to it, and its own."""
        tags = tuple(tag for tag, _ in self.steps)
        return tags if self.tag is None else (*tags, self.tag)


def parse_keys(texts: Iterable[str]) -> list[Key]:
    """The keys that ``texts`` name; see ``parse_key``."""
    return [parse_key(text) for text in texts]


def parse_key(text: str) -> Key:
    """The key that ``text`` names.

    Args:
        text: ``KEY``, ``KEY=`` or ``KEY=VALUE``. The value is taken as it stands.

    Raises:
        UsageError: It names none, and why not.
    """
    name, _, value = text.partition("=")
    # A dot stands between the steps and nowhere else: neither tags nor keywords have one.
    *parts, last = (_parse_step(part.strip(), text) for part in name.split("."))
    steps = tuple((_sequence(tag), item or 0) for tag, item in parts)
    tag, item = last
    if item is None:
        return Key(steps=steps, tag=tag, value=value)
    if value:
        value_of(name, "SQ", value)  # which has none
    return Key(steps=(*steps, (_sequence(tag), item)), tag=None)


def _parse_step(part: str, text: str) -> tuple[BaseTag, int | None]:
    match = _STEP.fullmatch(part)
    if match is None:
        raise UsageError(
            f"{text!r} is no key. It is KEY or KEY=VALUE, where KEY is a keyword, a tag or a path, "
            "such as PatientName, 0010,0010 or ScheduledProcedureStepSequence[0].Modality."
        )
    tag = parse_tag(match["name"].strip())
    return tag, None if match["item"] is None else int(match["item"])


def _sequence(tag: BaseTag) -> BaseTag:
    if vr_of(tag) not in ("SQ", None):  # what nobody knows may be one
        raise UsageError(f"{name_of(tag)} is no sequence, so it has no items.")
    return tag


def data_set_of(keys: Sequence[Key]) -> Dataset:
    """A data set with these attributes and values.

    Values go out as they were written: wildcards, ranges and lists are not looked at. Where
    they have letters beyond ASCII and no Specific Character Set is given, it is UTF-8.

    Raises:
        UsageError: A value is none of its attribute, or the keys contradict each other.
    """
    data_set = Dataset()
    values: dict[str, str] = {}
    with warnings.catch_warnings():
        # pydicom has opinions about values which here are patterns.
        warnings.simplefilter("ignore")
        for key in sorted(keys, key=_creators_first):
            earlier = values.get(key.name, "")
            if earlier and key.value and earlier != key.value:
                raise UsageError(f"{key.name} is given twice, with different values.")
            values[key.name] = key.value or earlier
            item = _item_of(data_set, key, keys)
            if key.tag is not None:
                _put(item, key.tag, key.name, values[key.name])
        if charset := values.get("SpecificCharacterSet"):
            _check_character_sets(charset)
        elif not all(it.isascii() for it in values.values()):
            data_set.SpecificCharacterSet = _UTF_8
        try:
            # What would be found out later is found out before any I/O.
            encode_data_set(data_set, ImplicitVRLittleEndian)
        except LocalProtocolError as error:
            raise UsageError(f"{error}.") from None
    return data_set


def _check_character_sets(text: str) -> None:
    for name in text.split("\\"):
        if name.strip() not in python_encoding:
            raise UsageError(f"{name!r} is no character set. UTF-8 is called {_UTF_8!r}.")


def _creators_first(key: Key) -> tuple[int, bool]:
    """An order in which the VRs of private attributes are known when they come."""
    is_creator = key.tag is not None and key.tag.is_private_creator
    return len(key.steps), not is_creator


def _item_of(data_set: Dataset, key: Key, keys: Sequence[Key]) -> Dataset:
    """The data set that the key's attribute belongs into, made on the way where it is missing."""
    for depth, (tag, number) in enumerate(key.steps):
        before = key.steps[:depth]
        numbers = {
            it.steps[depth][1]
            for it in keys
            if it.steps[:depth] == before and it.steps[depth : depth + 1] and it.path[depth] == tag
        }
        if numbers != set(range(len(numbers))):
            raise UsageError(
                f"{name_of(tag)} has an item {max(numbers)}, but not all of those before it: "
                "they are counted from 0."
            )
        if tag not in data_set or not data_set[tag].value:
            items = Items([Dataset() for _ in numbers])
            data_set.add(DataElement(tag, "SQ", items))
        elif data_set[tag].VR != "SQ":
            raise UsageError(f"{name_of(tag)} is given a value, and items as well.")
        data_set = data_set[tag].value[number]
    return data_set


def _put(item: Dataset, tag: BaseTag, name: str, text: str) -> None:
    vr, value = value_of(name, _vr_of(item, tag), text)
    if vr == "SQ":
        item.add(DataElement(tag, vr, Items()))
    else:
        item.add(DataElement(tag, vr, value, already_converted=True))


def _vr_of(item: Dataset, tag: BaseTag) -> str:
    known = vr_of(tag)
    if known is not None or not tag.is_private:
        return known or "UN"
    if tag.is_private_creator:
        return "LO"
    try:
        creator = item[tag.group, tag.element >> 8]
        return private_dictionary_VR(tag, str(creator.value))
    except KeyError:  # no creator, or one that nobody knows
        return "UN"
