"""What an acceptor says to an association request: whom it lets in, and in which syntaxes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from pydicom.uid import AllTransferSyntaxes

from trio_dicom._wire.associate import DICOM_APPLICATION_CONTEXT, AssociationRequest
from trio_dicom._wire.control import AssociationReject
from trio_dicom._wire.items import ProposedContext
from trio_dicom.reasons import ContextResult, RejectReason, RejectResult
from trio_dicom.sop_classes import storage_sop_classes

__all__ = ["STORABLE_SYNTAXES", "STORAGE_CLASSES", "judged", "rejection"]

STORAGE_CLASSES: Final[frozenset[str]] = frozenset(storage_sop_classes(retired=True))
STORABLE_SYNTAXES: Final[frozenset[str]] = frozenset(AllTransferSyntaxes)
"""In which instances can be kept."""


def rejection(
    request: AssociationRequest,
    *,
    called_ae: str | None = None,
    calling_aes: Collection[str] | None = None,
) -> AssociationReject | None:
    """Why ``request`` is rejected for good, or None.

    Args:
        request: What is asked for.
        called_ae: The only AE title that we answer to, or None for any.
        calling_aes: The AE titles that may call us, or None for everybody.
    """
    if request.application_context != DICOM_APPLICATION_CONTEXT:
        reason = RejectReason.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED
    elif called_ae is not None and request.called_ae != called_ae:
        reason = RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED
    elif calling_aes is not None and request.calling_ae not in calling_aes:
        reason = RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED
    else:
        return None
    return AssociationReject(result=RejectResult.PERMANENT, reason=reason)


def judged(
    proposed: ProposedContext, syntaxes_for: Callable[[str], Collection[str]]
) -> tuple[ContextResult, str | None]:
    """What comes of a context: the first of its syntaxes that we know, which it likes best.

    Args:
        proposed: The context.
        syntaxes_for: Those that we know for an abstract syntax: none where we do not know it.
    """
    known = syntaxes_for(proposed.abstract_syntax)
    if not known:
        return ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, None
    for syntax in proposed.transfer_syntaxes:
        if syntax in known:
            return ContextResult.ACCEPTANCE, syntax
    return ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED, None
