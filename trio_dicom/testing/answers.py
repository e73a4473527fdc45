"""What an obliging acceptor answers, with every part of it to be overridden by a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from trio_dicom._dimse.implementation import IMPLEMENTATION_CLASS_UID
from trio_dicom._wire.associate import AssociationAccept, AssociationRequest
from trio_dicom._wire.items import AnsweredContext, ProposedContext
from trio_dicom._wire.user_items import (
    ImplementationClassUID,
    MaximumLength,
    OperationsWindow,
    RoleSelection,
    UserItem,
)
from trio_dicom.reasons import ContextResult

__all__ = ["Acceptance", "Refusals", "acceptance_of"]

Refusals = Mapping[str | int, ContextResult] | tuple[str | int, ...]
"""Contexts to refuse, by abstract syntax or context ID: with their results, or without."""


class Acceptance(TypedDict, total=False):
    """What of an answer can be chosen, as ``acceptance_of`` explains it."""

    max_length: int | None
    window: tuple[int, int] | None
    roles: Iterable[RoleSelection] | None
    refuse: Refusals
    transfer_syntaxes: Sequence[str] | None
    contexts: Iterable[AnsweredContext] | None
    user_information: Iterable[UserItem]


def acceptance_of(
    request: AssociationRequest,
    *,
    max_length: int | None = 16_384,
    window: tuple[int, int] | None = None,
    roles: Iterable[RoleSelection] | None = None,
    refuse: Refusals = (),
    transfer_syntaxes: Sequence[str] | None = None,
    contexts: Iterable[AnsweredContext] | None = None,
    user_information: Iterable[UserItem] = (),
) -> AssociationAccept:
    """The A-ASSOCIATE-AC that accepts every context in its first transfer syntax.

    Args:
        request: What is answered.
        max_length: The longest P-DATA-TF that the answer says it takes, in bytes, 0 for
            no limit; None leaves the item out.
        window: Operations invoked and performed of item 53H, asked for or not; None
            leaves it out.
        roles: Items 54H to answer with, asked for or not; None grants what was proposed.
        refuse: Contexts to refuse, by abstract syntax or context ID.
        transfer_syntaxes: Those to accept, the preferred first; a context that proposes
            none of them is refused. None takes the first of each context.
        contexts: The answers to the contexts as they are; overrides the two before.
        user_information: More items, which come last.
    """
    if contexts is None:
        refusals = _with_results(refuse)
        contexts = [_answer(it, refusals, transfer_syntaxes) for it in request.contexts]
    items: list[UserItem] = [] if max_length is None else [MaximumLength(max_length)]
    items.append(ImplementationClassUID(IMPLEMENTATION_CLASS_UID))
    if window is not None:
        items.append(OperationsWindow(*window))
    items += request.items(RoleSelection) if roles is None else roles
    items += user_information
    return AssociationAccept(
        called_ae=request.called_ae,
        calling_ae=request.calling_ae,
        contexts=tuple(contexts),
        user_information=tuple(items),
    )


def _with_results(refuse: Refusals) -> Mapping[str | int, ContextResult]:
    if isinstance(refuse, tuple):
        return dict.fromkeys(refuse, ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED)
    return refuse


def _answer(
    proposed: ProposedContext,
    refusals: Mapping[str | int, ContextResult],
    transfer_syntaxes: Sequence[str] | None,
) -> AnsweredContext:
    result = refusals.get(proposed.context_id, refusals.get(proposed.abstract_syntax))
    chosen = None
    if result is None:
        wanted = proposed.transfer_syntaxes if transfer_syntaxes is None else transfer_syntaxes
        chosen = next((uid for uid in wanted if uid in proposed.transfer_syntaxes), None)
        result = (
            ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED
            if chosen is None
            else ContextResult.ACCEPTANCE
        )
    return AnsweredContext(context_id=proposed.context_id, result=result, transfer_syntax=chosen)
