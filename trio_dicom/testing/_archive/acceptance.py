"""What the archive agrees to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from attrs import evolve

from trio_dicom._dimse.syntax import NATIVE_SYNTAXES
from trio_dicom._operations.acceptance import STORABLE_SYNTAXES, STORAGE_CLASSES, judged
from trio_dicom._protocol.extended import QueryExtension
from trio_dicom._protocol.negotiation import answer
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.items import ProposedContext
from trio_dicom._wire.user_items import ExtendedNegotiation, OperationsWindow
from trio_dicom.reasons import ContextResult
from trio_dicom.testing._archive.identifiers import FIND_CLASSES, QUERY_RETRIEVE_CLASSES
from trio_dicom.testing._archive.services import SERVED_CLASSES

__all__ = ["MOST_OPERATIONS", "accept"]

MOST_OPERATIONS: Final = 16
"""How many requests a peer may have open, if it asks for a window; they are answered in order."""


def accept(
    request: AssociationRequest, *, refused: Mapping[str, ContextResult]
) -> AssociationAccept:
    """The answer to ``request``: everything that the archive can do.

    Every role is granted that is proposed for a context: a C-GET needs the provider's for
    storage. One for a SOP class without a context is not answered, as in other archives.

    Args:
        request: What is asked for.
        refused: Abstract syntaxes that it will not do, and why.
    """

    def judge(proposed: ProposedContext) -> tuple[ContextResult, str | None]:
        result = refused.get(proposed.abstract_syntax)
        return judged(proposed, _syntaxes_for) if result is None else (result, None)

    spoken_of = {it.abstract_syntax for it in request.contexts}
    return answer(
        request,
        supported=judge,
        window=OperationsWindow(MOST_OPERATIONS, 1),
        roles=lambda role: role if role.sop_class_uid in spoken_of else None,
        extended=[
            _extension(asked)
            for asked in request.items(ExtendedNegotiation)
            if asked.sop_class_uid in QUERY_RETRIEVE_CLASSES
        ],
    )


def _extension(asked: ExtendedNegotiation) -> ExtendedNegotiation:
    """What the archive does of what is asked for (PS3.4 C.5.1.1.2, C.5.2.1.2): no more.

    Relational behavior is not among it: keys of the levels below the query's do not match here.
    """
    wanted = QueryExtension.of(asked)
    granted = QueryExtension(
        combined_date_time=wanted.combined_date_time and asked.sop_class_uid in FIND_CLASSES,
    ).item(asked.sop_class_uid)
    length = len(asked.application_information)
    return evolve(granted, application_information=granted.application_information[:length])


def _syntaxes_for(abstract_syntax: str) -> Collection[str]:
    if abstract_syntax in STORAGE_CLASSES:
        return STORABLE_SYNTAXES
    return NATIVE_SYNTAXES if abstract_syntax in SERVED_CLASSES else ()
