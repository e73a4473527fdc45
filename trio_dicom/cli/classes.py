"""What a peer would send, found out by asking, and the contexts for it."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Final, TypeAlias

import trio
from attrs import evolve, frozen
from pydicom import Dataset
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from trio_dicom import Association, PresentationContext
from trio_dicom.sop_classes import storage_contexts

__all__ = ["Held", "compressed_contexts", "contexts_within", "instances_of", "sop_classes_of"]

_UNIQUE_KEYS: Final = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")

# What instances are compressed with, mostly. Where there is no room for all, these go first.
_LIKELY: Final = (
    *(JPEGLosslessSV1, JPEGBaseline8Bit, JPEG2000Lossless, RLELossless),
    *(JPEGLSLossless, JPEGExtended12Bit),
)

_Ask: TypeAlias = Callable[..., Awaitable[list[Dataset]]]


@frozen(kw_only=True)
class Held:
    """An instance that a peer has.

    Attributes:
        sop_class: What it is, or "" where the peer does not say.
        study: Its study, or "" likewise.
        series: Its series, or "" likewise.
    """

    sop_class: str
    study: str
    series: str


def contexts_within(
    classes: Iterable[str], room: int
) -> tuple[tuple[PresentationContext, ...], bool]:
    """Contexts in which instances of these classes come as they are stored.

    Args:
        classes: Storage SOP classes.
        room: How many contexts there may be at most.

    Returns:
        The contexts, and whether there was room for all. If not, every class has one for the
        uncompressed syntaxes together, and all have as many others as there is room for.
    """
    classes = tuple(dict.fromkeys(classes))
    contexts = storage_contexts(classes, as_stored=True)
    if len(contexts) <= room:
        return contexts, True
    together = storage_contexts(classes)[:room]
    uncompressed = _of(together)
    others = sorted((it for it in contexts if not _of([it]) & uncompressed), key=_rank)
    return (*together, *others[: room - len(together)]), False


def compressed_contexts(classes: Iterable[str], room: int) -> tuple[PresentationContext, ...]:
    """Contexts in which instances of these classes can come only if they are compressed.

    Args:
        classes: Storage SOP classes.
        room: How many contexts there may be at most.

    Returns:
        The contexts, each with one transfer syntax if there is room for that. If not, each class
        has one with all of them, of which the peer chooses.
    """
    by_class: dict[UID, list[PresentationContext]] = {}
    for context in storage_contexts(dict.fromkeys(classes), as_stored=True):
        if all(uid.is_encapsulated for uid in context.transfer_syntaxes):
            by_class.setdefault(context.abstract_syntax, []).append(context)
    if sum(map(len, by_class.values())) <= room:
        return tuple(context for contexts in by_class.values() for context in contexts)
    return tuple(_together(contexts) for contexts in by_class.values())[:room]


def _together(contexts: Iterable[PresentationContext]) -> PresentationContext:
    first, *others = sorted(contexts, key=_rank)
    syntaxes = [syntax for it in (first, *others) for syntax in it.transfer_syntaxes]
    return evolve(first, transfer_syntaxes=syntaxes)


def _of(contexts: Iterable[PresentationContext]) -> set[UID]:
    return {syntax for context in contexts for syntax in context.transfer_syntaxes}


def _rank(context: PresentationContext) -> int:
    (syntax,) = context.transfer_syntaxes
    return _LIKELY.index(syntax) if syntax in _LIKELY else len(_LIKELY)


async def sop_classes_of(association: Association, query: Dataset) -> tuple[str, ...] | None:
    """The SOP classes of the instances that a retrieve would bring.

    Studies are asked for those that they hold (0008,0062), and where the peer does not say
    that, every instance for its own. Asked is by the hierarchical rules (PS3.4 C.4.1.2.1), so
    that it costs a query for each series. Without the UID of a study, or a patient, it is asked
    by the unique keys that there are, which not every peer can do.

    Args:
        association: One on which the peer accepted a model to query.
        query: The retrieve's.

    Returns:
        Their UIDs, without any if the peer does not say; None if it finds no such instances.

    Raises:
        StatusError: The peer fails; or whatever else ``c_find`` raises.
    """
    await trio.lowlevel.checkpoint()
    wanted = _wanted(query)
    if not wanted:
        return ()  # that would be a question about everything there is
    ask = partial(_ask, association)
    found: dict[str, None] = {}
    has_any = False
    for study in await _studies(ask, wanted, SOPClassesInStudy=""):
        classes = _uids_in(study, "SOPClassesInStudy")
        found.update(dict.fromkeys(classes))
        has_any = has_any or bool(classes)
        for series in [] if classes else await _series(ask, wanted, study):
            for image in await _images(ask, wanted, series):
                has_any = True
                if not (sop_class := _uid_in(image, "SOPClassUID")):
                    return ()
                found[sop_class] = None
    return tuple(found) if has_any else None


async def instances_of(association: Association, query: Dataset) -> dict[str, Held]:
    """The instances that a retrieve would bring, by their UIDs, asked for likewise.

    Args:
        association: As for ``sop_classes_of``.
        query: Likewise.

    Raises:
        StatusError: Likewise.
    """
    await trio.lowlevel.checkpoint()
    wanted = _wanted(query)
    ask = partial(_ask, association)
    found: dict[str, Held] = {}
    for study in await _studies(ask, wanted) if wanted else []:
        for series in await _series(ask, wanted, study):
            for image in await _images(ask, wanted, series):
                found[_uid_in(image, "SOPInstanceUID")] = Held(
                    sop_class=_uid_in(image, "SOPClassUID"),
                    study=_uid_in(image, "StudyInstanceUID") or _uid_in(study, "StudyInstanceUID"),
                    series=_uid_in(image, "SeriesInstanceUID")
                    or _uid_in(series, "SeriesInstanceUID"),
                )
    found.pop("", None)
    return found


def _wanted(query: Dataset) -> dict[str, object]:
    return {name: query[name].value for name in _UNIQUE_KEYS if query.get(name)}


async def _studies(ask: _Ask, wanted: Mapping[str, object], **more: str) -> list[Dataset]:
    """The studies, or one of which nothing is known where there is nothing to ask by."""
    if not wanted.keys() & {"PatientID", "StudyInstanceUID"}:
        await trio.lowlevel.checkpoint()
        return [Dataset()]
    keys = {"StudyInstanceUID": "", **_given(wanted, "PatientID", "StudyInstanceUID")}
    return await ask("STUDY", **keys, **more)


async def _series(ask: _Ask, wanted: Mapping[str, object], study: Dataset) -> list[Dataset]:
    """The series of a study, each with the keys of what is above it."""
    study_uid = _uid_in(study, "StudyInstanceUID")
    if not study_uid:
        await trio.lowlevel.checkpoint()
        return [Dataset()]
    above = {**_given(wanted, "PatientID"), "StudyInstanceUID": study_uid}
    keys = {"SeriesInstanceUID": "", **_given(wanted, "SeriesInstanceUID")}
    return [
        _query("", **above, SeriesInstanceUID=_uid_in(it, "SeriesInstanceUID"))
        for it in await ask("SERIES", **above, **keys)
    ]


async def _images(ask: _Ask, wanted: Mapping[str, object], series: Dataset) -> list[Dataset]:
    """The instances of a series."""
    keys: dict[str, object] = dict.fromkeys(_UNIQUE_KEYS[1:], "")
    keys |= wanted
    keys |= {it.keyword: it.value for it in series if it.value}
    return await ask("IMAGE", **keys, SOPClassUID="")


async def _ask(association: Association, level: str, **keys: object) -> list[Dataset]:
    async with association.c_find(_query(level, **keys)) as matches:
        return [match.identifier async for match in matches]


def _query(level: str, **keys: object) -> Dataset:
    query = Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about UIDs that are none: they are not ours
        for keyword, value in keys.items():
            setattr(query, keyword, value)
    if level:
        query.QueryRetrieveLevel = level
    return query


def _given(wanted: Mapping[str, object], *names: str) -> dict[str, object]:
    return {name: wanted[name] for name in names if name in wanted}


def _uid_in(match: Dataset, keyword: str) -> str:
    return next(iter(_uids_in(match, keyword)), "")


def _uids_in(match: Dataset, keyword: str) -> tuple[str, ...]:
    """The UIDs of an attribute, whatever the peer has put there."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = match.get(keyword)
    except Exception:  # noqa: BLE001 - whatever pydicom raises for what it cannot take
        return ()
    if not value:
        return ()
    return (str(value),) if isinstance(value, str) else tuple(str(uid) for uid in value if uid)
