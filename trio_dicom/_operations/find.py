"""C-FIND: the request, and the matches."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from pydicom import Dataset

from trio_dicom._dimse.base import Priority
from trio_dicom._dimse.c_messages import CFindRequest, CFindResponse
from trio_dicom._io.responses import ResponseChannel
from trio_dicom._operations.query_models import (
    WITH_LEVELS,
    Model,
    fitting_model,
    is_query_model,
    model_uid,
)
from trio_dicom._operations.results import ResultChannel
from trio_dicom._protocol.contexts import NegotiatedContext
from trio_dicom.errors import LocalProtocolError

__all__ = ["Matches", "find_request"]


class Matches(ResultChannel[CFindResponse]):
    """The matches of a query, as they come.

    ::

        async with association.c_find(query) as matches:
            async for match in matches:
                print(match.identifier)

    ``match.identifier`` is decoded when it is touched. The end of the loop says that the
    peer has sent all that it has; see `ResultChannel` for what it does otherwise.

    Attributes:
        response: The final response, once the loop or ``final`` has met it. Until then None.
    """

    def __init__(self, responses: ResponseChannel, *, check: bool = True) -> None:
        """Wrap the responses to a C-FIND request.

        Args:
            responses: What ``open_request`` gave.
            check: Whether a bad end raises `StatusError`.
        """
        super().__init__(responses, CFindResponse, check=check)


def find_request(
    contexts: Sequence[NegotiatedContext],
    query: Dataset,
    *,
    model: Model | None = None,
    level: str | None = None,
    priority: Priority = Priority.MEDIUM,
    context: NegotiatedContext | None = None,
) -> CFindRequest:
    """The request that asks ``query``.

    Args:
        contexts: Those of the association, by which the model is chosen that is not given.
        query: The keys. It is not changed.
        model: The information model to ask, or None for the one that fits.
        level: The Query/Retrieve Level, in the place of that of the query.
        priority: How urgent it is.
        context: The context that it goes on, which names the model where ``model`` does not.

    Raises:
        LocalProtocolError: The model is not clear, or wants a level and has none.
        NoAcceptedContext: There is no model that could be asked.
    """
    if level is not None:
        query = _at_level(query, level)
    asked_level = str(query.get("QueryRetrieveLevel") or "").strip().upper()
    if model is not None:
        sop_class = model_uid(model)
    elif context is not None:
        sop_class = context.abstract_syntax
    else:
        sop_class = fitting_model(contexts, asked_level)
    if sop_class in WITH_LEVELS and not asked_level:
        raise LocalProtocolError(
            f"a query of {sop_class.name} says in QueryRetrieveLevel (0008,0052) what it asks "
            "for: set it to PATIENT, STUDY, SERIES or IMAGE, or give level=; or name another "
            "model with model="
        )
    if level is not None and sop_class not in WITH_LEVELS and is_query_model(sop_class):
        raise LocalProtocolError(f"a query of {sop_class.name} has no level: leave level= out")
    return CFindRequest(sop_class_uid=sop_class, priority=priority, data_set=query)


def _at_level(query: Dataset, level: str) -> Dataset:
    # A copy that shares nothing: even a shallow one of pydicom's shares its elements.
    query = deepcopy(query)
    query.QueryRetrieveLevel = level.strip().upper()
    return query
