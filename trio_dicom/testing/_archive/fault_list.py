"""The faults of an archive, and how often each could have struck."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableSequence
from typing import TypeVar, overload

from attrs import define

from trio_dicom.testing.archive_faults import ArchiveFault, Counted, Shuffle

__all__ = ["Faults"]

FaultT = TypeVar("FaultT", bound=Counted)


@define(eq=False)
class _Entry:
    fault: ArchiveFault
    occasions: int = 0  # when it could have struck, since it was put there
    has_struck: bool = False


def _entry(fault: object) -> _Entry:
    if not isinstance(fault, ArchiveFault):
        what = "a fault of an archive is a value such as Reject() or Fail(CStoreRequest)"
        raise TypeError(f"{what}, not {fault!r}")
    return _Entry(fault)


class Faults(MutableSequence[ArchiveFault]):
    """A list of faults. Each entry counts from when it is put there, whatever equals it.

    Args:
        faults: The first ones.
    """

    def __init__(self, faults: Iterable[ArchiveFault] = ()) -> None:
        self._entries = [_entry(it) for it in faults]

    def __repr__(self) -> str:
        return repr(list(self))

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> ArchiveFault: ...
    @overload
    def __getitem__(self, index: slice) -> list[ArchiveFault]: ...
    def __getitem__(self, index: int | slice) -> ArchiveFault | list[ArchiveFault]:
        if isinstance(index, slice):
            return [it.fault for it in self._entries[index]]
        return self._entries[index].fault

    @overload
    def __setitem__(self, index: int, value: ArchiveFault) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[ArchiveFault]) -> None: ...
    def __setitem__(self, index: int | slice, value: ArchiveFault | Iterable[ArchiveFault]) -> None:
        if isinstance(index, slice):
            assert isinstance(value, Iterable)
            self._entries[index] = [_entry(it) for it in value]
        else:
            self._entries[index] = _entry(value)

    def __delitem__(self, index: int | slice) -> None:
        del self._entries[index]

    def insert(self, index: int, value: ArchiveFault) -> None:
        """Put a fault before ``index``: it counts from now."""
        self._entries.insert(index, _entry(value))

    @property
    def unused(self) -> list[ArchiveFault]:
        """Those that have struck nothing so far: at the end of a test there should be none."""
        return [it.fault for it in self._entries if not it.has_struck]

    def striking(
        self,
        kind: type[FaultT],
        concerns: Callable[[FaultT], bool],
        *,
        strikes: Callable[[FaultT], bool] = lambda _: True,
    ) -> list[FaultT]:
        """The faults of a kind whose turn it is: this is one more occasion for each.

        Args:
            kind: Their class.
            concerns: Whether a fault is about what happens now.
            strikes: Whether it finds there what it strikes.
        """
        due: list[FaultT] = []
        for entry in self._entries:
            fault = entry.fault
            if isinstance(fault, kind) and concerns(fault):
                entry.occasions += 1
                if fault.nth in (None, entry.occasions) and strikes(fault):
                    entry.has_struck = True
                    due.append(fault)
        return due

    def shuffle(self) -> Shuffle | None:
        """The first one that shuffles requests, or None."""
        return next((it for it in self if isinstance(it, Shuffle)), None)

    def has_shuffled(self) -> None:
        """There were several for it to choose from."""
        for entry in self._entries:
            if isinstance(entry.fault, Shuffle):
                entry.has_struck = True
                break
