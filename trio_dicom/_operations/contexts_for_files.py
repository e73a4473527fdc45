"""Which presentation contexts a set of files needs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from os import PathLike

import trio
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from trio_dicom._io.file_heads import look_at
from trio_dicom._protocol.contexts import PresentationContext
from trio_dicom.errors import LocalProtocolError

__all__ = ["contexts_for_files", "contexts_for_needs"]

# Files looked at in one hop into a thread: enough for the hop not to matter, few enough
# for a cancellation to be heard soon.
_AT_ONCE = 64

_Need = tuple[UID, UID]


async def contexts_for_files(paths: Iterable[str | PathLike[str]]) -> list[PresentationContext]:
    """Look at the heads of files and say what to propose so that each can be stored.

    Every transfer syntax of a SOP class gets a context of its own, so that the peer can
    take each file as it is. Beside them stands one with the uncompressed little endian
    syntaxes, for peers that take nothing else (PS3.5 10.1).

    Files that are missing or no DICOM instances are passed over here, and so are UIDs that
    cannot be proposed: ``c_store`` says of each what is wrong with it.

    Args:
        paths: The files. At most 128 contexts fit into one association, which is enough
            for files of 40 SOP classes in two compressed syntaxes each.
    """
    needs: dict[_Need, None] = {}
    group: list[str | PathLike[str]] = []
    for path in paths:
        group.append(path)
        if len(group) == _AT_ONCE:
            needs.update(await _look(group))
            group = []
    needs.update(await _look(group))
    return contexts_for_needs(needs)


async def _look(paths: list[str | PathLike[str]]) -> dict[_Need, None]:
    # Abandoned, so that a dead mount holds nobody up who is cancelled.
    return await trio.to_thread.run_sync(_needs_of, paths, abandon_on_cancel=True)


def _needs_of(paths: list[str | PathLike[str]]) -> dict[_Need, None]:
    needs: dict[_Need, None] = {}
    for path in paths:
        try:
            head, _ = look_at(path)
        except (OSError, LocalProtocolError):
            continue
        needs[head.sop_class_uid, head.transfer_syntax] = None
    return needs


def contexts_for_needs(needs: Iterable[_Need]) -> list[PresentationContext]:
    """What to propose for instances of these SOP classes, each with its transfer syntax."""
    by_class: dict[UID, list[UID]] = {}
    for sop_class, syntax in needs:
        by_class.setdefault(sop_class, []).append(syntax)
    contexts: list[PresentationContext] = []
    for sop_class, syntaxes in by_class.items():
        offers = [[syntax] for syntax in syntaxes]
        others = [
            syntax
            for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
            if syntax not in syntaxes
        ]
        if others:
            offers.append(others)
        for offer in offers:
            # One file with a UID that no context can hold must not keep all others back.
            with suppress(LocalProtocolError):
                contexts.append(PresentationContext(sop_class, offer))
    return contexts
