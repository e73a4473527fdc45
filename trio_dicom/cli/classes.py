"""Which SOP classes a peer would send, found out by asking, and the contexts for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Final, TypeAlias

import trio
from pydicom import Dataset

from trio_dicom import Association, PresentationContext
from trio_dicom.sop_classes import storage_contexts

__all__ = ["contexts_within", "sop_classes_of"]

_UNIQUE_KEYS: Final = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")

_Ask: TypeAlias = Callable[..., Awaitable[list[Dataset]]]


def contexts_within(
    classes: Iterable[str], room: int
) -> tuple[tuple[PresentationContext, ...], bool]:
    """Contexts in which instances of these classes come as they are stored.

    Args:
        classes: Storage SOP classes.
        room: How many contexts there may be at most.

    Returns:
        The contexts, and whether there was room for all. If not, every class has the
        uncompressed ones, and all have as many others as there is room for.
    """
    ranked = [
        (rank, context)
        for uid in dict.fromkeys(classes)
        for rank, context in enumerate(storage_contexts(uid, as_stored=True))
    ]
    ranked.sort(key=lambda it: it[0])
    return tuple(context for _, context in ranked[:room]), len(ranked) <= room


async def sop_classes_of(association: Association, query: Dataset) -> tuple[str, ...] | None:
    """The SOP classes of the instances that a retrieve would bring.

    Studies are asked for those that they hold (0008,0062), and where the peer does not say
    that, every instance for its own. Asked is by the hierarchical rules (PS3.4 C.4.1.2.1), so
    that it costs a query for each series.

    Args:
        association: One on which the peer accepted a model to query.
        query: The retrieve's.

    Returns:
        Their UIDs, without any if the peer does not say; None if it has no such instances.

    Raises:
        StatusError: The peer fails; or whatever else ``c_find`` raises.
    """
    wanted = {name: query[name].value for name in _UNIQUE_KEYS if query.get(name)}
    if not wanted.keys() & {"PatientID", "StudyInstanceUID"}:
        await trio.lowlevel.checkpoint()
        return ()  # that would be a question about everything there is
    above = _given(wanted, "PatientID")
    ask = partial(_ask, association)
    found: dict[str, None] = {}
    keys = {"StudyInstanceUID": "", **above, **_given(wanted, "StudyInstanceUID")}
    studies = await ask("STUDY", **keys, SOPClassesInStudy="")
    for study in studies:
        classes = _uids_in(study, "SOPClassesInStudy")
        if not classes:
            above["StudyInstanceUID"] = next(iter(_uids_in(study, "StudyInstanceUID")), "")
            classes = await _of_instances(ask, above, wanted)
        if not classes:
            return ()
        found.update(dict.fromkeys(classes))
    return tuple(found) if studies else None


async def _of_instances(
    ask: _Ask, above: Mapping[str, object], wanted: Mapping[str, object]
) -> tuple[str, ...]:
    """The same for one study, from each of its instances."""
    found: dict[str, None] = {}
    keys = {**above, "SeriesInstanceUID": "", **_given(wanted, "SeriesInstanceUID")}
    for series in await ask("SERIES", **keys):
        (series_uid,) = _uids_in(series, "SeriesInstanceUID")[:1] or ("",)
        keys |= {"SeriesInstanceUID": series_uid, "SOPInstanceUID": "", "SOPClassUID": ""}
        keys |= _given(wanted, "SOPInstanceUID")
        for instance in await ask("IMAGE", **keys):
            classes = _uids_in(instance, "SOPClassUID")
            if not classes:
                return ()
            found.update(dict.fromkeys(classes))
    return tuple(found)


async def _ask(association: Association, level: str, **keys: object) -> list[Dataset]:
    query = Dataset()
    query.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    async with association.c_find(query) as matches:
        return [match.identifier async for match in matches]


def _given(wanted: Mapping[str, object], name: str) -> dict[str, object]:
    return {name: wanted[name]} if name in wanted else {}


def _uids_in(match: Dataset, keyword: str) -> tuple[str, ...]:
    """The UIDs of an attribute, whatever the peer has put there."""
    try:
        value = match.get(keyword)
    except Exception:  # noqa: BLE001 - whatever pydicom raises for what it cannot take
        return ()
    if not value:
        return ()
    return (str(value),) if isinstance(value, str) else tuple(str(uid) for uid in value if uid)
