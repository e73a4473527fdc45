"""What queries and retrievals may ask for: levels of their model, with its unique keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.c_messages import CFindRequest, CGetRequest, CMoveRequest
from trio_dicom._protocol.extended import QueryExtension, agreed_query_extension
from trio_dicom.sop_classes import (
    PATIENT_ROOT_FIND,
    PATIENT_ROOT_GET,
    PATIENT_ROOT_MOVE,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
)
from trio_dicom.status import Code
from trio_dicom.testing._archive.index import LEVELS, element_of, level_of
from trio_dicom.testing._archive.keys import decode_keys
from trio_dicom.testing._archive.matching import has_wildcards, values_of
from trio_dicom.testing._archive.refusing import Refused

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = [
    "FIND_CLASSES",
    "GET_CLASSES",
    "MOVE_CLASSES",
    "QUERY_RETRIEVE_CLASSES",
    "extension_of",
    "identifier_of",
]

_PATIENT_ROOT: Final = tuple(LEVELS)
_STUDY_ROOT: Final = _PATIENT_ROOT[1:]
_PATIENT_STUDY_ONLY: Final = _PATIENT_ROOT[:2]
"""Retired, and still spoken (PS3.4-2004 C.3.3)."""

FIND_CLASSES: Final[dict[str, tuple[str, ...]]] = {
    PATIENT_ROOT_FIND.abstract_syntax: _PATIENT_ROOT,
    STUDY_ROOT_FIND.abstract_syntax: _STUDY_ROOT,
    UID("1.2.840.10008.5.1.4.1.2.3.1"): _PATIENT_STUDY_ONLY,
}
"""The levels of each information model, the highest first, by the SOP class of its queries."""

MOVE_CLASSES: Final[dict[str, tuple[str, ...]]] = {
    PATIENT_ROOT_MOVE.abstract_syntax: _PATIENT_ROOT,
    STUDY_ROOT_MOVE.abstract_syntax: _STUDY_ROOT,
    UID("1.2.840.10008.5.1.4.1.2.3.2"): _PATIENT_STUDY_ONLY,
}
GET_CLASSES: Final[dict[str, tuple[str, ...]]] = {
    PATIENT_ROOT_GET.abstract_syntax: _PATIENT_ROOT,
    STUDY_ROOT_GET.abstract_syntax: _STUDY_ROOT,
    UID("1.2.840.10008.5.1.4.1.2.3.3"): _PATIENT_STUDY_ONLY,
}
QUERY_RETRIEVE_CLASSES: Final = FIND_CLASSES | MOVE_CLASSES | GET_CLASSES


def extension_of(session: Session, sop_class_uid: str) -> QueryExtension:
    """What was agreed on for that SOP class beyond what every archive does."""
    association = session.machine.association
    assert association is not None
    return agreed_query_extension(association, sop_class_uid)


def identifier_of(session: Session, request: CFindRequest | CGetRequest | CMoveRequest) -> Dataset:
    """The keys, of a level that the information model has (PS3.4 C.6.1, C.6.2).

    The unique keys of the levels above may be missing where the archive does not insist on
    them.

    Raises:
        Refused: There are none, or they are of another level, or a unique key is missing.
    """
    identifier = request.identifier
    if identifier is None:
        raise _refused("there is no identifier")
    decode_keys(identifier)
    try:
        level = level_of(identifier)
    except ValueError as error:
        raise _refused(str(error)) from None
    levels = QUERY_RETRIEVE_CLASSES[request.sop_class_uid]
    if level not in levels:
        raise _refused(f"the information model has no level {level}")
    if session.archive.checks_unique_keys:
        *above, own = levels[: levels.index(level) + 1]
        for higher in above:
            if not _is_single(identifier, LEVELS[higher]):
                raise _refused(f"a single {LEVELS[higher]} is missing")
        if LEVELS[own] not in identifier:
            raise _refused(f"the unique key {LEVELS[own]} is missing")
    return identifier


def _is_single(identifier: Dataset, keyword: str) -> bool:
    values = values_of(element_of(identifier, keyword))
    return len(values) == 1 and not has_wildcards(values[0])


def _refused(comment: str) -> Refused:
    return Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, comment)
