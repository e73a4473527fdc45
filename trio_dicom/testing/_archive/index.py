"""What an archive knows of its instances: searchable attributes, level by level."""

from __future__ import annotations

from collections.abc import Sequence as AnySequence
from itertools import islice
from typing import Final

from pydicom import DataElement, Dataset
from pydicom.config import disable_value_validation
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.valuerep import FLOAT_VR, INT_VR

from trio_dicom._dimse.levels import element_of as raw_element_of
from trio_dicom.testing._archive.level_keys import LEVEL_KEYS
from trio_dicom.testing._archive.matching import items_of, values_of

__all__ = [
    "LEVELS",
    "element_of",
    "indexed",
    "is_searchable",
    "level_of",
    "sop_uids",
    "summary_of",
]

LEVELS: Final = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
"""The levels of a query, the highest first, with their unique keys (PS3.4 C.6)."""

_BULK_VRS: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})
_NUMBER_VRS: Final = INT_VR | FLOAT_VR
_LONGEST_INDEXED: Final = 65_536  # bytes of one value: what is longer nobody searches
_SOP_CLASS: Final = 0x0008_0016
_SOP_INSTANCE: Final = 0x0008_0018
_LEVEL: Final = 0x0008_0052


def indexed(data_set: Dataset) -> Dataset:
    """The attributes of an instance that can be searched, decoded.

    Bulk data, private attributes and values that do not decode are left out.
    """
    index = Dataset()
    with disable_value_validation():  # an archive takes what comes
        for tag in data_set.keys():  # noqa: SIM118  iterating a Dataset decodes its elements
            element = None if tag.is_private else _searchable(data_set, tag)
            if element is not None:
                index.add(element)
    return index


def is_searchable(tag: BaseTag, vr: str) -> bool:
    """Whether attributes of that tag and VR are indexed, if they have values that can be."""
    return not tag.is_private and vr not in _BULK_VRS and vr != "UN"


def _searchable(data_set: Dataset, tag: BaseTag) -> DataElement | None:
    raw = raw_element_of(data_set, tag)
    if isinstance(raw, RawDataElement) and (raw.VR in _BULK_VRS or _is_long(raw)):
        return None
    try:
        element = data_set[tag]
    except Exception:  # noqa: BLE001  pydicom raises what it likes where a value is broken
        return None
    if element.VR == "SQ":
        return DataElement(tag, "SQ", Sequence(indexed(item) for item in items_of(element)))
    if element.VR in _NUMBER_VRS and isinstance(element.value, str) and element.value:
        return None  # pydicom gives the text of what is no number
    # A known attribute that came as UN has its own VR by now (PS3.5 6.2.2).
    return element if is_searchable(tag, element.VR) else None


def _is_long(raw: RawDataElement) -> bool:
    return len(raw.value or b"") > _LONGEST_INDEXED


def element_of(data_set: Dataset, keyword: str) -> DataElement | None:
    """The element of that keyword, or None where there is none."""
    return data_set[keyword] if keyword in data_set else None  # noqa: SIM401  get gives values


def sop_uids(data_set: Dataset) -> tuple[str, str]:
    """The SOP Class and SOP Instance UID that it names; "" for one that it does not."""
    sop_class, sop_instance = (
        "\\".join(values_of(data_set.get(tag))) for tag in (_SOP_CLASS, _SOP_INSTANCE)
    )
    return sop_class, sop_instance


def level_of(identifier: Dataset) -> str:
    """The query's level.

    Raises:
        ValueError: It has none, or one that does not exist.
    """
    level = "".join(values_of(identifier.get(_LEVEL)))
    if level not in LEVELS:
        raise ValueError("there is no such query/retrieve level")
    return level


def summary_of(level: str, instances: AnySequence[Dataset]) -> Dataset:
    """The attributes of a patient, study, series or instance.

    Those that belong to its level and those above are as the first instance has them that
    does, others as all its instances agree on. To them comes what the standard lets archives
    count (PS3.4 C.3.4).

    Args:
        level: What it is.
        instances: Those that are part of it, in the order of arrival.
    """
    summary = Dataset()
    first, *others = instances
    for element in first:
        if all(element.tag in other and other[element.tag] == element for other in others):
            summary.add(element)
    if level == "IMAGE":
        return summary
    levels = list(LEVELS)
    above, below = levels[: levels.index(level) + 1], levels[levels.index(level) + 1 :]
    for tag in (tag for it in above for tag in LEVEL_KEYS[it]):
        with_it = (it[tag] for it in instances if tag in it and not it[tag].is_empty)
        for of_the_first in islice(with_it, 1):
            summary.add(of_the_first)
    word = level.capitalize()
    for lower in below:
        count = len(_distinct(instances, LEVELS[lower]))
        plural = {"STUDY": "Studies", "SERIES": "Series", "IMAGE": "Instances"}[lower]
        setattr(summary, f"NumberOf{word}Related{plural}", count)
    if level == "STUDY":
        with disable_value_validation():
            summary.ModalitiesInStudy = _distinct(instances, "Modality")
            summary.SOPClassesInStudy = _distinct(instances, "SOPClassUID")
    return summary


def _distinct(instances: AnySequence[Dataset], keyword: str) -> list[str]:
    found = (values_of(it[keyword]) for it in instances if keyword in it)
    return list(dict.fromkeys(value for values in found for value in values))
