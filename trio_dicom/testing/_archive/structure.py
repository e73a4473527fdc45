"""Elements that say how a data set is laid out, and nothing of what it is about."""

from __future__ import annotations

import struct
from typing import Final

from attrs import evolve
from pydicom import DataElement, Dataset
from pydicom.tag import BaseTag

from trio_dicom._dimse.c_messages import CFindRequest, CGetRequest, CMoveRequest
from trio_dicom._dimse.encoded import EncodedDataSet
from trio_dicom._dimse.headers import HEADERS, value_end
from trio_dicom._dimse.levels import element_of
from trio_dicom._dimse.message import Request
from trio_dicom._dimse.syntax import encoding_of, is_deflated
from trio_dicom.testing._archive.matching import items_of

__all__ = ["drop_structure", "with_keys_alone"]

_LENGTH_TO_END: Final = 0x0008_0001
_TRAILING_PADDING: Final = 0xFFFC_FFFC
_NOT_OF_DATA_SETS: Final = frozenset({0x0000, 0x0002})


def with_keys_alone(request: Request) -> Request:
    """A query or a retrieval without what precedes its keys: elements of groups 0000 and 0002.

    They have no place in a data set (PS3.5 7.1), so that nobody decodes one that has them. But
    Orthanc 1.10 asks for (0002,0003) whenever it asks for instances, and archives in the field
    answer that. A deflated identifier is left as it is: nobody is known to send such a one.

    Args:
        request: What a peer has sent, not decoded yet.

    Raises:
        PDUError: The length of such an element lies.
    """
    encoded = request.data_set
    if (
        not isinstance(request, CFindRequest | CGetRequest | CMoveRequest)
        or not isinstance(encoded, EncodedDataSet)
        or is_deflated(encoded.transfer_syntax)
        or not (begin := _begin_of_keys(encoded))
    ):
        return request
    return request.with_data_set(evolve(encoded, data=memoryview(encoded.data)[begin:]))


def _begin_of_keys(encoded: EncodedDataSet) -> int:
    header = HEADERS[encoding_of(encoded.transfer_syntax)]
    position = 0
    try:
        while position < len(encoded):
            tag, _, start, length = header(encoded.data, position)
            if tag >> 16 not in _NOT_OF_DATA_SETS:
                break
            position = value_end(tag, start, length, len(encoded))
    except struct.error:  # what is left is no element: whoever decodes it says so
        pass
    return position


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
