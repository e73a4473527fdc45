"""Whom the archive lets in, and what it agrees to."""

from __future__ import annotations

from typing import Final

from pydicom.uid import AllTransferSyntaxes

from trio_dicom._dimse.syntax import NATIVE_SYNTAXES
from trio_dicom._protocol.negotiation import answer
from trio_dicom._wire.associate import (
    DICOM_APPLICATION_CONTEXT,
    AssociationAccept,
    AssociationRequest,
)
from trio_dicom._wire.control import AssociationReject
from trio_dicom._wire.items import ProposedContext
from trio_dicom._wire.user_items import OperationsWindow, RoleSelection
from trio_dicom.reasons import ContextResult, RejectReason, RejectResult
from trio_dicom.sop_classes import QUERY_RETRIEVE_CLASSES, VERIFICATION, storage_sop_classes

__all__ = ["MOST_OPERATIONS", "accept", "rejection"]

MOST_OPERATIONS: Final = 16
"""How many requests a peer may have open, if it asks for a window; they are answered in order."""

_STORAGE: Final[frozenset[str]] = frozenset(storage_sop_classes(retired=True))
_SERVICES: Final[frozenset[str]] = frozenset(
    context.abstract_syntax for context in (VERIFICATION, *QUERY_RETRIEVE_CLASSES)
)
_STORABLE_SYNTAXES: Final[frozenset[str]] = frozenset(AllTransferSyntaxes)


def rejection(request: AssociationRequest, *, called_ae: str | None) -> AssociationReject | None:
    """Why ``request`` is rejected, or None.

    Args:
        request: What is asked for.
        called_ae: The only AE title that we answer to, or None for any.
    """
    if request.application_context != DICOM_APPLICATION_CONTEXT:
        reason = RejectReason.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED
    elif called_ae is not None and request.called_ae != called_ae:
        reason = RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED
    else:
        return None
    return AssociationReject(result=RejectResult.PERMANENT, reason=reason)


def accept(request: AssociationRequest) -> AssociationAccept:
    """The answer to ``request``: everything that the archive can do.

    Every role is granted that is proposed: a C-GET needs the provider's for storage.
    """
    return answer(
        request,
        supported=_judge,
        window=OperationsWindow(MOST_OPERATIONS, 1),
        roles=_as_proposed,
    )


def _as_proposed(proposed: RoleSelection) -> RoleSelection:
    return proposed


def _judge(proposed: ProposedContext) -> tuple[ContextResult, str | None]:
    if proposed.abstract_syntax in _STORAGE:
        known = _STORABLE_SYNTAXES
    elif proposed.abstract_syntax in _SERVICES:
        known = NATIVE_SYNTAXES
    else:
        return ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, None
    for syntax in proposed.transfer_syntaxes:
        if syntax in known:
            return ContextResult.ACCEPTANCE, syntax
    return ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED, None
