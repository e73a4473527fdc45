"""Elements that say how a data set is laid out, and nothing of what it is about."""

from __future__ import annotations

from typing import Final

from pydicom import DataElement, Dataset
from pydicom.tag import BaseTag

from trio_dicom._dimse.levels import element_of
from trio_dicom.testing._archive.matching import items_of

__all__ = ["drop_structure"]

_LENGTH_TO_END: Final = 0x0008_0001
_TRAILING_PADDING: Final = 0xFFFC_FFFC


def drop_structure(data_set: Dataset | None) -> None:
    """Drop group lengths and padding, also from items: they are no attributes.

    Peers send them still, and whoever gets them ignores them (PS3.5 7.2, PS3.10 7.2).

    Args:
        data_set: What a peer has sent, which is changed; its values stay undecoded.
    """
    if data_set is None:
        return
    for tag in tuple(data_set.keys()):
        if _is_structure(tag):
            del data_set[tag]
            continue
        element = element_of(data_set, tag)
        if isinstance(element, DataElement):  # sequences are, from the beginning
            for item in items_of(element):
                drop_structure(item)


def _is_structure(tag: BaseTag) -> bool:
    return tag.element == 0 or tag in {_LENGTH_TO_END, _TRAILING_PADDING}
