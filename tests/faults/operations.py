"""Every public operation that waits, found by looking, so that none can be forgotten."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import trio_dicom

__all__ = ["note_calls", "public_operations"]

# What is ours to call and a user's to write.
_HANDLERS = ("BaseHandler", "ConnectionHandler", "InstanceHandler")
# Public by their names, but run by the connection itself.
_OUR_OWN = ("Listener.run", "NetworkStream.receive_some")


def public_operations() -> dict[str, CodeType]:
    """The code of every public function and method that can wait, by its name."""
    found: dict[str, CodeType] = {}
    for name in trio_dicom.__all__:
        named = getattr(trio_dicom, name)
        if not inspect.isclass(named):
            _note(found, named)
        elif name not in _HANDLERS:
            for attribute in dir(named):
                if not attribute.startswith("_"):
                    _note(found, getattr(named, attribute))
    return {name: code for name, code in found.items() if name not in _OUR_OWN}


def _note(found: dict[str, CodeType], named: Any) -> None:
    function = inspect.unwrap(named) if callable(named) else None
    if inspect.isfunction(function) and _waits(function):
        found[function.__qualname__] = function.__code__


def _waits(function: Callable[..., Any]) -> bool:
    returned = str(inspect.get_annotations(function).get("return"))
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
        or "AsyncContextManager" in returned
    )


@contextmanager
def note_calls(called: set[CodeType]) -> Iterator[None]:
    """Note the code of everything that is called while the block is open."""

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            called.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)
