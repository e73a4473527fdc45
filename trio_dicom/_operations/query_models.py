"""The information models that C-FIND asks, and which of them a query means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from pydicom.uid import UID

from trio_dicom._dimse.command_set import as_uid
from trio_dicom._protocol.contexts import NegotiatedContext, PresentationContext
from trio_dicom._protocol.extended import QueryExtension
from trio_dicom._wire.user_items import ExtendedNegotiation
from trio_dicom.errors import LocalProtocolError, NoAcceptedContext
from trio_dicom.sop_classes import PATIENT_ROOT_FIND, STUDY_ROOT_FIND, UPS_PULL, UPS_WATCH

__all__ = [
    "WITH_LEVELS",
    "Model",
    "extension_items",
    "fitting_model",
    "is_query_model",
    "model_uid",
]

Model: TypeAlias = PresentationContext | str
"""An information model as callers name it: a constant of ``sop_classes``, or a UID."""

_PATIENT_ROOT: Final = PATIENT_ROOT_FIND.abstract_syntax
_STUDY_ROOT: Final = STUDY_ROOT_FIND.abstract_syntax
_PATIENT_STUDY_ONLY: Final = UID("1.2.840.10008.5.1.4.1.2.3.1")  # retired, and in use

# The models whose queries say in (0008,0052) what they ask for (PS3.4 C.4.1.1.3).
WITH_LEVELS: Final = frozenset({_PATIENT_ROOT, _STUDY_ROOT, _PATIENT_STUDY_ONLY})

# They answer C-FIND besides N-services, and their names do not say so (PS3.4 CC.1).
_UPS_MODELS: Final = frozenset({UPS_PULL.abstract_syntax, UPS_WATCH.abstract_syntax})


def model_uid(model: Model) -> UID:
    """The SOP class UID of a model, however it is named."""
    return model.abstract_syntax if isinstance(model, PresentationContext) else as_uid(model)


def is_query_model(sop_class: UID) -> bool:
    """Whether C-FIND asks for it, as far as the dictionary of UIDs says. No private one does."""
    return sop_class in _UPS_MODELS or sop_class.keyword.endswith(("Find", "Query"))


def fitting_model(contexts: Sequence[NegotiatedContext], level: str) -> UID:
    """The model for a query that names none.

    Args:
        contexts: Those of the association.
        level: The query's level, or "".

    Raises:
        LocalProtocolError: It could be several.
        NoAcceptedContext: There is none.
    """
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


def extension_items(
    extended: Iterable[ExtendedNegotiation | QueryExtension],
    contexts: Iterable[PresentationContext],
) -> list[ExtendedNegotiation]:
    """The items of an association request.

    Args:
        extended: Items as they are, and what to ask of every query/retrieve model that has
            no item of its own.
        contexts: What is proposed.

    Raises:
        LocalProtocolError: There is no model to ask it of, or one would be asked twice.
    """
    extended = list(extended)
    items = [it for it in extended if isinstance(it, ExtendedNegotiation)]
    wishes = [it for it in extended if isinstance(it, QueryExtension)]
    if len(wishes) > 1:
        raise LocalProtocolError(
            "one QueryExtension holds for every model: say by item() which one is for which"
        )
    models = list(dict.fromkeys(_with_levels(contexts)))
    if wishes and not models:
        raise LocalProtocolError(
            "a QueryExtension is for the query/retrieve models, and none is proposed: "
            "say by item() what else it is for"
        )
    named = {item.sop_class_uid for item in items}
    items += [wish.item(model) for wish in wishes for model in models if model not in named]
    return items


def _with_levels(contexts: Iterable[PresentationContext]) -> Iterator[UID]:
    for context in contexts:
        if context.abstract_syntax in WITH_LEVELS:
            yield context.abstract_syntax
