"""C-FIND: which information model to ask, and the matches."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Final, TypeAlias

from pydicom import Dataset
from pydicom.uid import UID

from trio_dicom._dimse.base import Priority
from trio_dicom._dimse.c_messages import CFindRequest, CFindResponse
from trio_dicom._dimse.command_set import as_uid
from trio_dicom._io.responses import ResponseChannel
from trio_dicom._operations.results import ResultChannel
from trio_dicom._protocol.contexts import NegotiatedContext, PresentationContext
from trio_dicom.errors import LocalProtocolError, NoAcceptedContext
from trio_dicom.sop_classes import PATIENT_ROOT_FIND, STUDY_ROOT_FIND, UPS_PULL, UPS_WATCH

__all__ = ["Matches", "Model", "find_request", "is_query_model", "model_uid"]

Model: TypeAlias = PresentationContext | str
"""An information model as callers name it: a constant of ``sop_classes``, or a UID."""

_PATIENT_ROOT: Final = PATIENT_ROOT_FIND.abstract_syntax
_STUDY_ROOT: Final = STUDY_ROOT_FIND.abstract_syntax
_PATIENT_STUDY_ONLY: Final = UID("1.2.840.10008.5.1.4.1.2.3.1")  # retired, and in use

# The models whose queries say in (0008,0052) what they ask for (PS3.4 C.4.1.1.3).
_WITH_LEVELS: Final = frozenset({_PATIENT_ROOT, _STUDY_ROOT, _PATIENT_STUDY_ONLY})

# They answer C-FIND besides N-services, and their names do not say so (PS3.4 CC.1).
_UPS_MODELS: Final = frozenset({UPS_PULL.abstract_syntax, UPS_WATCH.abstract_syntax})


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
    asked_level = str(query.get("QueryRetrieveLevel") or "").strip()
    if model is not None:
        sop_class = model_uid(model)
    elif context is not None:
        sop_class = context.abstract_syntax
    else:
        sop_class = _fitting_model(contexts, asked_level)
    if sop_class in _WITH_LEVELS and not asked_level:
        raise LocalProtocolError(
            f"a query of {sop_class.name} says in QueryRetrieveLevel (0008,0052) what it asks "
            "for: set it to PATIENT, STUDY, SERIES or IMAGE, or give level=; or name another "
            "model with model="
        )
    if sop_class not in _WITH_LEVELS and level is not None:
        raise LocalProtocolError(f"a query of {sop_class.name} has no level: leave level= out")
    return CFindRequest(sop_class_uid=sop_class, priority=priority, data_set=query)


def model_uid(model: Model) -> UID:
    """The SOP class UID of a model, however it is named."""
    return model.abstract_syntax if isinstance(model, PresentationContext) else as_uid(model)


def is_query_model(sop_class: UID) -> bool:
    """Whether C-FIND asks for it, as far as the dictionary of UIDs says. No private one does."""
    return sop_class in _UPS_MODELS or sop_class.keyword.endswith(("Find", "Query"))


def _at_level(query: Dataset, level: str) -> Dataset:
    # A copy that shares nothing: even a shallow one of pydicom's shares its elements.
    query = deepcopy(query)
    query.QueryRetrieveLevel = level.strip().upper()
    return query


def _fitting_model(contexts: Sequence[NegotiatedContext], level: str) -> UID:
    """The model for a query that names none."""
    accepted = dict.fromkeys(
        context.abstract_syntax
        for context in contexts
        if context.accepted and context.as_scu and is_query_model(context.abstract_syntax)
    )
    if level == "PATIENT":
        return _PATIENT_ROOT  # the only one that has patients; without it, nothing is sent
    for root in (_STUDY_ROOT, _PATIENT_ROOT):
        if root in accepted:
            return root
    if len(accepted) == 1:
        return next(iter(accepted))
    if accepted:
        names = ", ".join(uid.name for uid in accepted)
        raise LocalProtocolError(f"which of these to ask is not clear, name one by model=: {names}")
    raise NoAcceptedContext(
        "a query (C-FIND)",
        proposed=[str(it) for it in contexts if is_query_model(it.abstract_syntax)],
        accepted=[str(it) for it in contexts if it.accepted],
    )
