"""What is expected of a PDU or a message, and how what came differs from it."""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, SupportsIndex, TypeGuard, cast

import attrs
from pydicom import DataElement, Dataset
from pydicom.datadict import keyword_for_tag
from pydicom.tag import Tag
from pydicom.uid import UID

from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom.status import Status

__all__ = ["check", "differences", "fail_with"]

_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 120
_MOST_BYTES: Final = 40  # that are shown


def check(fields: Mapping[str, object], actual: object) -> None:
    """See that what came has these fields.

    Args:
        fields: What is expected of them, as for ``differences``.
        actual: What came.

    Raises:
        AssertionError: It has not; all that differs is told.
        TypeError: It never has such a field.
    """
    __tracebackhide__ = True
    fail_with(f"{type(actual).__name__} is not what was expected", differences(fields, actual))


def fail_with(what: str, lines: Iterable[str]) -> None:
    """Raise what is wrong, if anything is.

    Args:
        what: Of what it is.
        lines: What it is, each thing on a line of its own.

    Raises:
        AssertionError: There are such lines.
    """
    __tracebackhide__ = True
    told = "\n  ".join(dict.fromkeys(lines))
    if told:
        raise AssertionError(f"{what}:\n  {told}")


def differences(expected: object, actual: object, path: str = "") -> list[str]:
    """How ``actual`` differs from what was expected of it, a line for each difference.

    Nothing is said about parts that were not named, so nobody's name gets into the log of a
    test that did not ask for it.

    Args:
        expected: A mapping names parts: fields of a PDU, an item or a message, or by keyword or
            tag elements of a data set, where None means that there is none, and "" that it is
            empty. A ``Dataset`` names all of them with their VRs, a PDU, an item or a message all
            its fields. A list or tuple has as many things as it should be, each as expected; that
            with one stands for the single value of an element, too. A function is
            called and must say yes. Anything else must be equal, so that matchers of other
            libraries serve, too.
        actual: What came. Data sets are decoded.
        path: Where it is.

    Raises:
        TypeError: A part is named that nothing of that class has.
        ValueError: Likewise, in a data set.
    """
    return list(_differences(expected, actual, path))


def _differences(expected: object, actual: object, path: str) -> Iterator[str]:
    expected, actual = _decoded(expected), _decoded(actual)
    if isinstance(actual, Status) and isinstance(expected, SupportsIndex):
        actual, expected = f"{actual.code:04X}H", f"{operator.index(expected):04X}H"
    if isinstance(expected, Dataset):
        yield from _of_whole_data_set(expected, actual, path)
    elif isinstance(expected, Mapping):
        parts = cast("Mapping[Any, object]", expected)
        if isinstance(actual, Dataset) or actual is None:
            yield from _of_data_set(parts, actual, path)
        else:
            for name, part in parts.items():
                yield from _differences(part, _field(actual, name), _joined(path, name))
    elif _is_sequence(expected):
        yield from _of_sequence(expected, actual, path)
    elif callable(expected):
        says_yes = cast("Callable[[object], object]", expected)
        if not says_yes(actual):
            name = getattr(expected, "__name__", repr(expected))
            yield f"{path}: expected that {name} says yes, but got {_shown(actual)}"
    elif attrs.has(type(expected)) and type(actual) is type(expected):
        yield from _of_fields(expected, actual, path)
    elif not expected == actual:  # noqa: SIM201  a matcher knows what equals it, not what does not
        yield _difference(expected, actual, path)


def _of_fields(expected: object, actual: object, path: str) -> Iterator[str]:
    """Two of a class; what is a secret elsewhere is one here, too."""
    for it in attrs.fields(cast("type[attrs.AttrsInstance]", type(expected))):
        if not it.eq:
            continue
        part, other, there = (
            getattr(expected, it.name),
            getattr(actual, it.name),
            _joined(path, it.name),
        )
        if it.repr is True:
            yield from _differences(part, other, there)
        elif part != other:
            shown = it.repr if callable(it.repr) else _unshown
            yield f"{there}: expected {shown(part)}, but got {shown(other)}"


def _of_whole_data_set(expected: Dataset, actual: object, path: str) -> Iterator[str]:
    yield from _of_data_set({it.tag: _value_of(it) for it in expected}, actual, path)
    for element in actual if isinstance(actual, Dataset) else ():
        name = _name_of(element.tag)
        if element.tag not in expected:
            yield f"{path}: {name} is there, too"
        elif _alternatives(vr := expected[element.tag].VR).isdisjoint(_alternatives(element.VR)):
            yield f"{_joined(path, name)}: expected the VR {vr}, but got {element.VR}"


def _of_data_set(parts: Mapping[Any, object], actual: object, path: str) -> Iterator[str]:
    if not isinstance(actual, Dataset):
        yield f"{path}: expected a data set, but got {_shown(actual)}"
        return
    for key, part in parts.items():
        tag = Tag(key)
        there = _joined(path, _name_of(tag))
        if tag not in actual:
            if part is not None:
                yield f"{there}: expected {_shown(part)}, but it is not there"
        elif part is None:
            yield f"{there}: expected none, but got {_shown(_value_of(actual[tag]))}"
        else:
            yield from _of_element(part, actual[tag], there)


def _of_element(expected: object, element: DataElement, path: str) -> Iterator[str]:
    value = _value_of(element)
    if element.is_empty and _says_nothing(expected):
        return
    if _is_sequence(expected) and not _is_sequence(value):
        value = [] if element.is_empty else [value]
    yield from _differences(expected, value, path)


def _of_sequence(expected: Sequence[object], actual: object, path: str) -> Iterator[str]:
    if not _is_sequence(actual):
        yield _difference(expected, actual, path)
        return
    if len(actual) != len(expected):
        yield f"{path}: expected {len(expected)} of them, but got {len(actual)}"
        return
    for number, (part, item) in enumerate(zip(expected, actual, strict=True)):
        yield from _differences(part, item, f"{path}[{number}]")


def _difference(expected: object, actual: object, path: str) -> str:
    one, other = _shown(expected), _shown(actual)
    return f"{path}: expected {one}, but got {other if other != one else 'another like it'}"


def _decoded(value: object) -> object:
    return value.decode() if isinstance(value, EncodedDataSet) else value


def _is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    """Whether it is several things: items of a sequence, or values."""
    is_one = isinstance(value, str | bytes | bytearray | memoryview)
    return isinstance(value, Sequence) and not is_one


def _says_nothing(expected: object) -> bool:
    """Whether it is "", b"" or [], which say the same."""
    return isinstance(expected, Sequence) and not expected


def _value_of(element: DataElement) -> object:
    """As those who expect it write it: what is empty is ""."""
    value: object = element.value
    return "" if value is None else value


def _alternatives(vr: str) -> set[str]:
    """Of a VR that pydicom has left open, such as "US or SS", all that it may be."""
    return set(vr.split(" or "))


def _field(actual: object, name: str) -> object:
    if not hasattr(actual, name):
        kind = type(actual)
        known = ", ".join(it.name for it in attrs.fields(kind)) if attrs.has(kind) else "no fields"
        raise TypeError(f"{kind.__name__} has no {name}; it has {known}")
    return getattr(actual, name)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _name_of(tag: int) -> str:
    return keyword_for_tag(tag) or str(Tag(tag))


def _shown(value: object) -> str:
    if isinstance(value, UID) and value.name != value:
        return f"{str(value)!r} ({value.name})"
    if isinstance(value, Dataset):
        return f"a data set of {len(value)} elements"
    if callable(value):
        return f"something that {getattr(value, '__name__', 'the matcher')} says yes to"
    if isinstance(value, bytes | bytearray) and len(value) > _MOST_BYTES:
        return f"{len(value)} bytes"
    return _SHORT.repr(str(value) if isinstance(value, UID) else value)


def _unshown(_value: object) -> str:
    return "what is not shown"
