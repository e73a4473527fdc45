"""Data sets as people read them: the text of a value, the lines of a data set."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from trio_dicom.cli.tags import name_of, vr_of

__all__ = ["lines_of", "text_at", "texts_at"]

_LONGEST = 64  # characters of a value in a line, unless it is a UID


def texts_at(data_set: Dataset, paths: Iterable[Sequence[BaseTag]]) -> list[str]:
    """``text_at`` for several."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values that are not what their VR allows
        return [_text_at(data_set, path) for path in paths]


def text_at(data_set: Dataset, path: Sequence[BaseTag]) -> str:
    """The value of an attribute as text, or "" where there is none.

    Args:
        data_set: Where it is, perhaps.
        path: The tags of the sequences on the way to it, and its own. Of several items
            the different values are given, with semicolons between them.
    """
    (text,) = texts_at(data_set, [path])
    return text


def _text_at(data_set: Dataset, path: Sequence[BaseTag]) -> str:
    return "; ".join(text for text in dict.fromkeys(_texts(data_set, path)) if text)


def _texts(data_set: Dataset, path: Sequence[BaseTag]) -> Iterator[str]:
    tag, *rest = path
    if tag not in data_set:
        return
    if not rest:
        yield _text_of(data_set, tag)
        return
    for item in _items_of(data_set, tag):
        yield from _texts(item, rest)


def _items_of(data_set: Dataset, tag: BaseTag) -> Sequence[Dataset]:
    try:
        element = data_set[tag]
    except Exception:  # noqa: BLE001 - whatever pydicom raises for what it cannot take
        return ()
    return element.value if element.VR == "SQ" else ()


def _text_of(data_set: Dataset, tag: BaseTag) -> str:
    raw: object = data_set.get_item(tag)
    if isinstance(raw, RawDataElement) and (raw.VR or vr_of(tag)) in ("DS", "IS"):
        return (raw.value or b"").decode("latin-1").strip("\0 ")  # as it was written
    try:
        return _text(data_set[tag])
    except Exception:  # noqa: BLE001 - as above
        value = raw.value if isinstance(raw, RawDataElement) else None
        return (value or b"").decode("latin-1").strip("\0 ")


def _text(element: DataElement) -> str:
    value = element.value
    if element.VR == "SQ":
        return f"{len(value)} item" + "s" * (len(value) != 1)
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"{len(value)} bytes" if value else ""
    if isinstance(value, MultiValue | list | tuple):
        return "\\".join(map(str, cast("Iterable[object]", value)))  # of whatever it is
    return str(value)


def lines_of(data_set: Dataset, *, indent: str = "") -> Iterator[str]:
    """A line for each attribute: tag, VR, name and value.

    Args:
        data_set: Any data set.
        indent: What stands before each.
    """
    for tag in sorted(data_set.keys()):
        text = text_at(data_set, [tag])
        items = _items_of(data_set, tag)
        vr = "SQ" if items else data_set.get_item(tag).VR or "UN"
        if vr != "UI" and len(text) > _LONGEST:
            text = f"{text[: _LONGEST - 1]}…"
        name = name_of(tag) if not tag.is_private else "private"
        yield f"{indent}({tag.group:04X},{tag.element:04X}) {vr} {name}: {text}"
        for number, item in enumerate(items):
            yield f"{indent}  [{number}]"
            yield from lines_of(item, indent=f"{indent}    ")
