"""The modality worklist: what is scheduled, by C-FIND (PS3.4 K)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final

from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence

from trio_dicom._dimse.c_messages import CFindRequest
from trio_dicom._dimse.message import Response, response_to
from trio_dicom._operations.declaring import declare_text
from trio_dicom._operations.reading import items_of
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.status import Code
from trio_dicom.testing._archive.answering import asked_of
from trio_dicom.testing._archive.keys import decode_keys, matchable_keys
from trio_dicom.testing._archive.matching import matches
from trio_dicom.testing._archive.refusing import Refused

if TYPE_CHECKING:
    from trio_dicom.testing._archive.session import Session

__all__ = ["find_scheduled", "found_in"]

_STEPS: Final = 0x0040_0100
# Modality, Patient ID and Scheduled Station AE Title take single values (PS3.4 Table K.6-1).
_SINGLE_VALUES: Final = frozenset({0x0008_0060, 0x0010_0020, 0x0040_0001})


async def find_scheduled(
    session: Session, request: CFindRequest, context: NegotiatedContext
) -> Response:
    """Send the scheduled steps that match, one after the other; the final response.

    Ranges of the start date and of the start time are one, without any agreement (PS3.4 Table
    K.6-1).
    """
    return await found_in(
        session,
        request,
        context,
        _single_steps(session.archive.worklist),
        combined_date_time=True,
        literal=_SINGLE_VALUES,
    )


async def found_in(
    session: Session,
    request: CFindRequest,
    context: NegotiatedContext,
    candidates: Iterable[Dataset],
    *,
    combined_date_time: bool = False,
    literal: AbstractSet[int] = frozenset(),
) -> Response:
    """Search a list without levels: send what matches; the final response.

    Each says whether all keys can be matched (PS3.4 K.4.1.1.4).

    Args:
        session: The association.
        request: What asks.
        context: Its context.
        candidates: What there is.
        combined_date_time: Whether ranges of a date and of its time are one range.
        literal: The tags of keys that take no wild cards but a star alone.

    Raises:
        Refused: There are no keys, or one that cannot be compared.
    """
    identifier = request.identifier
    if identifier is None:
        raise Refused(Code.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, "there is no identifier")
    decode_keys(identifier)
    keys, is_complete = matchable_keys(identifier)
    status = Code.PENDING if is_complete else Code.PENDING_WITH_WARNING
    for candidate in candidates:
        if session.is_cancelled(request):
            return response_to(request, Code.CANCEL)
        if matches(keys, candidate, combined_date_time=combined_date_time, literal=literal):
            match = asked_of(
                keys, candidate, combined_date_time=combined_date_time, literal=literal
            )
            if "SpecificCharacterSet" in candidate:
                match.SpecificCharacterSet = candidate.SpecificCharacterSet
            declare_text(match)
            await session.send(response_to(request, status, data_set=match), context)
    return response_to(request, Code.SUCCESS)


def _single_steps(worklist: Iterable[Dataset]) -> Iterator[Dataset]:
    """A match has a single step (PS3.4 Table K.6-1), whatever an item of the worklist has.

    Raises:
        TypeError: There is something else among them.
    """
    for item in tuple(worklist):
        if not isinstance(item, Dataset):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"an item of the worklist is a Dataset, not {item!r}")
        for step in items_of(item, "ScheduledProcedureStepSequence"):
            single = Dataset()
            single.update(item)
            single.add(DataElement(_STEPS, "SQ", Sequence([step])))  # the item keeps its own
            yield single
